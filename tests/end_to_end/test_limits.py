"""Memory, answer sizes and calls in flight at their limits."""

import contextlib
import queue
import unittest

import grpc

from end_to_end.harness import raw
from end_to_end.harness.errors import StatusAssertions, retry_delay_of
from end_to_end.harness.node import TRANSPORT, Node
from end_to_end.harness.stubs import admin, cache, cache_grpc
from end_to_end.harness.waiting import wait_until

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
BLOCK = b"b" * 16384


class FullMemoryTest(StatusAssertions, unittest.TestCase):
    def fill(self, node, **fields):
        """Sets blocks until one is refused; returns the keys that are in, and the error."""
        keys = []
        while True:
            key = b"fill-%d" % len(keys)
            try:
                node.stub.Set(cache.SetRequest(key=key, value=BLOCK, **fields), timeout=20)
            except grpc.RpcError as error:
                return keys, error
            keys.append(key)
            self.assertLess(len(keys), 10_000)

    def test_without_eviction_writes_are_refused_and_the_rest_goes_on(self):
        with Node("--memory=16MiB", "--eviction=none") as node:
            keys, error = self.fill(node)
            self.assertEqual(error.code(), EXHAUSTED)
            self.assertIn("memory", error.details())
            self.assertGreater(retry_delay_of(error), 0)
            self.assertGreater(len(keys), 500)
            stats = node.stats()
            self.assertLessEqual(stats.memory_bytes, stats.memory_limit_bytes)
            self.assertEqual((stats.entries, stats.evictions), (len(keys), 0))

            for key in keys:
                self.assertEqual(node.stub.Get(cache.GetRequest(key=key)).value, BLOCK)
            pipelined = node.stub.Pipeline(iter([cache.PipelineRequest(
                id=1, set=cache.SetRequest(key=b"more", value=BLOCK))]), timeout=20)
            answer = next(pipelined)
            self.assertEqual(answer.error.code, EXHAUSTED.value[0])
            self.assertGreater(answer.error.retry_after.ToNanoseconds(), 0)

            for key in keys[:10]:
                self.assertTrue(node.stub.Delete(cache.DeleteRequest(key=key)).deleted)
            for n in range(9):
                node.stub.Set(cache.SetRequest(key=b"again-%d" % n, value=BLOCK), timeout=20)
            self.assertEqual(node.stub.Get(cache.GetRequest(key=keys[10])).value, BLOCK)

    def test_scope_ttl_evicts_only_keys_that_expire(self):
        with Node("--memory=16MiB", "--eviction_scope=ttl") as node:
            node.stub.Set(cache.SetRequest(key=b"stays", value=BLOCK))
            for n in range(2000):
                request = cache.SetRequest(key=b"goes-%d" % n, value=BLOCK)
                request.ttl.seconds = 3600
                node.stub.Set(request, timeout=20)
            self.assertGreater(node.stats().evictions, 500)
            self.assertTrue(node.stub.Get(cache.GetRequest(key=b"stays")).found)
            _, error = self.fill(node)
            self.assertEqual(error.code(), EXHAUSTED)

    def test_eviction_keeps_to_the_budget(self):
        with Node("--memory=16MiB") as node:
            for n in range(3000):
                node.stub.Set(cache.SetRequest(key=b"k-%d" % n, value=BLOCK), timeout=20)
            stats = node.stats()
            self.assertGreater(stats.evictions, 1500)
            self.assertEqual(stats.entries + stats.evictions, 3000)
            self.assertLessEqual(stats.memory_bytes, stats.memory_limit_bytes)
            self.assertTrue(node.stub.Get(cache.GetRequest(key=b"k-2999")).found)
            self.assertFalse(node.stub.Get(cache.GetRequest(key=b"k-0")).found)


@unittest.skipIf(TRANSPORT == "grpcpp", "grpc++ has its own limit")
class MetadataSizeTest(StatusAssertions, unittest.TestCase):
    def test_too_much_metadata_fails_its_call_alone(self):
        with Node() as node, node.open_channel() as channel:
            stub = cache_grpc.CacheStub(channel)
            requests = queue.Queue()
            answers = stub.Pipeline(iter(requests.get, None), timeout=60)
            for n, size in enumerate((15_000, 16_384, 17_000, 40_000, 60_000)):
                # As it is, and with what Huffman's code would make longer.
                for text in ("a", "\\"):
                    metadata = [("x", text * size)]
                    if size < 16_000:
                        stub.Get(cache.GetRequest(key=b"k"), timeout=20, metadata=metadata)
                        continue
                    with self.assertRaises(grpc.RpcError) as raised:
                        stub.Get(cache.GetRequest(key=b"k"), timeout=20, metadata=metadata)
                    self.assertEqual(raised.exception.code(), EXHAUSTED, f"{size} of {text}")
                requests.put(cache.PipelineRequest(id=n, get=cache.GetRequest(key=b"k")))
                self.assertEqual(next(answers).id, n)
            requests.put(None)
            self.assertEqual(list(answers), [])


class LargeWriteTest(StatusAssertions, unittest.TestCase):
    """Writes beside values of 1,000 bytes on a node of 8 MiB."""

    def fill(self, node, count):
        for n in range(count):
            node.stub.Set(cache.SetRequest(key=b"small-%d" % n, value=b"s" * 1000), timeout=20)
        self.assertEqual(node.stats().evictions, 0)

    def set_large(self, node, value_bytes):
        value = b"l" * value_bytes
        node.stub.Set(cache.SetRequest(key=b"large", value=value), timeout=20)
        self.assertEqual(node.stub.Get(cache.GetRequest(key=b"large"), timeout=20).value, value)

    def test_a_large_value_evicts_what_is_missing_and_not_its_whole_size(self):
        with Node("--memory=8MiB") as node:
            self.fill(node, 4100)
            free = 8 * 1024 * 1024 - node.stats().memory_bytes
            self.set_large(node, 3_300_000)
            stats = node.stats()
            self.assertGreater(stats.evictions, 0)
            self.assertLess(stats.evictions, (3_300_000 - free) // 1000 + 200)
            self.assertEqual(stats.entries, 4101 - stats.evictions)
            self.assertLessEqual(stats.memory_bytes, stats.memory_limit_bytes)

    def test_a_value_of_half_the_memory_fits_the_first_time(self):
        with Node("--memory=8MiB") as node:
            self.fill(node, 3300)
            self.set_large(node, 4_120_000)
            self.assertLess(node.stats().evictions, 500)

    def test_a_value_that_cannot_fit_evicts_nothing(self):
        with Node("--memory=8MiB", "--max_value_bytes=16MiB", "--max_request_bytes=17MiB",
                  "--max_response_bytes=17MiB") as node:
            self.fill(node, 3300)
            for value_bytes in (7_700_000, 8_000_000, 9_000_000):
                self.assert_fails(EXHAUSTED, ["--memory=8388608"], node.stub.Set,
                                  cache.SetRequest(key=b"large", value=b"l" * value_bytes))
                stats = node.stats()
                self.assertEqual((stats.entries, stats.evictions), (3300, 0))


class FullNodeTest(StatusAssertions, unittest.TestCase):
    """What goes on a node that is full and may not evict."""

    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node("--memory=8MiB", "--eviction=none"))
        cls.node.stub.Set(cache.SetRequest(key=b"number", value=b"9"))
        cls.count = 0
        for value in (b"v" * 1000, b"v" * 100, b"v"):
            while True:
                request = cache.SetRequest(key=b"full-%d" % cls.count, value=value)
                try:
                    cls.node.stub.Set(request, timeout=20)
                except grpc.RpcError as error:
                    assert error.code() == EXHAUSTED, error
                    break
                cls.count += 1

    def setUp(self):
        self.assert_is_full()

    def tearDown(self):
        self.assert_is_full()
        stats = self.node.stats()
        self.assertLessEqual(stats.memory_bytes, stats.memory_limit_bytes)

    def assert_is_full(self):
        words = ["nothing may be evicted", "a Delete, or more --memory, makes room"]
        self.assert_fails(EXHAUSTED, words, self.node.stub.Set,
                          cache.SetRequest(key=b"new", value=b"n" * 10))

    def test_every_entry_can_be_given_a_ttl(self):
        self.assertGreater(self.count, 5000)
        for n in range(10, self.count):
            request = cache.TouchRequest(key=b"full-%d" % n)
            request.ttl.seconds = 3600
            self.assertTrue(self.node.stub.Touch(request, timeout=20).found)

    def test_a_number_grows_by_a_digit(self):
        answer = self.node.stub.Increment(cache.IncrementRequest(key=b"number", delta=1), timeout=20)
        self.assertEqual(answer.value, 10)

    def test_a_shorter_value_with_a_ttl_takes_the_place_of_one_without(self):
        request = cache.SetRequest(key=b"full-1", value=b"w" * 999)
        request.ttl.seconds = 3600
        self.assertTrue(self.node.stub.Set(request, timeout=20).stored.version)

    def test_a_delete_leaves_a_stale_value_that_can_be_leased(self):
        request = cache.DeleteRequest(key=b"full-2")
        request.serve_stale_for.seconds = 3600
        self.assertTrue(self.node.stub.Delete(request, timeout=20).deleted)
        self.assertTrue(self.node.stub.Get(cache.GetRequest(key=b"full-2"), timeout=20).stale)
        answer = self.node.stub.Lease(cache.LeaseRequest(key=b"full-2"), timeout=20)
        self.assertTrue(answer.granted.token)


class AnswerSizeTest(StatusAssertions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())

    def set_big(self, count):
        keys = [b"big-%d" % n for n in range(count)]
        for key in keys:
            self.node.stub.Set(cache.SetRequest(key=key, value=b"v" * (1 << 20)), timeout=20)
        return keys

    def test_multi_get_is_capped_per_item_so_that_default_clients_can_read_it(self):
        keys = self.set_big(10)
        request = cache.MultiGetRequest(items=[cache.GetRequest(key=key) for key in keys])
        answer = self.node.stub.MultiGet(request, timeout=20)
        self.assertLess(answer.ByteSize(), 4 << 20)
        found = [result.response.found for result in answer.results]
        self.assertEqual(len(found), 10)
        self.assertEqual(found, [True] * 3 + [False] * 7)
        for result in answer.results[3:]:
            self.assertEqual(result.error.code, EXHAUSTED.value[0])
            self.assertIn("max_response_bytes", result.error.message)
        again = cache.MultiGetRequest(items=[cache.GetRequest(key=key) for key in keys[3:6]])
        self.assertTrue(all(r.response.found for r in self.node.stub.MultiGet(again).results))

    def test_ten_thousand_sets_return_their_tiny_previous_values(self):
        for count in (1_000, 10_000):
            request = cache.MultiSetRequest(items=[
                cache.SetRequest(key=b"tiny-%d" % n, value=b"v", return_previous=True)
                for n in range(count)])
            self.node.stub.MultiSet(request, timeout=60)
            results = self.node.stub.MultiSet(request, timeout=60).results
            self.assertEqual([result.response.previous.value for result in results], [b"v"] * count)

    def test_a_set_whose_previous_value_does_not_fit_is_not_done(self):
        keys = self.set_big(10)
        answer = self.node.stub.MultiSet(cache.MultiSetRequest(items=[
            cache.SetRequest(key=key, value=b"new", return_previous=True) for key in keys]), timeout=20)
        self.assertLess(answer.ByteSize(), 4 << 20)
        done = [result.HasField("response") for result in answer.results]
        self.assertEqual(done, [True] * 3 + [False] * 7)
        for key, result in zip(keys[3:], answer.results[3:]):
            self.assertEqual(result.error.code, EXHAUSTED.value[0])
            self.assertIn("nothing was done", result.error.message)
            self.assertEqual(len(self.node.stub.Get(cache.GetRequest(key=key)).value), 1 << 20)

    def test_scan_answers_fit_a_default_client(self):
        keys = set(self.set_big(10))
        seen, cursor = set(), b""
        while True:
            answer = self.node.stub.Scan(cache.ScanRequest(prefix=b"big-", cursor=cursor), timeout=20)
            self.assertLess(answer.ByteSize(), 4 << 20)
            seen |= {entry.key for entry in answer.entries}
            cursor = answer.next_cursor
            if not cursor:
                break
        self.assertEqual(seen, keys)

    def test_an_answer_over_the_clients_own_limit_fails_at_the_client_alone(self):
        self.set_big(1)
        with self.node.open_channel(("grpc.max_receive_message_length", 1000)) as channel:
            small = cache_grpc.CacheStub(channel)
            self.assert_fails(EXHAUSTED, [], small.Get, cache.GetRequest(key=b"big-0"))
            self.assertFalse(small.Get(cache.GetRequest(key=b"none"), timeout=20).found)
        self.assertTrue(self.node.stub.Get(cache.GetRequest(key=b"big-0")).found)


class InflightTest(StatusAssertions, unittest.TestCase):
    def begin_get(self, node, streams):
        """A client that asks for a value larger than HTTP/2's first window and never reads it."""
        message = cache.GetRequest(key=b"large").SerializeToString()
        connection = raw.connect(node.port)
        connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS + b"".join(
            raw.call_headers(b"/larder.v1.Cache/Get", stream) + raw.call_data(message, stream)
            for stream in streams))
        return connection

    def test_calls_over_the_limit_are_refused_with_a_retry_delay(self):
        with Node("--max_inflight=2") as node:
            def wait_for_in_flight(count):
                wait_until(lambda: node.metrics()["larder_requests_in_flight"] == count,
                           f"{count} in flight")

            node.stub.Set(cache.SetRequest(key=b"large", value=b"v" * (1 << 20)), timeout=20)
            # A place is given back after the answer has left: with the Set's still taken, one of
            # the two would be refused.
            wait_for_in_flight(0)
            with self.begin_get(node, streams=(1, 3)):
                wait_for_in_flight(2)
                error = self.assert_fails(EXHAUSTED, ["max_inflight"], node.stub.Get,
                                          cache.GetRequest(key=b"k"))
                self.assertGreater(retry_delay_of(error), 0)
                answers = node.stub.Pipeline(iter([cache.PipelineRequest(
                    id=9, get=cache.GetRequest(key=b"k"))]), timeout=20)
                self.assert_fails_or_item(answers)
            wait_for_in_flight(0)
            self.assertTrue(node.alive())

    def assert_fails_or_item(self, answers):
        """A stream is refused whole, or each of its operations is."""
        try:
            self.assertEqual(next(answers).error.code, EXHAUSTED.value[0])
        except grpc.RpcError as error:
            self.assertEqual(error.code(), EXHAUSTED)


class MaintenanceTest(unittest.TestCase):
    def test_memory_and_slot_statistics_add_up(self):
        with Node() as node:
            for n in range(100):
                node.stub.Set(cache.SetRequest(key=b"k-%d" % n, value=BLOCK))
            node.stub.Set(cache.SetRequest(key=b"{tag}a", value=b"1"))
            node.stub.Set(cache.SetRequest(key=b"x{tag}b", value=b"2"))
            memory = node.maintenance.MemoryStats(admin.MemoryStatsRequest())
            self.assertEqual(memory.used_bytes, sum(memory.kinds.values()))
            self.assertEqual(set(memory.kinds),
                             {"entries", "slack", "tables", "policy", "leases", "fixed"})
            self.assertGreater(memory.kinds["entries"], 100 * len(BLOCK))
            self.assertGreater(memory.resident_bytes, 0)
            slots = node.maintenance.SlotStats(admin.SlotStatsRequest(first=0, last=16383)).slots
            self.assertEqual(sum(slot.entries for slot in slots), 102)
            self.assertEqual([slot.slot for slot in slots], sorted({slot.slot for slot in slots}))
            tagged = 8338  # CRC16-XMODEM("tag") mod 16384, by redis-cli cluster keyslot
            one = node.maintenance.SlotStats(admin.SlotStatsRequest(first=tagged)).slots
            self.assertEqual([(slot.slot, slot.entries >= 2) for slot in one], [(tagged, True)])

            gone = node.maintenance.Flush(admin.FlushRequest(slot=tagged)).entries
            self.assertEqual(gone, one[0].entries)
            self.assertFalse(node.stub.Get(cache.GetRequest(key=b"{tag}a")).found)
            self.assertEqual(node.maintenance.Flush(admin.FlushRequest()).entries, 102 - gone)
            self.assertEqual(node.stats().entries, 0)


@unittest.skipIf(TRANSPORT == "grpcpp", "gRPC's own server has no such bound")
class ConnectionsTogetherTest(unittest.TestCase):
    """What many connections hold together is bounded, and given back."""

    PIECE = b"\0" + (4 << 20).to_bytes(4, "big") + bytes(15_000)  # of a message of 4 MiB

    def held(self, node, kind):
        return node.metrics()[f'larder_connection_bytes{{kind="{kind}"}}']

    def test_incomplete_requests(self):
        refused = 'larder_calls_refused_total{code="RESOURCE_EXHAUSTED"}'
        with Node("--max_request_bytes=8MiB", "--max_total_incomplete_bytes=16MiB") as node:
            with contextlib.ExitStack() as stack:
                for _ in range(40):
                    connection = stack.enter_context(raw.connect(node.port))
                    data = raw.PREFACE + raw.EMPTY_SETTINGS
                    for stream in range(1, 81, 2):
                        data += raw.call_headers(b"/larder.v1.Cache/Set", stream)
                        data += raw.frame(raw.FRAME_DATA, 0, stream, self.PIECE)
                    connection.sendall(data)
                wait_until(lambda: node.metrics()[refused] > 0, "a request is refused")
                self.assertLess(self.held(node, "incomplete"), 20 << 20)
                node.stub.Set(cache.SetRequest(key=b"k", value=b"small"), timeout=20)
                self.assertEqual(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).value, b"small")
            wait_until(lambda: self.held(node, "incomplete") == 0, "all is given back")

    def test_unread_answers(self):
        ended = 'larder_connections_ended_total{reason="memory"}'
        with Node("--max_total_unread_bytes=16MiB") as node:
            node.stub.Set(cache.SetRequest(key=b"k", value=bytes(1 << 20)), timeout=20)
            get = cache.GetRequest(key=b"k").SerializeToString()
            with contextlib.ExitStack() as stack:
                def is_one_ended():
                    connection = stack.enter_context(raw.connect(node.port))
                    connection.sendall(raw.PREFACE + raw.EMPTY_SETTINGS + b"".join(
                        raw.call_headers(b"/larder.v1.Cache/Get", stream) + raw.call_data(get, stream)
                        for stream in (1, 3)))
                    # Who reads is served, whatever the others do.
                    self.assertEqual(len(node.stub.Get(cache.GetRequest(key=b"k"), timeout=20).value), 1 << 20)
                    self.assertLess(self.held(node, "unread"), 20 << 20)
                    return node.metrics()[ended] > 10
                wait_until(is_one_ended, "connections that do not read are ended")
            wait_until(lambda: self.held(node, "unread") == 0, "all is given back")


if __name__ == "__main__":
    unittest.main()
