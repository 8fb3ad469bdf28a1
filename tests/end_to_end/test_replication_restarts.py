"""Nodes of a shard that are killed and come back, with what they kept on disk and without."""

import contextlib
import os
import tempfile
import unittest

from end_to_end.harness.node import StartError
from end_to_end.harness.replication import BusNode, wait_until_equal, wait_until_following
from end_to_end.harness.waiting import wait_until


class RestartTest(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory())

    def enter(self, node):
        return self.stack.enter_context(node)

    def state(self, name):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        return f"--state_dir={folder}"

    def restart(self, node, *flags, **options):
        node.kill()
        return self.enter(BusNode(*node.same_ports(), *flags, **options))

    def test_a_replica_that_was_killed_copies_again(self):
        for flags in ((), (self.state("replica"),)):
            with self.subTest(flags=flags):
                primary = self.enter(BusNode())
                primary.fill(3000)
                replica = self.enter(BusNode(*flags, follows=primary))
                wait_until_equal(primary, replica)
                replica = self.restart(replica, *flags, follows=primary)
                primary.fill(100, prefix=b"meanwhile")
                self.assertEqual(wait_until_equal(primary, replica)[1], 3100)
                self.assertEqual(primary.counts().full_copies, 2)

    def test_a_node_with_a_state_folder_is_the_same_after_a_restart(self):
        flags = (self.state("primary"),)
        primary = self.enter(BusNode(*flags))
        replica = self.enter(BusNode(follows=primary))
        primary.fill(10)
        wait_until_equal(primary, replica)
        before = primary.replication()
        primary = self.restart(primary, *flags)
        after = wait_until(lambda: primary.replication().node, "it says who it is") and primary.replication()
        self.assertEqual(after.node, before.node)
        self.assertGreaterEqual(after.epoch.term, before.epoch.term)
        other = self.enter(BusNode())
        self.assertNotEqual(other.replication().node, before.node)

    def test_a_primary_that_comes_back_empty_wipes_no_replica(self):
        for flags in ((), (self.state("empty"),)):
            with self.subTest(flags=flags):
                primary = self.enter(BusNode(*flags))
                replicas = [self.enter(BusNode(follows=primary)) for _ in range(2)]
                wait_until_following(*replicas)
                primary.fill(3000)
                held = wait_until_equal(primary, *replicas)
                primary = self.restart(primary, *flags)
                for replica in replicas:
                    wait_until(lambda replica=replica: replica.replication().source.trouble,
                               "it says why it does not follow")
                    self.assertEqual(replica.digest(), held)
                # By hand one of them leads, and all is as it was.
                replicas[0].lead()
                replicas[1].follow(replicas[0])
                primary.follow(replicas[0])
                self.assertEqual(wait_until_equal(replicas[0], replicas[1], primary), held)
                self.assertEqual(replicas[0].counts().partial_resyncs, 1)

    def test_a_damaged_state_file_is_named_and_the_node_does_not_start(self):
        flag = self.state("damaged")
        with BusNode(flag):
            pass
        folder = flag.split("=")[1]
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            with open(path, "r+b") as file:
                file.seek(5)
                file.write(b"\xff\xff\xff")
        with self.assertRaises(StartError) as raised:
            BusNode(flag)
        self.assertIn("--state_dir", raised.exception.stderr)
        self.assertIn(folder, raised.exception.stderr)


if __name__ == "__main__":
    unittest.main()
