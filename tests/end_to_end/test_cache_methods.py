"""Every method of larder.v1.Cache through generated Python stubs."""

import time
import unittest

from google.protobuf import duration_pb2

from end_to_end.harness.node import Node
from end_to_end.harness.stubs import cache

BINARY = bytes(range(256)) * 3


def seconds(value):
    return duration_pb2.Duration(seconds=value)


class CacheMethodsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())
        cls.stub = cls.node.stub

    def set(self, key, value=b"value", **fields):
        return self.stub.Set(cache.SetRequest(key=key, value=value, **fields), timeout=20)

    def get(self, key):
        return self.stub.Get(cache.GetRequest(key=key), timeout=20)

    def test_get_returns_what_set_stored(self):
        key = b"\0binary\xff" + BINARY[:100]
        stored = self.set(key, BINARY, flags=7).stored
        self.assertGreater(stored.version, 0)
        self.assertFalse(stored.HasField("position"))
        answer = self.get(key)
        self.assertEqual((answer.found, answer.value, answer.version, answer.flags, answer.stale),
                         (True, BINARY, stored.version, 7, False))
        self.assertFalse(answer.HasField("expires_at"))

    def test_empty_value_is_a_hit(self):
        self.set(b"empty", b"")
        answer = self.get(b"empty")
        self.assertTrue(answer.found)
        self.assertEqual(answer.value, b"")

    def test_get_of_an_unknown_key_is_an_empty_answer(self):
        self.assertEqual(self.get(b"unknown"), cache.GetResponse())

    def test_every_set_has_a_greater_version(self):
        versions = [self.set(b"versions", str(n).encode()).stored.version for n in range(20)]
        self.assertEqual(versions, sorted(set(versions)))

    def test_ttl_says_when_the_entry_expires(self):
        before = time.time()
        self.set(b"ttl", ttl=seconds(1000))
        expires = self.get(b"ttl").expires_at
        self.assertGreaterEqual(expires.ToNanoseconds() / 1e9, before + 1000 - 1)
        self.assertEqual(expires.nanos % 1_000_000, 0)

    def test_an_expired_entry_is_gone_for_its_reader(self):
        self.set(b"short", ttl=duration_pb2.Duration(nanos=1))
        # 1 ns is rounded up to 1 ms; the reader's next look is at least as late as its expiry.
        time.sleep(0.05)
        self.assertFalse(self.get(b"short").found)

    def test_if_absent(self):
        first = self.set(b"absent", b"1", if_absent=True)
        second = self.set(b"absent", b"2", if_absent=True)
        self.assertTrue(first.HasField("stored"))
        self.assertEqual(second.not_stored.reason, cache.NOT_STORED_REASON_EXISTS)
        self.assertEqual(second.not_stored.current_version, first.stored.version)
        self.assertEqual(self.get(b"absent").value, b"1")

    def test_if_present(self):
        missing = self.set(b"present", if_present=True)
        self.assertEqual(missing.not_stored.reason, cache.NOT_STORED_REASON_NOT_FOUND)
        self.assertEqual(missing.not_stored.current_version, 0)
        self.assertFalse(self.get(b"present").found)
        self.set(b"present", b"1")
        self.assertTrue(self.set(b"present", b"2", if_present=True).HasField("stored"))

    def test_if_version(self):
        version = self.set(b"cas", b"1").stored.version
        newer = self.set(b"cas", b"2", if_version=version).stored.version
        late = self.set(b"cas", b"3", if_version=version).not_stored
        self.assertEqual(late.reason, cache.NOT_STORED_REASON_VERSION_MISMATCH)
        self.assertEqual(late.current_version, newer)
        gone = self.set(b"cas-none", b"1", if_version=version).not_stored
        self.assertEqual((gone.reason, gone.current_version), (cache.NOT_STORED_REASON_NOT_FOUND, 0))

    def test_keep_ttl_passes_the_expiry_on(self):
        self.set(b"keep", ttl=seconds(500))
        expires = self.get(b"keep").expires_at
        self.set(b"keep", b"other", keep_ttl=True)
        self.assertEqual(self.get(b"keep").expires_at, expires)
        self.set(b"keep", b"other")
        self.assertFalse(self.get(b"keep").HasField("expires_at"))

    def test_return_previous(self):
        version = self.set(b"previous", b"old", flags=3).stored.version
        answer = self.set(b"previous", b"new", return_previous=True, if_absent=True)
        self.assertTrue(answer.HasField("not_stored"))
        self.assertEqual((answer.previous.value, answer.previous.version, answer.previous.flags),
                         (b"old", version, 3))
        answer = self.set(b"previous", b"new", return_previous=True)
        self.assertEqual(answer.previous.value, b"old")
        self.assertFalse(self.set(b"previous-none", return_previous=True).HasField("previous"))

    def test_delete(self):
        version = self.set(b"delete").stored.version
        refused = self.stub.Delete(cache.DeleteRequest(key=b"delete", if_version=version + 1))
        self.assertEqual((refused.deleted, refused.current_version), (False, version))
        self.assertTrue(self.stub.Delete(cache.DeleteRequest(key=b"delete")).deleted)
        self.assertFalse(self.stub.Delete(cache.DeleteRequest(key=b"delete")).deleted)
        self.assertFalse(self.get(b"delete").found)

    def test_delete_can_leave_a_stale_value(self):
        version = self.set(b"stale", b"old").stored.version
        self.stub.Delete(cache.DeleteRequest(key=b"stale", serve_stale_for=seconds(600)))
        answer = self.get(b"stale")
        self.assertEqual((answer.found, answer.stale, answer.value, answer.version),
                         (True, True, b"old", version))
        self.assertTrue(answer.HasField("expires_at"))
        self.assertEqual(self.set(b"stale", if_present=True).not_stored.reason,
                         cache.NOT_STORED_REASON_NOT_FOUND)
        self.assertTrue(self.set(b"stale", b"new", if_absent=True).HasField("stored"))
        self.assertFalse(self.get(b"stale").stale)

    def test_touch_changes_the_expiry_only(self):
        version = self.set(b"touch").stored.version
        answer = self.stub.Touch(cache.TouchRequest(key=b"touch", ttl=seconds(100)))
        self.assertEqual((answer.found, answer.version), (True, version))
        self.assertEqual(self.get(b"touch").expires_at, answer.expires_at)
        answer = self.stub.Touch(cache.TouchRequest(key=b"touch"))
        self.assertFalse(answer.HasField("expires_at"))
        self.assertFalse(self.get(b"touch").HasField("expires_at"))
        self.assertFalse(self.stub.Touch(cache.TouchRequest(key=b"touch-none")).found)

    def increment(self, key, delta, **fields):
        return self.stub.Increment(cache.IncrementRequest(key=key, delta=delta, **fields), timeout=20)

    def test_increment(self):
        self.assertFalse(self.increment(b"count", 1).found)
        created = self.increment(b"count", 5, initial=10)
        self.assertEqual((created.found, created.created, created.value), (True, True, 10))
        added = self.increment(b"count", -15, initial=10)
        self.assertEqual((added.created, added.value), (False, -5))
        self.assertGreater(added.version, created.version)
        self.assertEqual(self.get(b"count").value, b"-5")

    def test_increment_reaches_both_ends_of_64_bits(self):
        self.set(b"max", str(2**63 - 2).encode())
        self.assertEqual(self.increment(b"max", 1).value, 2**63 - 1)
        self.set(b"min", str(-2**63 + 1).encode())
        self.assertEqual(self.increment(b"min", -1).value, -2**63)

    def test_append(self):
        created = self.stub.Append(cache.AppendRequest(key=b"append", value=b"ab"))
        self.assertEqual((created.stored, created.value_bytes), (True, 2))
        added = self.stub.Append(cache.AppendRequest(key=b"append", value=b"\0c", if_present=True))
        self.assertEqual(added.value_bytes, 4)
        self.assertEqual(self.get(b"append").value, b"ab\0c")
        refused = self.stub.Append(
            cache.AppendRequest(key=b"append-none", value=b"x", if_present=True))
        self.assertFalse(refused.stored)
        self.assertFalse(self.get(b"append-none").found)

    def test_multi_methods_answer_each_item_in_order(self):
        keys = [b"multi-%d" % n for n in range(50)]
        items = [cache.SetRequest(key=key, value=b"v" + key) for key in keys]
        items.insert(10, cache.SetRequest(key=b"", value=b"x"))
        results = self.stub.MultiSet(cache.MultiSetRequest(items=items)).results
        self.assertEqual(len(results), 51)
        self.assertEqual(results.pop(10).error.code, 3)
        self.assertTrue(all(result.response.HasField("stored") for result in results))

        asked = keys + [b"multi-none", b"", keys[0], keys[0]]
        answer = self.stub.MultiGet(
            cache.MultiGetRequest(items=[cache.GetRequest(key=key) for key in asked]))
        values = [r.response.value if r.response.found else None for r in answer.results]
        self.assertEqual(values, [b"v" + key for key in keys] + [None, None] + [b"v" + keys[0]] * 2)
        self.assertEqual(answer.results[51].error.code, 3)

        deletes = [cache.DeleteRequest(key=key) for key in (keys[0], keys[0], b"", keys[1])]
        results = self.stub.MultiDelete(cache.MultiDeleteRequest(items=deletes)).results
        self.assertEqual([r.response.deleted for r in results], [True, False, False, True])
        self.assertEqual(results[2].error.code, 3)

    def scan(self, **fields):
        """All entries of a walk, and how many calls it took."""
        entries, cursor, calls = [], b"", 0
        while True:
            answer = self.stub.Scan(cache.ScanRequest(cursor=cursor, **fields), timeout=20)
            entries += answer.entries
            cursor, calls = answer.next_cursor, calls + 1
            if not cursor:
                return entries, calls

    def test_scan_returns_every_key_under_a_prefix(self):
        wanted = {b"scan-%d" % n: b"value-%d" % n for n in range(300)}
        for key, value in wanted.items():
            self.set(key, value)
        self.set(b"scam")
        entries, calls = self.scan(prefix=b"scan-", limit=50)
        self.assertEqual({entry.key: entry.value for entry in entries}, wanted)
        self.assertEqual(len(entries), 300)
        self.assertGreaterEqual(calls, 6)
        keys_only, _ = self.scan(prefix=b"scan-", keys_only=True)
        self.assertEqual({entry.key for entry in keys_only}, set(wanted))
        self.assertEqual({entry.value for entry in keys_only}, {b""})

    def test_scan_sees_every_key_that_stays_while_others_come_and_go(self):
        stay = {b"stay-%d" % n for n in range(200)}
        for key in stay:
            self.set(key)
        seen, cursor, step = set(), b"", 0
        while step == 0 or cursor:
            answer = self.stub.Scan(cache.ScanRequest(cursor=cursor, prefix=b"stay-", limit=10))
            seen |= {entry.key for entry in answer.entries}
            cursor, step = answer.next_cursor, step + 1
            for n in range(20):
                self.set(b"stay-extra-%d-%d" % (step % 5, n))
                self.stub.Delete(cache.DeleteRequest(key=b"stay-extra-%d-%d" % ((step + 1) % 5, n)))
        self.assertLessEqual(stay, seen)

    def test_pipeline_matches_answers_by_id(self):
        requests = [
            cache.PipelineRequest(id=1, set=cache.SetRequest(key=b"p", value=b"1")),
            cache.PipelineRequest(id=2, touch=cache.TouchRequest(key=b"p-none")),
            cache.PipelineRequest(id=3, lease=cache.LeaseRequest(key=b"p-lease")),
            cache.PipelineRequest(id=4, increment=cache.IncrementRequest(key=b"p-i", initial=4)),
            cache.PipelineRequest(id=5, append=cache.AppendRequest(key=b"p-a", value=b"xyz")),
            cache.PipelineRequest(id=2**64 - 1, get=cache.GetRequest(key=b"p-never")),
            cache.PipelineRequest(id=7, delete=cache.DeleteRequest(key=b"p-never")),
            cache.PipelineRequest(id=8, multi_get=cache.MultiGetRequest(
                items=[cache.GetRequest(key=b"p-never")] * 2)),
            cache.PipelineRequest(id=9, multi_set=cache.MultiSetRequest(
                items=[cache.SetRequest(key=b"p-m", value=b"m")])),
            cache.PipelineRequest(id=10, multi_delete=cache.MultiDeleteRequest(
                items=[cache.DeleteRequest(key=b"p-never")])),
        ]
        answers = {answer.id: answer for answer in self.stub.Pipeline(iter(requests), timeout=20)}
        self.assertEqual(set(answers), {request.id for request in requests})
        for request in requests:
            self.assertEqual(answers[request.id].WhichOneof("result"),
                             request.WhichOneof("operation"))
        self.assertGreater(answers[1].set.stored.version, 0)
        self.assertEqual(answers[4].increment.value, 4)
        self.assertEqual(answers[5].append.value_bytes, 3)
        self.assertEqual(len(answers[8].multi_get.results), 2)

    def test_pipeline_goes_on_after_an_error(self):
        requests = [
            cache.PipelineRequest(id=1, get=cache.GetRequest(key=b"")),
            cache.PipelineRequest(id=2),
            cache.PipelineRequest(id=3, set=cache.SetRequest(key=b"after", value=b"error")),
        ]
        answers = {answer.id: answer for answer in self.stub.Pipeline(iter(requests), timeout=20)}
        self.assertEqual(answers[1].error.code, 3)
        self.assertIn("key", answers[1].error.message)
        self.assertEqual(answers[2].error.code, 3)
        self.assertTrue(answers[3].set.HasField("stored"))

    def test_pipeline_carries_many_operations(self):
        requests = [cache.PipelineRequest(id=n, set=cache.SetRequest(key=b"many-%d" % n, value=BINARY))
                    for n in range(3000)]
        seen = sorted(answer.id for answer in self.stub.Pipeline(iter(requests), timeout=60)
                      if answer.set.HasField("stored"))
        self.assertEqual(seen, list(range(3000)))


if __name__ == "__main__":
    unittest.main()
