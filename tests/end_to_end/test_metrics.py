"""The metrics page: well formed, and each counter moves by exactly what was done."""

import contextlib
import os
import shutil
import socket
import subprocess
import unittest

import grpc

from end_to_end.harness import raw
from end_to_end.harness.node import TRANSPORT, Node
from end_to_end.harness.paths import TOOLS
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until


def promtool():
    return shutil.which("promtool") or os.path.join(TOOLS, "bin", "promtool")


class MetricsTest(unittest.TestCase):
    def moved(self, node, action):
        """By how much each sample changed over an action; samples that did not change are left out."""
        before = node.metrics()
        action()
        after = node.metrics()
        return {name: value - before.get(name, 0) for name, value in after.items()
                if value != before.get(name, 0)}

    def test_a_request_with_a_large_body_is_refused(self):
        with Node() as node:
            with socket.create_connection(("127.0.0.1", node.metrics_port), timeout=20) as connection:
                connection.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
                self.assertIn(b" 413 ", connection.recv(4096))
            self.assertEqual(node.http("/healthz")[0], 200)

    def test_promtool_finds_nothing(self):
        with Node() as node:
            node.stub.Set(cache.SetRequest(key=b"k", value=b"v"))
            node.stub.Get(cache.GetRequest(key=b"k"))
            page = node.http("/metrics")[1]
            result = subprocess.run([promtool(), "check", "metrics"], input=page, text=True,
                                    capture_output=True)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
            self.assertIn("larder_build_info", page)

    def test_counters_move_by_what_was_done(self):
        with Node() as node:
            def work():
                for n in range(7):
                    node.stub.Set(cache.SetRequest(key=b"k-%d" % n, value=b"v"))
                for n in range(10):
                    node.stub.Get(cache.GetRequest(key=b"k-%d" % n))
                for _ in range(2):
                    with self.assertRaises(grpc.RpcError):
                        node.stub.Get(cache.GetRequest())
                node.stub.Lease(cache.LeaseRequest(key=b"lease"))
                node.stub.Lease(cache.LeaseRequest(key=b"lease"))
            moved = self.moved(node, work)
        self.assertEqual(moved['larder_requests_total{code="OK",method="Set"}'], 7)
        self.assertEqual(moved['larder_requests_total{code="OK",method="Get"}'], 10)
        self.assertEqual(moved['larder_requests_total{code="INVALID_ARGUMENT",method="Get"}'], 2)
        self.assertEqual(moved['larder_request_duration_seconds_count{method="Set"}'], 7)
        self.assertEqual(moved["larder_hits_total"], 7)
        self.assertEqual(moved["larder_misses_total"], 3 + 2)
        self.assertEqual(moved["larder_entries"], 7)
        self.assertEqual(moved['larder_leases_granted_total{early="false"}'], 1)
        self.assertEqual(moved["larder_leases_held_total"], 1)
        self.assertEqual(moved["larder_leases_outstanding"], 1)
        self.assertNotIn('larder_evictions_total{reason="memory"}', moved)

    def test_pipelined_operations_count_as_the_methods_that_they_are(self):
        with Node() as node:
            requests = [cache.PipelineRequest(id=n, set=cache.SetRequest(key=b"k")) for n in range(9)]
            moved = self.moved(node, lambda: list(node.stub.Pipeline(iter(requests), timeout=20)))
        self.assertEqual(moved['larder_requests_total{code="OK",method="Set"}'], 9)

    @unittest.skipIf(TRANSPORT == "grpcpp", "gRPC's own server only says that the call is cancelled")
    def test_a_pipeline_that_its_deadline_ends_counts_as_that(self):
        counted = 'larder_requests_total{code="DEADLINE_EXCEEDED",method="Pipeline"}'
        with Node() as node, raw.connect(node.port) as connection:
            connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS + raw.call_headers(
                b"/larder.v1.Cache/Pipeline", more=[(b"grpc-timeout", b"50m")]))
            wait_until(lambda: node.metrics().get(counted) == 1, "the deadline has ended it")

    @unittest.skipIf(TRANSPORT == "grpcpp", "gRPC's own server does not say")
    def test_what_the_transport_refuses_or_ends_is_counted_by_its_reason(self):
        ended = 'larder_connections_ended_total{reason="protocol_error"}'
        with Node() as node:
            def work():
                with raw.connect(node.port) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    self.assertTrue(list(raw.read_frames(connection)))
                with self.assertRaises(grpc.RpcError):
                    node.channel.unary_unary("/larder.v1.Cache/None")(b"", timeout=20)
                wait_until(lambda: node.metrics()[ended] == 1, "the connection has ended")
            moved = self.moved(node, work)
        self.assertEqual(moved[ended], 1)
        self.assertEqual(moved['larder_calls_refused_total{code="UNIMPLEMENTED"}'], 1)
        self.assertFalse([name for name in moved if "streams_reset" in name])

    @unittest.skipIf(TRANSPORT == "grpcpp", "gRPC's own server does not say")
    def test_open_connections_are_those_accepted_and_not_ended(self):
        with Node() as node, contextlib.ExitStack() as stack:
            for n in range(300):
                with raw.connect(node.port) as connection:
                    connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS)
                if n % 50 == 0:
                    stack.enter_context(raw.connect(node.port))
                metrics = node.metrics()
                ended = sum(value for name, value in metrics.items()
                            if name.startswith("larder_connections_ended_total{"))
                self.assertEqual(metrics["larder_connections"],
                                 metrics["larder_connections_accepted_total"] - ended)
            wait_until(lambda: node.metrics()["larder_connections"] == 6, "six stay")
            self.assertEqual(node.stats().connections, 7)

    def test_evictions_and_memory(self):
        with Node("--memory=16MiB") as node:
            def work():
                for n in range(2000):
                    node.stub.Set(cache.SetRequest(key=b"k-%d" % n, value=b"v" * 16384), timeout=20)
            moved = self.moved(node, work)
            metrics, stats = node.metrics(), node.stats()
        self.assertEqual(moved['larder_evictions_total{reason="memory"}'], stats.evictions)
        self.assertEqual(moved['larder_evictions_total{reason="memory"}'] + moved["larder_entries"], 2000)
        self.assertEqual(metrics["larder_memory_limit_bytes"], 16 << 20)
        used = sum(value for name, value in metrics.items() if name.startswith("larder_memory_bytes{"))
        self.assertEqual(used, stats.memory_bytes)

    def test_expirations(self):
        with Node() as node:
            request = cache.SetRequest(key=b"k")
            request.ttl.nanos = 1_000_000
            for n in range(5):
                request.key = b"k-%d" % n
                node.stub.Set(request)
            wait_until(lambda: node.metrics()["larder_expirations_total"] == 5, "the expirer removes five")
            self.assertEqual(node.metrics()["larder_entries"], 0)

    def test_statistics_and_metrics_agree(self):
        with Node() as node:
            for n in range(4):
                node.stub.Set(cache.SetRequest(key=b"k-%d" % n))
            stats, metrics = node.stats(), node.metrics()
            self.assertEqual(stats.entries, metrics["larder_entries"])
            self.assertEqual(stats.requests["Set/OK"], 4)
            self.assertEqual(stats.memory_limit_bytes, metrics["larder_memory_limit_bytes"])
            self.assertTrue(stats.version)
            self.assertGreater(stats.resident_bytes, 0)


if __name__ == "__main__":
    unittest.main()
