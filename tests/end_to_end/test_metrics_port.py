"""The metrics port answers whoever asks, whatever other clients do there."""

import contextlib
import gzip
import os
import resource
import socket
import unittest
import urllib.request

from end_to_end.harness import raw
from end_to_end.harness.node import Node, StartError
from end_to_end.harness.stubs import admin
from end_to_end.harness.waiting import wait_until

GET_METRICS = b"GET /metrics HTTP/1.0\r\n\r\n"
PAGES = ("/healthz", "/readyz", "/metrics")


def read_all(connection):
    """All that comes until the other side closes, or breaks off."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            data += chunk
    return data


class MetricsPortTest(unittest.TestCase):
    def hold(self, stack, node, count):
        """Connections that are idle, have sent half a request, or do not read their answer."""
        beginnings = (b"", b"GET /metrics HTTP/1.1\r\nHost: ", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        for n in range(count):
            connection = stack.enter_context(raw.connect(node.metrics_port))
            connection.sendall(beginnings[n % len(beginnings)])

    def test_answers_beside_hundreds_of_connections_that_do_nothing(self):
        with Node("--metrics_timeout=1h") as node, contextlib.ExitStack() as stack:
            for _ in range(3):
                self.hold(stack, node, 200)
                for page in PAGES:
                    self.assertEqual(node.http(page)[0], 200, page)
            evicted = 'larder_metrics_connections_ended_total{reason="evicted"}'
            # Those that ask on and on get a page that was made a moment ago, and so do others.
            accepted = "larder_metrics_connections_accepted_total"
            wait_until(lambda: node.metrics()[evicted] >= 600 - 256, "others made way")
            wait_until(lambda: node.metrics()[accepted] >= 600 + 9 + 1, "all are counted")
            self.assertLessEqual(node.metrics()["larder_metrics_connections"], 256)

    def test_ends_beside_hundreds_of_connections_that_do_nothing(self):
        with Node("--metrics_timeout=1h", "--metrics_max_connections=400", "--drain_timeout=1s") as node, \
                contextlib.ExitStack() as stack:
            self.hold(stack, node, 300)
            # Those that ask on and on get a page that was made a moment ago, and so do others.
            wait_until(lambda: node.metrics()["larder_metrics_connections"] == 301, "all are there")
            self.assertEqual(node.terminate(), 0)

    def test_connections_that_do_nothing_are_closed_in_time(self):
        with Node("--metrics_timeout=100ms") as node, contextlib.ExitStack() as stack:
            self.hold(stack, node, 30)
            closed = 'larder_metrics_connections_ended_total{reason="timeout"}'
            # Those that would not read have got what the system keeps for them, so may be counted as idle.
            wait_until(lambda: node.metrics()[closed] == 30, "all are closed")
            wait_until(lambda: node.metrics()["larder_metrics_connections"] == 1, "and nobody else is there")

    def test_a_client_that_sends_no_more_is_answered(self):
        with Node() as node:
            for _ in range(8):
                with raw.connect(node.metrics_port) as connection:
                    # Request and end in one packet.
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    connection.sendall(GET_METRICS)
                    connection.shutdown(socket.SHUT_WR)
                    answer = read_all(connection)
                self.assertIn(b"\nlarder_build_info{", answer)
                length = int(answer.split(b"Content-Length: ")[1].split(b"\r\n")[0])
                self.assertEqual(len(answer.split(b"\r\n\r\n", 1)[1]), length)

    def test_clients_that_vanish(self):
        with Node("--metrics_max_connections=1000") as node:
            for _ in range(50):
                for sent in (b"", b"GET ", GET_METRICS):
                    connection = raw.connect(node.metrics_port)
                    connection.sendall(sent)
                    raw.reset(connection)
            wait_until(lambda: node.metrics()["larder_metrics_connections"] == 1, "all are gone")
            self.assertEqual(node.http("/healthz")[0], 200)

    def test_gzip_for_those_who_accept_it(self):
        with Node() as node:
            request = urllib.request.Request(f"http://127.0.0.1:{node.metrics_port}/metrics",
                                             headers={"Accept-Encoding": "gzip"})
            with urllib.request.urlopen(request, timeout=20) as page:
                self.assertEqual(page.headers["Content-Encoding"], "gzip")
                self.assertIn(b"\nlarder_build_info{", gzip.decompress(page.read()))

    def test_listens_on_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")
        with Node("--metrics_listen=[::1]:0") as node:
            with socket.create_connection(("::1", node.metrics_port), timeout=20) as connection:
                connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                self.assertIn(b" 200 OK\r\n", read_all(connection))

    def test_clients_leave_it_its_descriptors(self):
        with Node("--metrics_timeout=1h", files_max=400) as node, contextlib.ExitStack() as stack:
            allowed = node.maintenance.GetConfig(admin.GetConfigRequest(name="max_connections"), timeout=20)
            clients = int(allowed.values[0].value)
            self.assertIn(f"so {clients} clients may connect and not 10240 (--max_connections)", node.log())
            for _ in range(2 * clients):
                stack.enter_context(raw.connect(node.port)).sendall(raw.PREFACE + raw.EMPTY_SETTINGS)
            wait_until(lambda: node.metrics()["larder_connections"] == clients, "as many as may are connected")
            self.hold(stack, node, 200)
            for page in PAGES:
                self.assertEqual(node.http(page)[0], 200, page)
            self.assertEqual(node.metrics()["larder_metrics_accept_failures_total"], 0)

    def test_too_few_files_are_an_error_at_the_start(self):
        with self.assertRaises(StartError) as raised:
            Node(files_max=100)
        self.assertEqual(raised.exception.code, 1)
        self.assertIn("may open 100 files (RLIMIT_NOFILE)", raised.exception.stderr)

    def test_answers_again_when_there_are_descriptors_again(self):
        with Node() as node:
            limits = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
            numbers = {int(number) for number in os.listdir(f"/proc/{node.process.pid}/fd")}
            first_free = min(set(range(len(numbers) + 1)) - numbers)
            resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (first_free, limits[1]))
            with raw.connect(node.metrics_port, timeout=0.5) as connection:
                connection.sendall(GET_METRICS)
                with self.assertRaises(TimeoutError):
                    connection.recv(1)
                resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, limits)
                connection.settimeout(20)
                self.assertIn(b"\nlarder_build_info{", read_all(connection))
            self.assertGreater(node.metrics()["larder_metrics_accept_failures_total"], 0)


if __name__ == "__main__":
    unittest.main()
