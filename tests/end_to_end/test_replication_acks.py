"""Writes that wait for replicas: what was acknowledged survives its primary. `tests/run long` kills 200 primaries."""

import contextlib
import os
import random
import signal
import unittest

import grpc

from end_to_end.harness.ack_writers import AckWriters
from end_to_end.harness.errors import StatusAssertions
from end_to_end.harness.replication import BusNode, PairTest, wait_until_equal, wait_until_following
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until

KILLS = int(os.environ.get("LARDER_KILLS", "5"))
ONE_REPLICA = cache.Ack(level=cache.ACK_LEVEL_REPLICAS, replicas=1)
TWO_REPLICAS = cache.Ack(level=cache.ACK_LEVEL_REPLICAS, replicas=2)


class AckTest(StatusAssertions, PairTest):
    flags = ("--ack_timeout=500ms",)

    def test_a_write_that_a_replica_has_is_acknowledged(self):
        for number in range(100):
            self.primary.set(b"key%d" % number, ack=ONE_REPLICA)
            self.assertEqual(self.replica.stats().entries, number + 1)
        # Also when it comes by way of the replica.
        self.replica.set(b"by the replica", ack=ONE_REPLICA)
        self.assertEqual(self.assert_equal()[1], 101)

    def test_a_write_that_too_few_have_stands_and_says_how_many_have_it(self):
        wait_until(lambda: self.primary.replication().replicas_in_time == 1, "the replica is in time")
        request = cache.SetRequest(key=b"key", value=b"value", ack=TWO_REPLICAS)
        self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, ["2", "1"], self.primary.stub.Set, request)
        self.assertIsNone(self.primary.get(b"key"))
        with BusNode(follows=self.primary) as other:
            wait_until_following(other)
            wait_until(lambda: self.primary.replication().replicas_in_time == 2, "both are in time")
            self.primary.stub.Set(request, timeout=20)
            other.signal(signal.SIGSTOP)
            request.value = b"another"
            failed = self.assert_fails(grpc.StatusCode.DEADLINE_EXCEEDED, ["1", "2"], self.primary.stub.Set, request)
            self.assertIn("stands", failed.details())
            self.assertEqual(self.primary.get(b"key"), b"another")
            other.signal(signal.SIGCONT)

    def test_a_node_that_nobody_follows_has_no_replica_to_wait_for(self):
        with BusNode() as alone:
            self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, ["replica"], alone.stub.Set,
                              cache.SetRequest(key=b"key", ack=ONE_REPLICA))


class MinReplicasTest(StatusAssertions, unittest.TestCase):
    def test_writes_are_refused_while_too_few_replicas_are_in_time(self):
        with BusNode("--min_replicas_to_write=1", "--replica_in_time=300ms") as primary:
            request = cache.SetRequest(key=b"key", value=b"value")
            self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, ["--min_replicas_to_write"],
                              primary.stub.Set, request)
            self.assertIsNone(primary.get(b"key"))
            with BusNode(follows=primary) as replica:
                wait_until(lambda: primary.replication().replicas_in_time == 1, "the replica is in time")
                primary.stub.Set(request, timeout=20)
                replica.signal(signal.SIGSTOP)
                wait_until(lambda: primary.replication().replicas_in_time == 0, "it is not any more")
                self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, ["1", "0"], primary.stub.Set, request)
                self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, ["--min_replicas_to_write"],
                                  primary.stub.Delete, cache.DeleteRequest(key=b"key"))
                self.assertEqual(primary.get(b"key"), b"value")
                replica.signal(signal.SIGCONT)
                wait_until(lambda: primary.replication().replicas_in_time == 1, "it is again")
                primary.stub.Set(request, timeout=20)


class KilledPrimaryTest(unittest.TestCase):
    def test_what_was_acknowledged_is_there_after_its_primary_was_killed(self):
        seed = random.SystemRandom().randrange(1 << 32)
        choice = random.Random(seed)
        kept = set()
        with contextlib.ExitStack() as stack:
            primary = stack.enter_context(BusNode())
            replica = stack.enter_context(BusNode(follows=primary))
            for kill in range(KILLS):
                wait_until_equal(primary, replica)
                wait_until(lambda primary=primary: primary.replication().replicas_in_time == 1, "it is in time")
                writers = AckWriters(primary, b"%d:" % kill, ONE_REPLICA)
                least = choice.randrange(200)
                wait_until(lambda writers=writers, least=least: len(writers.acknowledged) >= least,
                           "writes are acknowledged")
                primary.kill()
                kept.update(writers.stop())
                replica.lead()
                lost = [key for key in kept if replica.get(key) != key] if kill % 20 == 19 or kill == KILLS - 1 else [
                    key for key in writers.acknowledged if replica.get(key) != key]
                self.assertEqual(lost, [], f"seed {seed}, kill {kill}: lost of {len(kept)}")
                primary.__exit__()
                primary, replica = replica, stack.enter_context(BusNode(follows=replica))
            print(f"{KILLS} kills, {len(kept)} acknowledged writes, seed {seed}")


if __name__ == "__main__":
    unittest.main()
