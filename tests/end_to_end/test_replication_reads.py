"""A replica answers reads itself whose caller says how stale the answer may be, or what it has to have seen."""

import unittest

from end_to_end.harness.replication import LONG_AGO, PairTest
from end_to_end.harness.waiting import wait_until


class ReplicaReadsTest(PairTest):
    def test_a_replica_answers_itself_who_says_how_stale_it_may_be(self):
        self.primary.set(b"key")
        self.assert_equal()
        wait_until(lambda: self.replica.replication().source.HasField("staleness"), "its age is known")
        before = self.primary.stats().hits
        self.assertEqual(self.replica.get(b"key", **LONG_AGO), b"value")
        self.assertEqual(self.primary.stats().hits, before)
        self.assertEqual(self.replica.get(b"key"), b"value")
        self.assertEqual(self.primary.stats().hits, before + 1)

    def test_what_was_written_is_read_at_a_replica_by_its_position(self):
        for number in range(200):
            value = b"%d" % number
            written = self.primary.set(b"key", value).stored.position
            self.assertEqual(self.replica.get(b"key", min_position=written, **LONG_AGO), value)


if __name__ == "__main__":
    unittest.main()
