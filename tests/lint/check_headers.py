#!/usr/bin/python3
"""Compiles each of our headers alone, with the flags of a source file beside it, so that nobody has
to include something else first. usage: check_headers.py BUILD_FOLDER; exits 1 on a finding."""

import concurrent.futures
import itertools
import json
import os
import shlex
import subprocess
import sys

import check_includes

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
WITHOUT_ARGUMENT = {"-c", "-MD", "-MMD"}
WITH_ARGUMENT = {"-o", "-MF", "-MT", "-MQ"}


def flags_by_source(build_folder):
    """The compiler command of each of our source files, without what names its input and output."""
    with open(os.path.join(build_folder, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    flags = {}
    for entry in entries:
        source = os.path.relpath(entry["file"], ROOT)
        words, kept = iter(shlex.split(entry["command"])), []
        for word in words:
            if word in WITH_ARGUMENT:
                next(words)
            elif word not in WITHOUT_ARGUMENT and word != entry["file"]:
                kept.append(word)
        flags[source] = kept
    return flags


def folders_shared(a, b):
    pairs = zip(a.split("/")[:-1], b.split("/")[:-1])
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def flags_for(header, flags):
    """Those of the source that shares most folders with it, and of these the most generous ones."""
    return flags[max(sorted(flags), key=lambda s: (folders_shared(header, s), len(flags[s])))]


def check(header, flags, folder):
    """The compiler's complaint about one header, or an empty string."""
    stem = os.path.join(folder, header.replace("/", "_"))
    text = f'#include "{header}"\n'
    if not os.path.exists(stem + ".cc") or open(stem + ".cc", encoding="utf-8").read() != text:
        with open(stem + ".cc", "w", encoding="utf-8") as file:
            file.write(text)
    # A real object, not -fsyntax-only: ccache keeps it, so a second run takes no time.
    command = flags_for(header, flags) + ["-O0", "-c", stem + ".cc", "-o", stem + ".o"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return "" if result.returncode == 0 else f"{header}: does not compile alone\n{result.stderr}"


def main():
    build_folder = os.path.abspath(sys.argv[1])
    folder = os.path.join(build_folder, "headers")
    os.makedirs(folder, exist_ok=True)
    flags = flags_by_source(build_folder)
    headers = [path for path in check_includes.files_of(ROOT) if path.endswith(".h")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = list(filter(None, pool.map(lambda h: check(h, flags, folder), headers)))
    for complaint in complaints:
        print(complaint)
    print(f"{len(headers)} headers compile alone" if not complaints else f"{len(complaints)} do not")
    return 1 if complaints or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
