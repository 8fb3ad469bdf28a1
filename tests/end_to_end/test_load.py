"""`larder replay` and `larder bench`: exact hit ratios on small traces, load without errors."""

import collections
import lzma
import os
import random
import tempfile
import unittest

from end_to_end.harness.cli import Cli
from end_to_end.harness.node import Node

VALUE_BYTES = 65536


def lru_hits(keys, capacity):
    """Hits of an LRU cache of a number of entries on a cache-aside replay."""
    cache, hits = collections.OrderedDict(), 0
    for key in keys:
        if key in cache:
            cache.move_to_end(key)
            hits += 1
        else:
            cache[key] = True
            if len(cache) > capacity:
                cache.popitem(last=False)
    return hits


def skewed_keys(count, distinct, seed):
    source = random.Random(seed)
    return [int(distinct * source.random() ** 3) for _ in range(count)]


class ReplayTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def trace(self, name, lines):
        path = os.path.join(self.folder, name)
        text = "".join(f"{line}\n" for line in lines).encode()
        with (lzma.open if name.endswith(".xz") else open)(path, "wb") as file:
            file.write(text)
        return path

    def test_a_cache_that_holds_everything_misses_each_key_once(self):
        keys = skewed_keys(5000, 400, seed=1)
        with Node("--memory=64MiB") as node:
            for name in ("trace.csv", "trace.csv.xz"):
                with self.subTest(name=name):
                    Cli(node.address).run("flush", "--yes")
                    code, report = Cli(node.address).json("replay", self.trace(name, keys),
                                                          "--value_bytes=1000")
                    self.assertEqual((code, report["errors_total"], report["wrong_values"]), (0, 0, 0))
                    self.assertEqual(report["misses"], len(set(keys)))
                    self.assertEqual(report["hits"], len(keys) - len(set(keys)))

    def test_a_full_cache_hits_as_exact_lru_does(self):
        keys = skewed_keys(8000, 1500, seed=2)
        with Node("--memory=32MiB", "--eviction=lru") as node:
            cli = Cli(node.address)
            code, report = cli.json("replay", self.trace("trace.csv.xz", keys),
                                    f"--value_bytes={VALUE_BYTES}", timeout=300)
            stats = cli.json("stats")[1]
        self.assertEqual((code, report["errors_total"], report["wrong_values"]), (0, 0, 0))
        self.assertGreater(stats["evictions"], 1000)
        # The budget is in bytes: what it holds at the end is its capacity in entries, give or take
        # what tables and policy take as keys come and go.
        capacity = stats["entries"]
        low, high = lru_hits(keys, capacity - 3), lru_hits(keys, capacity + 3)
        self.assertLessEqual(low, report["hits"])
        self.assertLessEqual(report["hits"], high)
        self.assertLess(high - low, 0.01 * len(keys))

    def test_sizes_from_the_trace_and_overlapping_requests(self):
        lines = [f"{key},{100 + key % 50}" for key in skewed_keys(3000, 200, seed=3)]
        with Node() as node:
            code, report = Cli(node.address).json("replay", self.trace("sized.csv", lines), "--concurrency=16")
            self.assertEqual((code, report["errors_total"], report["wrong_values"]), (0, 0, 0))
            self.assertEqual(report["misses"], 200)
            self.assertEqual(Cli(node.address).json("stats")[1]["entries"], 200)

    def test_a_trace_that_is_broken(self):
        with Node() as node:
            cli = Cli(node.address)
            for name, content in (("words.csv", b"1,two\n"), ("cut.csv.xz", lzma.compress(b"1\n" * 9)[:-8])):
                with self.subTest(name=name):
                    path = os.path.join(self.folder, name)
                    with open(path, "wb") as file:
                        file.write(content)
                    result = cli.run("replay", path)
                    self.assertNotEqual(result.returncode, 0)
                    self.assertTrue(result.stderr)
            self.assertEqual(cli.run("replay", "/no/such/file").returncode, 2)

    def test_a_node_that_refuses_writes_is_an_error(self):
        with Node("--memory=8MiB", "--eviction=none") as node:
            path = self.trace("trace.csv", range(400))
            code, report = Cli(node.address).json("replay", path, f"--value_bytes={VALUE_BYTES}",
                                                  "--timeout=200ms", timeout=300)
            self.assertEqual(code, 3)
            self.assertGreater(report["errors_total"], 0)

    test_a_node_that_refuses_writes_is_an_error.slow = True


class BenchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())
        cls.cli = Cli(cls.node.address)

    def bench(self, *flags):
        code, report = self.cli.json("bench", *flags, timeout=120)
        self.assertEqual((code, report["errors_total"]), (0, 0), report)
        return report

    def test_fill_writes_each_key_once(self):
        self.cli.run("flush", "--yes")
        report = self.bench("--fill", "--keys=2000", "--key_bytes=20", "--value_bytes=100")
        self.assertEqual(report["sets"], 2000)
        self.assertEqual(self.cli.json("stats")[1]["entries"], 2000)
        keys = self.cli.run("scan").stdout.splitlines()
        self.assertEqual({len(key) for key in keys}, {20})

    def test_closed_loop(self):
        for api in ("unary", "pipeline"):
            with self.subTest(api=api):
                report = self.bench("--requests=5000", "--keys=500", "--inflight=16", f"--api={api}",
                                    "--distribution=zipf", "--value_bytes=10..4KiB")
                self.assertEqual(report["operations"], 5000)
                self.assertEqual(report["hits"] + report["misses"], report["gets"])
                self.assertGreater(report["latency_us"]["get"]["p99"], 0)

    def test_open_loop(self):
        report = self.bench("--rate=2000", "--duration=1s", "--keys=100", "--connections=4")
        self.assertGreater(report["operations"], 0)

    def test_a_node_that_refuses_is_an_error(self):
        with Node("--memory=8MiB", "--eviction=none") as node:
            code, report = Cli(node.address).json(
                "bench", "--fill", "--keys=300", "--value_bytes=64KiB", "--timeout=200ms", timeout=120)
            self.assertEqual(code, 3)
            self.assertIn("RESOURCE_EXHAUSTED", report["errors"])


if __name__ == "__main__":
    unittest.main()
