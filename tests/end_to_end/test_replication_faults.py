"""What a replica or the bus port can be made to suffer, and who takes no harm by it."""

import contextlib
import random
import signal
import socket
import time
import unittest

from end_to_end.harness import raw
from end_to_end.harness.replication import BusNode, PairTest, wait_until_equal, wait_until_following
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until


def clock_ahead(seconds):
    """A wrapper of a node whose clock is so far ahead, but no timer of which is."""
    return ("env", "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
            f"FAKETIME={seconds:+d}s")


class ShapesTest(unittest.TestCase):
    """Who follows whom."""

    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.enter = stack.enter_context

    def trouble(self, node, word):
        return wait_until(lambda: word in node.replication().source.trouble, f"{node.address} names {word}")

    def test_a_replica_of_a_replica(self):
        first = self.enter(BusNode())
        first.fill(5000)
        middle = self.enter(BusNode(follows=first))
        last = self.enter(BusNode(follows=middle))
        first.fill(500, prefix=b"later")
        self.assertEqual(wait_until_equal(first, middle, last)[1], 5500)
        last.set(b"from the end", b"value")
        self.assertEqual(first.get(b"from the end"), b"value")
        wait_until_equal(first, middle, last)
        # The middle leads, and the last goes on without a copy.
        copies = last.counts().own_installed_copies
        middle.lead()
        middle.fill(100, prefix=b"of the middle")
        wait_until_equal(middle, last)
        self.assertEqual(last.counts().own_installed_copies, copies)

    def test_a_replica_whose_source_is_named_only_afterwards(self):
        last, middle, first = (self.enter(BusNode()) for _ in range(3))
        first.fill(1000)
        last.follow(middle)
        middle.follow(first)
        self.assertEqual(wait_until_equal(first, middle, last)[1], 1000)

    def test_a_replica_of_itself_keeps_its_data_and_says_why_it_does_not_follow(self):
        node = self.enter(BusNode())
        node.set(b"key")
        node.follow(node)
        self.trouble(node, "itself")
        node.lead()
        self.assertEqual(node.get(b"key"), b"value")

    def test_a_cycle_of_replicas_loses_nothing_and_ends_when_one_leads(self):
        nodes = [self.enter(BusNode()) for _ in range(3)]
        nodes[0].fill(1000)
        nodes[1].follow(nodes[0])
        nodes[2].follow(nodes[1])
        wait_until_equal(*nodes)
        nodes[0].follow(nodes[2])
        wait_until(lambda: any(node.replication().source.trouble for node in nodes), "it is noticed")
        nodes[1].lead()
        nodes[1].set(b"key")
        self.assertEqual(wait_until_equal(nodes[1], nodes[2], nodes[0])[1], 1001)


class BusPortTest(PairTest):
    def send(self, *parts):
        """A connection to the primary's bus that says this and hears until it is told nothing more."""
        with socket.create_connection(("127.0.0.1", self.primary.bus_port), timeout=20) as connection:
            with contextlib.suppress(OSError):
                for part in parts:
                    connection.sendall(part)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    def test_garbage_is_no_harm(self):
        seed = random.SystemRandom().randrange(1 << 32)
        choice = random.Random(seed)
        huge = (0xFFFFFF).to_bytes(3, "big") + bytes([0, 0]) + (1).to_bytes(4, "big")
        path = b"/larder.peer.v1.Replication/Follow"
        for parts in ([choice.randbytes(10_000)], [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], [raw.PREFACE, choice.randbytes(5000)],
                      [raw.PREFACE + raw.EMPTY_SETTINGS, huge, choice.randbytes(1 << 20)],
                      [raw.PREFACE + raw.EMPTY_SETTINGS + raw.call_headers(path), raw.call_data(choice.randbytes(300))],
                      [raw.PREFACE + raw.EMPTY_SETTINGS + raw.call_headers(path), raw.call_data(b"")],
                      [raw.PREFACE + raw.EMPTY_SETTINGS + raw.call_headers(b"/larder.v1.Cache/Get"), raw.call_data(b"")]):
            for _ in range(5):
                self.send(*parts)
        self.primary.fill(100)
        self.assertEqual(self.assert_equal()[1], 100, f"seed {seed}")
        self.assertEqual(self.primary.counts().full_copies, 1)


class StoppedReplicaTest(unittest.TestCase):
    def test_a_replica_that_stands_still_costs_its_primary_no_more_than_the_log(self):
        with BusNode("--log_bytes=16MiB", "--max_value_bytes=1MiB") as primary, BusNode(follows=primary) as replica:
            for _ in range(2):  # the log is full then
                primary.fill(20_000, value_bytes=1000)
            wait_until_equal(primary, replica)
            before = primary.resident_bytes()
            replica.signal(signal.SIGSTOP)
            for _ in range(10):
                primary.fill(20_000, value_bytes=1000)
            self.assertLess(primary.resident_bytes(), before + (32 << 20))
            replica.signal(signal.SIGCONT)
            wait_until_equal(primary, replica)


class ClocksTest(unittest.TestCase):
    def test_a_ttl_is_that_of_the_primary_whatever_the_clock_of_the_replica(self):
        for seconds in (300, -300):
            with self.subTest(seconds=seconds), BusNode() as primary, BusNode(wrapper=clock_ahead(seconds)) as replica:
                replica.set(b"its own", ttl={"seconds": 3600})
                expires = replica.stub.Get(cache.GetRequest(key=b"its own"), timeout=20).expires_at.seconds
                self.assertAlmostEqual(expires, time.time() + 3600 + seconds, delta=100)
                replica.follow(primary)
                wait_until_following(replica)
                primary.set(b"long", ttl={"seconds": 250})
                primary.set(b"short", ttl={"seconds": 1})
                wait_until_equal(primary, replica)
                wait_until(lambda: primary.stats().entries == 1, "the short one is removed")
                self.assertEqual(wait_until_equal(primary, replica)[1], 1)
                # It leads on with the time of the shard.
                primary.kill()
                replica.lead()
                self.assertEqual(replica.get(b"long"), b"value")
                replica.set(b"new", ttl={"nanos": 1_000_000})
                wait_until(lambda: replica.get(b"new") is None, "it is gone")
                self.assertEqual(replica.get(b"long"), b"value")


if __name__ == "__main__":
    unittest.main()
