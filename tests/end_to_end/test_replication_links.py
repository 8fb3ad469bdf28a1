"""Links between nodes that are cut, for a while or for long: what is copied again, and what is served meanwhile."""

import contextlib
import os
import random
import threading
import unittest

from end_to_end.harness.link_proxy import LinkProxy
from end_to_end.harness.replication import COPYING, DISCONNECTED, BusNode, wait_until_equal, wait_until_following
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until

ENTRIES = 100_000


@contextlib.contextmanager
def writes_to(primary):
    """Entries that `fill` has written get values of the same length all the while."""
    has_ended = threading.Event()
    written = []

    def write():
        while not has_ended.wait(0.01):
            items = [cache.SetRequest(key=b"key%d" % random.randrange(ENTRIES), value=os.urandom(100))
                     for _ in range(50)]
            primary.stub.MultiSet(cache.MultiSetRequest(items=items), timeout=60)
            written.append(len(items))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield written
    finally:
        has_ended.set()
        writer.join()


class LinkTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.enter = stack.enter_context

    def trio(self, *flags):
        """A primary, a link to its bus, and a replica beyond it."""
        primary = self.enter(BusNode(*flags))
        proxy = self.enter(LinkProxy(primary.bus_port))
        return primary, proxy, self.enter(BusNode(*flags, follows=primary, bus_port=proxy.port))

    def cut(self, proxy, replica):
        """No connection is left, and none comes about."""
        proxy.command("refuse")
        proxy.command("cut both reset")
        wait_until(lambda: replica.state() == DISCONNECTED, "the replica has lost its primary")

    def test_after_a_short_cut_nothing_is_copied_again(self):
        primary, proxy, replica = self.trio()
        primary.fill(1000)
        wait_until_equal(primary, replica)
        copies = primary.counts().full_copies
        for round_number in range(3):
            self.cut(proxy, replica)
            for number in range(1000):
                primary.set(b"key%d" % number, b"round%d" % round_number)
            proxy.command("accept")
            wait_until_equal(primary, replica)
        wait_until(lambda: primary.counts().partial_resyncs >= 3, "it went on three times")
        self.assertEqual(primary.counts().full_copies, copies)
        self.assertEqual(replica.counts().own_installed_copies, 1)

    def test_after_a_cut_longer_than_the_log_all_is_copied_and_the_old_served_until_then(self):
        primary, proxy, replica = self.trio("--log_bytes=1MiB", "--max_value_bytes=64KiB")
        primary.set(b"old", b"before")
        primary.fill(20_000)
        wait_until_equal(primary, replica)
        self.cut(proxy, replica)
        for _ in range(4):
            primary.fill(20_000)
        primary.set(b"old", b"after")
        digest = replica.digest()
        proxy.command("set backward bandwidth=500000")
        proxy.command("accept")
        wait_until(lambda: replica.replication().source.copied_bytes > 100_000, "a copy is under way")
        self.assertEqual(replica.state(), COPYING)
        self.assertEqual(replica.digest(), digest)
        proxy.command("heal")
        wait_until_equal(primary, replica)
        self.assertNotEqual(replica.digest(), digest)
        self.assertEqual(primary.counts().full_copies, 2)
        self.assertEqual(replica.counts().own_installed_copies, 2)

    def test_a_copy_that_is_cut_at_nine_tenths_keeps_its_work(self):
        primary = self.enter(BusNode())
        primary.fill(100_000)
        proxy = self.enter(LinkProxy(primary.bus_port))
        with BusNode(follows=primary) as other:
            wait_until_equal(primary, other)
            whole = primary.counts().copied_bytes
        proxy.command("set backward bandwidth=4000000")
        replica = self.enter(BusNode(follows=primary, bus_port=proxy.port))
        wait_until(lambda: replica.replication().source.copied_bytes > whole * 0.9, "nine tenths are there")
        self.cut(proxy, replica)
        proxy.command("heal")
        proxy.command("accept")
        wait_until_equal(primary, replica)
        counts = primary.counts()
        self.assertEqual(counts.resumed_copies + counts.repeated_copies, 1)
        self.assertEqual(replica.counts().own_installed_copies, 1)
        self.assertLess(counts.copied_bytes - whole, whole * 1.2)

    def copy_slowly(self, *flags):
        """A primary, a slow link to it, a replica that has begun to copy, and how many bytes it all is."""
        primary = self.enter(BusNode(*flags))
        primary.fill(ENTRIES)
        proxy = self.enter(LinkProxy(primary.bus_port))
        with BusNode(*flags, follows=primary) as other:
            wait_until_equal(primary, other)
            whole = primary.counts().copied_bytes
        proxy.command("set backward bandwidth=4000000")
        replica = self.enter(BusNode(*flags, follows=primary, bus_port=proxy.port))
        return primary, proxy, replica, whole

    def cut_at_nine_tenths(self, proxy, replica, whole):
        """How many bytes the replica has then."""
        wait_until(lambda: replica.replication().source.copied_bytes > whole * 0.9, "nine tenths are there")
        self.cut(proxy, replica)
        return replica.replication().source.copied_bytes

    def test_a_copy_that_is_cut_under_writes_keeps_four_fifths_of_its_work(self):
        primary, proxy, replica, whole = self.copy_slowly()
        with writes_to(primary) as written:
            had = self.cut_at_nine_tenths(proxy, replica, whole)
            sent, before = primary.counts().copied_bytes, len(written)
            wait_until(lambda: len(written) > before + 20, "more is written while it is cut")
            proxy.command("heal")
            proxy.command("accept")
            wait_until_following(replica)
        wait_until_equal(primary, replica)
        counts = primary.counts()
        self.assertEqual((counts.full_copies, counts.resumed_copies, counts.repeated_copies), (2, 1, 0))
        self.assertEqual(replica.counts().own_installed_copies, 1)
        self.assertLess(counts.copied_bytes - sent, whole - had * 4 / 5)

    def test_a_copy_that_is_cut_for_longer_than_the_log_copies_again_only_what_has_changed(self):
        primary, proxy, replica, whole = self.copy_slowly("--log_bytes=1MiB", "--max_value_bytes=64KiB")
        had = self.cut_at_nine_tenths(proxy, replica, whole)
        sent = primary.counts().copied_bytes
        # Five times the log, to three slots.
        for tag in (b"{one}", b"{two}", b"{three}"):
            for _ in range(15):
                primary.fill(1000, prefix=tag)
        self.assertEqual(primary.counts().chunks_kept, 0)
        proxy.command("heal")
        proxy.command("accept")
        wait_until_equal(primary, replica)
        counts = primary.counts()
        self.assertEqual((counts.full_copies, counts.resumed_copies, counts.repeated_copies), (2, 0, 1))
        self.assertEqual(replica.counts().own_installed_copies, 1)
        self.assertGreater(counts.chunks_kept, 0)
        new = 3000 * 150
        self.assertLess(counts.copied_bytes - sent, whole - had * 4 / 5 + new)

    def test_a_link_that_is_cut_anywhere(self):
        primary, proxy, replica = self.trio()
        primary.fill(3000)
        wait_until_equal(primary, replica)
        for messages in range(12):
            direction = "forward" if messages % 2 else "backward"
            before = len(proxy.connections())
            proxy.command(f"cut {direction} reset messages={messages} once")
            proxy.command("cut both reset")
            primary.fill(300)
            wait_until(lambda known=before: len(proxy.connections()) > known, "it connects anew")
        proxy.command("heal")
        wait_until_equal(primary, replica)
        self.assertEqual(primary.counts().full_copies, 1)

    def test_a_link_that_falls_silent(self):
        primary, proxy, replica = self.trio()
        primary.fill(1000)
        wait_until_equal(primary, replica)
        proxy.command("cut both stall")
        primary.fill(1000)
        wait_until(lambda: replica.state() == DISCONNECTED, "the replica takes its primary for lost")
        proxy.command("heal")
        wait_until_equal(primary, replica)
        self.assertEqual(primary.counts().full_copies, 1)


if __name__ == "__main__":
    unittest.main()
