"""Clients in Go, Node.js and Java that know Larder only by its .proto files, against a running node."""

import os
import unittest

from end_to_end.harness.node import Node
from end_to_end.harness.paths import PROTO, ROOT
from end_to_end.harness.relay import Relay
from interop.cells import (CELLS, LARGE_BYTES, NODE_FLAGS, ONE_STREAM, TlsTestCase,
                           streams_refused)
from interop.toolbox import go_client, java_client, need, node_modules, run

NODE_CLIENT = os.path.join(ROOT, "tests", "interop", "node", "client.js")


class LanguageTests(TlsTestCase):
    """A subclass has the programs that it needs, and `command`."""

    PROGRAMS = ()
    STREAMS = ONE_STREAM
    # What a client says of a certificate that it does not trust.
    UNTRUSTED = "certificate"

    @classmethod
    def setUpClass(cls):
        need(*cls.PROGRAMS)
        super().setUpClass()
        cls.command, cls.environment = cls.prepare()

    @classmethod
    def prepare(cls):
        """Builds the client; returns its command, and its environment beside this one."""
        raise NotImplementedError

    def client_flags(self, certificate=False):
        flags = [f"--ca={self.authority.ca_file}"]
        if certificate:
            flags += [f"--cert={self.client.cert_file}", f"--key={self.client.key_file}"]
        return flags

    def run_client(self, address, *flags):
        return run([*self.command, *flags, address], timeout=120,
                   env={**os.environ, **self.environment})

    def assert_all_pass(self, node, *flags):
        output = self.run_client(node.address, *flags)
        self.assertEqual(output.splitlines(), [f"ok {cell}" for cell in CELLS])
        self.assertEqual(streams_refused(node), 0)
        self.assertTrue(node.alive())

    def test_plaintext(self):
        with Node(*NODE_FLAGS, self.STREAMS) as node:
            self.assert_all_pass(node)

    def test_gzip_reaches_the_node_compressed(self):
        with Node(*NODE_FLAGS) as node, Relay(node.port) as relay:
            self.assertEqual(self.run_client(relay.address, "--only=gzip"), "ok gzip\n")
            self.assertLess(relay.bytes_sent, LARGE_BYTES // 10)
            self.assertEqual(self.run_client(relay.address, "--only=large message"),
                             "ok large message\n")
            self.assertGreater(relay.bytes_sent, LARGE_BYTES)

    def test_tls(self):
        with self.tls_node(self.STREAMS) as node:
            self.assert_all_pass(node, *self.client_flags())

    def test_mutual_tls(self):
        with self.mutual_tls_node(self.STREAMS) as node:
            self.assert_all_pass(node, *self.client_flags(certificate=True))
            with self.assertRaises(AssertionError):
                self.run_client(node.address, *self.client_flags(), "--only=unary")
            self.assert_handshake_fails(node, "no_client_certificate")

    def test_a_node_that_a_stranger_has_certified_is_not_trusted(self):
        with self.tls_node() as node:
            with self.assertRaises(AssertionError) as raised:
                self.run_client(node.address, f"--ca={self.stranger.ca_file}", "--only=unary")
            self.assertIn(self.UNTRUSTED, str(raised.exception))
            self.assert_handshake_fails(node, "client_alert", "disconnected")


class GoTest(LanguageTests, unittest.TestCase):
    PROGRAMS = ("go",)

    @classmethod
    def prepare(cls):
        return [go_client()], {}


class NodeTest(LanguageTests, unittest.TestCase):
    PROGRAMS = ("node", "npm")

    @classmethod
    def prepare(cls):
        return ["node", NODE_CLIENT, f"--proto={PROTO}"], {"NODE_PATH": node_modules()}


class JavaTest(LanguageTests, unittest.TestCase):
    """By the TLS of gRPC's Netty, which is BoringSSL."""

    PROGRAMS = ("java", "javac", "mvn")
    # Not 1: Netty 4.1.110 then sends the headers of a call that follows a reset one, but no message.
    STREAMS = "--max_streams=2"
    UNTRUSTED = "OpenSslEngine problem"
    OPTIONS = ()

    @classmethod
    def prepare(cls):
        return ["java", *cls.OPTIONS, "-cp", java_client(), "larder.interop.Client"], {}


class JavaOwnTlsTest(JavaTest):
    """By the TLS and ALPN of the Java runtime."""

    UNTRUSTED = "SSLHandshakeException: PKIX path building failed"
    OPTIONS = ("-Dio.grpc.netty.shaded.io.netty.handler.ssl.noOpenSsl=true",)
    test_plaintext = test_gzip_reaches_the_node_compressed = None


if __name__ == "__main__":
    unittest.main()
