"""interop_service (service/main.cc): gRPC's TestService on larderd's transport."""

import os
import re
import subprocess

from end_to_end.harness.paths import BIN

PROGRAM = os.path.join(os.path.dirname(BIN), "tests", "interop_service")


class InteropService:
    """Starts the service when made, ends it at the end of a `with`."""

    def __init__(self):
        self._process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        serving = re.fullmatch(r"interop_service: serving on 127\.0\.0\.1:(\d+)\n", line)
        if serving is None:
            self._end()
            raise AssertionError(f"interop_service did not start: {line!r}")
        self.port = int(serving[1])

    def alive(self):
        return self._process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()

    def _end(self):
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
