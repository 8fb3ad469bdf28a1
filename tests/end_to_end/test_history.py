"""Histories of many clients of a node that is killed, of links that break, and of nodes that lie."""

import os
import random
import signal
import tempfile
import unittest

from end_to_end.harness.history import HistoryLoad, check
from end_to_end.harness.link_proxy import LinkProxy
from end_to_end.harness.node import Node
from end_to_end.harness.relay import Relay
from end_to_end.harness.waiting import wait_until


class HistoryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "history")
        self.seed = random.SystemRandom().randrange(1 << 32)

    def load(self, address, *flags):
        return HistoryLoad(address, self.file, f"--seed={self.seed}", "--rate=3000", *flags)

    def expect(self, code, final, flags=()):
        found, text = check(self.file, final=final, flags=flags)
        self.assertEqual(found, code, f"seed {self.seed}: {text}")
        return text

    def requests(self, node):
        """How many calls the node has answered so far."""
        return sum(node.stats().requests.values())

    def work(self, node, requests=3000):
        """Until so many more have been answered."""
        before = self.requests(node)
        wait_until(lambda: self.requests(node) > before + requests, "the load goes on", seconds=120)

    def test_a_node_that_loses_everything_when_it_is_killed(self):
        node = Node()
        listen = f"--listen={node.address}"
        with self.load(node.address) as load:
            for number in range(3):
                self.work(node)
                with load.event(f"kill{number}", lose="everything"):
                    node.signal(signal.SIGKILL)
                    node.__exit__()
                    node = Node(listen)
            with node:
                self.work(node)
                done, failed = load.stop()
                self.assertGreater(done, 10000)
                self.assertGreater(failed, 0)
                self.expect(0, node.address)

    def test_a_kill_that_nobody_tells_is_found(self):
        node = Node()
        with self.load(node.address) as load:
            self.work(node)
            node.signal(signal.SIGKILL)
            node.__exit__()
            with Node(f"--listen={node.address}") as node:
                self.work(node, 300)
                load.stop()
                self.assertIn("lost: key 'history:", self.expect(1, node.address))

    def test_links_that_break_anywhere(self):
        choice = random.Random(self.seed)
        with Node() as node, LinkProxy(node.port) as proxy, self.load(proxy.address) as load:
            for _ in range(20):
                direction = choice.choice(["forward", "backward"])
                how = choice.choice(["close", "reset"])
                where = choice.choice(["bytes", "frames", "messages"])
                before = len(proxy.connections())
                proxy.command(f"cut {direction} {how} {where}={choice.randrange(200)} once")
                wait_until(lambda known=before: len(proxy.connections()) > known, "a connection is made anew")
            proxy.command("heal")
            self.work(node, 1000)
            last = proxy.connections()[-1]
            self.assertGreater(last["forward_messages"], 0)
            self.assertGreater(last["backward_messages"], 0)
            self.assertLessEqual(last["backward_messages"], last["forward_messages"])
            _, failed = load.stop()
            self.assertGreater(failed, 0)
            self.expect(0, node.address)

    def test_a_node_that_evicts(self):
        with Node("--memory=8MiB") as node, \
                self.load(node.address, "--keys=3000", "--value_bytes=20KiB") as load:
            wait_until(lambda: node.stats().evictions > 100, "entries are evicted", seconds=120)
            load.stop()
            self.expect(0, node.address, ["--evictions"])

    def test_two_nodes_that_pass_for_one_are_found(self):
        with Node() as one, Node() as other, Relay(one.port, other.port) as relay, \
                self.load(relay.address, "--connections=2") as load:
            self.work(one)
            self.work(other)
            load.stop()
            text = self.expect(1, f"{one.address},{other.address}")
            for kind in ("resurrected", "out of order", "diverged"):
                self.assertIn(f"{kind}: key 'history:", text)


if __name__ == "__main__":
    unittest.main()
