"""Runs the `larder` program against a node."""

import json
import os
import subprocess

from .paths import LARDER


class Cli:
    """`run` and `json` take a command line as words."""

    def __init__(self, address):
        self.address = address

    def run(self, *words, stdin=b"", timeout=60, **environment):
        """The finished process; stdout and stderr are bytes."""
        return subprocess.run(
            [LARDER, *words], input=stdin, capture_output=True, timeout=timeout,
            env={**os.environ, "LARDER_ADDR": self.address, **environment})

    def json(self, *words, **options):
        """The exit code, and what it printed with --json."""
        result = self.run("--json", *words, **options)
        if not result.stdout:
            raise AssertionError(f"larder {words} printed nothing: {result.stderr.decode()}")
        return result.returncode, json.loads(result.stdout)
