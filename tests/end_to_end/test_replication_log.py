"""What the log of a node says of replication."""

import contextlib
import os
import re
import tempfile
import unittest

from end_to_end.harness.link_proxy import LinkProxy
from end_to_end.harness.node import Node
from end_to_end.harness.replication import BusNode, wait_until_equal, wait_until_following
from end_to_end.harness.waiting import wait_until

EPOCH = r"\d+\.\d+\.[0-9a-f]{8}"


class ReplicationLogTest(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def enter(self, node):
        return self.stack.enter_context(node)

    def folder(self):
        return self.enter(tempfile.TemporaryDirectory())

    def lines(self, node, pattern, severity="[IWE]"):
        return re.findall(rf"^{severity}\S+ .*\] replication: {pattern}", node.log(), re.MULTILINE)

    def assert_said(self, node, pattern, severity="[IWE]"):
        try:
            wait_until(lambda: self.lines(node, pattern, severity), pattern)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{node.log()}") from error

    def test_a_replica_that_comes_is_cut_and_leads(self):
        primary = self.enter(BusNode())
        self.assert_said(primary, r"this is node [0-9a-f]{32}; without --state_dir", "I")
        primary.fill(500)
        with LinkProxy(primary.bus_port) as proxy:
            replica = self.enter(BusNode(follows=primary, bus_port=proxy.port))
            wait_until_equal(primary, replica)
            self.assert_said(replica, rf"follows the node with the bus {proxy.address}, as it was told", "I")
            self.assert_said(
                replica, rf"connected to its source {primary.address} \(node [0-9a-f]{{8}}\), in epoch {EPOCH}: "
                         "a full copy begins, since it has no data yet$", "I")
            self.assert_said(replica, r"installed the copy, 500 entries, \S+s after it began$", "I")
            self.assert_said(primary, rf"keeps a log for replicas from now on, in epoch {EPOCH} from sequence 1$", "I")
            came = rf"replica {replica.address} \(node [0-9a-f]{{8}}, by \S+\) came: "
            self.assert_said(primary, came + "takes a full copy of 500 entries, since it has no data yet$", "I")
            proxy.command("cut both reset")
            self.assert_said(replica, rf"lost the source with the bus {proxy.address}: disconnected: ", "W")
            self.assert_said(replica, "connected to its source .*: goes on from where this node is$", "I")
            self.assert_said(primary, rf"lost replica {replica.address} ", "W")
            self.assert_said(primary, came + r"goes on from \d+$", "I")
        # Nobody listens there any more: asked for again and again, said once in ten seconds.
        wait_until(lambda: self.lines(replica, "cannot follow the node with the bus"), "it is not reached")
        self.assertLess(len(self.lines(replica, "cannot follow")), 6, replica.log())
        replica.lead()
        self.assert_said(replica, rf"leads from now on, in epoch {EPOCH} from sequence \d+$", "I")

    def test_why_what_a_node_has_is_copied_again(self):
        primary = self.enter(BusNode())
        replica = self.enter(BusNode(follows=primary))
        primary.fill(10)
        wait_until_equal(primary, replica)
        replica.lead()
        primary.fill(10, prefix=b"more")
        primary.follow(replica)
        wait_until_equal(replica, primary)
        for node in (replica, primary):
            self.assert_said(node, rf".* full copy .*since it is at {EPOCH}/\d+, and went on where the data here did not$",
                             "I")

    def test_a_copy_larger_than_the_memory_names_the_flag(self):
        primary = self.enter(BusNode("--memory=64MiB"))
        primary.fill(60_000, value_bytes=300)
        replica = self.enter(BusNode("--memory=8MiB", follows=primary))
        self.assert_said(replica, "lost the source .*: the copy could not be held: .*--memory", "W")

    def test_a_refusal_is_said_at_both(self):
        primary = self.enter(BusNode())
        primary.follow(primary)
        self.assert_said(primary, rf"refused replica {primary.address} .*: the same node id: ", "W")
        self.assert_said(primary, r"cannot follow the node with the bus \S+: refused: the same node id: ", "W")

    def test_a_restart_and_who_it_hands_over_to(self):
        flags = (f"--state_dir={self.folder()}", "--restart_wait=2s")
        primary = self.enter(BusNode(*flags))
        self.assert_said(primary, r"this is node [0-9a-f]{32}, from now on", "I")
        replica = self.enter(BusNode(follows=primary))
        primary.fill(10)
        held = wait_until_equal(primary, replica)
        primary.kill()
        primary = self.enter(BusNode(*primary.same_ports(), *flags))
        self.assert_said(primary, r"this is node [0-9a-f]{32}, as it was before", "I")
        self.assert_said(primary, r"led before its restart and has no data: waits 2s \(--restart_wait\)", "I")
        self.assert_said(primary, rf"the wait after its restart is over: hands over to node [0-9a-f]{{8}} with the bus "
                                  rf"127\.0\.0\.1:{replica.bus_port}, which is at {EPOCH}/\d+$", "I")
        self.assert_said(replica, "leads from now on", "I")
        self.assertEqual(wait_until_equal(replica, primary), held)

    def test_a_restart_of_one_that_nobody_follows(self):
        flags = (f"--state_dir={self.folder()}", "--restart_wait=10ms")
        primary = self.enter(BusNode(*flags))
        with BusNode(follows=primary) as replica:
            wait_until_following(replica)
        primary.kill()
        primary = self.enter(BusNode(*primary.same_ports(), *flags))
        self.assert_said(primary, "the wait after its restart is over: no replica .*, so it leads with none$", "W")

    def test_the_state_file_goes_before_the_flag_and_says_so(self):
        flag = f"--state_dir={self.folder()}"
        first, second = self.enter(BusNode()), self.enter(BusNode())
        replica = self.enter(BusNode(flag, follows=first))
        wait_until_following(replica)
        self.assertEqual(self.lines(replica, "--replica_of"), [])
        replica.follow(second)
        wait_until_following(replica)
        replica.kill()
        replica = self.enter(BusNode(*replica.same_ports(), flag, follows=first))
        self.assert_said(
            replica, rf"--replica_of names the node with the bus 127\.0\.0\.1:{first.bus_port}, and is passed over: "
                     rf"--state_dir says that this node was told to follow 127\.0\.0\.1:{second.bus_port}$", "W")
        self.assert_said(replica, rf"follows the node with the bus 127\.0\.0\.1:{second.bus_port}, as before", "I")
        wait_until_following(replica)
        self.assertEqual(replica.replication().source.client_endpoint, second.address)
        replica.lead()
        replica.kill()
        replica = self.enter(BusNode(*replica.same_ports(), flag, "--restart_wait=10ms", follows=first))
        self.assert_said(replica, r"--replica_of .* is passed over: --state_dir says that this node led$", "W")
        wait_until(replica.leads, "it leads")

    def test_a_bus_for_everybody_is_warned_of(self):
        secret = os.path.join(self.folder(), "secret")
        with open(secret, "w", encoding="utf-8", opener=lambda path, how: os.open(path, how, 0o600)) as file:
            file.write("what only nodes know\n")
        for flags, is_warned in ((["--bus_listen=0.0.0.0:0"], True), (["--bus_listen=127.0.0.1:0"], False), ([], False),
                                 (["--bus_listen=0.0.0.0:0", f"--cluster_secret_file={secret}"], False)):
            with self.subTest(flags=flags), Node(*flags) as node:
                self.assertEqual("EVERYBODY who reaches the bus on 0.0.0.0:" in node.log(), is_warned, node.log())
                self.assertEqual("EVERYBODY" in node.log(), is_warned)


if __name__ == "__main__":
    unittest.main()
