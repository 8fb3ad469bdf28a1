"""`larder replay` and `larder bench`: exact hit ratios on small traces, load without errors."""

import collections
import gzip
import json
import lzma
import os
import random
import signal
import subprocess
import tempfile
import threading
import unittest

from end_to_end.harness.cli import Cli
from end_to_end.harness.node import Node
from end_to_end.harness.paths import LARDER
from end_to_end.harness.waiting import wait_until

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

    def test_a_trace_comes_by_a_pipe_too(self):
        keys = [str(n) for n in range(60000)]
        text = "".join(f"{key}\n" for key in keys).encode()
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        with Node() as node:
            cli = Cli(node.address)
            for path in ("-", "/dev/stdin"):
                with self.subTest(path=path):
                    code, report = cli.json("replay", path, "--concurrency=64", "--limit=20000", stdin=text)
                    self.assertEqual((code, report["gets"], report["errors_total"]), (0, 20000, 0))
            script = f'{LARDER} replay --json --concurrency=64 <(seq 0 59999)'
            by_substitution = subprocess.run(["bash", "-c", script], capture_output=True, timeout=100, check=True,
                                             env={**os.environ, "LARDER_ADDR": node.address})
            self.assertEqual(json.loads(by_substitution.stdout)["gets"], 60000)
            # All 60000 keys are there: the last bytes of the pipe are as much of it as the first.
            self.assertEqual(cli.json("stats")[1]["entries"], 60000)
            writer = threading.Thread(target=lambda: open(fifo, "wb").write(text), daemon=True)
            writer.start()
            code, report = cli.json("replay", fifo, "--concurrency=64")
            self.assertEqual((code, report["gets"], report["misses"]), (0, 60000, 0))
            writer.join()
            self.assertEqual(cli.json("replay", "/dev/null")[1]["operations"], 0)

    def test_an_interrupt_ends_a_replay_that_waits_for_its_pipe(self):
        with Node() as node, subprocess.Popen(
                [LARDER, "replay", "-", "--json", f"--addr={node.address}"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as replay:
            try:
                replay.stdin.write(b"a\nb\nunfinished")
                replay.stdin.flush()
                cli = Cli(node.address)
                wait_until(lambda: cli.json("stats")[1]["entries"] == 2, "both keys of the trace are set")
                replay.send_signal(signal.SIGINT)
                self.assertEqual(json.loads(replay.stdout.read())["gets"], 2)
                self.assertEqual(replay.wait(timeout=60), 0)
            finally:
                replay.kill()

    def test_what_is_no_trace_is_refused_by_its_name(self):
        path = os.path.join(self.folder, "trace")
        with Node() as node:
            for content, said in ((gzip.compress(b"a\n"), b"is a gzip file"), (b"\x00\x01", b"byte 0x00 is no text"),
                                  ("a\n".encode("utf-16"), b"is text in UTF-16")):
                with self.subTest(said=said):
                    with open(path, "wb") as file:
                        file.write(content)
                    result = Cli(node.address).run("replay", path)
                    self.assertEqual(result.returncode, 2, result.stderr)
                    self.assertIn(said, result.stderr)
            with open(path, "wb") as file:
                file.write("a\n".encode("utf-8-sig"))
            Cli(node.address).run("replay", path)
            self.assertEqual(Cli(node.address).run("scan").stdout, b"a\n")

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
