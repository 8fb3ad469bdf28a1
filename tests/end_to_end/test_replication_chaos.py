"""A primary with two replicas under a load whose operations are recorded, while links are cut and replicas stopped,
killed and restarted by chance. Then quiet: all three hold the same, and the history can be true. In CI for some
seconds; `tests/run long` does it for ten minutes. LARDER_CHAOS_SEED repeats the faults of a run, though not how they
fall together with the load."""

import concurrent.futures
import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

from end_to_end.harness.cli import Cli
from end_to_end.harness.history import HistoryLoad, check
from end_to_end.harness.link_proxy import LinkProxy
from end_to_end.harness.paths import LARDER
from end_to_end.harness.replication import BusNode, caught_up, wait_until_following
from end_to_end.harness.stubs import cache
from end_to_end.harness.waiting import wait_until

SECONDS = int(os.environ.get("LARDER_CHAOS_SECONDS", "15"))
SEED = int(os.environ.get("LARDER_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
SHARE = 0.3  # of what the machine can do
RECORDED_RATE = 2000
# The log holds some seconds of the load, so that some cuts are longer.
FLAGS = ("--log_bytes=8MiB", "--max_value_bytes=512KiB")
UNKNOWN_LASTS = "5s"


class Replica:
    """A node that follows `primary` by a link of its own, and all that is done to it."""

    def __init__(self, primary, flags, choice):
        self.primary, self.flags, self.choice = primary, flags, choice
        self.proxy = LinkProxy(primary.bus_port)
        self.node = BusNode(*flags, follows=primary, bus_port=self.proxy.port)
        self.address = self.node.address
        self.faults = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.node.__exit__()
        self.proxy.__exit__()

    def cut(self):
        self.proxy.command(f"cut both {self.choice.choice(['reset', 'close'])}")

    def cut_at_a_boundary(self):
        unit, most = self.choice.choice([("messages", 300), ("frames", 500), ("bytes", 3_000_000)])
        direction, how = self.choice.choice(["forward", "backward"]), self.choice.choice(["reset", "close"])
        self.proxy.command(f"cut {direction} {how} {unit}={self.choice.randrange(most)} once")
        self.cut()

    def keep_away(self, seconds):
        self.proxy.command("refuse")
        self.cut()
        time.sleep(seconds)
        self.proxy.command("accept")

    def silence(self, seconds):
        self.proxy.command("cut both stall")
        time.sleep(seconds)
        self.proxy.command("heal")

    def slow_down(self, seconds):
        self.proxy.command("set both delay=50 bandwidth=1000000")
        time.sleep(seconds)
        self.proxy.command("heal")

    def stop(self, seconds):
        self.node.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.node.signal(signal.SIGCONT)

    def kill(self, seconds):
        self.node.kill()
        self.node.__exit__()
        time.sleep(seconds)
        self.node = BusNode(*self.node.same_ports(), *self.flags, follows=self.primary, bus_port=self.proxy.port)

    def suffer(self):
        """One fault, to its end. Now and then there is time to get well."""
        self.faults += 1
        seconds = self.choice.choice([0.1, 0.3, 1.0, 3.0])
        fault = self.choice.choice([self.cut, self.cut_at_a_boundary, self.keep_away, self.silence, self.slow_down,
                                    self.stop, self.kill])
        fault() if fault in (self.cut, self.cut_at_a_boundary) else fault(seconds)
        if self.choice.random() < 0.4:
            wait_until_following(self.node, seconds=120)
        time.sleep(self.choice.random())


def saturating_rate(primary):
    """Operations a second of a client that waits for nothing."""
    code, report = Cli(primary.address).json("bench", "--duration=2s", "--read_share=0.5", "--keys=20000")
    if code != 0:
        raise AssertionError(report)
    return report["operations_per_second"]


class ChaosTest(unittest.TestCase):
    slow = True

    def run_faults(self, replica, until):
        while time.monotonic() < until:
            replica.suffer()

    def chaos(self, seconds, flags, load_flags=(), check_flags=(), keys=300):
        self.keys = keys
        print(f"\nseed {SEED}, {seconds} s", flush=True)
        choice = random.Random(SEED)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            primary = stack.enter_context(BusNode(*flags))
            replicas = [stack.enter_context(Replica(primary, flags, random.Random(choice.random()))) for _ in range(2)]
            wait_until_following(*(replica.node for replica in replicas))
            files = [os.path.join(folder, name) for name in ("primary", "replicas")]
            common = (f"--rate={RECORDED_RATE / 2:.0f}", "--replicas=1", "--replicas_share=0.2", f"--keys={keys}", *load_flags)
            duration = f"{seconds + 600}s"
            writers = stack.enter_context(HistoryLoad(primary.address, files[0], f"--seed={SEED}", *common, duration=duration))
            others = stack.enter_context(HistoryLoad(
                ",".join(replica.address for replica in replicas), files[1], f"--seed={SEED + 1}", "--first_client=1000",
                "--max_staleness=5s", *common, duration=duration))
            rate = SHARE * saturating_rate(primary)
            background = stack.enter_context(subprocess.Popen(
                [LARDER, f"--addr={primary.address}", "bench", "--keys=20000", "--read_share=0.5", f"--rate={rate:.0f}",
                 f"--duration={duration}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            stack.callback(background.kill)
            self.suffer_all(replicas, time.monotonic() + seconds)
            self.assertIsNone(background.poll(), "the load goes on")
            background.kill()
            done, failed = writers.stop()
            done_by_replicas, failed_by_replicas = others.stop()
            self.quiet(primary, replicas)
            counts = primary.counts()
            print(f"{sum(replica.faults for replica in replicas)} faults, {rate:.0f} operations a second unrecorded; recorded "
                  f"{done} ({failed} failed), by replicas {done_by_replicas} ({failed_by_replicas} failed)\n"
                  f"{counts.partial_resyncs} partial, {counts.full_copies} full, {counts.resumed_copies} resumed, "
                  f"{counts.repeated_copies} repeated; {counts.fell_behind} fell behind; {primary.stats().evictions} evictions")
            finals = ",".join(node.address for node in (primary, *(replica.node for replica in replicas)))
            code, said = check(*files, final=finals, flags=[f"--unknown_lasts={UNKNOWN_LASTS}", *check_flags])
            self.assertEqual(code, 0, f"seed {SEED}: {said}")
            self.assertGreater(counts.partial_resyncs, 0)
            self.assertGreater(done, 1000)

    def suffer_all(self, replicas, until):
        """Each replica on a thread of its own; what fails there fails here."""
        with concurrent.futures.ThreadPoolExecutor(len(replicas)) as pool:
            for done in [pool.submit(self.run_faults, replica, until) for replica in replicas]:
                done.result()

    def quiet(self, primary, replicas):
        for replica in replicas:
            replica.proxy.command("heal")
            replica.proxy.command("accept")
            wait_until(lambda replica=replica: caught_up(primary, replica.node),
                       f"seed {SEED}: a replica has all: {replica.node.replication()}", seconds=120)
        # What has a ttl goes, so that all can be compared at leisure.
        wait_until(lambda: not self.expiring(primary), "nothing expires any more")
        wait_until(lambda: len({node.digest() for node in (primary, *(replica.node for replica in replicas))}) == 1,
                   f"seed {SEED}: all digests are equal", seconds=30)

    def expiring(self, node):
        """Some of the keys that were recorded has a ttl still, or a stale value."""
        for first in range(0, self.keys, 500):
            items = [cache.GetRequest(key=b"history:%d" % number) for number in range(first, first + 500)]
            answer = node.stub.MultiGet(cache.MultiGetRequest(items=items), timeout=20)
            if any(result.response.HasField("expires_at") for result in answer.results):
                return True
        return False

    def test_three_nodes_agree_after_chaos(self):
        self.chaos(SECONDS, FLAGS)

    def test_three_nodes_that_evict_agree_after_chaos(self):
        self.chaos(SECONDS, (*FLAGS, "--memory=8MiB"), ("--value_bytes=2KiB",), ("--evictions",), keys=30_000)


if __name__ == "__main__":
    unittest.main()
