"""Promotion by hand: who goes on where it was, who copies, and who never follows."""

import contextlib
import unittest

import grpc

from end_to_end.harness.errors import StatusAssertions
from end_to_end.harness.link_proxy import LinkProxy
from end_to_end.harness.relay import Relay
from end_to_end.harness.replication import BusNode, wait_until_equal, wait_until_following
from end_to_end.harness.stubs import admin, cache
from end_to_end.harness.waiting import wait_until


class PromotionTest(StatusAssertions, unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.enter = stack.enter_context

    def trio(self, *flags):
        primary = self.enter(BusNode(*flags))
        replicas = [self.enter(BusNode(*flags, follows=primary)) for _ in range(2)]
        wait_until_following(*replicas)
        return primary, *replicas

    def test_siblings_and_an_old_primary_that_was_idle_go_on_without_a_copy(self):
        old, winner, sibling = self.trio()
        old.fill(5000)
        wait_until_equal(old, winner, sibling)
        winner.lead()
        self.assertTrue(winner.leads())
        winner.fill(500, prefix=b"after")
        sibling.follow(winner)
        old.follow(winner)
        self.assertEqual(wait_until_equal(winner, sibling, old)[1], 5500)
        counts = winner.counts()
        self.assertEqual((counts.partial_resyncs, counts.full_copies), (2, 0))
        self.assertFalse(old.leads())
        self.assertEqual(old.get(b"key1"), winner.get(b"key1"))
        self.assertEqual(len(winner.replication().history), 2)

    def test_an_old_primary_that_wrote_more_is_found_to_have_diverged_and_copies(self):
        old, winner, sibling = self.trio()
        old.fill(5000)
        wait_until_equal(old, winner, sibling)
        winner.lead()
        winner.set(b"of the new")
        sibling.follow(winner)
        old.fill(100, prefix=b"of the old")
        old.follow(winner)
        self.assertEqual(wait_until_equal(winner, sibling, old)[1], 5001)
        counts = winner.counts()
        self.assertEqual((counts.partial_resyncs, counts.full_copies), (1, 1))
        self.assertIsNone(old.get(b"of the old1"))

    def test_a_primary_that_hears_of_its_successor_answers_nothing_until_it_is_told_what_it_is(self):
        old, winner, sibling = self.trio()
        old.fill(100)
        wait_until_equal(old, winner, sibling)
        winner.lead()
        # Its second connection is to the old one.
        relay = self.enter(Relay(winner.bus_port, old.bus_port))
        sibling.follow(winner, relay.port)
        winner.set(b"of the new")
        wait_until_equal(winner, sibling)
        self.assertEqual(len(old.get(b"key1")), 100, "nobody has told it")
        winner.kill()
        wait_until(lambda: self.is_refused(old, b"key1"), "it refuses reads")
        for call, request in ((old.stub.Get, cache.GetRequest(key=b"key1")),
                              (old.stub.Set, cache.SetRequest(key=b"key1", value=b"of the old")),
                              (old.stub.MultiGet, cache.MultiGetRequest(items=[cache.GetRequest(key=b"key1")])),
                              (old.stub.Scan, cache.ScanRequest()),
                              (old.stub.Lease, cache.LeaseRequest(key=b"key1"))):
            with self.subTest(request=type(request).__name__):
                self.assert_fails(grpc.StatusCode.UNAVAILABLE, ["no primary"], call, request)
        wait_until(lambda: old.replication().role == admin.NODE_ROLE_STOPPED, "it says that it is stopped")
        old.lead()
        self.assertTrue(old.leads())
        self.assertEqual(len(old.get(b"key1")), 100)

    def is_refused(self, node, key):
        try:
            node.get(key)
        except grpc.RpcError as error:
            return error.code() == grpc.StatusCode.UNAVAILABLE
        return False

    def test_roles_go_round_under_writes(self):
        nodes = self.trio()
        nodes[0].fill(2000)
        wait_until_equal(*nodes)
        for turn in range(1, 7):
            winner, others = nodes[turn % 3], [nodes[(turn + 1) % 3], nodes[(turn + 2) % 3]]
            winner.lead()
            winner.fill(200, prefix=b"turn%d:" % turn)
            for node in others:
                node.follow(winner)
            winner.fill(200, prefix=b"later%d:" % turn)
            wait_until_equal(winner, *others)
        self.assertEqual(sum(node.counts().full_copies for node in nodes), 2)

    def test_a_node_that_leads_and_is_told_to_lead_goes_on(self):
        node = self.enter(BusNode())
        node.set(b"key")
        node.lead()
        self.assertEqual(node.get(b"key"), b"value")

    def test_the_data_of_a_node_that_is_to_follow_stays_until_its_primary_is_there(self):
        with BusNode() as primary, BusNode() as node:
            node.set(b"its own")
            gone = BusNode()
            gone.kill()
            node.follow(gone)
            wait_until(lambda: node.replication().source.trouble, "it says why it does not follow")
            self.assert_fails(grpc.StatusCode.UNAVAILABLE, [], node.stub.Set, cache.SetRequest(key=b"key"))
            node.lead()
            self.assertEqual(node.get(b"its own"), b"value")
            node.follow(primary)
            wait_until_equal(primary, node)
            gone.__exit__()

    def test_a_node_whose_own_data_made_way_for_a_copy_can_not_lead_before_it_is_whole(self):
        primary, node = self.enter(BusNode()), self.enter(BusNode("--memory=24MiB"))
        proxy = self.enter(LinkProxy(primary.bus_port))
        primary.fill(100_000)
        node.fill(100_000, prefix=b"own")
        proxy.command("set backward bandwidth=4000000")
        node.follow(primary, proxy.port)
        wait_until(lambda: node.replication().source.copied_bytes > 12_000_000, "most of a copy is there")
        self.assert_fails(grpc.StatusCode.FAILED_PRECONDITION, ["no data to lead with"], node.cluster.ReplicaOf,
                          admin.ReplicaOfRequest())
        self.assert_fails(grpc.StatusCode.UNAVAILABLE, [], node.maintenance.Digest, admin.DigestRequest())
        proxy.command("heal")
        self.assertEqual(wait_until_equal(primary, node)[1], 100_000)

    def test_whom_to_follow_must_be_an_address(self):
        node = self.enter(BusNode())
        for endpoint, word in (("here", "no port"), ("127.0.0.1:70000", "65535"), ("127.0.0.1:1@x", "behind the @"),
                               (":7600", "no host"), ("127.0.0.1:60000", "HOST:PORT@BUS_PORT"),
                               ("h" * 281, "280")):
            with self.subTest(endpoint=endpoint[:30]):
                self.assert_fails(grpc.StatusCode.INVALID_ARGUMENT, [word], node.cluster.ReplicaOf,
                                  admin.ReplicaOfRequest(endpoint=endpoint))
        self.assertTrue(node.leads())


if __name__ == "__main__":
    unittest.main()
