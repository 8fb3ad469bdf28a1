"""larder_bench as a program: what it refuses, and that each subcommand prints what it should. No
assertion is about how long something took. usage: program_test.py PATH_OF_LARDER_BENCH"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop()) if len(sys.argv) > 1 else "larder_bench"
TRACE = "a\nb\na\nc\nb\na\nc\n"
SIZED_TRACE = "a,10\nb,20\na,10\nc,100\nb,20\n"

COMMANDS = ("hit_ratio", "memory", "keyspace", "hot_path", "client", "idle", "neighbour", "log", "replication")

# What the program must have beside a flag to look at its value.
NEEDS = {("hit_ratio", "--capacity"): ["/dev/null"]}

BAD = [
    ([], "subcommand"), (["clever"], "clever"), (["memory", "--no_such"], "no_such"),
    (["memory", "--keys="], "--keys"), (["memory", "--keys=0"], "--keys"),
    (["memory", "--keys=many"], "--keys"), (["memory", "--keys=1000", "--key_bytes=2"], "--key_bytes"),
    (["memory", "--value_bytes=2GiB"], "--value_bytes"), (["memory", "--ttl=0"], "--ttl"),
    (["memory", "--ttl=soon"], "--ttl"), (["memory", "--memory=1KiB"], "memory"),
    (["memory", "--eviction=clever"], "--eviction"), (["memory", "--churn", "--keys=5"], "--keys"),
    (["memory", "--churn", "--memory=1MiB"], "--memory"), (["memory", "--operations=5"], "--churn"),
    (["memory", "--churn", "--eviction=none"], "--eviction"),
    (["memory", "--compare", "--key_bytes=251"], "--key_bytes"),
    (["log", "--operations=0"], "--operations"), (["log", "--threads=0"], "--threads"),
    (["log", "--value_bytes=2MiB"], "--value_bytes"), (["keyspace", "--operations=0"], "--operations"), (["keyspace", "--rounds=0"], "--rounds"),
    (["keyspace", "--memory=half"], "--memory"), (["keyspace", "--memory=8MiB"], "--memory"),
    (["keyspace", "--against=/no/such/program"], "--against"), (["keyspace", "--clock=wall"], "--histogram"),
    (["keyspace", "--histogram", "--rounds=0"], "--rounds"),
    (["keyspace", "--histogram", "--operations=0"], "--operations"),
    (["keyspace", "--histogram", "--eviction=none"], "--eviction"),
    (["hot_path", "--workloads=clever"], "--workloads"), (["hot_path", "--workloads=get_100_4x50,"], "--workloads"),
    (["hot_path", "--transports=,"], "--transports"), (["hot_path", "--alternations=0"], "--alternations"),
    (["hot_path", "--io_threads=65"], "--io_threads"), (["hot_path", "--io_threads=1,0"], "--io_threads"),
    (["hot_path", "--io_threads=1,1"], "--io_threads"), (["hot_path", "--io_threads=1,"], "--io_threads"),
    (["hot_path", "--operations=0"], "--operations"),
    (["hot_path", "--rate=0"], "--rate"), (["hot_path", "--larderd=/no/such/program"], "--larderd"),
    (["idle", "--connections=0"], "--connections"), (["idle", "--connections=100001"], "--connections"),
    (["idle", "--rate=0"], "--rate"), (["idle", "--rounds=0"], "--rounds"),
    (["idle", "--transport=smoke"], "--transport"), (["idle", "--larderd=/no/such/program"], "--larderd"),
    (["neighbour", "--rounds=0"], "--rounds"), (["neighbour", "--seconds=0"], "--seconds"),
    (["neighbour", "--larderd=/no/such/program"], "--larderd"),
    (["replication", "--rate=-1"], "--rate"), (["replication", "--rate=10000001"], "--rate"),
    (["replication", "--rate=fast"], "--rate"), (["replication", "--rounds=0"], "--rounds"),
    (["replication", "--rounds=1001"], "--rounds"), (["replication", "--seconds=0"], "--seconds"),
    (["replication", "--seconds=601"], "--seconds"), (["replication", "--larderd=/no/such/program"], "--larderd"),
    (["replication", "--what=moon"], "--what"), (["replication", "--entries=5"], "--entries: --what=cpu"),
    (["replication", "--idle_writers"], "--idle_writers"), (["replication", "--log_bytes=1MiB"], "--log_bytes"),
    (["replication", "--what=copy", "--rate=5"], "--rate: --what=copy"),
    (["replication", "--what=copy", "--entries=0"], "from 1 to 100000000"),
    (["replication", "--what=copy", "--entries=100000001"], "from 1 to 100000000"),
    (["replication", "--what=copy", "--log_bytes=1023KiB"], "from 1MiB to 1TiB"),
    (["replication", "--what=copy", "--log_bytes=2TiB"], "from 1MiB to 1TiB"),
    (["replication", "--what=copy", "--log_bytes=1100KiB"], "a multiple of 64KiB"),
    (["replication", "--what=copy", "--reader_rate=0"], "from 1 to 1000000"),
    (["replication", "--what=copy", "--reader_rate=1000001"], "from 1 to 1000000"),
    (["replication", "--what=copy", "--copy_wait=0"], "--copy_wait"),
    (["replication", "--what=copy", "--copy_wait=61m"], "from 1ms to 1h"),
    (["replication", "--what=copy", "--larderd=/no/such/program"], "--larderd"),
    (["client", "--rounds=0"], "--rounds"), (["client", "--operations=0"], "--operations"),
    (["client", "--larderd=/no/such/program"], "--larderd"),
    (["hit_ratio", "TRACE"], "--capacity"), (["hit_ratio", "--capacity=2"], "FILE"),
    (["hit_ratio", "--capacity=0", "TRACE"], "--capacity"),
    (["hit_ratio", "--capacity=few", "TRACE"], "--capacity"),
    (["hit_ratio", "--capacity=2", "--policy=clever", "TRACE"], "--policy"),
    (["hit_ratio", "--capacity=2", "--policy=none", "TRACE"], "--policy"),
    (["hit_ratio", "--capacity=2", "--stripes=3", "TRACE"], "--stripes"),
    (["hit_ratio", "--capacity=2", "--bytes", "TRACE"], "--bytes"),
    (["hit_ratio", "--capacity=2", "/no/such/file"], "/no/such/file"),
    (["hit_ratio", "--capacity=2", "/"], "/: Is a directory"),
    (["hit_ratio", "--capacity=2", PROGRAM], "is no text"), (["hit_ratio", "--capacity=2", "/dev/null"], "no request"),
]


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, **options)


class ProgramTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.trace = cls.write("trace.csv", TRACE)
        cls.sized_trace = cls.write("sized.csv", SIZED_TRACE)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def text_of(self, *arguments, **options):
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def json_of(self, *arguments, **options):
        return json.loads(self.text_of(*arguments, "--json", **options))

    def test_bad_flags_end_with_code_2_and_one_line_that_names_what_is_wrong(self):
        for arguments, name in BAD:
            with self.subTest(arguments=arguments):
                result = run(*[self.trace if a == "TRACE" else a for a in arguments])
                self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
                self.assertIn(name, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_every_flag_refuses_what_is_no_number_and_names_itself(self):
        found = set()
        for command in COMMANDS + ("floor_server",):
            # Their type follows flags that have a value. Paths are text; transports are larderd's to refuse.
            for flag, kind in re.findall(r"^  (--\w+) ([A-Z]\S*|[a-z]+\|\S+)", self.text_of(command, "--help"), re.M):
                if kind in ("PROGRAM", "Excludes:", "Needs:") or flag == "--transports":
                    continue
                found.add(f"{command} {flag}")
                needs = NEEDS.get((command, flag), [])
                for value in ("nan", "inf", "-inf", "-1", "1e400", "0x10", " 1", "1 ", "1s ", "1KiB "):
                    with self.subTest(command=command, flag=flag, value=value):
                        result = run(command, f"{flag}={value}", *needs)
                        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
                        self.assertIn(flag, result.stderr)
                        self.assertIn(value, result.stderr)
        self.assertLessEqual({"keyspace --seed", "hot_path --io_threads", "hit_ratio --stripes", "idle --rate"}, found)
        self.assertGreater(len(found), 30)

    def test_help_of_each_subcommand_has_an_example(self):
        for command in COMMANDS:
            self.assertIn(command, self.text_of("--help"))
            self.assertIn(f"Example: larder_bench {command}", self.text_of(command, "--help"))

    def test_hit_ratio_of_a_trace_done_by_hand(self):
        # LRU with room for two: a and b miss, a hits, c throws out b, b throws out a, and so on.
        lru = self.json_of("hit_ratio", "--policy=lru", "--capacity=2", self.trace)
        self.assertEqual((lru["requests"], lru["misses"]), (7, 6))
        # FIFO: c throws out a, b hits, a throws out b, c hits.
        fifo = self.json_of("hit_ratio", "--policy=fifo", "--capacity=2", self.trace)
        self.assertEqual((fifo["requests"], fifo["misses"]), (7, 4))
        self.assertIn("miss_ratio 0.57143",
                      self.text_of("hit_ratio", "--policy=fifo", "--capacity=2", self.trace))

    def test_hit_ratio_takes_its_trace_from_a_pipe_once_for_all_policies(self):
        whole = self.text_of("hit_ratio", "--policy=all", "--capacity=2", self.trace)
        for name in ("-", "/dev/stdin"):
            self.assertEqual(self.text_of("hit_ratio", "--policy=all", "--capacity=2", name, input=TRACE), whole)

    def test_hit_ratio_leaves_an_object_that_is_too_large_out(self):
        result = self.json_of("hit_ratio", "--bytes", "--capacity=30", self.sized_trace)
        self.assertEqual((result["requests"], result["misses"]), (5, 3))

    def test_hit_ratio_of_all_policies_has_each_but_none(self):
        results = self.json_of("hit_ratio", "--policy=all", "--capacity=2", "--stripes=4", self.trace)
        policies = [result["policy"] for result in results]
        self.assertLessEqual({"s3fifo", "sieve", "slru", "lru", "fifo", "lfu", "random", "ttl"}, set(policies))
        self.assertNotIn("none", policies)
        self.assertEqual(len(policies), len(set(policies)))

    def test_memory_counts_the_entries_that_it_sets(self):
        result = self.json_of("memory", "--keys=50k", "--value_bytes=200", "--ttl=1h")
        self.assertEqual(result["entries"], 50000)
        self.assertGreater(result["resident_bytes"], 50000 * 216)
        self.assertGreater(result["counted_bytes"]["total"], 50000 * 216)
        self.assertGreater(result["counted_bytes"]["slack"], 0)

    def test_memory_says_when_not_all_keys_fit(self):
        self.assertIn("ATTENTION", self.text_of("memory", "--keys=100k", "--memory=8MiB"))
        self.assertNotIn("ATTENTION", self.text_of("memory", "--keys=1000"))

    def test_churn_reports_each_phase_within_its_budget(self):
        phases = self.json_of("memory", "--churn", "--memory=16MiB", "--operations=20k")["phases"]
        budgets = [phase["budget_bytes"] >> 20 for phase in phases]
        self.assertEqual(budgets, [16, 8, 8, 16, 16, 16])
        for phase in phases:
            self.assertLessEqual(phase["counted_bytes"], phase["budget_bytes"], phase)
            self.assertLess(phase["held_bytes"], phase["counted_bytes"], phase)
            self.assertGreater(phase["held_bytes"], phase["budget_bytes"] // 10, phase)

    def test_compare_names_what_is_not_installed(self):
        text = self.text_of("memory", "--keys=1000", "--compare", env={"PATH": "/no/such/folder"})
        self.assertIn("redis-server is NOT INSTALLED", text)
        self.assertIn("memcached is NOT INSTALLED", text)

    def test_compare_fills_what_is_installed_and_ends_it(self):
        peers = self.json_of("memory", "--keys=20k", "--compare", "--ttl=1h")["peers"]
        for peer in peers:
            self.assertEqual(peer["installed"], shutil.which(peer["name"]) is not None)
            if peer["installed"]:
                self.assertEqual(peer["entries"], 20000)
        if not any(peer["installed"] for peer in peers):
            self.skipTest("neither redis-server nor memcached is here")

    def test_keyspace_times_each_operation_by_one_and_two_threads(self):
        timings = self.json_of("keyspace", "--keys=2k", "--operations=2k", "--rounds=2")["timings"]
        lines = {(t["operation"], t["distribution"], t["threads"]) for t in timings}
        wanted = {(o, d, t) for o in ("get_hit", "get_miss", "set_overwrite")
                  for d in ("zipf", "uniform") for t in (1, 2)}
        wanted |= {(o, "each once", t) for o in ("delete", "set_new") for t in (1, 2)}
        self.assertEqual(lines, wanted)
        self.assertEqual(len(timings), len(wanted))
        self.assertTrue(all(t["cpu_nanos"] > 0 for t in timings))

    def test_keyspace_against_another_program_has_both_and_their_ratio(self):
        flags = ("keyspace", "--keys=2k", "--operations=2k", "--rounds=2", f"--against={PROGRAM}")
        for timing in self.json_of(*flags)["timings"]:
            self.assertAlmostEqual(timing["ratio"], timing["cpu_nanos"] / timing["other_cpu_nanos"])
        self.assertIn("ratio", self.text_of(*flags))

    def test_keyspace_against_a_program_that_fails_or_prints_something_else_fails(self):
        for other in ("/bin/false", "/bin/echo"):
            result = run("keyspace", "--keys=1k", "--operations=1k", "--rounds=1", f"--against={other}")
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertEqual(result.stdout, "")

    def test_histogram_counts_every_operation_and_housekeeping_too(self):
        for clock in ("cpu", "wall"):
            result = self.json_of("keyspace", "--histogram", "--operations=250k", "--memory=8MiB",
                                  f"--clock={clock}")
            self.assertEqual(result["clock"], clock)
            counts = {o["operation"]: o["count"] for o in result["operations"]}
            self.assertEqual(counts.pop("all"), 250000)
            self.assertEqual(sum(counts.values()), 250000)
            self.assertTrue(all(counts.values()), counts)
            self.assertEqual(len(result["slowest"]), 10)
            self.assertGreater(result["evictions"], 0)
            self.assertEqual(result["control"]["count"], 250000)
            slow = [o for o in result["slowest"] + result["slowest_housekeeping"] if o["nanos"] > 1000000]
            if len(slow) < 10:
                self.assertEqual(result["operations"][-1]["over_1ms"], len(slow))

    def test_histogram_does_the_same_operations_in_each_round(self):
        result = self.json_of("keyspace", "--histogram", "--operations=50k", "--memory=8MiB", "--rounds=3")
        self.assertEqual(result["operations"][-1]["count"], 150000)
        self.assertGreater(result["evictions"], 0)
        self.assertLessEqual(len(result["slow_in_each_round"]), result["operations"][-1]["over_1ms"] / 3)
        numbers = [o["number"] for o in result["slow_in_each_round"]]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertIn("in each round", self.text_of("keyspace", "--histogram", "--operations=20k",
                                                    "--memory=8MiB", "--rounds=2"))

    @unittest.skipIf(shutil.which("valgrind") is None, "needs valgrind")
    def test_hot_path_counts_instructions(self):
        result = self.json_of("hot_path", "--instructions", "--workloads=pipeline_get_16", "--transports=nghttp2",
                              "--operations=500")
        rows = result["workloads"][0]["rows"]
        self.assertEqual(rows[0]["server"], "larderd nghttp2")
        self.assertTrue(all(100 < row["instructions"] < 1e6 for row in rows), rows)

    def test_hot_path_measures_each_server_that_is_installed(self):
        result = self.json_of("hot_path", "--workloads=get_100_4x50,multi_get_10,pipeline_set_16",
                              "--operations=1k", "--alternations=1")
        installed = {server["name"]: server["installed"] for server in result["servers"]}
        self.assertEqual(installed, {
            "larderd nghttp2": True, "larderd grpcpp": True, "floor": True,
            "redis-server": shutil.which("redis-server") is not None,
            "memcached": shutil.which("memcached") is not None})
        names = [workload["name"] for workload in result["workloads"]]
        self.assertEqual(names, ["get_100_4x50", "multi_get_10", "pipeline_set_16"])
        for workload in result["workloads"]:
            rows = workload["rows"]
            self.assertEqual({row["server"] for row in rows}, {name for name, there in installed.items() if there})
            for row in rows:
                self.assertEqual(row["operations"], 1000, row)
                self.assertGreater(row["cpu_micros"], 0, row)
                self.assertGreater(row["received_bytes"], 0, row)
                self.assertLessEqual(row["p50_micros"], row["p99_micros"], row)
                self.assertLessEqual(row["p99_micros"], row["p999_micros"], row)
                self.assertEqual(row["cpu_ratio_to_redis"] is None, not installed["redis-server"], row)

    def test_hot_path_at_a_rate_names_what_is_not_installed(self):
        pin = ["--pin"] if len(os.sched_getaffinity(0)) > 1 else []
        text = self.text_of("hot_path", "--workloads=set_100_4x50", "--transports=default", "--operations=500",
                            "--alternations=2", "--rate=50k", *pin, env={"PATH": "/no/such/folder"})
        self.assertIn("redis-server is NOT INSTALLED", text)
        self.assertIn("memcached is NOT INSTALLED", text)
        self.assertIn("at 50000/s", text)
        self.assertIn("larderd default    4 x 50", text)

    def test_a_load_with_a_processor_of_its_own_needs_two(self):
        processors = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, processors)
        os.sched_setaffinity(0, {min(processors)})
        result = run("hot_path", "--pin", "--workloads=get_100_4x50")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("--pin needs two processors", result.stderr)

    def test_hot_path_of_a_program_that_does_not_serve_fails(self):
        for other in ("/bin/false", "/bin/echo"):
            result = run("hot_path", f"--larderd={other}", "--transports=default", "--workloads=get_100_4x50",
                         "--operations=10", "--json")
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertEqual(result.stdout, "")

    def test_hot_path_names_servers_by_their_threads(self):
        result = self.json_of("hot_path", "--workloads=get_100_4x50", "--transports=nghttp2", "--operations=500",
                              "--alternations=1", "--io_threads=1,2", env={"PATH": "/no/such/folder"})
        self.assertEqual([row["server"] for row in result["workloads"][0]["rows"]],
                         ["larderd nghttp2", "larderd nghttp2 x2", "floor"])

    def test_idle_measures_the_memory_of_a_connection_and_the_others_latency(self):
        for transport in ("nghttp2", "grpcpp"):
            result = self.json_of("idle", "--connections=800", "--rate=1k", "--rounds=1", f"--transport={transport}")
            self.assertEqual((result["transport"], result["connections"]), (transport, 800))
            self.assertTrue(1000 < result["connection_bytes"] < 1e6, result)
            for side in ("without", "with"):
                self.assertTrue(0 < result[side]["p50_micros"] <= result[side]["p99_micros"], result)
        self.assertIn("20 idle connections", self.text_of("idle", "--connections=20", "--rate=100", "--rounds=2"))

    def test_neighbour_measures_gets_beside_each_kind_of_dear_call(self):
        text = self.text_of("neighbour", "--rounds=1", "--seconds=1")
        for name in ("none", "scan", "multi_get", "get_4m", "gzip_items", "flush"):
            row = next(line.split() for line in text.splitlines() if line.startswith(name + " "))
            _, p50, p99, most = (float(cell) for cell in row[1:])
            self.assertTrue(0 < p50 <= p99 <= most, row)

    def test_replication_measures_a_primary_and_its_replica(self):
        result = self.json_of("replication", "--rate=2000", "--rounds=2", "--seconds=1")
        servers = [row["server"] for row in result["rows"]]
        self.assertEqual(servers[:3], ["larderd", "larderd, log only", "larderd + replica"])
        self.assertEqual(len(servers), 7 if shutil.which("redis-server") else 3)
        for row in result["rows"]:
            self.assertEqual(len(row["primary_micros"]), 2, row)
            self.assertTrue(all(0 < one < 1e5 for one in row["primary_micros"]), row)
            has_replica = row["server"].endswith("+ replica")
            self.assertEqual(len(row["replica_micros"]), 2 if has_replica else 0, row)
            self.assertTrue(all(0 < one < 1e5 for one in row["replica_micros"]), row)
            self.assertTrue(row["kept_log"], row)

    def test_replication_as_fast_as_it_goes_names_what_is_not_installed(self):
        text = self.text_of("replication", "--rate=0", "--rounds=1", "--seconds=1",
                            env={"PATH": "/no/such/folder"})
        self.assertIn("redis-server is NOT INSTALLED", text)
        self.assertIn("as fast as they are answered", text)

    def test_replication_with_a_program_that_does_not_serve_fails(self):
        for what in ("cpu", "copy"):
            result = run("replication", f"--what={what}", "--larderd=/bin/false", "--rounds=1", "--seconds=1", "--json")
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertEqual(result.stdout, "")

    def test_replication_measures_a_copy_without_and_with_writers(self):
        result = self.json_of("replication", "--what=copy", "--entries=20000", "--rounds=2", "--seconds=1",
                              "--log_bytes=16MiB", "--reader_rate=500")
        self.assertEqual((result["entries"], result["log_bytes"]), (20000, 16 << 20))
        servers = ["larderd", "redis"] if shutil.which("redis-server") else ["larderd"]
        self.assertEqual([(row["server"], row["has_writers"]) for row in result["rows"]],
                         [(server, has_writers) for server in servers for has_writers in (False, True)])
        for row in result["rows"]:
            self.assertEqual(len(row["rounds"]), 2, row)
            for one in row["rounds"]:
                self.assertGreater(one["seconds"], 0)
                self.assertGreater(one["resident_bytes"], 20000 * 116)
                self.assertGreaterEqual(one["growth_bytes"], 0)
                if not row["has_writers"]:
                    self.assertEqual((one["before"], one["during"], one["after"]), (None, None, None))
                    continue
                for load in (one["before"], one["during"], one["after"]):
                    self.assertTrue(0 < load["get_p99_micros"] <= load["get_max_micros"] * 1.01, load)
                    self.assertGreater(load["sets_per_second"], 0)
                # The rate is kept up while the load goes on, whatever the latencies are.
                self.assertGreaterEqual(one["before"]["gets"], 500)

    def test_replication_says_in_words_what_a_copy_costs(self):
        text = self.text_of("replication", "--what=copy", "--entries=5000", "--rounds=1", "--seconds=1",
                            "--idle_writers", "--copy_bytes_per_second=0", env={"PATH": "/no/such/folder"})
        self.assertIn("writers (idle)", text)
        self.assertRegex(text, r"larderd: copy with / without writers \d+\.\d\d; Get p99 during / before the copy \d[^;]+"
                               r", during / after it \d")
        self.assertRegex(text, r"with writers by \d+\.\d MiB, ring \+ 5 % are \d+\.\d \(64\.0 \+ \d")
        self.assertIn("redis-server is NOT INSTALLED", text)
        self.assertNotIn("did not end", text)

    def test_replication_goes_on_after_a_copy_that_does_not_end_in_time(self):
        flags = ("replication", "--what=copy", "--entries=20000", "--rounds=1", "--seconds=1", "--copy_wait=1ms")
        text = self.text_of(*flags)
        for server in ["larderd", "redis"] if shutil.which("redis-server") else ["larderd"]:
            for writers in ("without", "with"):
                self.assertIn(f"{server} {writers} writers did not end within 1ms in 1 of 1 rounds", text)
        self.assertIn("copy with / without writers -;", text)
        rounds = [one for row in self.json_of(*flags)["rows"] for one in row["rounds"]]
        self.assertEqual({(one["seconds"], one["after"]) for one in rounds}, {(None, None)})

    def test_log_times_each_kind_by_each_number_of_threads(self):
        figures = self.json_of("log", "--keys=100", "--operations=1K", "--rounds=1")
        timings = figures["timings"]
        self.assertEqual({(timing["operation"], timing["threads"]) for timing in timings},
                         {(operation, threads) for operation in ("append", "set", "set_logged")
                          for threads in (1, 2, 4, 8)})
        self.assertTrue(all(timing["cpu_nanos"] > 0 for timing in timings))
        handovers = {one["threads"]: one["per_append"] for one in figures["handovers"]}
        self.assertEqual(list(handovers), [1, 2, 4, 8])
        self.assertEqual(handovers[1], 0, "nobody else appends")
        self.assertTrue(all(0 <= one < 1 for one in handovers.values()), handovers)
        only = self.json_of("log", "--only=append", "--threads=3", "--operations=1K", "--rounds=1")
        self.assertEqual([timing["threads"] for timing in only["timings"]], [3])

    def test_client_measures_each_load_on_each_transport(self):
        result = self.json_of("client", "--operations=500", "--rounds=2")
        self.assertEqual(result["rounds"], 2)
        self.assertIn("Get, 50 asynchronous", [load["name"] for load in result["loads"]])
        for load in result["loads"]:
            self.assertEqual([row["transport"] for row in load["rows"]], ["native", "grpcpp"])
            for row in load["rows"]:
                self.assertGreater(row["cpu_micros"], 0, row)
                self.assertGreater(row["operations_per_second"], 0, row)
        self.assertIn("Set, 50 asynchronous", self.text_of("client", "--operations=100", "--rounds=1"))
        result = self.json_of("client", "--operations=100", "--rounds=1", "--tls")
        self.assertEqual([row["transport"] for row in result["loads"][0]["rows"]],
                         ["native", "grpcpp", "native+tls", "grpcpp+tls"])


if __name__ == "__main__":
    unittest.main()
