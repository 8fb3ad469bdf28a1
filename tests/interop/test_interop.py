"""Clients that know Larder only by its .proto files, or not even those, against a running node."""

import base64
import json
import os
import re
import threading
import unittest

import grpc

from end_to_end.harness.certificates import Authority, read
from end_to_end.harness.errors import StatusAssertions, retry_delay_of
from end_to_end.harness.node import Node
from end_to_end.harness.paths import PROTO, ROOT
from end_to_end.harness.stubs import cache
from interop.interop_service import InteropService
from interop.toolbox import go_client, go_tool, java_client, need, node_modules, run

# Small and without eviction, so that a client can fill it and see the error's details.
NODE_FLAGS = ("--memory=16MiB", "--eviction=none")
NODE_CLIENT = os.path.join(ROOT, "tests", "interop", "node", "client.js")
BINARY = bytes(range(256))
SERVICES = ("larder.v1.Cache", "larder.v1.Cluster", "larder.v1.Maintenance", "grpc.health.v1.Health")


class LanguagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.authority = cls.enterClassContext(Authority())
        cls.client = cls.authority.issue("client")

    def tls_node(self, *flags):
        """A node with a certificate. The Python channel has one, too, for nodes that ask."""
        own = read(self.client.key_file), read(self.client.cert_file)
        return Node(*NODE_FLAGS, *self.authority.issue("node").flags(), *flags,
                    credentials=grpc.ssl_channel_credentials(read(self.authority.ca_file), *own))

    def assert_all_pass(self, node, command, tests=10, **environment):
        """The client of another language prints ok for each of its tests."""
        lines = run(command, timeout=120, env={**os.environ, **environment}).splitlines()
        self.assertEqual(len([line for line in lines if line.startswith("ok ")]), tests)
        self.assertTrue(node.alive())

    def test_go_with_tls(self):
        need("go")
        with self.tls_node() as node:
            self.assert_all_pass(node, [go_client(), node.address, self.authority.ca_file])

    def test_go_with_mutual_tls(self):
        need("go")
        with self.tls_node(f"--tls_client_ca_file={self.authority.ca_file}") as node:
            self.assert_all_pass(node, [go_client(), node.address, self.authority.ca_file,
                                        self.client.cert_file, self.client.key_file])
            with self.assertRaises(AssertionError):
                run([go_client(), node.address, self.authority.ca_file], timeout=120)

    def test_go(self):
        need("go")
        with Node(*NODE_FLAGS) as node:
            self.assert_all_pass(node, [go_client(), node.address])

    def test_node(self):
        need("node")
        need("npm")
        with Node(*NODE_FLAGS) as node:
            self.assert_all_pass(node, ["node", NODE_CLIENT, node.address, PROTO],
                                 NODE_PATH=node_modules())

    def test_node_with_tls(self):
        need("node")
        need("npm")
        with self.tls_node() as node:
            self.assert_all_pass(
                node, ["node", NODE_CLIENT, node.address, PROTO, self.authority.ca_file],
                NODE_PATH=node_modules())

    def test_java(self):
        need("javac")
        need("mvn")
        with Node(*NODE_FLAGS) as node:
            self.assert_all_pass(
                node, ["java", "-cp", java_client(), "larder.interop.Client", node.address], tests=9)


class ConformanceTest(unittest.TestCase):
    def test_h2spec(self):
        need("go")
        with Node() as node:
            self.conform(node)

    def test_h2spec_with_tls(self):
        need("go")
        with Authority() as authority:
            trust = grpc.ssl_channel_credentials(read(authority.ca_file))
            with Node(*authority.issue("node").flags(), credentials=trust) as node:
                self.conform(node, "-t", "-k")

    def conform(self, node, *options):
        report = run([go_tool("h2spec"), "-h", "127.0.0.1", "-p", str(node.port), "--timeout", "5",
                      "-P", "/larder.v1.Cache/Get", *options], timeout=300)
        total, passed = re.search(r"(\d+) tests, (\d+) passed, 0 skipped, 0 failed", report).groups()
        self.assertEqual(total, passed)
        self.assertGreaterEqual(int(total), 145)
        self.assertTrue(node.alive())


class GrpcInteropTest(unittest.TestCase):
    """gRPC's own interoperability client against its TestService on larderd's transport."""

    CASES = (
        "empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
        "cancel_after_begin", "cancel_after_first_response", "timeout_on_sleeping_server",
        "status_code_and_message", "special_status_message", "custom_metadata", "unimplemented_method",
        "unimplemented_service", "pick_first_unary")

    def test_cases(self):
        need("go")
        client = go_tool("client")
        with InteropService() as service:
            for case in self.CASES:
                with self.subTest(case=case):
                    run([client, "--server_host=127.0.0.1", f"--server_port={service.port}",
                         f"--test_case={case}"], timeout=60)
            self.assertTrue(service.alive())

    def test_half_duplex_which_no_case_calls(self):
        request = b"\x12\x02\x08\x03"  # response_parameters { size: 3 }
        answer = b"\x0a\x05\x12\x03\0\0\0"  # payload { body: 3 bytes }
        with InteropService() as service, grpc.insecure_channel(f"127.0.0.1:{service.port}") as channel:
            call = channel.stream_stream("/grpc.testing.TestService/HalfDuplexCall")
            self.assertEqual(list(call(iter([request] * 5), timeout=20)), [answer] * 5)

    def test_a_case_can_fail(self):
        need("go")
        with Node() as node, self.assertRaises(AssertionError) as raised:
            run([go_tool("client"), "--server_host=127.0.0.1", f"--server_port={node.port}",
                 "--test_case=empty_unary"], timeout=60)
        self.assertIn("Unimplemented", str(raised.exception))


class PythonTest(StatusAssertions, unittest.TestCase):
    def test_python(self):
        with Node(*NODE_FLAGS) as node:
            self.use(node.stub)

    def test_python_with_tls(self):
        with Authority() as authority:
            trust = grpc.ssl_channel_credentials(read(authority.ca_file))
            with Node(*NODE_FLAGS, *authority.issue("node").flags(), credentials=trust) as node:
                self.use(node.stub)

    def use(self, stub):
        version = stub.Set(cache.SetRequest(key=BINARY, value=BINARY), timeout=20).stored.version
        self.assertEqual(stub.Get(cache.GetRequest(key=BINARY), timeout=20).value, BINARY)
        self.assertFalse(stub.Get(cache.GetRequest(key=b"none"), timeout=20).found)
        cas = cache.SetRequest(key=BINARY, value=b"2", if_version=version)
        self.assertTrue(stub.Set(cas, timeout=20).HasField("stored"))
        self.assertTrue(stub.Set(cas, timeout=20).HasField("not_stored"))
        token = stub.Lease(cache.LeaseRequest(key=b"lease"), timeout=20).granted.token
        stub.Set(cache.SetRequest(key=b"lease", value=BINARY, lease_token=token), timeout=20)
        self.assertEqual(stub.Lease(cache.LeaseRequest(key=b"lease")).hit.value.value, BINARY)
        requests = [cache.PipelineRequest(id=n, get=cache.GetRequest(key=b"k")) for n in range(100)]
        self.assertEqual(len(list(stub.Pipeline(iter(requests), timeout=20))), 100)
        self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, ["key"], stub.Get, cache.GetRequest())
        self.assert_fails(grpc.StatusCode.DEADLINE_EXCEEDED, [], stub.Get,
                          cache.GetRequest(key=b"k"), timeout=-1)
        with self.assertRaises(grpc.RpcError) as raised:
            for n in range(40):
                stub.Set(cache.SetRequest(key=b"fill-%d" % n, value=bytes(1 << 20)), timeout=20)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertGreater(retry_delay_of(raised.exception), 0)

    def test_a_stream_ends_with_its_deadline_and_when_it_is_cancelled(self):
        with Node() as node:
            request = cache.PipelineRequest(id=1, get=cache.GetRequest(key=b"k"))
            with self.assertRaises(grpc.RpcError) as raised:
                list(node.stub.Pipeline(self.endless(request), timeout=0.2))
            self.assertEqual(raised.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
            stream = node.stub.Pipeline(self.endless(request), timeout=20)
            self.assertEqual(next(stream).id, 1)
            stream.cancel()
            with self.assertRaises(grpc.RpcError) as raised:
                list(stream)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.CANCELLED)
            self.assertFalse(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).found)

    def test_large_messages_also_compressed(self):
        large = bytes(4032 << 10)
        with Node() as node:
            for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
                with self.subTest(compression=compression):
                    node.stub.Set(cache.SetRequest(key=b"k", value=large), timeout=20, compression=compression)
                    answer = node.stub.Get(cache.GetRequest(key=b"k"), timeout=20, compression=compression)
                    self.assertEqual(answer.value, large)

    @staticmethod
    def endless(request):
        """A request, and no end behind it before the call has one."""
        yield request
        threading.Event().wait(5)


class GrpcurlTest(unittest.TestCase):
    """No .proto file is given: everything comes from the node's reflection service."""

    @classmethod
    def setUpClass(cls):
        need("go")
        cls.program = go_tool("grpcurl")
        cls.node = cls.enterClassContext(Node())

    def grpcurl(self, *arguments, data=None):
        """A verb or method with what it needs; requests, one or a list, as dicts."""
        requests = data if isinstance(data, list) else [data] if data else []
        options = ["-plaintext", "-max-time", "20"] + (["-d", "@"] if requests else [])
        return run([self.program, *options, self.node.address, *arguments], timeout=60,
                   input="\n".join(json.dumps(request) for request in requests))

    def test_tls(self):
        with Authority() as authority:
            trust = grpc.ssl_channel_credentials(read(authority.ca_file))
            with Node(*authority.issue("node").flags(), credentials=trust) as node:
                services = run([self.program, "-cacert", authority.ca_file, "-max-time", "20",
                                node.address, "list"], timeout=60)
                self.assertIn("larder.v1.Cache", services.split())

    def test_list(self):
        services = self.grpcurl("list").split()
        for service in (*SERVICES, "grpc.reflection.v1.ServerReflection",
                        "grpc.reflection.v1alpha.ServerReflection"):
            self.assertIn(service, services)
        self.assertIn("larder.v1.Cache.Pipeline", self.grpcurl("list", "larder.v1.Cache").split())

    def test_describe(self):
        for service in self.grpcurl("list").split():
            with self.subTest(service=service):
                self.assertIn(f"{service} is a service", self.grpcurl("describe", service))
        self.assertIn("bytes key = 1;", self.grpcurl("describe", "larder.v1.GetRequest"))
        self.assertIn("ACK_LEVEL_REPLICAS", self.grpcurl("describe", "larder.v1.AckLevel"))
        self.assertIn("retry_delay", self.grpcurl("describe", "larder.v1.RetryInfo"))

    def test_set_get_and_delete(self):
        stored = json.loads(self.grpcurl("larder.v1.Cache/Set", data={
            "key": "a2V5", "value": "dmFsdWU=", "ttl": "60s", "flags": 5}))
        self.assertGreater(int(stored["stored"]["version"]), 0)
        answer = json.loads(self.grpcurl("larder.v1.Cache/Get", data={"key": "a2V5"}))
        self.assertEqual((answer["found"], answer["value"], answer["flags"]), (True, "dmFsdWU=", 5))
        self.assertIn("expires_at", answer)
        self.assertTrue(json.loads(self.grpcurl("larder.v1.Cache/Delete", data={"key": "a2V5"}))["deleted"])
        self.assertEqual(json.loads(self.grpcurl("larder.v1.Cache/Get", data={"key": "a2V5"})), {})

    def test_pipeline(self):
        requests = [{"id": n, "set": {"key": "cGlwZQ==", "value": "dg=="}} for n in range(1, 21)]
        answers = self.grpcurl("larder.v1.Cache/Pipeline", data=requests)
        self.assertEqual(len(re.findall(r'"stored"', answers)), 20)

    def test_a_large_value(self):
        value = base64.b64encode(bytes(3 << 20)).decode()
        self.grpcurl("larder.v1.Cache/Set", data={"key": "bGFyZ2U=", "value": value})
        answer = json.loads(self.grpcurl("larder.v1.Cache/Get", data={"key": "bGFyZ2U="}))
        self.assertEqual(answer["value"], value)

    def test_deadline(self):
        with self.assertRaises(AssertionError) as raised:
            run([self.program, "-plaintext", "-max-time", "0.5", self.node.address,
                 "grpc.health.v1.Health/Watch"], timeout=60)
        self.assertIn("DeadlineExceeded", str(raised.exception))

    def test_health(self):
        for service in ("", *SERVICES[:1]):
            answer = json.loads(self.grpcurl("grpc.health.v1.Health/Check", data={"service": service}))
            self.assertEqual(answer["status"], "SERVING")

    def test_error(self):
        with self.assertRaises(AssertionError) as raised:
            self.grpcurl("larder.v1.Cache/Get", data={"key": ""})
        self.assertIn("InvalidArgument", str(raised.exception))


if __name__ == "__main__":
    unittest.main()
