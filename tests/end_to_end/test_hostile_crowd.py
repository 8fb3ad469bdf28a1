"""Good clients and probes beside a crowd of hostile ones. In CI a small crowd for a moment; `tests/run long` holds
1000 connections for half an hour and prints latencies, for which no test is the place."""

import collections
import os
import statistics
import threading
import time
import unittest

from end_to_end.harness.cli import Cli
from end_to_end.harness.crowd import BIG_KEY, Crowd
from end_to_end.harness.node import TRANSPORT, Node
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until

SECONDS = int(os.environ.get("LARDER_CROWD_SECONDS", "8"))
CONNECTIONS = int(os.environ.get("LARDER_CROWD_CONNECTIONS", "200"))
ROUNDS = min(9, SECONDS // 60) or 1  # with the crowd and without it, so that what else runs here slows down both
MEMORY = 64 << 20
# README, "Limits": resident is up to 10 % over the memory, with what clients may leave incomplete and unread.
INCOMPLETE = max(32 << 20, CONNECTIONS << 16)
UNREAD = INCOMPLETE  # less than the crowd would hold; an eighth is more than the answers of one turn
RESIDENT_MAX = MEMORY * 1.1 + (64 << 20) + INCOMPLETE + UNREAD
FLAGS = ("--memory=64MiB", f"--max_total_incomplete_bytes={INCOMPLETE}", f"--max_total_unread_bytes={UNREAD}",
         f"--metrics_max_connections={CONNECTIONS // 4}",
         "--unread_timeout=5s", "--handshake_timeout=3s", "--metrics_timeout=3s")


class Watch:
    """Asks for /healthz five times a second, and how much memory the node has, on a thread. To be entered again."""

    def __init__(self, node):
        self.node = node
        self.answers = []  # (status, seconds)
        self.resident_max = 0
        self._is_over = threading.Event()
        self._thread = None

    def __enter__(self):
        self._is_over.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def _run(self):
        while not self._is_over.wait(0.2):
            begin = time.monotonic()
            try:
                status, _ = self.node.http("/healthz")
            except OSError as error:
                status = str(error)
            self.answers.append((status, time.monotonic() - begin))
            self.resident_max = max(self.resident_max, self.node.resident_bytes())


@unittest.skipIf(TRANSPORT == "grpcpp", "which has bounds of its own")
class HostileCrowdTest(unittest.TestCase):
    def bench(self, node, seconds):
        """Gets and Sets at a fixed rate; the latencies of the Gets in us."""
        code, report = Cli(node.address).json(
            "bench", "--keys=10000", "--rate=1000", f"--duration={seconds}s", "--connections=2", timeout=seconds + 60)
        self.assertEqual(report["errors"], {})
        self.assertEqual(report["wrong_values"], 0)
        self.assertEqual(code, 0)
        return report["latency_us"]["get"]

    def figures(self, rounds):
        """Median and range over rounds, us."""
        return ", ".join(f"{name} {statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f}) us"
                         for name in ("p50", "p99") for values in [[latency[name] for latency in rounds]])

    def test_good_clients_are_served_and_probes_answered(self):
        with Node(*FLAGS) as node:
            node.stub.Set(cache.SetRequest(key=BIG_KEY, value=bytes(1 << 20)), timeout=20)
            Cli(node.address).run("bench", "--fill", "--keys=10000")
            alone, beside, counts = [], [], collections.Counter()
            watch = Watch(node)
            for _ in range(ROUNDS):
                alone.append(self.bench(node, max(2, SECONDS // ROUNDS // 10)))
                with Crowd(node, CONNECTIONS) as crowd:
                    wait_until(lambda: node.stats().connections > CONNECTIONS // 6, "the crowd is there")
                    with watch:
                        beside.append(self.bench(node, SECONDS // ROUNDS))
                counts.update(crowd.counts)
            times = sorted(seconds for _, seconds in watch.answers)
            print(f"\n{CONNECTIONS} connections, {ROUNDS} times {SECONDS // ROUNDS} s; kinds: {dict(counts)}\n"
                  f"Get alone: {self.figures(alone)}; beside the crowd: {self.figures(beside)}\n"
                  f"/healthz p50 {times[len(times) // 2] * 1e3:.1f}, p99 {times[len(times) * 99 // 100] * 1e3:.1f}, "
                  f"max {times[-1] * 1e3:.1f} ms, {sum(time > 0.1 for time in times)} over 100 ms of {len(times)}; "
                  f"{sum(status != 200 for status, _ in watch.answers)} probes lost their place; "
                  f"resident at most {watch.resident_max / (1 << 20):.0f} MiB")
            # A probe may lose its place to newcomers before its request has come; who asks again is answered.
            for (status, _), (after, _) in zip(watch.answers, watch.answers[1:]):
                self.assertIn(200, (status, after))
            self.assertLess(watch.resident_max, RESIDENT_MAX)
            self.assert_told(node, counts)

    def assert_told(self, node, counts):
        """What the crowd did is on the metrics page, and nothing of it is left."""
        wait_until(lambda: node.metrics()["larder_connections"] <= 1, "the crowd is gone")
        wait_until(lambda: node.metrics()["larder_metrics_connections"] <= 1, "from the metrics port, too")
        metrics = node.metrics()
        ended = {name: value for name, value in metrics.items() if "connections_ended_total" in name}
        for reason in ("client", "handshake_timeout", "memory", "protocol_error", "flood"):
            self.assertGreater(ended[f'larder_connections_ended_total{{reason="{reason}"}}'], 0, ended)
        for reason in ("client", "answered", "evicted"):
            self.assertGreater(ended[f'larder_metrics_connections_ended_total{{reason="{reason}"}}'], 0, ended)
        refused = 'larder_calls_refused_total{code="RESOURCE_EXHAUSTED"}'
        self.assertGreaterEqual(metrics[refused], counts["claim_too_much"] / 2)
        accepted = metrics["larder_connections_accepted_total"]
        self.assertEqual(accepted - metrics["larder_connections"], sum(
            value for name, value in ended.items() if name.startswith("larder_connections_ended")))
        self.assertGreater(accepted, CONNECTIONS // 2)


if __name__ == "__main__":
    unittest.main()
