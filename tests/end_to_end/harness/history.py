"""Runs larder_history: many clients whose every operation is recorded, and the check of what they saw."""

import contextlib
import subprocess

from .paths import LARDER_HISTORY



class HistoryLoad:
    """A load from when it is made to `stop`, at the latest the end of the `with` or `duration`. It leaves `file`."""

    def __init__(self, addresses, file, *flags, duration="300s"):
        self.file = file
        self._process = subprocess.Popen(
            [LARDER_HISTORY, "run", f"--addr={addresses}", f"--file={file}", f"--duration={duration}", *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        line = self._process.stdout.readline()
        if not line.startswith("running with seed"):
            self._process.wait()
            raise AssertionError(f"larder_history says '{line}' and ends with {self._process.returncode}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _say(self, line):
        self._process.stdin.write(line + "\n")
        answer = self._process.stdout.readline()
        if answer != "ok\n":
            raise AssertionError(f"{line}: {answer}")

    @contextlib.contextmanager
    def event(self, name, **settings):
        """What is done to the nodes in the `with`; `lose` and more as in history_load/event_line.h."""
        self._say(" ".join(["event begin", name, *(f"{key}={value}" for key, value in settings.items())]))
        yield
        self._say(f"event end {name}")

    def stop(self):
        """How many operations were done, and how many of them failed."""
        self._say("stop")
        words = self._process.stdout.readline().split()
        if self._process.wait(60) != 0:
            raise AssertionError(f"larder_history ends with {self._process.returncode}: {words}")
        return int(words[0]), int(words[2])


def check(*files, final, flags=()):
    """The exit code and what is said: 0 nothing is wrong, 1 findings."""
    result = subprocess.run([LARDER_HISTORY, "check", *files, f"--final={final}", *flags],
                            capture_output=True, text=True, timeout=300)
    return result.returncode, result.stdout + result.stderr
