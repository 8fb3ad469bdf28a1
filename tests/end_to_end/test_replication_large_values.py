"""The largest value that --max_value_bytes allows comes to a replica, by a copy and by the log."""

import os
import unittest

from end_to_end.harness.replication import LONG_AGO, BusNode, wait_until_equal, wait_until_following
from end_to_end.harness.stubs import cache

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


if __name__ == "__main__":
    unittest.main()
