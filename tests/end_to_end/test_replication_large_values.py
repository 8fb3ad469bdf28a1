"""The largest value that --max_value_bytes allows comes to a replica, by a copy and by the log."""

import os
import unittest

from end_to_end.harness.cli import Cli
from end_to_end.harness.replication import LONG_AGO, BusNode, wait_until_equal, wait_until_following
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until

MI = 1 << 20
# Above what the bus takes of a message by default.
VALUE_BYTES = 40 * MI
FLAGS = ("--max_value_bytes=64MiB", "--memory=512MiB", "--log_bytes=260MiB", "--max_request_bytes=66MiB",
         "--max_response_bytes=66MiB", "--max_incomplete_bytes=66MiB", "--max_total_incomplete_bytes=256MiB",
         "--max_forwarded_bytes=256MiB")


class LargeValueTest(unittest.TestCase):
    def read(self, node, key):
        with node.open_channel(("grpc.max_receive_message_length", -1)) as channel:
            get = channel.unary_unary("/larder.v1.Cache/Get", cache.GetRequest.SerializeToString,
                                      cache.GetResponse.FromString)
            return get(cache.GetRequest(key=key, **LONG_AGO), timeout=60).value

    def test_a_value_comes_by_a_copy_and_by_the_log(self):
        # Not to be compressed below the limit.
        copied, logged = os.urandom(VALUE_BYTES), os.urandom(VALUE_BYTES)
        with BusNode(*FLAGS) as primary:
            primary.set(b"copied", copied)
            with BusNode(*FLAGS, follows=primary) as replica:
                wait_until_following(replica)
                self.assertTrue(self.read(replica, b"copied") == copied)
                copies = replica.counts().own_installed_copies
                primary.set(b"logged", logged)
                wait_until_equal(primary, replica)
                self.assertTrue(self.read(replica, b"logged") == logged)
                self.assertEqual(replica.counts().own_installed_copies, copies)
                self.assertEqual(primary.digest(), replica.digest())


class LowerLimitTest(unittest.TestCase):
    """A replica takes no larger values than its own --max_value_bytes, some slack apart: it says so, tries again slowly,
    and follows when it is started again with the primary's. The primary takes no harm."""

    low = "--max_value_bytes=64KiB"
    # One is refused as it comes, the other once it is seen how large it will be.
    values = {"plain": os.urandom(2 * MI), "compressed": bytes(2 * MI)}

    def tries(self, primary):
        counts = primary.counts()
        return counts.partial_resyncs + counts.resumed_copies + counts.full_copies

    def assert_says_why(self, replica):
        wait_until(lambda: "--max_value_bytes" in replica.replication().source.trouble, "it says what is too low")
        text = Cli(replica.address).run("replication").stdout
        self.assertRegex(text, rb"(?m)^last trouble .*(at most|larger than max).*--max_value_bytes")

    def assert_is_unharmed(self, primary):
        """Nor tried more often than it would be slowly in some seconds."""
        before = self.tries(primary)
        primary.set(b"short", ttl={"seconds": 3})
        for number in range(1000):
            primary.set(b"small%d" % number)
        wait_until(lambda: primary.get(b"short") is None, "its time is over")
        self.assertEqual(primary.get(b"small999"), b"value")
        self.assertTrue(primary.leads())
        self.assertLess(self.tries(primary) - before, 10)

    def assert_follows_with_a_higher_limit(self, primary, replica, value):
        replica.kill()
        with BusNode(*replica.same_ports(), follows=primary) as again:
            wait_until_equal(primary, again)
            self.assertTrue(again.get(b"large", **LONG_AGO) == value)

    def test_by_the_log(self):
        for name, value in self.values.items():
            with self.subTest(name), BusNode() as primary, BusNode(self.low, follows=primary) as replica:
                wait_until_following(replica)
                primary.set(b"key")
                before = wait_until_equal(primary, replica)
                primary.set(b"large", value)
                self.assert_says_why(replica)
                self.assert_is_unharmed(primary)
                # What it had it has.
                self.assertEqual(replica.digest(), before)
                self.assert_follows_with_a_higher_limit(primary, replica, value)

    def test_by_a_copy(self):
        for name, value in self.values.items():
            with self.subTest(name), BusNode() as primary:
                primary.set(b"large", value)
                with BusNode(self.low, follows=primary) as replica:
                    self.assert_says_why(replica)
                    self.assert_is_unharmed(primary)
                    self.assertEqual(replica.counts().own_installed_copies, 0)
                    self.assert_follows_with_a_higher_limit(primary, replica, value)


if __name__ == "__main__":
    unittest.main()
