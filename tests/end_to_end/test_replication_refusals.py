"""Replicas that are refused, or have too little memory: they say so, and go on when the cause is gone."""

import os
import tempfile
import unittest

import grpc

from end_to_end.harness.certificates import Authority, read
from end_to_end.harness.link_proxy import LinkProxy
from end_to_end.harness.replication import BusNode, PairTest, wait_until_equal, wait_until_following
from end_to_end.harness.stubs import admin
from end_to_end.harness.waiting import wait_until


def takes_writes(node):
    try:
        return node.set(b"the first after it")
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            raise
    return None


class EmptyPrimaryTest(unittest.TestCase):
    def wipe(self, *flags):
        """Its primary is killed, comes back empty, and takes a write before the replica comes."""
        with BusNode(*flags) as old, LinkProxy(old.bus_port) as proxy, \
                BusNode(follows=old, bus_port=proxy.port) as replica:
            wait_until_following(replica)
            old.fill(3000)
            held = wait_until_equal(old, replica)
            proxy.command("refuse")
            old.kill()
            with BusNode(*old.same_ports(), *flags) as primary:
                # One that was a primary before waits a little for replicas that are ahead of it.
                wait_until(lambda: takes_writes(primary), "it leads without its replica")
                proxy.command("accept")
                wait_until(lambda: primary.counts().refused or replica.digest() != held, "the replica has come")
                self.assertEqual(replica.digest(), held)
                # By hand the replica leads.
                replica.lead()
                primary.follow(replica)
                self.assertEqual(wait_until_equal(replica, primary), held)

    def test_it_wipes_no_replica_that_holds_data(self):
        for _ in range(4):  # each node has another id
            self.wipe()

    def test_nor_when_it_knows_who_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            self.wipe(f"--state_dir={folder}")


class SecretTest(unittest.TestCase):
    def test_a_node_with_another_secret_is_refused_and_told_so(self):
        with tempfile.TemporaryDirectory() as folder:
            flags = []
            for name in ("one", "other"):
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8", opener=lambda path, how: os.open(path, how, 0o600)) as file:
                    file.write(f"the secret of {name} cluster\n")
                flags.append(f"--cluster_secret_file={path}")
            with BusNode(flags[0]) as primary, BusNode(flags[1], follows=primary) as stranger, \
                    BusNode(follows=primary) as without, BusNode(flags[0], follows=primary) as replica:
                primary.set(b"key")
                wait_until_equal(primary, replica)
                for node in (stranger, without):
                    wait_until(lambda node=node: "secret" in node.replication().source.trouble, "it is told why")
                    self.assertEqual(node.stats().entries, 0)


class TlsTest(unittest.TestCase):
    def test_nodes_with_certificates_replicate_and_strangers_are_told_why_not(self):
        with Authority() as authority, Authority("a stranger") as strange:
            own = authority.issue("client")
            credentials = grpc.ssl_channel_credentials(
                read(authority.ca_file), read(own.key_file), read(own.cert_file))
            flags = [*authority.issue("node").flags(), f"--tls_client_ca_file={authority.ca_file}"]
            strange_flags = [*strange.issue("node").flags(), f"--tls_peer_ca_file={authority.ca_file}"]
            strange_credentials = grpc.ssl_channel_credentials(read(strange.ca_file))
            with BusNode(*flags, credentials=credentials) as primary, \
                    BusNode(*flags, credentials=credentials, follows=primary) as replica, \
                    BusNode(*strange_flags, credentials=strange_credentials, follows=primary) as stranger, \
                    BusNode(follows=primary) as plain:
                wait_until_following(replica)
                primary.set(b"key")
                replica.set(b"by the replica")
                self.assertEqual(wait_until_equal(primary, replica)[1], 2)
                for node in (stranger, plain):
                    wait_until(lambda node=node: "cannot be reached" in node.replication().source.trouble, "it says why")
                    self.assertEqual(node.stats().entries, 0)


class TooLittleMemoryTest(unittest.TestCase):
    def assert_says_so_and_follows_when_there_is_room(self, primary, replica):
        wait_until(lambda: "--memory" in replica.replication().source.trouble, "it says what is too small")
        primary.set(b"key", b"goes on")
        self.assertEqual(primary.get(b"key"), b"goes on")
        self.assertEqual(replica.get(b"key"), b"goes on")
        # It tries again, slowly, and follows when the primary holds less.
        self.assertLess(primary.counts().full_copies + primary.counts().partial_resyncs, 10)
        primary.maintenance.Flush(admin.FlushRequest(), timeout=20)
        primary.fill(1000)
        self.assertEqual(wait_until_equal(primary, replica)[1], 1000)

    def test_a_copy_larger_than_the_memory(self):
        with BusNode("--memory=64MiB") as primary:
            primary.fill(100_000, value_bytes=300)
            with BusNode("--memory=16MiB", follows=primary) as replica:
                self.assert_says_so_and_follows_when_there_is_room(primary, replica)

    def test_a_log_that_leads_to_more_than_the_memory(self):
        with BusNode("--memory=64MiB") as primary, BusNode("--memory=16MiB", follows=primary) as replica:
            wait_until_following(replica)
            primary.fill(100_000, value_bytes=300)
            self.assert_says_so_and_follows_when_there_is_room(primary, replica)


class EvictionTest(PairTest):
    flags = ("--memory=8MiB",)

    def test_what_is_evicted_is_gone_at_both(self):
        for number in range(8):
            self.primary.fill(5000, prefix=b"round%d:" % number, value_bytes=500)
        self.assertGreater(self.primary.stats().evictions, 10000)
        _, entries = self.assert_equal()
        self.assertGreater(entries, 1000)
        self.assertEqual(self.replica.stats().evictions, 0)


if __name__ == "__main__":
    unittest.main()
