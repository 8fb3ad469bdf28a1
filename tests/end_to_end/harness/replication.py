"""Nodes that replicate: making them, and asking how far they are."""

import contextlib
import os
import signal
import unittest

from .node import Node
from .stubs import admin, cache, replication
from .waiting import wait_until

FOLLOWING = replication.REPLICA_STATE_FOLLOWING
COPYING = replication.REPLICA_STATE_COPYING
DISCONNECTED = replication.REPLICA_STATE_DISCONNECTED
# Fields of a read that a replica answers itself.
LONG_AGO = {"max_staleness": {"seconds": 3600}}


class BusNode(Node):
    """A node with a bus. `follows` is whom it follows from the start; `bus_port` of it, if not its own, that of a proxy
    before it."""

    def __init__(self, *flags, follows=None, bus_port=None, **options):
        if follows is not None:
            flags = (f"--replica_of={follows.source(bus_port)}", *flags)
        super().__init__("--bus_listen=127.0.0.1:0", *flags, **options)

    def source(self, bus_port=None):
        """What others follow this node by."""
        return f"{self.address}@{bus_port or self.bus_port}"

    def replication(self):
        return self.cluster.Replication(admin.ReplicationRequest(), timeout=20)

    def counts(self):
        return self.replication().counts

    def digest(self):
        """The digest and how many entries it is of."""
        answer = self.maintenance.Digest(admin.DigestRequest(), timeout=60)
        return answer.digest.hex(), answer.entries

    def follow(self, node, bus_port=None):
        self.cluster.ReplicaOf(admin.ReplicaOfRequest(endpoint=node.source(bus_port)), timeout=20)

    def lead(self):
        self.cluster.ReplicaOf(admin.ReplicaOfRequest(), timeout=20)

    def leads(self):
        return self.replication().role == admin.NODE_ROLE_PRIMARY

    def state(self):
        """What it does as a replica."""
        return self.replication().source.state

    def set(self, key, value=b"value", **fields):
        return self.stub.Set(cache.SetRequest(key=key, value=value, **fields), timeout=20)

    def get(self, key, **fields):
        """The value; None: there is none."""
        answer = self.stub.Get(cache.GetRequest(key=key, **fields), timeout=20)
        return answer.value if answer.found else None

    def fill(self, entries, prefix=b"key", value_bytes=100):
        """Values that do not compress."""
        for first in range(0, entries, 1000):
            items = [cache.SetRequest(key=b"%s%d" % (prefix, number), value=os.urandom(value_bytes))
                     for number in range(first, min(first + 1000, entries))]
            self.stub.MultiSet(cache.MultiSetRequest(items=items), timeout=60)

    def kill(self):
        """kill -9; what it held is gone."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def same_ports(self):
        """Flags of a node that takes its place."""
        return (f"--listen={self.address}", f"--bus_listen=127.0.0.1:{self.bus_port}")


def wait_until_following(*nodes, seconds=60):
    for node in nodes:
        wait_until(lambda node=node: node.state() == FOLLOWING, f"{node.address} follows", seconds)


def caught_up(primary, replica):
    """The replica has applied all that the primary had some moments ago: what nodes say of themselves is that old."""
    own, end = replica.replication(), primary.replication()
    return own.source.state == FOLLOWING and end.HasField("position") and own.position == end.position


def wait_until_equal(primary, *replicas, seconds=60):
    """All hold the same, and have applied all; nothing may be written meanwhile. Returns the digest."""
    for replica in replicas:
        try:
            wait_until(lambda replica=replica: caught_up(primary, replica) and replica.digest() == primary.digest(),
                       f"{replica.address} has all", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\nprimary: {primary.digest()} {primary.replication()}\n"
                                 f"replica: {replica.digest()} {replica.replication()}") from error
    return primary.digest()


class PairTest(unittest.TestCase):
    """A primary and a replica that follows it."""

    flags = ()

    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.primary = stack.enter_context(BusNode(*self.flags))
        self.replica = stack.enter_context(BusNode(*self.flags, follows=self.primary))
        wait_until_following(self.replica)

    def assert_equal(self):
        return wait_until_equal(self.primary, self.replica)
