"""larderd's command line: what it refuses and how it says so."""

import os
import socket
import subprocess
import tempfile
import unittest

from end_to_end.harness.node import Node, StartError
from end_to_end.harness.paths import LARDERD
from end_to_end.harness.stubs import admin

BAD_FLAGS = [
    ("--no_such_flag=1", "no_such_flag"), ("--memory=lots", "memory"), ("--memory=-1GiB", "memory"),
    ("--memory=0", "memory"), ("--memory=5TiB", "memory"), ("--memory=99999999999999999999GiB", "memory"), ("--memory=", "memory"),
    ("--eviction=clever", "eviction"), ("--eviction_scope=some", "eviction_scope"),
    ("--eviction_samples=0", "eviction_samples"), ("--stripes=3", "stripes"),
    ("--stripes=0", "stripes"), ("--default_ttl=-1s", "default_ttl"), ("--default_ttl=soon", "default_ttl"),
    ("--max_ttl=0s", "max_ttl"), ("--max_key_bytes=0", "max_key_bytes"),
    ("--max_key_bytes=1MiB", "max_key_bytes"), ("--max_value_bytes=2GiB", "max_value_bytes"),
    ("--max_value_bytes=8MiB", "max_value_bytes"), ("--io_threads=0", "io_threads"),
    ("--io_threads=65", "io_threads"), ("--max_connections=0", "max_connections"),
    ("--max_inflight=0", "max_inflight"), ("--max_inflight=many", "max_inflight"),
    ("--max_lease_hold=0s", "max_lease_hold"), ("--drain_timeout=-1s", "drain_timeout"),
    ("--transport=quic", "transport"), ("--max_streams=0", "max_streams"),
    ("--max_header_bytes=1", "max_header_bytes"), ("--max_incomplete_bytes=1KiB", "max_incomplete_bytes"),
    ("--max_unread_bytes=-1", "max_unread_bytes"), ("--handshake_timeout=0s", "handshake_timeout"),
    ("--keepalive_time=0s", "keepalive_time"), ("--keepalive_timeout=2h", "keepalive_timeout"),
    ("--max_total_incomplete_bytes=16MiB", "max_total_incomplete_bytes"),
    ("--max_total_unread_bytes=0", "max_total_unread_bytes"), ("--unread_timeout=0s", "unread_timeout"), ("--max_connection_age=0s", "max_connection_age"),
    ("--max_connection_age_grace=-1s", "max_connection_age_grace"),
    ("--tls_cert_file=/node.pem", "tls_key_file"), ("--tls_key_file=/node.key", "tls_cert_file"),
    ("--tls_client_ca_file=/ca.pem", "tls_client_ca_file"),
    ("--tls_peer_ca_file=/ca.pem", "tls_peer_ca_file"), ("--max_forwarded=0", "max_forwarded"),
    ("--max_forwarded_received=0", "max_forwarded_received"),
    ("--max_forwarded_bytes=16MiB", "max_forwarded_bytes"),
    ("--peer_connect_timeout=0s", "peer_connect_timeout"),
    ("--peer_keepalive_time=0s", "peer_keepalive_time"),
    ("--peer_keepalive_timeout=2h", "peer_keepalive_timeout"),
    ("--node_number=1024", "node_number"), ("--log_level=loud", "log_level"),
    ("--listen=nowhere", "listen"), ("--listen=127.0.0.1:65536", "listen"),
    ("--metrics_listen=127.0.0.1:x", "metrics_listen"),
    ("--metrics_max_connections=0", "metrics_max_connections"), ("--metrics_timeout=1ms", "metrics_timeout"),
    ("--bus_listen=nowhere", "bus_listen"), ("--advertise=here", "advertise"),
    ("--replica_of=127.0.0.1:60000", "replica_of"), ("--replica_of=127.0.0.1:7600", "bus_listen"),
    ("--log_bytes=100KiB", "log_bytes"), ("--log_bytes=67108865", "log_bytes"),
    ("--min_replicas_to_write=17", "min_replicas_to_write"), ("--min_replicas_to_write=1", "bus_listen"),
    ("--replica_in_time=1ms", "replica_in_time"), ("--cluster_secret_file=/secret", "bus_listen"),
    ("--state_dir=/state", "bus_listen"),
    ("--flagfile=/no/such/file", "flagfile"),
]


class FlagsTest(unittest.TestCase):
    def start_fails(self, *flags):
        with self.assertRaises(StartError) as raised, Node(*flags):
            pass
        return raised.exception

    def config(self, node):
        values = node.maintenance.GetConfig(admin.GetConfigRequest()).values
        return {value.name: value.value for value in values}

    def test_bad_flags_end_with_code_2_and_one_line_that_names_the_flag(self):
        for flag, name in BAD_FLAGS:
            with self.subTest(flag=flag):
                error = self.start_fails(flag)
                self.assertEqual(error.code, 2, error.stderr)
                self.assertIn(name, error.stderr)
                self.assertEqual(len(error.stderr.strip().splitlines()), 1, error.stderr)

    def test_a_word_that_is_no_flag_is_refused(self):
        self.assertEqual(self.start_fails("something").code, 2)

    def test_a_port_in_use_is_a_clear_error(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for flag in ("listen", "metrics_listen"):
                with self.subTest(flag=flag):
                    error = self.start_fails(f"--{flag}=127.0.0.1:{port}")
                    self.assertNotEqual(error.code, 0)
                    self.assertIn(str(port), error.stderr)
                    self.assertIn("in use", error.stderr.lower())

    def test_two_nodes_do_not_share_a_port(self):
        with Node() as first:
            self.start_fails(f"--listen={first.address}")
            self.assertTrue(first.alive())

    def test_help_lists_flags_and_version_is_one_line(self):
        text = subprocess.run([LARDERD, "--help"], capture_output=True, text=True, check=True).stdout
        for name in ("--listen", "--memory", "--eviction", "--max_inflight", "--flagfile"):
            self.assertIn(name, text)
        text = subprocess.run([LARDERD, "--version"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(text, r"\A.*\d+\.\d+\.\d+.*\n\Z")

    def test_sizes_and_durations_in_human_units(self):
        with Node("--memory=64MiB", "--default_ttl=90m", "--max_value_bytes=65536") as node:
            self.assertEqual(node.stats().memory_limit_bytes, 64 << 20)
            config = self.config(node)
            self.assertEqual(config["default_ttl"], "1h30m")
            self.assertIn(config["max_value_bytes"], ("65536", "64KiB"))

    def test_flagfile_and_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "larderd.flags")
            with open(path, "w", encoding="utf-8") as file:
                file.write("# a comment\n\n--memory=32MiB\n--eviction=fifo\n")
            with Node(f"--flagfile={path}", "--memory=48MiB") as node:
                self.assertEqual(node.stats().memory_limit_bytes, 48 << 20)
                self.assertEqual(node.stats().eviction, "fifo")
            with open(path, "a", encoding="utf-8") as file:
                file.write("--nonsense=1\n")
            error = self.start_fails(f"--flagfile={path}")
            self.assertEqual(error.code, 2)
            self.assertIn("nonsense", error.stderr)

    def test_config_reads_back_as_flags_that_start_a_node(self):
        with Node("--eviction=lfu", "--max_ttl=36h") as node:
            config = self.config(node)
        flags = [f"--{name}={value}" for name, value in config.items()
                 if name not in ("listen", "metrics_listen", "flagfile") and value]
        with Node(*flags) as again:
            self.assertEqual({n: v for n, v in self.config(again).items() if "listen" not in n},
                             {n: v for n, v in config.items() if "listen" not in n})

    def test_without_metrics_port_the_node_serves_all_the_same(self):
        process = subprocess.Popen([LARDERD, "--listen=127.0.0.1:0", "--metrics_listen="],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.assertIn("serving on 127.0.0.1:", process.stdout.readline())
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_every_eviction_policy_serves(self):
        for policy in ("s3fifo", "sieve", "slru", "lru", "lru-sampled", "lfu", "fifo", "ttl", "random", "none"):
            for scope in ("all", "ttl"):
                with self.subTest(policy=policy, scope=scope):
                    with Node(f"--eviction={policy}", f"--eviction_scope={scope}") as node:
                        self.assertTrue(node.alive())
                        self.assertEqual(node.stats().eviction, policy)


if __name__ == "__main__":
    unittest.main()
