"""A link that tests can delay, silence and cut: larder_link_proxy before a port of this machine."""

import subprocess

from .paths import LINK_PROXY


class LinkProxy:
    """Starts when made, ends with the `with`. `address` is where to connect. tests/testing/link_proxy/link_command.h
    lists the commands."""

    def __init__(self, target_port):
        self._process = subprocess.Popen([LINK_PROXY, str(target_port)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True, bufsize=1)
        self.port = int(self._process.stdout.readline().split()[1])
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def command(self, line):
        """What is answered before the "ok"; it is in force then."""
        self._process.stdin.write(line + "\n")
        lines = []
        for answer in self._process.stdout:
            if answer == "ok\n":
                return lines
            if answer.startswith("error: "):
                raise AssertionError(f"{line}: {answer}")
            lines.append(answer.rstrip("\n"))
        raise AssertionError(f"{line}: the proxy has ended")

    def connections(self):
        """A dict for each connection so far: is_open, forward_messages, ..."""
        found = []
        for line in self.command("stats"):
            words = line.split()
            counts = {name: int(number) for name, number in (word.split("=") for word in words[3:])}
            found.append({"is_open": words[2] == "open", **counts})
        return found
