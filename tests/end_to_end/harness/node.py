"""A larderd of the test's own, on ports that the system chose."""

import os
import re
import select
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import grpc

from . import raw, stubs
from .paths import LARDERD
from .waiting import wait_until

SERVING = re.compile(r"larderd: serving on (\S+):(\d+), metrics on (\S+):(\d+)(?:, bus on \S+:(\d+))?\n")
LABEL = re.compile(r'\w+="[^"]*"')
START_SECONDS = 30
# All tests run on either front end: LARDER_TRANSPORT=grpcpp.
TRANSPORT = os.environ.get("LARDER_TRANSPORT", "nghttp2")
END_SECONDS = 30


class StartError(Exception):
    """larderd ended before it served; `code` and `stderr` say how."""

    def __init__(self, code, stderr):
        super().__init__(f"larderd ended with code {code}: {stderr}")
        self.code = code
        self.stderr = stderr


class Node:
    """Starts larderd when made, ends it at the end of a `with`. `stub` is a Cache stub. `credentials`
    are those of channels to a node with TLS, `files_max` is how many files it may open. `stderr`:
    where its log goes instead of to `log()`. `wrapper`: a command that becomes the one whose words
    follow. `bus_port` is 0 without --bus_listen."""

    def __init__(self, *flags, channel_options=(), credentials=None, files_max=None, stderr=None, wrapper=()):
        self.credentials = credentials
        self._log = tempfile.TemporaryFile()
        limit = [] if files_max is None else ["prlimit", f"--nofile={files_max}:{files_max}"]
        self.process = subprocess.Popen(
            [*limit, *wrapper, LARDERD, "--listen=127.0.0.1:0", "--metrics_listen=127.0.0.1:0",
             f"--transport={TRANSPORT}", *flags],
            stdout=subprocess.PIPE, stderr=self._log if stderr is None else stderr, stdin=subprocess.DEVNULL)
        try:
            self.port, self.metrics_port, self.bus_port = self._wait_until_serving()
        except BaseException:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self._log.close()
            raise
        self.address = f"127.0.0.1:{self.port}"
        self.channel = self.open_channel(*channel_options)
        self.stub = stubs.cache_grpc.CacheStub(self.channel)
        self.maintenance = stubs.admin_grpc.MaintenanceStub(self.channel)
        self.cluster = stubs.admin_grpc.ClusterStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._log.close()

    def _wait_until_serving(self):
        deadline = time.monotonic() + START_SECONDS
        output = b""
        while time.monotonic() < deadline:
            if not select.select([self.process.stdout], [], [], 0.1)[0]:
                continue
            chunk = os.read(self.process.stdout.fileno(), 4096)
            if not chunk:
                raise StartError(self.process.wait(), self.log())
            output += chunk
            match = SERVING.search(output.decode())
            if match:
                return int(match[2]), int(match[4]), int(match[5] or 0)
        raise StartError(None, f"not serving after {START_SECONDS} s: {self.log()}")

    def log(self):
        """What larderd has written to stderr so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def open_channel(self, *options):
        """A channel with a connection of its own."""
        options = [("grpc.use_local_subchannel_pool", 1), *options]
        if self.credentials is None:
            return grpc.insecure_channel(self.address, options=options)
        return grpc.secure_channel(self.address, self.credentials, options=options)

    def alive(self):
        """The process runs and still answers a call on a new connection."""
        if self.process.poll() is not None:
            return False
        with self.open_channel() as channel:
            request = stubs.cache.GetRequest(key=b"alive?")
            stubs.cache_grpc.CacheStub(channel).Get(request, timeout=20, wait_for_ready=True)
        return True

    def http(self, path):
        """(status, body) of a page on the metrics port."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=20) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self):
        """Every sample of the metrics page: {'name{a="1",b="2"}': number}, labels sorted by name."""
        samples = {}
        for line in self.http("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                labels = ",".join(sorted(LABEL.findall(name)))
                samples[name.split("{")[0] + (f"{{{labels}}}" if labels else "")] = float(value)
        return samples

    def resident_bytes(self):
        """The memory that the process has from the system."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def hold_call(self):
        """A connection with a call whose answer, of 1 MiB, it never reads, so that a drain goes on."""
        self.stub.Set(stubs.cache.SetRequest(key=b"large", value=b"v" * (1 << 20)), timeout=20)
        connection = raw.connect(self.port)
        message = stubs.cache.GetRequest(key=b"large").SerializeToString()
        connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS + raw.call_headers(b"/larder.v1.Cache/Get")
                           + raw.call_data(message))
        wait_until(lambda: self.metrics()["larder_requests_in_flight"] >= 1, "the call is in flight")
        return connection

    def stats(self):
        return self.maintenance.Stats(stubs.admin.StatsRequest(), timeout=20)

    def signal(self, number):
        os.kill(self.process.pid, number)

    def terminate(self):
        """Asks it to end with SIGTERM; returns its exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS)
