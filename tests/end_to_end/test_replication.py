"""A replica holds what its primary holds: what was there, and every way in which it changes."""

import signal
import tempfile
import unittest

import grpc

from end_to_end.harness.cli import Cli
from end_to_end.harness.errors import StatusAssertions, details_of
from end_to_end.harness.replication import LONG_AGO, BusNode, PairTest, wait_until_equal, wait_until_following
from end_to_end.harness.stubs import admin, cache, error
from end_to_end.harness.waiting import wait_until

REDIRECT = (("larder-routing", "redirect"),)


class ChangesTest(PairTest):
    def test_set_overwrite_and_delete(self):
        for number in range(200):
            self.primary.set(b"key%d" % number, b"value%d" % number, flags=number)
        for number in range(0, 200, 3):
            self.primary.set(b"key%d" % number, b"another")
        for number in range(0, 200, 2):
            self.primary.stub.Delete(cache.DeleteRequest(key=b"key%d" % number), timeout=20)
        self.assertEqual(self.assert_equal()[1], 100)
        self.assertEqual(self.replica.get(b"key3", **LONG_AGO), b"another")
        self.assertEqual(self.replica.get(b"key1", **LONG_AGO), b"value1")
        self.assertIsNone(self.replica.get(b"key2", **LONG_AGO))

    def test_increment_and_append_come_as_their_results(self):
        for _ in range(50):
            self.primary.stub.Increment(cache.IncrementRequest(key=b"counter", delta=3, initial=3), timeout=20)
            self.primary.stub.Append(cache.AppendRequest(key=b"text", value=b"ab"), timeout=20)
        self.assert_equal()
        self.assertEqual(self.replica.get(b"counter", **LONG_AGO), b"150")
        self.assertEqual(self.replica.get(b"text", **LONG_AGO), b"ab" * 50)

    def test_a_ttl_a_touch_and_a_stale_value(self):
        self.primary.set(b"ttl", ttl={"seconds": 3600})
        self.primary.set(b"touched")
        self.primary.stub.Touch(cache.TouchRequest(key=b"touched", ttl={"seconds": 7200}), timeout=20)
        self.primary.set(b"deleted", b"old")
        self.primary.stub.Delete(
            cache.DeleteRequest(key=b"deleted", serve_stale_for={"seconds": 3600}), timeout=20)
        self.assertEqual(self.assert_equal()[1], 3)
        for key in (b"ttl", b"touched", b"deleted"):
            with self.subTest(key=key):
                answers = [node.stub.Get(cache.GetRequest(key=key, **LONG_AGO), timeout=20)
                           for node in (self.primary, self.replica)]
                self.assertEqual(*answers)
                self.assertTrue(answers[0].HasField("expires_at"))

    def test_large_values(self):
        for number in range(20):
            self.primary.set(b"large%d" % number, bytes([number]) * (200_000 * number))
        for number in range(0, 20, 2):
            self.primary.stub.Append(cache.AppendRequest(key=b"large%d" % number, value=b"x"), timeout=20)
        self.assert_equal()

    def test_flush_of_all_and_of_a_slot(self):
        self.primary.fill(5000)
        self.assertEqual(self.assert_equal()[1], 5000)
        slots = self.primary.maintenance.SlotStats(admin.SlotStatsRequest(first=0, last=16383), timeout=20).slots
        self.primary.maintenance.Flush(admin.FlushRequest(slot=slots[0].slot), timeout=20)
        self.assertEqual(self.assert_equal()[1], 5000 - slots[0].entries)
        self.primary.maintenance.Flush(admin.FlushRequest(), timeout=20)
        self.assertEqual(self.assert_equal()[1], 0)
        self.primary.fill(10)
        self.assertEqual(self.assert_equal()[1], 10)

    def test_expired_entries_are_removed_at_both(self):
        for number in range(2000):
            self.primary.set(b"short%d" % number, ttl={"nanos": 200_000_000})
        self.primary.set(b"long")
        wait_until(lambda: self.primary.stats().entries == 1, "the expirer has removed them")
        self.assertEqual(self.assert_equal()[1], 1)
        self.assertEqual(self.replica.stats().entries, 1)


class FullCopyTest(StatusAssertions, unittest.TestCase):
    def test_what_was_there_before_and_what_comes_meanwhile(self):
        with BusNode() as primary:
            primary.fill(50_000)
            for number in range(100):
                primary.set(b"ttl%d" % number, ttl={"seconds": 3600}, flags=number)
            with BusNode(follows=primary) as replica, BusNode() as other:
                other.fill(1000, prefix=b"its own")
                other.follow(primary)
                for number in range(2000):
                    primary.set(b"key%d" % number, b"meanwhile")
                _, entries = wait_until_equal(primary, replica, other)
                self.assertEqual(entries, 50_100)
                counts = primary.counts()
                self.assertEqual((counts.full_copies, counts.completed_copies), (2, 2))
                self.assertEqual(replica.counts().own_installed_copies, 1)

    def test_a_copy_that_takes_its_time_holds_nobody(self):
        with BusNode("--copy_bytes_per_second=512KiB", "--log_bytes=16MiB") as primary:
            primary.fill(3_000)
            with BusNode(follows=primary) as replica:
                wait_until(lambda: replica.replication().source.copied_bytes > 0, "a copy is under way")
                written = 0
                while primary.counts().completed_copies == 0:
                    for number in range(10):
                        primary.set(b"key%d" % number, b"meanwhile" * 100)
                    written += 10
                self.assertGreater(written, 20, "while it was copied")
                counts = primary.counts()
                self.assertEqual(counts.writers_held, 0)
                self.assertGreater(counts.copy_log_bytes, 900 * written / 10, "the log went on beside it")
                _, entries = wait_until_equal(primary, replica)
                self.assertEqual(entries, 3_000)
                self.assertEqual(primary.counts().full_copies, 1)

    def test_the_command_says_where_each_node_stands(self):
        with BusNode() as primary, BusNode(follows=primary) as replica:
            wait_until_following(replica)
            primary.set(b"key")
            wait_until_equal(primary, replica)
            wait_until(lambda: primary.replication().replicas_in_time == 1, "it has acknowledged")
            code, said = Cli(primary.address).json("replication")
            self.assertEqual((code, said["role"]), (0, "primary"))
            self.assertEqual([entry["endpoint"] for entry in said["replicas"]], [replica.address])
            code, said = Cli(replica.address).json("replication")
            self.assertEqual((code, said["role"]), (0, "replica"))
            self.assertEqual(said["source"]["client_endpoint"], primary.address)
            self.assertEqual(Cli(replica.address).json("digest"), Cli(primary.address).json("digest"))


class FirstAnswerTest(unittest.TestCase):
    def test_a_node_knows_from_the_start_what_it_is(self):
        with tempfile.TemporaryDirectory() as folder, BusNode(f"--state_dir={folder}") as primary:
            said = primary.replication()
            primary_id = said.node
            self.assertEqual((said.role, len(primary_id)), (admin.NODE_ROLE_PRIMARY, 32))
            for _ in range(5):
                with BusNode(follows=primary) as replica:
                    said = replica.replication()
                    self.assertEqual((said.role, len(said.node)), (admin.NODE_ROLE_REPLICA, 32))
                    self.assertEqual(said.source.endpoint, f"127.0.0.1:{primary.bus_port}")
                    wait_until_following(replica)
            primary.kill()
            with BusNode(*primary.same_ports(), f"--state_dir={folder}", "--restart_wait=1h") as again:
                again_said = again.replication()
                self.assertEqual((again_said.role, again_said.node), (admin.NODE_ROLE_WAITING, primary_id))
                text = Cli(again.address).run("replication").stdout
                self.assertIn(b"waiting: it led, was started again", text)
                self.assertEqual(text[-1:], b"\n")


class LagTest(unittest.TestCase):
    def test_a_replica_that_stands_still_lags_in_bytes_sequences_and_time(self):
        with BusNode() as primary, BusNode(follows=primary) as replica:
            primary.fill(10)
            wait_until_equal(primary, replica)
            labels = f'{{node="{replica.replication().node}",replica="{replica.address}"}}'
            lags = [f"larder_replication_replica_lag_{unit}{labels}" for unit in ("bytes", "sequences", "seconds")]
            wait_until(lambda: [primary.metrics().get(lag) for lag in lags] == [0, 0, 0], "it has all")
            wait_until(lambda: replica.metrics().get("larder_replication_source_lag_seconds") == 0, "and says so")
            wait_until(lambda: "larder_replication_staleness_seconds" in replica.metrics(), "and how old it may be")
            replica.signal(signal.SIGSTOP)
            try:
                primary.fill(10)
                wait_until(lambda: primary.metrics().get(lags[2], 0) >= 0.2, "it lags in time")
                metrics = primary.metrics()
                self.assertGreater(metrics[lags[0]], 1000)
                self.assertEqual(metrics[lags[0]], 64 * metrics[lags[1]])
                said = primary.replication().replicas[0].lag
                self.assertGreaterEqual(said.time.ToTimedelta().total_seconds(), 0.2)
            finally:
                replica.signal(signal.SIGCONT)
            wait_until(lambda: primary.metrics().get(lags[2]) == 0, "it has all again")


class RoutingTest(PairTest, StatusAssertions):
    def test_what_is_asked_of_a_replica_is_done_by_its_primary(self):
        self.replica.set(b"key", b"by the replica")
        self.assertEqual(self.primary.get(b"key"), b"by the replica")
        self.assertEqual(self.replica.get(b"key"), b"by the replica")
        self.replica.stub.Increment(cache.IncrementRequest(key=b"counter", delta=2, initial=2), timeout=20)
        self.assertTrue(self.replica.stub.Delete(cache.DeleteRequest(key=b"key"), timeout=20).deleted)
        self.assertIsNone(self.replica.get(b"key"))
        self.replica.fill(100)
        self.assertEqual(self.assert_equal()[1], 101)

    def test_who_wants_to_be_redirected_is_told_the_primary(self):
        for call, request in ((self.replica.stub.Set, cache.SetRequest(key=b"key", value=b"v")),
                              (self.replica.stub.Get, cache.GetRequest(key=b"key"))):
            failed = self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, [], call, request, metadata=REDIRECT)
            redirects = [detail for detail in details_of(failed).details if detail.Is(error.Redirect.DESCRIPTOR)]
            self.assertEqual(len(redirects), 1, failed)
            redirect = error.Redirect()
            redirects[0].Unpack(redirect)
            self.assertEqual((redirect.kind, redirect.endpoint), (error.REDIRECT_KIND_MOVED, self.primary.address))
        self.assertEqual(self.primary.stats().entries, 0)


if __name__ == "__main__":
    unittest.main()
