"""gRPC's Python client, whose HTTP/2 is gRPC's C core, with generated stubs against a running node."""

import functools
import threading
import unittest

import grpc

from end_to_end.harness.certificates import read
from end_to_end.harness.errors import StatusAssertions, retry_delay_of
from end_to_end.harness.node import Node
from end_to_end.harness.relay import Relay
from end_to_end.harness.stubs import cache, cache_grpc
from interop.cells import LARGE_BYTES, NODE_FLAGS, ONE_STREAM, TlsTestCase, streams_refused

BINARY = bytes(range(256))
LARGE = (bytes(range(251)) * (LARGE_BYTES // 251 + 1))[:LARGE_BYTES]
GZIP = grpc.Compression.Gzip


class PythonTest(TlsTestCase, StatusAssertions, unittest.TestCase):
    def test_plaintext(self):
        with Node(*NODE_FLAGS, ONE_STREAM) as node:
            self.use(node)

    def test_tls(self):
        with self.tls_node(ONE_STREAM) as node:
            self.use(node)

    def test_mutual_tls(self):
        with self.mutual_tls_node(ONE_STREAM) as node:
            self.use(node)
            self.assert_no_connection(node, self.authority)
            self.assert_handshake_fails(node, "no_client_certificate")

    def test_a_node_that_a_stranger_has_certified_is_not_trusted(self):
        with self.tls_node() as node:
            self.assert_no_connection(node, self.stranger)
            self.assert_handshake_fails(node, "client_alert", "disconnected")

    def test_gzip_reaches_the_node_compressed(self):
        with Node(*NODE_FLAGS) as node, Relay(node.port) as relay:
            with grpc.insecure_channel(relay.address) as channel:
                stub = cache_grpc.CacheStub(channel)
                self.large_value(stub, compression=GZIP)
                self.large_value_in_a_stream(stub, compression=GZIP)
                self.assertLess(relay.bytes_sent, LARGE_BYTES // 10)
                self.large_value(stub)
                self.assertGreater(relay.bytes_sent, LARGE_BYTES)

    def test_other_compression_is_refused(self):
        with Node() as node:
            self.assert_fails(grpc.StatusCode.UNIMPLEMENTED, ["deflate", "gzip"], node.stub.Set,
                              cache.SetRequest(key=b"k", value=bytes(1000)),
                              compression=grpc.Compression.Deflate)
            self.assertFalse(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).found)

    def assert_no_connection(self, node, trusted):
        """Without a certificate, and trusting only an authority, there is none."""
        trust = grpc.ssl_channel_credentials(read(trusted.ca_file))
        with grpc.secure_channel(node.address, trust) as channel:
            self.assert_fails(grpc.StatusCode.UNAVAILABLE, [], cache_grpc.CacheStub(channel).Get,
                              cache.GetRequest(key=b"k"))

    def use(self, node):
        """All of cells.CELLS."""
        for cell in (self.unary, self.compare_and_set, self.lease, self.streaming, self.deadline,
                     self.cancellation, self.large_value,
                     functools.partial(self.large_value, compression=GZIP),
                     functools.partial(self.large_value_in_a_stream, compression=GZIP),
                     self.error_details):
            cell(node.stub)
        self.assertEqual(streams_refused(node), 0)
        self.assertTrue(node.alive())

    def unary(self, stub):
        stub.Set(cache.SetRequest(key=BINARY, value=BINARY, flags=9), timeout=20)
        answer = stub.Get(cache.GetRequest(key=BINARY), timeout=20)
        self.assertEqual((answer.value, answer.flags), (BINARY, 9))
        self.assertFalse(stub.Get(cache.GetRequest(key=b"none"), timeout=20).found)

    def compare_and_set(self, stub):
        version = stub.Set(cache.SetRequest(key=b"cas"), timeout=20).stored.version
        cas = cache.SetRequest(key=b"cas", value=b"2", if_version=version)
        self.assertTrue(stub.Set(cas, timeout=20).HasField("stored"))
        self.assertTrue(stub.Set(cas, timeout=20).HasField("not_stored"))

    def lease(self, stub):
        request = cache.LeaseRequest(key=b"lease")
        token = stub.Lease(request, timeout=20).granted.token
        self.assertTrue(stub.Lease(request, timeout=20).HasField("held"))
        stub.Set(cache.SetRequest(key=b"lease", value=BINARY, lease_token=token), timeout=20)
        self.assertEqual(stub.Lease(request, timeout=20).hit.value.value, BINARY)

    def streaming(self, stub):
        requests = [cache.PipelineRequest(id=n, set=cache.SetRequest(key=b"k%d" % n))
                    for n in range(1, 101)]
        requests.append(cache.PipelineRequest(id=101, get=cache.GetRequest()))
        answers = {answer.id: answer for answer in stub.Pipeline(iter(requests), timeout=20)}
        self.assertEqual(len(answers), 101)
        self.assertTrue(all(answers[n].set.HasField("stored") for n in range(1, 101)))
        self.assertEqual(answers[101].error.code, grpc.StatusCode.INVALID_ARGUMENT.value[0])

    def deadline(self, stub):
        self.assert_fails(grpc.StatusCode.DEADLINE_EXCEEDED, [], stub.Get,
                          cache.GetRequest(key=b"k"), timeout=-1)
        with self.Endless() as requests, self.assertRaises(grpc.RpcError) as raised:
            list(stub.Pipeline(requests, timeout=0.2))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.unary(stub)

    def cancellation(self, stub):
        with self.Endless() as requests:
            stream = stub.Pipeline(requests, timeout=20)
            self.assertEqual(next(stream).id, 1)
            stream.cancel()
            with self.assertRaises(grpc.RpcError) as raised:
                list(stream)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.CANCELLED)
        self.unary(stub)

    def large_value(self, stub, **options):
        stub.Set(cache.SetRequest(key=b"large", value=LARGE), timeout=20, **options)
        answer = stub.Get(cache.GetRequest(key=b"large"), timeout=20, **options)
        self.assertEqual(answer.value, LARGE)
        self.assertTrue(stub.Delete(cache.DeleteRequest(key=b"large"), timeout=20).deleted)

    def large_value_in_a_stream(self, stub, **options):
        requests = [cache.PipelineRequest(id=1, set=cache.SetRequest(key=b"large", value=LARGE)),
                    cache.PipelineRequest(id=2, delete=cache.DeleteRequest(key=b"large"))]
        answers = list(stub.Pipeline(iter(requests), timeout=20, **options))
        self.assertTrue(answers[0].set.HasField("stored"))
        self.assertTrue(answers[1].delete.deleted)

    def error_details(self, stub):
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, ["key"], stub.Get, cache.GetRequest())
        with self.assertRaises(grpc.RpcError) as raised:
            for n in range(40):
                stub.Set(cache.SetRequest(key=b"fill-%d" % n, value=bytes(1 << 20)), timeout=20)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertGreater(retry_delay_of(raised.exception), 0)

    class Endless:
        """An iterator of one request, with no end behind it within the `with`."""

        def __init__(self):
            self._requests = [cache.PipelineRequest(id=1, get=cache.GetRequest(key=b"none"))]
            self._over = threading.Event()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._over.set()

        def __iter__(self):
            return self

        def __next__(self):
            if self._requests:
                return self._requests.pop()
            self._over.wait()
            raise StopIteration


if __name__ == "__main__":
    unittest.main()
