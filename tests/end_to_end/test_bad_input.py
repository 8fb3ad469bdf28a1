"""Fields that no request may have: each has its code and a message that names field and limit."""

import math
import unittest

import grpc
from google.protobuf import duration_pb2

from end_to_end.harness.errors import StatusAssertions
from end_to_end.harness.node import Node
from end_to_end.harness.stubs import admin, cache, error

INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION

KEY_MAX = 16 * 1024
VALUE_MAX = 4 * 1024 * 1024 - 64 * 1024

BAD_TTLS = {
    "zero": duration_pb2.Duration(),
    "negative seconds": duration_pb2.Duration(seconds=-1),
    "negative nanos": duration_pb2.Duration(nanos=-1),
    "mixed signs": duration_pb2.Duration(seconds=1, nanos=-1),
    "too many nanos": duration_pb2.Duration(seconds=1, nanos=1_000_000_000),
    "ten to the fifteenth seconds": duration_pb2.Duration(seconds=10**15),
    "the most that fits": duration_pb2.Duration(seconds=2**63 - 1, nanos=999_999_999),
    "the least that fits": duration_pb2.Duration(seconds=-2**63, nanos=-999_999_999),
}


class BadInputTest(StatusAssertions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())
        cls.stub = cls.node.stub

    def tearDown(self):
        self.assertTrue(self.node.alive())

    def requests_with_key(self, key):
        return {
            "Get": (self.stub.Get, cache.GetRequest(key=key)),
            "Set": (self.stub.Set, cache.SetRequest(key=key)),
            "Delete": (self.stub.Delete, cache.DeleteRequest(key=key)),
            "Lease": (self.stub.Lease, cache.LeaseRequest(key=key)),
            "Touch": (self.stub.Touch, cache.TouchRequest(key=key)),
            "Increment": (self.stub.Increment, cache.IncrementRequest(key=key, initial=1)),
            "Append": (self.stub.Append, cache.AppendRequest(key=key)),
        }

    def test_empty_key(self):
        for name, (method, request) in self.requests_with_key(b"").items():
            with self.subTest(method=name):
                self.assert_fails(INVALID, ["key"], method, request)

    def test_oversized_key(self):
        for name, (method, request) in self.requests_with_key(b"k" * (KEY_MAX + 1)).items():
            with self.subTest(method=name):
                self.assert_fails(INVALID, ["key", "max_key_bytes"], method, request)

    def test_the_largest_key_and_value_are_fine(self):
        key, value = b"k" * KEY_MAX, b"v" * VALUE_MAX
        self.stub.Set(cache.SetRequest(key=key, value=value), timeout=20)
        self.assertEqual(self.stub.Get(cache.GetRequest(key=key), timeout=20).value, value)

    def test_oversized_value(self):
        request = cache.SetRequest(key=b"k", value=b"v" * (VALUE_MAX + 1))
        self.assert_fails(INVALID, ["value", "max_value_bytes"], self.stub.Set, request)

    def test_append_beyond_the_largest_value(self):
        self.stub.Set(cache.SetRequest(key=b"full", value=b"v" * VALUE_MAX), timeout=20)
        self.assert_fails(INVALID, ["max_value_bytes"], self.stub.Append,
                          cache.AppendRequest(key=b"full", value=b"x"))
        self.assertEqual(len(self.stub.Get(cache.GetRequest(key=b"full")).value), VALUE_MAX)

    def test_message_beyond_the_request_limit(self):
        items = [cache.SetRequest(key=b"%d" % n, value=b"v" * VALUE_MAX) for n in range(5)]
        self.assert_fails(grpc.StatusCode.RESOURCE_EXHAUSTED, [], self.stub.MultiSet,
                          cache.MultiSetRequest(items=items), timeout=60)

    def test_absurd_durations(self):
        for name, ttl in BAD_TTLS.items():
            calls = {
                "ttl of Set": (self.stub.Set, cache.SetRequest(key=b"k", ttl=ttl)),
                "ttl of Touch": (self.stub.Touch, cache.TouchRequest(key=b"k", ttl=ttl)),
                "ttl of Increment": (self.stub.Increment,
                                     cache.IncrementRequest(key=b"k", initial=1, ttl=ttl)),
                "ttl of Append": (self.stub.Append, cache.AppendRequest(key=b"k", ttl=ttl)),
                "hold_for of Lease": (self.stub.Lease, cache.LeaseRequest(key=b"k", hold_for=ttl)),
                "serve_stale_for of Delete": (self.stub.Delete, cache.DeleteRequest(
                    key=b"k", serve_stale_for=ttl)),
            }
            for field, (method, request) in calls.items():
                with self.subTest(ttl=name, field=field):
                    self.assert_fails(INVALID, [field.split()[0]], method, request)
        self.assertFalse(self.stub.Get(cache.GetRequest(key=b"k")).found)

    def test_limits_of_durations_are_named(self):
        century = duration_pb2.Duration(seconds=100 * 366 * 86400)
        self.assert_fails(INVALID, ["ttl", "max_ttl"], self.stub.Set,
                          cache.SetRequest(key=b"k", ttl=century))
        self.assert_fails(INVALID, ["hold_for", "max_lease_hold"], self.stub.Lease,
                          cache.LeaseRequest(key=b"k", hold_for=century))
        self.assert_fails(INVALID, ["serve_stale_for", "max_serve_stale"], self.stub.Delete,
                          cache.DeleteRequest(key=b"k", serve_stale_for=century))

    def test_conflicting_or_empty_conditions(self):
        ttl = duration_pb2.Duration(seconds=5)
        for words, fields in [
                (["keep_ttl", "ttl"], {"keep_ttl": True, "ttl": ttl}),
                (["keep_ttl", "if_absent"], {"keep_ttl": True, "if_absent": True}),
                (["if_absent"], {"if_absent": False}),
                (["if_present"], {"if_present": False}),
                (["if_version"], {"if_version": 0}),
                (["lease_token"], {"lease_token": b"short"}),
                (["lease_token"], {"lease_token": b""})]:
            with self.subTest(fields=str(fields)):
                self.assert_fails(INVALID, words, self.stub.Set,
                                  cache.SetRequest(key=b"k", value=b"v", **fields))
        self.assert_fails(INVALID, ["if_version"], self.stub.Delete,
                          cache.DeleteRequest(key=b"k", if_version=0))
        self.assertFalse(self.stub.Get(cache.GetRequest(key=b"k")).found)

    def test_acknowledgement_levels(self):
        def with_ack(**fields):
            return cache.SetRequest(key=b"k", ack=cache.Ack(**fields))

        unknown = cache.SetRequest.FromString(cache.SetRequest(key=b"k").SerializeToString()
                                              + b"\x52\x02\x08\x63")  # ack { level: 99 }
        self.assertEqual(unknown.ack.level, 99)
        self.assert_fails(INVALID, ["ack"], self.stub.Set, unknown)
        self.assert_fails(INVALID, ["replicas"], self.stub.Set,
                          with_ack(level=cache.ACK_LEVEL_REPLICAS))
        self.assert_fails(INVALID, ["replicas"], self.stub.Set,
                          with_ack(level=cache.ACK_LEVEL_MEMORY, replicas=1))
        self.assert_fails(PRECONDITION, [], self.stub.Set, with_ack(level=cache.ACK_LEVEL_DISK))
        self.assert_fails(PRECONDITION, ["replicas"], self.stub.Set,
                          with_ack(level=cache.ACK_LEVEL_REPLICAS, replicas=1))
        self.assertFalse(self.stub.Get(cache.GetRequest(key=b"k")).found)

    def test_get_with_a_position_or_negative_staleness(self):
        self.assert_fails(INVALID, ["min_position"], self.stub.Get, cache.GetRequest(
            key=b"k", min_position=cache.Position(sequence=1)))
        # A node without a bus keeps no log.
        self.assert_fails(PRECONDITION, ["min_position"], self.stub.Get, cache.GetRequest(
            key=b"k", min_position=cache.Position(sequence=1, epoch=cache.Epoch(term=1, node=b"n" * 16))))
        self.assert_fails(INVALID, ["max_staleness"], self.stub.Get, cache.GetRequest(
            key=b"k", max_staleness=duration_pb2.Duration(seconds=-1)))

    def test_early_refresh_beta(self):
        for beta in (-1.0, math.nan, math.inf, -math.inf, 1000.5):
            with self.subTest(beta=beta):
                self.assert_fails(INVALID, ["early_refresh_beta"], self.stub.Lease,
                                  cache.LeaseRequest(key=b"k", early_refresh_beta=beta))

    def test_numbers_that_are_none(self):
        for value in (b"", b"x", b" 1", b"1 ", b"1.5", b"+-1", b"9223372036854775808", b"1\0"):
            with self.subTest(value=value):
                self.stub.Set(cache.SetRequest(key=b"nan", value=value))
                self.assert_fails(PRECONDITION, [], self.stub.Increment,
                                  cache.IncrementRequest(key=b"nan", delta=1))
                self.assertEqual(self.stub.Get(cache.GetRequest(key=b"nan")).value, value)

    def test_sums_that_do_not_fit(self):
        for value, delta in ((2**63 - 1, 1), (-2**63, -1), (2**62, 2**62)):
            with self.subTest(value=value):
                self.stub.Set(cache.SetRequest(key=b"sum", value=str(value).encode()))
                self.assert_fails(PRECONDITION, [], self.stub.Increment,
                                  cache.IncrementRequest(key=b"sum", delta=delta))

    def test_multi_item_counts(self):
        self.assert_fails(INVALID, ["items"], self.stub.MultiGet, cache.MultiGetRequest())
        self.assert_fails(INVALID, ["items"], self.stub.MultiSet, cache.MultiSetRequest())
        self.assert_fails(INVALID, ["items"], self.stub.MultiDelete, cache.MultiDeleteRequest())
        many = cache.MultiGetRequest(items=[cache.GetRequest(key=b"k")] * 10001)
        self.assert_fails(INVALID, ["max_multi_items"], self.stub.MultiGet, many)

    def test_scan_limits_and_cursors(self):
        self.assert_fails(INVALID, ["limit", "max_scan_limit"], self.stub.Scan,
                          cache.ScanRequest(limit=1001))
        self.assert_fails(INVALID, ["prefix"], self.stub.Scan,
                          cache.ScanRequest(prefix=b"p" * (KEY_MAX + 1)))
        for n in range(30):
            self.stub.Set(cache.SetRequest(key=b"cursor-%d" % n))
        cursor = self.stub.Scan(cache.ScanRequest(limit=5)).next_cursor
        self.assertTrue(cursor)
        for at in range(len(cursor)):
            forged = bytearray(cursor)
            forged[at] ^= 1
            with self.subTest(byte=at):
                self.assert_fails(INVALID, ["cursor"], self.stub.Scan,
                                  cache.ScanRequest(cursor=bytes(forged)))
        for garbage in (b"x", cursor[:-1], cursor + b"x", b"\0" * 1000):
            self.assert_fails(INVALID, ["cursor"], self.stub.Scan, cache.ScanRequest(cursor=garbage))

    def test_slots_out_of_range(self):
        slot_stats, flush = self.node.maintenance.SlotStats, self.node.maintenance.Flush
        self.assert_fails(INVALID, ["first"], slot_stats, admin.SlotStatsRequest(first=16384))
        self.assert_fails(INVALID, ["last"], slot_stats, admin.SlotStatsRequest(first=0, last=16384))
        self.assert_fails(INVALID, ["last"], slot_stats, admin.SlotStatsRequest(first=5, last=4))
        self.assert_fails(INVALID, ["slot"], flush, admin.FlushRequest(slot=16384))

    def test_config_of_an_unknown_flag(self):
        self.assert_fails(INVALID, ["name", "flag"], self.node.maintenance.GetConfig,
                          admin.GetConfigRequest(name="no_such_flag"))

    def test_flags_that_can_not_be_set(self):
        def request(*settings):
            return admin.SetConfigRequest(
                values=[admin.ConfigValue(name=name, value=value) for name, value in settings])

        long = "x" * (1 << 20)
        for words, settings in [
                (["values", "empty", "1 to 100"], []),
                (["values", "more items than the limit 100"], [("", "")] * 200_000),
                (["memory", "twice"], [("memory", "1GiB"), ("memory", "1GiB")]),
                (["memory", "1048576 bytes"], [("memory", long)]),
                (["xxxxx", "no flag"], [(long, "1")]),
                (["eviction", "can not change", "memory"], [("eviction", "lru")])]:
            with self.subTest(words=words):
                self.assert_fails(INVALID, ["SetConfig", *words], self.node.maintenance.SetConfig,
                                  request(*settings))

    def test_methods_of_later_releases_say_what_they_need(self):
        later = grpc.StatusCode.UNIMPLEMENTED
        maintenance, cluster = self.node.maintenance, self.node.cluster
        for method, request in [
                (cluster.Status, admin.StatusRequest()), (cluster.Nodes, admin.NodesRequest()),
                (cluster.Slots, admin.SlotsRequest()), (cluster.Shards, admin.ShardsRequest()),
                (cluster.Meet, admin.MeetRequest()), (cluster.Forget, admin.ForgetRequest()),
                (cluster.Replicate, admin.ReplicateRequest()),
                (cluster.Failover, admin.FailoverRequest()),
                (cluster.MigrateSlots, admin.MigrateSlotsRequest()),
                (cluster.Rebalance, admin.RebalanceRequest()),
                (maintenance.Snapshot, admin.SnapshotRequest()),
                (maintenance.LastSnapshot, admin.LastSnapshotRequest()),
                (maintenance.HotKeys, admin.HotKeysRequest()),
                (maintenance.SlowLog, admin.SlowLogRequest())]:
            with self.subTest(request=type(request).__name__):
                self.assertTrue(self.assert_fails(later, [], method, request).details())
        for method, request in [(self.stub.Watch, cache.WatchRequest()),
                                (cluster.Events, admin.EventsRequest())]:
            with self.subTest(request=type(request).__name__):
                failed = self.assert_fails(later, [], lambda r, timeout: list(method(r, timeout=timeout)),
                                           request)
                self.assertTrue(failed.details())

    def test_messages_never_show_the_value(self):
        secret = b"9x-secret-value"
        self.stub.Set(cache.SetRequest(key=b"secret", value=secret))
        failed = self.assert_fails(PRECONDITION, [], self.stub.Increment,
                                   cache.IncrementRequest(key=b"secret", delta=1))
        self.assertNotIn("9x-secret", failed.details())

    def test_message_that_is_no_protobuf(self):
        call = self.node.channel.unary_unary("/larder.v1.Cache/Get", lambda raw: raw,
                                             cache.GetResponse.FromString)
        with self.assertRaises(grpc.RpcError) as raised:
            call(b"\xff\xff\xff\xff", timeout=20)
        # grpc++ 1.51's callback API gives its handler no say here and answers UNIMPLEMENTED.
        self.assertIn(raised.exception.code(), (INVALID, grpc.StatusCode.UNIMPLEMENTED))

    def test_unknown_method_and_service(self):
        for path in ("/larder.v1.Cache/NoSuchMethod", "/no.such.Service/Method", "/", "/x"):
            with self.subTest(path=path):
                call = self.node.channel.unary_unary(path, lambda raw: raw, lambda raw: raw)
                self.assert_fails(grpc.StatusCode.UNIMPLEMENTED, [], call, b"")

    def test_item_errors_name_their_reason(self):
        results = self.stub.MultiGet(cache.MultiGetRequest(items=[cache.GetRequest()])).results
        self.assertIsInstance(results[0].error, error.ItemError)
        self.assertIn("key", results[0].error.message)


if __name__ == "__main__":
    unittest.main()
