"""Leases under many clients: one recomputes, the others wait, and nothing stale is stored."""

import concurrent.futures
import threading
import time
import unittest

import grpc
from google.protobuf import duration_pb2

from end_to_end.harness.errors import StatusAssertions
from end_to_end.harness.node import Node
from end_to_end.harness.stubs import cache, cache_grpc
from end_to_end.harness.waiting import wait_until

CLIENTS = 200


def millis(value):
    return duration_pb2.Duration(seconds=value // 1000, nanos=value % 1000 * 1_000_000)


class LeaseTest(StatusAssertions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())
        cls.stub = cls.node.stub

    def lease(self, key, hold_ms=240_000, **fields):
        return self.stub.Lease(
            cache.LeaseRequest(key=key, hold_for=millis(hold_ms), **fields), timeout=20)

    def set(self, key, value=b"value", **fields):
        return self.stub.Set(cache.SetRequest(key=key, value=value, **fields), timeout=20)

    def granted(self, key, **fields):
        answer = self.lease(key, **fields)
        self.assertEqual(answer.WhichOneof("outcome"), "granted")
        return answer.granted

    def assert_lost(self, key, token):
        answer = self.set(key, b"late", lease_token=token)
        self.assertEqual(answer.not_stored.reason, cache.NOT_STORED_REASON_LEASE_LOST)
        return answer.not_stored

    def storm(self, key, hold_ms):
        """All clients, each on a connection of its own, miss one key at once; returns the answers."""
        barrier = threading.Barrier(CLIENTS)

        def client():
            with self.node.open_channel() as channel:
                grpc.channel_ready_future(channel).result(timeout=60)
                barrier.wait(timeout=120)
                return cache_grpc.CacheStub(channel).Lease(
                    cache.LeaseRequest(key=key, hold_for=millis(hold_ms)), timeout=60)

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            return [call.result() for call in [pool.submit(client) for _ in range(CLIENTS)]]

    def test_of_200_clients_that_miss_one_key_exactly_one_is_granted(self):
        answers = self.storm(b"storm", hold_ms=240_000)
        outcomes = [answer.WhichOneof("outcome") for answer in answers]
        self.assertEqual(outcomes.count("granted"), 1)
        self.assertEqual(outcomes.count("held"), CLIENTS - 1)
        for answer in answers:
            if answer.HasField("held"):
                self.assertGreater(answer.held.retry_after.ToNanoseconds(), 0)
        token = next(a.granted.token for a in answers if a.HasField("granted"))
        self.assertEqual(len(token), 16)
        self.assertTrue(self.set(b"storm", b"computed", lease_token=token).HasField("stored"))
        answer = self.lease(b"storm")
        self.assertEqual(answer.hit.value.value, b"computed")

    def test_when_the_holder_dies_the_next_is_granted_after_hold_for(self):
        first = self.granted(b"dies", hold_ms=300)
        refused = []

        def next_grant():
            answer = self.lease(b"dies", hold_ms=60_000)
            if answer.HasField("held"):
                refused.append(answer)
                return None
            return answer.granted

        second = wait_until(next_grant, "a second grant")
        self.assertTrue(refused)
        self.assertNotEqual(second.token, first.token)
        # The second was made when the first had ended, and it lasts a minute.
        self.assertGreaterEqual(second.deadline.ToMilliseconds() - 60_000, first.deadline.ToMilliseconds())
        self.assert_lost(b"dies", first.token)
        self.assertTrue(self.set(b"dies", b"second", lease_token=second.token).HasField("stored"))

    def test_any_change_by_others_voids_the_token(self):
        changes = {
            "Set": lambda key: self.set(key, b"plain"),
            "Delete": lambda key: self.stub.Delete(cache.DeleteRequest(key=key)),
            "Increment": lambda key: self.stub.Increment(cache.IncrementRequest(key=key, initial=1)),
            "Append": lambda key: self.stub.Append(cache.AppendRequest(key=key, value=b"x")),
            "MultiSet": lambda key: self.stub.MultiSet(
                cache.MultiSetRequest(items=[cache.SetRequest(key=key, value=b"m")])),
            "Pipeline": lambda key: list(self.stub.Pipeline(iter([cache.PipelineRequest(
                id=1, set=cache.SetRequest(key=key))]))),
        }
        for name, change in changes.items():
            with self.subTest(change=name):
                key = b"void-" + name.encode()
                token = self.granted(key).token
                change(key)
                before = self.stub.Get(cache.GetRequest(key=key))
                self.assertEqual(self.assert_lost(key, token).current_version, before.version)
                self.assertEqual(self.stub.Get(cache.GetRequest(key=key)), before)

    def test_after_a_delete_somebody_else_is_granted(self):
        first = self.granted(b"deleted")
        self.stub.Delete(cache.DeleteRequest(key=b"deleted"))
        second = self.granted(b"deleted")
        self.assert_lost(b"deleted", first.token)
        self.assertTrue(self.set(b"deleted", lease_token=second.token).HasField("stored"))

    def test_a_token_works_once_and_for_its_key_only(self):
        token = self.granted(b"once").token
        self.assert_lost(b"other", token)
        self.assertTrue(self.set(b"once", b"1", lease_token=token).HasField("stored"))
        self.assert_lost(b"once", token)

    def test_a_made_up_token_is_lost(self):
        self.granted(b"made-up")
        for token in (bytes(16), b"\xff" * 16):
            self.assert_lost(b"made-up", token)

    def test_a_stale_value_is_served_while_one_recomputes(self):
        self.set(b"stale", b"old")
        self.stub.Delete(cache.DeleteRequest(key=b"stale", serve_stale_for=millis(600_000)))
        granted = self.granted(b"stale")
        self.assertEqual((granted.stale.value, granted.early), (b"old", False))
        held = self.lease(b"stale").held
        self.assertEqual(held.stale.value, b"old")
        self.assertTrue(self.stub.Get(cache.GetRequest(key=b"stale")).stale)
        self.set(b"stale", b"new", lease_token=granted.token)
        self.assertEqual(self.lease(b"stale").hit.value.value, b"new")

    def test_an_early_refresh_is_granted_to_one_before_expiry(self):
        token = self.granted(b"early").token
        # The recomputation cost 50 ms, the time between grant and Set: with beta 1000 a Lease up to
        # about 50 s ahead of the expiry is likely to be chosen.
        time.sleep(0.05)
        self.set(b"early", b"now", lease_token=token, ttl=millis(20_000))
        granted = wait_until(
            lambda: (a := self.lease(b"early", early_refresh_beta=1000)).HasField("granted") and a.granted,
            "an early grant")
        self.assertTrue(granted.early)
        self.assertEqual(granted.stale.value, b"now")
        others = [self.lease(b"early", early_refresh_beta=1000) for _ in range(20)]
        self.assertEqual({a.WhichOneof("outcome") for a in others}, {"hit"})
        self.assertFalse(self.stub.Get(cache.GetRequest(key=b"early")).stale)
        self.assertTrue(self.set(b"early", b"next", lease_token=granted.token).HasField("stored"))

    def test_without_beta_nothing_is_refreshed_early(self):
        token = self.granted(b"late").token
        self.set(b"late", b"now", lease_token=token, ttl=millis(3_600_000))
        answers = [self.lease(b"late", early_refresh_beta=0) for _ in range(200)]
        self.assertEqual({a.WhichOneof("outcome") for a in answers}, {"hit"})

    def test_tokens_of_an_earlier_process_are_void(self):
        with Node() as earlier:
            token = earlier.stub.Lease(cache.LeaseRequest(key=b"restart")).granted.token
        self.granted(b"restart")
        self.assert_lost(b"restart", token)

    def test_leases_are_counted(self):
        with Node() as node:
            token = node.stub.Lease(cache.LeaseRequest(key=b"k")).granted.token
            for _ in range(3):
                node.stub.Lease(cache.LeaseRequest(key=b"k"))
            node.stub.Set(cache.SetRequest(key=b"k"))
            node.stub.Set(cache.SetRequest(key=b"k", lease_token=token))
            stats = node.stats()
            self.assertEqual((stats.leases_granted, stats.leases_held, stats.leases_lost), (1, 3, 1))

    def test_outstanding_leases_are_bounded(self):
        with Node("--max_leases=10") as node:
            for n in range(10):
                node.stub.Lease(cache.LeaseRequest(key=b"k-%d" % n))
            self.assert_fails(grpc.StatusCode.RESOURCE_EXHAUSTED, ["lease"], node.stub.Lease,
                              cache.LeaseRequest(key=b"k-10"))
            node.stub.Delete(cache.DeleteRequest(key=b"k-0"))
            self.assertTrue(node.stub.Lease(cache.LeaseRequest(key=b"k-10")).HasField("granted"))


if __name__ == "__main__":
    unittest.main()
