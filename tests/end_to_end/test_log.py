"""The log, and a stderr that does not take it."""

import os
import re
import resource
import signal
import unittest

import grpc

from end_to_end.harness import raw
from end_to_end.harness.node import Node
from end_to_end.harness.stubs import admin, cache
from end_to_end.harness.waiting import wait_until

LOST = "larder_log_lines_lost_total"
CALLS_MAX = 5000


class LogTest(unittest.TestCase):
    def change_config(self, node, number):
        """One line of log."""
        setting = admin.ConfigValue(name="max_inflight", value=str(1000 + number % 2))
        node.maintenance.SetConfig(admin.SetConfigRequest(values=[setting]), timeout=20)

    def log_until_lost(self, node):
        for number in range(CALLS_MAX):
            self.change_config(node, number)
            if number % 100 == 99 and node.metrics()[LOST] > 0:
                return
        self.fail(f"not one line was lost after {CALLS_MAX}")

    def assert_serves(self, node):
        node.stub.Set(cache.SetRequest(key=b"k", value=b"v"), timeout=20)
        self.assertEqual(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).value, b"v")
        self.assertTrue(node.alive())

    def test_a_log_that_nobody_reads_hurts_nobody(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with Node("--max_log_bytes=4KiB", stderr=writer) as node:
            os.close(writer)
            self.log_until_lost(node)
            self.assert_serves(node)
            self.assertEqual(node.terminate(), 0)

    def test_what_was_lost_is_told_once_there_is_room(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with Node("--max_log_bytes=4KiB", stderr=writer) as node:
            os.close(writer)
            self.log_until_lost(node)
            lost = node.metrics()[LOST]
            # In more than one line if a shorter one found room in between.
            text, told = b"", []
            while sum(told) < lost:
                text += os.read(reader, 65536)
                told = [int(count) for count in re.findall(rb"\] (\d+) log lines were lost", text)]
            self.assertEqual(sum(told), lost)
            self.assertEqual(node.terminate(), 0)

    def test_a_second_signal_ends_a_drain_whose_log_nobody_reads(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with Node("--max_log_bytes=4KiB", "--drain_timeout=1h", stderr=writer) as node:
            os.close(writer)
            self.log_until_lost(node)
            with node.hold_call():
                node.signal(signal.SIGTERM)
                wait_until(lambda: node.http("/readyz")[0] == 503, "the drain has begun")
                node.signal(signal.SIGTERM)
                self.assertEqual(node.process.wait(30), 3)

    def test_lines_that_cannot_be_written_are_lost(self):
        def gone():
            reader, writer = os.pipe()
            os.close(reader)
            return writer
        for what, opened in (("full disk", lambda: os.open("/dev/full", os.O_WRONLY)), ("reader gone", gone)):
            with self.subTest(what=what):
                stderr = opened()
                with Node(stderr=stderr) as node:
                    os.close(stderr)
                    before = node.metrics()[LOST]
                    for number in range(10):
                        self.change_config(node, number)
                    wait_until(lambda: node.metrics()[LOST] >= before + 10, "ten more lines are lost")
                    self.assert_serves(node)
                    self.assertEqual(node.terminate(), 0)

    def test_a_node_without_stderr_opens_nothing_in_its_place(self):
        with Node(wrapper=["sh", "-c", 'exec "$@" 2>&-', "sh"]) as node:
            self.assert_serves(node)
            self.assertEqual(os.readlink(f"/proc/{node.process.pid}/fd/2"), "/dev/null")
            self.assertEqual(node.terminate(), 0)

    def test_refused_writes_are_told_by_their_number(self):
        with Node("--memory=4MiB", "--stripes=1", "--eviction=none") as node:
            refused = 0
            for number in range(20):
                try:
                    node.stub.Set(cache.SetRequest(key=b"k-%d" % number, value=b"v" * 1000000), timeout=20)
                except grpc.RpcError as error:
                    self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
                    refused += 1
            self.assertGreater(refused, 10)
            pattern = r"(\d+) writes refused: memory is full"
            wait_until(lambda: sum(map(int, re.findall(pattern, node.log()))) == refused, "all are told")

    def test_a_node_without_files_for_connections_says_so(self):
        with Node() as node:
            files = len(os.listdir(f"/proc/{node.process.pid}/fd"))
            limits = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (files, limits[1]))
            with raw.connect(node.port):
                wait_until(lambda: "times no connection could be accepted" in node.log(), "it is told")
                resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, limits)
                self.assertTrue(node.alive())
                self.assertGreaterEqual(node.metrics()["larder_accept_failures_total"], 1)

    def test_who_asked_for_a_flush_or_a_change_is_told(self):
        with Node() as node:
            node.stub.Set(cache.SetRequest(key=b"k", value=b"v"), timeout=20)
            node.maintenance.Flush(admin.FlushRequest(), timeout=20)
            node.maintenance.Flush(admin.FlushRequest(slot=7), timeout=20)
            self.change_config(node, 1)
            for what in ("Flush of all slots: 1 entries", "Flush of slot 7: 0 entries",
                         "SetConfig of --max_inflight"):
                pattern = re.escape(what) + r"; asked for by (ipv4:)?127\.0\.0\.1:\d+\n"
                wait_until(lambda: re.search(pattern, node.log()), what)

    def test_a_node_for_everybody_says_so(self):
        for flags, is_warned in ((["--listen=0.0.0.0:0"], True), ([], False)):
            with self.subTest(flags=flags), Node(*flags) as node:
                self.assertEqual("EVERYBODY who reaches 0.0.0.0:" in node.log(), is_warned)
                self.assertEqual("EVERYBODY" in node.log(), is_warned)


if __name__ == "__main__":
    unittest.main()
