"""Start, health, drain and end of a node."""

import os
import queue
import signal
import subprocess
import unittest

import grpc

from end_to_end.harness import raw
from end_to_end.harness.errors import StatusAssertions
from end_to_end.harness.node import TRANSPORT, Node
from end_to_end.harness.paths import LARDERD
from end_to_end.harness.stubs import cache, cache_grpc, health, health_grpc
from end_to_end.harness.waiting import wait_until

SERVING = health.HealthCheckResponse.SERVING
NOT_SERVING = health.HealthCheckResponse.NOT_SERVING
SERVICES = ("", "larder.v1.Cache", "larder.v1.Maintenance")


class OpenStream:
    """A Pipeline that stays open until the test says otherwise."""

    def __init__(self, stub):
        self._requests = queue.Queue()
        self.answers = stub.Pipeline(iter(self._requests.get, None), timeout=60)

    def send(self, number, **operation):
        self._requests.put(cache.PipelineRequest(id=number, **operation))

    def close(self):
        self._requests.put(None)


class LifecycleTest(StatusAssertions, unittest.TestCase):
    def test_health_of_each_service(self):
        with Node() as node:
            stub = health_grpc.HealthStub(node.channel)
            for service in SERVICES:
                answer = stub.Check(health.HealthCheckRequest(service=service), timeout=20)
                self.assertEqual(answer.status, SERVING, service)
            self.assert_fails(grpc.StatusCode.NOT_FOUND, [], stub.Check,
                              health.HealthCheckRequest(service="no.such.Service"))
            self.assertEqual(node.http("/healthz")[0], 200)
            self.assertEqual(node.http("/readyz")[0], 200)
            self.assertEqual(node.http("/no/such/page")[0], 404)

    def test_sigterm_of_an_idle_node_ends_with_code_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number), Node() as node:
                self.assertTrue(node.alive())
                node.signal(number)
                self.assertEqual(node.process.wait(30), 0)

    def test_signals_that_do_not_end_a_node(self):
        with Node() as node:
            for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2):
                node.signal(number)
                self.assertTrue(node.alive(), number)
            wait_until(lambda: "SIGHUP: without TLS there is nothing to read again" in node.log(),
                       "SIGHUP is told")

    def test_other_signals_leave_a_drain_as_it_is(self):
        with Node("--drain_timeout=1h") as node:
            with node.hold_call():
                node.signal(signal.SIGTERM)
                wait_until(lambda: node.http("/readyz")[0] == 503, "the drain has begun")
                for number in (signal.SIGUSR1, signal.SIGHUP):
                    node.signal(number)
                wait_until(lambda: "SIGHUP: " in node.log(), "both have come")
                self.assertIsNone(node.process.poll())
                node.signal(signal.SIGTERM)
                self.assertEqual(node.process.wait(30), 3)

    def test_sigquit_ends_a_node_at_once(self):
        with Node() as node:
            node.signal(signal.SIGQUIT)
            self.assertEqual(node.process.wait(30), -signal.SIGQUIT)

    def test_a_drain_answers_what_is_in_flight_and_ends_with_code_0(self):
        with Node("--drain_timeout=60s") as node:
            watch = health_grpc.HealthStub(node.channel).Watch(
                health.HealthCheckRequest(service=""), timeout=60)
            self.assertEqual(next(watch).status, SERVING)
            stream = OpenStream(node.stub)
            stream.send(1, set=cache.SetRequest(key=b"k", value=b"v"))
            self.assertEqual(next(stream.answers).id, 1)
            for number in range(2, 502):
                stream.send(number, get=cache.GetRequest(key=b"k"))
            self.assertEqual(next(stream.answers).id, 2)
            node.signal(signal.SIGTERM)
            self.assertIn(NOT_SERVING, [answer.status for answer in self.until_end(watch)])
            answered = [answer for answer in self.until_end(stream.answers)]
            self.assertEqual([answer.id for answer in answered],
                             list(range(3, 3 + len(answered))))
            self.assertTrue(all(answer.get.value == b"v" for answer in answered))
            stream.close()
            self.assertEqual(node.process.wait(60), 0)

    @staticmethod
    def until_end(stream):
        """The rest of a stream, however it ends."""
        try:
            yield from stream
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise

    def test_while_draining_readyz_says_503_and_nobody_new_is_served(self):
        with Node("--drain_timeout=60s") as node:
            # A client that never reads its answer keeps the drain going.
            with node.hold_call():
                node.signal(signal.SIGTERM)
                wait_until(lambda: node.http("/readyz")[0] == 503, "readyz says 503")
                self.assertEqual(node.http("/healthz")[0], 200)
                wait_until(lambda: self.is_refused(node.port), "the port closes")
                with node.open_channel() as channel:
                    self.assert_fails(grpc.StatusCode.UNAVAILABLE, [], cache_grpc.CacheStub(channel).Get,
                                      cache.GetRequest(key=b"k"))
                self.assertIsNone(node.process.poll())
            self.assertEqual(node.process.wait(60), 0)

    @staticmethod
    def is_refused(port):
        try:
            raw.connect(port).close()
        except ConnectionRefusedError:
            return True
        return False

    def test_with_a_delay_it_serves_on_while_it_says_that_it_is_not_ready(self):
        with Node("--shutdown_delay=1h") as node:
            stub = health_grpc.HealthStub(node.channel)
            watch = stub.Watch(health.HealthCheckRequest(service=""), timeout=60)
            self.assertEqual(next(watch).status, SERVING)
            node.signal(signal.SIGTERM)
            self.assertEqual(next(watch).status, NOT_SERVING)
            self.assertEqual(node.http("/readyz")[0], 503)
            self.assertEqual(stub.Check(health.HealthCheckRequest(service=""), timeout=20).status,
                             NOT_SERVING)
            node.stub.Set(cache.SetRequest(key=b"k", value=b"v"), timeout=20)
            self.assertTrue(node.alive(), "connections are accepted")
            node.signal(signal.SIGTERM)
            self.assertEqual([answer.status for answer in self.until_end(watch)], [])
            self.assertEqual(node.process.wait(30), 0, "the second signal ends the delay alone")

    def test_the_delay_ends_by_itself(self):
        with Node("--shutdown_delay=100ms") as node:
            self.assertEqual(node.terminate(), 0)
            self.assertIn("serving on for 100ms", node.log())

    @unittest.skipIf(TRANSPORT == "grpcpp", "grpc++ does this in its own way")
    def test_idle_clients_do_not_hold_up_a_drain(self):
        with Node("--drain_timeout=1h") as node:
            connections = [raw.connect(node.port) for _ in range(3)]
            for connection in connections[1:]:
                connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS)
            wait_until(lambda: node.metrics()["larder_connections"] == 3, "all are there")
            self.assertEqual(node.terminate(), 0)
            for connection in connections[1:]:
                self.assertIn(raw.FRAME_GOAWAY, [kind for kind, _ in raw.read_frames(connection)])
            for connection in connections:
                connection.close()

    def test_a_drain_is_bounded_and_a_second_signal_ends_it_at_once(self):
        for flag, signals in (("--drain_timeout=200ms", 1), ("--drain_timeout=1h", 2)):
            with self.subTest(signals=signals), Node(flag) as node:
                with node.hold_call():
                    node.signal(signal.SIGTERM)
                    if signals == 2:
                        wait_until(lambda: node.http("/readyz")[0] == 503, "the drain has begun")
                        node.signal(signal.SIGTERM)
                    node.process.wait(30)

    def test_an_old_connection_ends_without_an_error_in_any_call(self):
        with Node("--max_connection_age=1s") as node:
            stream = OpenStream(node.stub)
            stream.send(1, get=cache.GetRequest(key=b"k"))
            self.assertEqual(next(stream.answers).id, 1)

            def third_connection():
                self.assertFalse(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).found)
                return node.metrics()["larder_connections_accepted_total"] >= 3
            wait_until(third_connection, "the client connects again and again")
            stream.send(2, get=cache.GetRequest(key=b"k"))
            self.assertEqual(next(stream.answers).id, 2)
            stream.close()
            self.assertEqual(list(stream.answers), [])

    def test_after_the_grace_an_old_connection_is_cut_off(self):
        with Node("--max_connection_age=1s", "--max_connection_age_grace=0s") as node:
            stream = OpenStream(node.stub)
            with self.assertRaises(grpc.RpcError) as raised:
                next(stream.answers)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_a_node_without_standard_streams_logs_into_no_other_file(self):
        with subprocess.Popen(["bash", "-c", f"exec {LARDERD} --listen=127.0.0.1:0 --metrics_listen= <&- 2>&-"],
                              stdout=subprocess.PIPE, text=True) as process:
            try:
                self.assertIn("serving on 127.0.0.1:", process.stdout.readline())
                for stream in (0, 2):
                    self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/{stream}"), "/dev/null")
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(30), 0)
            finally:
                process.kill()

    def test_a_restarted_node_is_empty(self):
        with Node() as node:
            node.stub.Set(cache.SetRequest(key=b"k", value=b"v"))
            self.assertEqual(node.terminate(), 0)
        with Node() as node:
            self.assertFalse(node.stub.Get(cache.GetRequest(key=b"k")).found)
            self.assertEqual(node.stats().entries, 0)

    def test_nothing_is_logged_per_request(self):
        with Node() as node:
            before = node.log()
            for n in range(200):
                node.stub.Set(cache.SetRequest(key=b"k-%d" % n))
            self.assertEqual(node.log(), before)


if __name__ == "__main__":
    unittest.main()
