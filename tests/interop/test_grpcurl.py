"""grpcurl against a running node. No .proto file is given: everything comes from the node's reflection."""

import base64
import json
import re
import signal
import subprocess
import unittest

from end_to_end.harness.node import Node
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until
from interop.cells import TlsTestCase
from interop.toolbox import go_tool, need, run

SERVICES = ("larder.v1.Cache", "larder.v1.Cluster", "larder.v1.Maintenance", "grpc.health.v1.Health")


class GrpcurlTests(TlsTestCase):
    """A subclass starts the node and says with what options to reach it."""

    @classmethod
    def setUpClass(cls):
        need("go")
        super().setUpClass()
        cls.program = go_tool("grpcurl")
        cls.node = cls.enterClassContext(cls.start())
        cls.options = cls.connect_options()

    def grpcurl(self, *arguments, data=None, options=None, node=None):
        """A verb or method with what it needs; requests, one or a list, as dicts."""
        requests = data if isinstance(data, list) else [data] if data else []
        chosen = ["-max-time", "20", *(self.options if options is None else options)]
        return run([self.program, *chosen, *(["-d", "@"] if requests else []),
                    (node or self.node).address, *arguments], timeout=60,
                   input="\n".join(json.dumps(request) for request in requests))

    def assert_refused(self, words, *arguments, **options):
        with self.assertRaises(AssertionError) as raised:
            self.grpcurl(*arguments, **options)
        self.assertRegex(str(raised.exception), words)

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
        value = base64.b64encode(bytes(range(251)) * 12000).decode()
        self.grpcurl("larder.v1.Cache/Set", data={"key": "bGFyZ2U=", "value": value})
        answer = json.loads(self.grpcurl("larder.v1.Cache/Get", data={"key": "bGFyZ2U="}))
        self.assertEqual(answer["value"], value)

    def test_deadline(self):
        self.assert_refused("DeadlineExceeded", "grpc.health.v1.Health/Watch",
                            options=[*self.options, "-max-time", "2"])

    def test_cancellation(self):
        """grpcurl is interrupted while it reads a stream, which ends with its connection."""
        self.node.stub.Get(cache.GetRequest(key=b"k"), timeout=20)
        wait_until(lambda: self.connections() == 1, "only the test's own connection is open")
        watch = subprocess.Popen([self.program, *self.options, "-max-time", "60", self.node.address,
                                  "grpc.health.v1.Health/Watch"], stdout=subprocess.PIPE, text=True,
                                 # A shell's background job has it ignored.
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        with watch:
            self.assertIn("SERVING", watch.stdout.readline() + watch.stdout.readline())
            self.assertEqual(self.connections(), 2)
            watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.returncode, -signal.SIGINT)
        wait_until(lambda: self.connections() == 1, "the stream's connection is closed")
        self.assertTrue(self.node.alive())

    def connections(self):
        return self.node.metrics()["larder_connections"]

    def test_health(self):
        for service in ("", *SERVICES[:1]):
            answer = json.loads(self.grpcurl("grpc.health.v1.Health/Check", data={"service": service}))
            self.assertEqual(answer["status"], "SERVING")

    def test_error(self):
        self.assert_refused("InvalidArgument", "larder.v1.Cache/Get", data={"key": ""})


class GrpcurlPlaintextTest(GrpcurlTests, unittest.TestCase):
    @classmethod
    def start(cls):
        return Node()

    @classmethod
    def connect_options(cls):
        return ["-plaintext"]


class GrpcurlTlsTest(GrpcurlTests, unittest.TestCase):
    """With a certificate of its own, which the node demands."""

    @classmethod
    def start(cls):
        return cls.mutual_tls_node()

    @classmethod
    def connect_options(cls):
        return ["-cacert", cls.authority.ca_file, "-cert", cls.client.cert_file,
                "-key", cls.client.key_file]

    def test_the_node_needs_no_certificate_of_the_client(self):
        with self.tls_node() as node:
            listed = self.grpcurl("list", options=["-cacert", self.authority.ca_file], node=node)
        self.assertIn("larder.v1.Cache", listed.split())

    def test_a_client_without_a_certificate_is_refused(self):
        with self.mutual_tls_node() as node:
            self.assert_refused("(?i)certificate|failed to dial", "list",
                                options=["-cacert", self.authority.ca_file], node=node)
            self.assert_handshake_fails(node, "no_client_certificate")

    def test_a_node_that_a_stranger_has_certified_is_not_trusted(self):
        with self.tls_node() as node:
            self.assert_refused("certificate", "list", options=["-cacert", self.stranger.ca_file],
                                node=node)
            self.assert_handshake_fails(node, "client_alert", "disconnected")


if __name__ == "__main__":
    unittest.main()
