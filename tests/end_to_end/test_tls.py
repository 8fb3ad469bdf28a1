"""TLS on the client port: who is let in, what is said to the others, new certificates, bad files."""

import contextlib
import os
import signal
import ssl
import subprocess
import unittest
import warnings

import grpc

from end_to_end.harness import raw
from end_to_end.harness.certificates import Authority, Certificate, read
from end_to_end.harness.cli import Cli
from end_to_end.harness.node import Node, StartError, TRANSPORT
from end_to_end.harness.paths import LARDER
from end_to_end.harness.stubs import admin, cache, cache_grpc
from end_to_end.harness.waiting import wait_until

OWN = TRANSPORT == "nghttp2"
ONLY_OWN = unittest.skipUnless(OWN, "grpc++ does this in its own way")
FAILURES = "larder_tls_handshake_failures_total"


def credentials(authority, certificate=None):
    """Of a channel that trusts an authority, and has a certificate of its own or none."""
    own = (read(certificate.key_file), read(certificate.cert_file)) if certificate else (None, None)
    return grpc.ssl_channel_credentials(read(authority.ca_file), *own)


class TlsTestCase(unittest.TestCase):
    def setUp(self):
        self.authority = self.enterContext(Authority())
        self.certificate = self.authority.issue("node")

    def start(self, *flags, client=None):
        return Node(*self.certificate.flags(), *flags,
                    credentials=credentials(self.authority, client))

    def context(self, protocols=("h2",)):
        """Of Python's own TLS."""
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        if protocols:
            context.set_alpn_protocols(protocols)
        return context

    @contextlib.contextmanager
    def connect(self, node, context):
        with raw.connect(node.port) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                yield connection

    def serial(self, node):
        """Of the certificate that new connections get."""
        with self.connect(node, self.context()) as connection:
            return connection.getpeercert()["serialNumber"]

    def assert_unavailable(self, channel):
        """A call on it fails, for want of a connection; returns the error's text."""
        with channel, self.assertRaises(grpc.RpcError) as raised:
            cache_grpc.CacheStub(channel).Get(cache.GetRequest(key=b"k"), timeout=20)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
        return raised.exception.details()

    def failures(self, node, reason):
        return node.metrics()[f'{FAILURES}{{reason="{reason}"}}']


class ServingTest(TlsTestCase):
    def test_calls_of_any_size(self):
        with self.start() as node:
            for size in (0, 100, 16384, 3 << 20):
                value = bytes(n % 251 for n in range(size))
                node.stub.Set(cache.SetRequest(key=b"k", value=value), timeout=20)
                self.assertEqual(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).value, value)
            requests = [cache.PipelineRequest(id=n, get=cache.GetRequest(key=b"k")) for n in range(20)]
            answers = list(node.stub.Pipeline(iter(requests), timeout=60))
            self.assertEqual({len(answer.get.value) for answer in answers}, {3 << 20})
            if OWN:
                self.assertEqual(node.metrics()["larder_tls_handshakes_total"], 1)
            self.assertEqual(node.terminate(), 0)

    def test_a_drain_ends_streams_in_order(self):
        with self.start() as node:
            stream = node.stub.Pipeline(iter([cache.PipelineRequest(
                id=1, set=cache.SetRequest(key=b"k", value=b"v"))]), timeout=60)
            self.assertTrue(next(stream).set.HasField("stored"))
            self.assertEqual(node.terminate(), 0)

    def test_tls_versions(self):
        with self.start() as node:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = self.context()
                context.minimum_version = context.maximum_version = version
                with self.connect(node, context) as connection:
                    self.assertEqual(connection.selected_alpn_protocol(), "h2")
            old = self.context()
            old.set_ciphers("DEFAULT:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            with self.assertRaises((ssl.SSLError, ConnectionError)), self.connect(node, old):
                pass
            self.assertTrue(node.alive())
            if OWN:
                self.assertEqual(self.failures(node, "protocol_version"), 1)

    def test_whoever_does_not_offer_h2_is_refused(self):
        with self.start() as node:
            for protocols in (("http/1.1",), ()):
                with self.subTest(protocols=protocols):
                    try:
                        with self.connect(node, self.context(protocols)) as connection:
                            self.assertFalse(OWN)  # which refuses within the handshake
                            connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS)
                            self.assertEqual(connection.recv(1), b"")
                    except ssl.SSLError as error:
                        self.assertIn("application protocol", str(error).lower().replace("_", " "))
                    except ConnectionError:
                        self.assertFalse(OWN)
            self.assertTrue(node.alive())
            if OWN:
                self.assertEqual(self.failures(node, "no_application_protocol"), 2)

    @ONLY_OWN
    def test_plaintext_is_told_why(self):
        with self.start() as node:
            with raw.connect(node.port) as connection:
                connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS)
                frames = dict(raw.read_frames(connection))
            self.assertIn(b"TLS", frames[raw.FRAME_GOAWAY])
            with raw.connect(node.port) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                while connection.recv(4096):
                    pass
            self.assertEqual(self.failures(node, "not_tls"), 2)

    def test_plaintext_channels_fail_and_the_node_lives(self):
        with self.start() as node:
            self.assert_unavailable(grpc.insecure_channel(node.address))
            self.assertTrue(node.alive())

    def test_clients_that_break_off_do_no_harm(self):
        with self.start() as node:
            with contextlib.ExitStack() as stack:
                for n in range(30):
                    connection = stack.enter_context(raw.connect(node.port))
                    connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00"[:n % 8])
            with self.connect(node, self.context()) as connection:
                connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS)
                raw.reset(connection)
            self.assertTrue(node.alive())
            if OWN:
                wait_until(lambda: self.failures(node, "disconnected") == 30, "handshakes end")

    def test_a_connection_over_the_limit_gets_an_alert(self):
        with self.start("--max_connections=1") as node:
            with self.connect(node, self.context()):
                wait_until(lambda: node.metrics()["larder_connections"] == 1, "it is counted")
                with self.assertRaises(ssl.SSLError) as raised, self.connect(node, self.context()):
                    pass
                self.assertIn("alert internal error", str(raised.exception).lower().replace("_", " "))
            wait_until(lambda: node.metrics()["larder_connections"] == 0, "its place is free")
            self.assertTrue(node.alive())

    @ONLY_OWN
    def test_a_handshake_has_its_time(self):
        with self.start("--handshake_timeout=1s") as node:
            with raw.connect(node.port) as connection:
                connection.sendall(b"\x16\x03\x01")
                self.assertEqual(connection.recv(1), b"")
            self.assertEqual(self.failures(node, "timeout"), 1)


class MutualTlsTest(TlsTestCase):
    def test_only_certificates_of_the_authority_are_let_in(self):
        client = self.authority.issue("client")
        with self.start(f"--tls_client_ca_file={self.authority.ca_file}", client=client) as node:
            node.stub.Set(cache.SetRequest(key=b"k", value=b"v"), timeout=20)
            self.assertEqual(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).value, b"v")
            self.assert_unavailable(grpc.secure_channel(node.address, credentials(self.authority)))
            with Authority() as stranger:
                other = stranger.issue("client")
                self.assert_unavailable(grpc.secure_channel(
                    node.address, credentials(self.authority, other)))
            self.assertTrue(node.alive())
            if OWN:
                self.assertGreaterEqual(self.failures(node, "no_client_certificate"), 1)
                self.assertGreaterEqual(self.failures(node, "bad_client_certificate"), 1)


class FilesTest(TlsTestCase):
    def start_fails(self, cert_file, key_file, *flags):
        with self.assertRaises(StartError) as raised:
            Node(f"--tls_cert_file={cert_file}", f"--tls_key_file={key_file}", *flags)
        self.assertEqual(raised.exception.code, 1)
        # Logs come before it.
        return raised.exception.stderr.strip().splitlines()[-1]

    def test_a_bad_file_ends_the_start_with_a_line_that_names_it(self):
        cert, key = self.certificate.cert_file, self.certificate.key_file
        other = self.authority.issue("other")
        self.assertIn(f"--tls_cert_file: {cert}.none: No such file", self.start_fails(cert + ".none", key))
        self.assertIn(f"--tls_key_file: {key}.none: No such file", self.start_fails(cert, key + ".none"))
        self.assertIn(f"--tls_cert_file: {key}: holds no certificate", self.start_fails(key, key))
        self.assertIn(f"--tls_key_file: {cert}: holds no private key", self.start_fails(cert, cert))
        self.assertIn(f"{other.key_file}: does not belong to the certificate in {cert}",
                      self.start_fails(cert, other.key_file))
        self.assertIn(f"--tls_client_ca_file: {key}: holds no certificate",
                      self.start_fails(cert, key, f"--tls_client_ca_file={key}"))

    @ONLY_OWN
    def test_replaced_files_serve_new_connections_and_old_ones_go_on(self):
        second = self.authority.issue("second")
        with self.start() as node:
            node.stub.Set(cache.SetRequest(key=b"k", value=b"v"), timeout=20)
            before = self.serial(node)
            expiry = node.metrics()["larder_tls_certificate_expiry_seconds"]
            self.assertGreater(expiry, 0)
            self.certificate.replace(second)
            wait_until(lambda: self.serial(node) != before, "new connections get the new certificate")
            self.assertEqual(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).value, b"v")
            self.assertTrue(node.alive())

    @ONLY_OWN
    def test_who_flushes_is_told_by_the_name_in_the_certificate(self):
        flag = f"--tls_client_ca_file={self.authority.ca_file}"
        with self.start(flag, client=self.authority.issue("operator")) as node:
            node.maintenance.Flush(admin.FlushRequest(), timeout=20)
            wait_until(lambda: "(certificate of operator)" in node.log(), "it is told")

    @ONLY_OWN
    def test_sighup_reads_certificates_again_and_says_so(self):
        with self.start() as node:
            node.signal(signal.SIGHUP)
            line = f"SIGHUP: TLS: the certificate in {self.certificate.cert_file} is valid until "
            wait_until(lambda: line in node.log(), "it is told")
            self.assertTrue(node.alive())

    @ONLY_OWN
    def test_a_link_that_is_swapped_is_noticed(self):
        folder = self.authority.folder
        for name in ("old", "new"):
            os.mkdir(os.path.join(folder, name))
            certificate = self.authority.issue(f"{name}-node")
            os.rename(certificate.cert_file, os.path.join(folder, name, "tls.crt"))
            os.rename(certificate.key_file, os.path.join(folder, name, "tls.key"))
        data = os.path.join(folder, "data")
        os.symlink("old", data)
        self.certificate = Certificate(os.path.join(data, "tls.crt"), os.path.join(data, "tls.key"))
        with self.start() as node:
            before = self.serial(node)
            os.symlink("new", data + ".tmp")
            os.rename(data + ".tmp", data)
            wait_until(lambda: self.serial(node) != before, "new connections get the new certificate")

    @ONLY_OWN
    def test_bad_files_leave_the_old_ones_in_use_and_are_logged_once(self):
        with self.start() as node:
            before = self.serial(node)
            with open(self.certificate.cert_file, "w", encoding="utf-8") as file:
                file.write("no certificate\n")
            warning = "the certificate of before stays in use"
            wait_until(lambda: warning in node.log(), "a warning")
            self.assertIn(self.certificate.cert_file, node.log())
            self.assertEqual(self.serial(node), before)
            # A second look has come after the first one.
            second = self.authority.issue("second")
            self.certificate.replace(second)
            wait_until(lambda: self.serial(node) != before, "new connections get the new certificate")
            lines = [line for line in node.log().splitlines() if warning in line]
            # One for the bad file, and one more if the node looked between the two that are good.
            self.assertLessEqual(len(lines), 2, lines)


class CliTest(TlsTestCase):
    def run_cli(self, node, *words, code=0, **environment):
        result = Cli(node.address).run(*words, **environment)
        self.assertEqual(result.returncode, code, (words, result.stdout, result.stderr))
        lines = result.stderr.decode().strip().splitlines()
        if code == 3:
            self.assertEqual(len(lines), 1, lines)
        return (result.stdout if code == 0 else result.stderr).decode()

    def test_flags_and_environment(self):
        ca = f"--tls_ca_file={self.authority.ca_file}"
        with self.start() as node:
            self.run_cli(node, "set", "k", "v", ca)
            self.assertEqual(self.run_cli(node, "--tls", ca, "get", "k"), "v")
            self.assertEqual(self.run_cli(node, "get", "k", ca, "--tls_server_name=node.example"), "v")
            self.assertEqual(
                self.run_cli(node, "get", "k", LARDER_TLS_CA_FILE=self.authority.ca_file), "v")
            for api in ("unary", "pipeline"):
                self.run_cli(node, "bench", ca, "--requests=2000", "--keys=100", f"--api={api}")
            self.assertIn("other.example", self.run_cli(
                node, "get", "k", ca, "--tls_server_name=other.example", code=3))
            # The system trusts somebody, but not the test.
            self.assertIn("tls_ca_file", self.run_cli(node, "get", "k", LARDER_TLS="1", code=3))

    def test_files_may_be_pipes(self):
        with self.start() as node:
            for command in ("set k v", "bench --requests=100", "replay /dev/null"):
                with self.subTest(command=command):
                    result = subprocess.run(
                        ["bash", "-c", f"{LARDER} {command} --tls_ca_file=<(cat {self.authority.ca_file})"],
                        capture_output=True, timeout=60, env={**os.environ, "LARDER_ADDR": node.address})
                    self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_certificate_of_its_own(self):
        ca = f"--tls_ca_file={self.authority.ca_file}"
        client = self.authority.issue("client")
        with self.start(f"--tls_client_ca_file={self.authority.ca_file}", client=client) as node:
            self.run_cli(node, "set", "k", "v", ca, *client.flags())
            self.assertIn("demands a client's certificate", self.run_cli(node, "get", "k", ca, code=3))

    def test_both_ways_of_talking_past_each_other_are_explained(self):
        with self.start() as node:
            self.assertIn("speaks TLS", self.run_cli(node, "get", "k", code=3))
        with Node() as node:
            self.assertIn("speaks no TLS", self.run_cli(
                node, "get", "k", f"--tls_ca_file={self.authority.ca_file}", code=3))

    def test_bad_files_are_wrong_usage(self):
        with self.start() as node:
            for words, said in (
                    (["--tls_ca_file=/no/such.pem"], "/no/such.pem"),
                    ([f"--tls_ca_file={self.certificate.key_file}"], "holds no CERTIFICATE"),
                    ([f"--tls_cert_file={self.certificate.cert_file}"], "both or none")):
                with self.subTest(words=words):
                    self.assertIn(said, self.run_cli(node, "get", "k", *words, code=2))
                    self.assertIn(said, self.run_cli(node, "bench", "--requests=1", *words, code=2))


if __name__ == "__main__":
    unittest.main()
