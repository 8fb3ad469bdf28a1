"""Flags of a node that runs: `larder config get` and `larder config set`."""

import contextlib
import threading
import unittest

import grpc

from end_to_end.harness.cli import Cli
from end_to_end.harness.errors import StatusAssertions
from end_to_end.harness.node import Node
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until

OK, USAGE, ERROR = 0, 2, 3
MI = 1 << 20
BLOCK = b"b" * 65536


def used_bytes(node):
    return sum(value for name, value in node.metrics().items() if name.startswith("larder_memory_bytes{"))


class ConfigTest(StatusAssertions, unittest.TestCase):
    def set(self, node, *settings):
        result = Cli(node.address).run("config", "set", *settings)
        self.assertEqual(result.returncode, OK, result.stderr)

    def get(self, node, name):
        result = Cli(node.address).run("config", "get", name)
        self.assertEqual(result.returncode, OK, result.stderr)
        return result.stdout.decode().removesuffix("\n")

    @contextlib.contextmanager
    def load(self, node):
        """Two threads write and read until the end; not one call may fail."""
        is_over, failures, counts = threading.Event(), [], [0, 0]

        def work(which):
            with node.open_channel() as channel:
                get, put = (channel.unary_unary(
                    f"/larder.v1.Cache/{name}", request.SerializeToString, response.FromString)
                    for name, request, response in (
                        ("Get", cache.GetRequest, cache.GetResponse),
                        ("Set", cache.SetRequest, cache.SetResponse)))
                while not is_over.is_set():
                    key = b"load-%d-%d" % (which, counts[which] % 2000)
                    try:
                        put(cache.SetRequest(key=key, value=BLOCK), timeout=20)
                        get(cache.GetRequest(key=key), timeout=20)
                    except grpc.RpcError as error:
                        failures.append(error)
                        return
                    counts[which] += 1

        threads = [threading.Thread(target=work, args=[which]) for which in range(2)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: failures or all(counts), "both threads work")
            yield
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])

    def test_memory_shrinks_and_grows_under_load(self):
        with Node("--memory=64MiB") as node:
            with self.load(node):
                wait_until(lambda: used_bytes(node) > 48 * MI, "the node fills")
                self.set(node, "memory=16MiB")
                self.assertEqual(node.metrics()["larder_memory_limit_bytes"], 16 * MI)
                wait_until(lambda: used_bytes(node) <= 16 * MI, "the node shrinks")
                self.assertEqual(self.get(node, "memory"), "16MiB")
                self.set(node, "memory=128m")
                wait_until(lambda: used_bytes(node) > 80 * MI, "the node grows beyond its first limit")
            self.assertEqual(self.get(node, "memory"), "128MiB")
            self.assertGreater(node.stats().evictions, 0)
            wait_until(lambda: "SetConfig: --memory=128MiB, was 16MiB" in node.log(), "changes are logged")
            self.assertIn("SetConfig: --memory=16MiB, was 64MiB", node.log())

    def test_memory_shrinks_without_any_request(self):
        with Node("--memory=32MiB") as node:
            for n in range(1000):
                node.stub.Set(cache.SetRequest(key=b"k-%d" % n, value=BLOCK), timeout=20)
            self.assertGreater(used_bytes(node), 24 * MI)
            self.set(node, "memory=8MiB")
            wait_until(lambda: used_bytes(node) <= 8 * MI, "the housekeeper evicts")
            self.assertTrue(node.stub.Get(cache.GetRequest(key=b"k-999")).found)

    def test_without_eviction_a_lower_limit_loses_nothing(self):
        with Node("--memory=32MiB", "--eviction=none") as node:
            keys = [b"k-%d" % n for n in range(200)]
            for key in keys:
                node.stub.Set(cache.SetRequest(key=key, value=BLOCK), timeout=20)
            used = used_bytes(node)
            self.set(node, "memory=8MiB")
            self.assert_fails(grpc.StatusCode.RESOURCE_EXHAUSTED, ["memory"], node.stub.Set,
                              cache.SetRequest(key=b"more", value=BLOCK))
            for key in keys:
                self.assertEqual(node.stub.Get(cache.GetRequest(key=key), timeout=20).value, BLOCK)
            self.assertEqual(used_bytes(node), used)
            self.assertEqual((node.stats().entries, node.stats().evictions), (len(keys), 0))
            self.set(node, "memory=32MiB")
            node.stub.Set(cache.SetRequest(key=b"more", value=BLOCK), timeout=20)

    def test_what_is_refused_changes_nothing(self):
        with Node("--memory=64MiB", "--max_inflight=77") as node:
            cli = Cli(node.address)
            code, before = cli.json("config", "get")
            self.assertEqual(code, OK)
            for words, settings in [
                    (["memory", "4MiB to 16TiB"], ["max_inflight=5", "memory=1MiB"]),
                    (["memory", "4MiB to 16TiB"], ["memory=17TiB"]),
                    (["memory", "'lots'", "size"], ["memory=lots"]), (["memory", "size"], ["memory="]),
                    (["no_such_flag", "no flag"], ["memory=32MiB", "no_such_flag=1"]),
                    (["stripes", "can not change", "max_inflight, memory"], ["memory=32MiB", "stripes=8"]),
                    (["memory", "twice"], ["memory=32MiB", "memory=33MiB"]),
                    (["max_inflight", "1 to 10000000"], ["memory=32MiB", "max_inflight=0"]),
                    (["NAME=VALUE"], ["memory=32MiB", "max_inflight"]), (["NAME=VALUE"], [])]:
                with self.subTest(settings=settings):
                    result = cli.run("config", "set", *settings)
                    self.assertEqual((result.returncode, result.stdout), (USAGE, b""))
                    (line,) = result.stderr.decode().splitlines()
                    for word in words:
                        self.assertIn(word, line)
            self.assertEqual(cli.json("config", "get"), (OK, before))
            self.assertEqual(node.stats().memory_limit_bytes, 64 * MI)
            self.assertNotIn("SetConfig", node.log())
            gone = cli.address
        self.assertEqual(Cli(gone).run("config", "set", "memory=32MiB").returncode, ERROR)

    def test_get_prints_one_flag_or_all(self):
        with Node("--max_inflight=77") as node:
            self.assertEqual(self.get(node, "max_inflight"), "77")
            cli = Cli(node.address)
            self.set(node, "max_inflight=78", "memory=2GiB")
            rows = [line.split() for line in cli.run("config", "get").stdout.decode().splitlines()]
            self.assertEqual(rows[0], ["name", "value", "changeable"])
            self.assertEqual({len(row) for row in rows}, {3})
            self.assertEqual([row for row in rows if row[2] == "yes"],
                             [["max_inflight", "78", "yes"], ["memory", "2GiB", "yes"]])
            self.assertEqual(cli.json("config", "get", "memory"),
                             (OK, {"name": "memory", "value": "2GiB", "changeable": True}))
            self.assertEqual(cli.run("config", "get", "no_such_flag").returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
