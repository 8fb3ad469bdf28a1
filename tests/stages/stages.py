"""What each stage of `tests/run` does. A stage returns a Tally or raises StageError."""

import concurrent.futures
import dataclasses
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from tally import Tally

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
JOBS = str(os.cpu_count() or 2)
TOOLS = os.path.join(ROOT, "build", "tools")
FUZZ_SECONDS = 5
END_TO_END_PROGRAMS = ["larderd", "larder", "larder_history_program", "larder_link_proxy"]
OUTPUT_LINES_MAX = 60

SANITIZER_OPTIONS = {
    "asan": {
        "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    },
    # Debian's libraries are not instrumented; what they do inside is not ours to report.
    "tsan": {
        "TSAN_OPTIONS": "ignore_noninstrumented_modules=1 halt_on_error=1 "
                        "external_symbolizer_path=/usr/bin/llvm-symbolizer-19",
    },
}


class StageError(Exception):
    """A stage can not go on."""


@dataclasses.dataclass
class Context:
    """What the command line chose."""

    quick: bool = False


def run(command, what, **options):
    """Runs a command whose failure ends the stage."""
    if subprocess.run(command, **options).returncode != 0:
        raise StageError(f"{what} failed: {' '.join(command)}")


def configure(preset):
    if not os.path.exists(f"build/{preset}/build.ninja"):
        run(["cmake", "--preset", preset], "configuring", stdout=subprocess.DEVNULL)
    # The list of tests is made anew before it is read, too.
    run(["ninja", "-C", f"build/{preset}", "--quiet", "build.ninja"], "configuring")


def build(preset, targets=()):
    run(["ninja", "-C", f"build/{preset}", "--quiet", "-j", JOBS, *targets], "building")


def ctest(preset, *selection):
    """Runs tests of a preset and counts them."""
    report = os.path.join(ROOT, "build", preset, "ctest.xml")
    environment = {**os.environ, **SANITIZER_OPTIONS.get(preset, {})}
    # Tests run one for each core; the output of those that fail is shown whole.
    subprocess.run(["ctest", "--test-dir", f"build/{preset}", "--output-on-failure", "-j", JOBS,
                    "--no-tests=error", "--output-junit", report, *selection], env=environment)
    if not os.path.exists(report):
        raise StageError("ctest wrote no report")
    tally = Tally.of_ctest(report, preset)
    os.remove(report)
    return tally


def build_tests(preset, *selection):
    """Builds only the test programs that a selection runs: each is a target of its test's name."""
    listed = subprocess.run(["ctest", "--test-dir", f"build/{preset}", "-N", *selection],
                            capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^ *Test +#\d+: (\S+)$", listed, re.MULTILINE)
    if not targets:
        raise StageError(f"the preset {preset} has no test for {' '.join(selection)}")
    build(preset, targets)


def release(context):
    """optimised build with g++, and every CTest test"""
    configure("release")
    build("release")
    return ctest("release")


def check(name, command, **options):
    """One lint check: its output is shown when it fails."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    print(f"{'ok    ' if result.returncode == 0 else 'FAILED'} {name}")
    if result.returncode != 0:
        print("\n".join((result.stdout + result.stderr).splitlines()[:OUTPUT_LINES_MAX]))
    return Tally.one(f"lint: {name}", result.returncode == 0)


def files_of_ours(*endings):
    sys.path.insert(0, os.path.join(ROOT, "tests", "lint"))
    import check_includes
    return [path for path in check_includes.files_of(ROOT) if path.endswith(endings)]


def shell_scripts():
    """deploy/node.sh is checked as part of those that source it."""
    scripts = ["deploy/install-deps", "deploy/up", "deploy/down", "tests/run", ".ci/run"]
    return scripts + [path for path in files_of_ours(".sh") if path != "deploy/node.sh"]


def buf_lint():
    if not shutil.which("npm"):
        print("skip   buf lint (no npm here)")
        return Tally.skip("lint: buf (no npm here)")
    folder = os.path.join(TOOLS, "buf")
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, "node_modules", ".bin", "buf")
    wanted = open("tests/lint/package.json", "rb").read()
    installed = os.path.join(folder, "package.json")
    if not os.path.exists(program) or open(installed, "rb").read() != wanted:
        shutil.copy(os.path.join("tests", "lint", "package.json"), installed)
        # One package, pinned in package.json. No lock file: it would have to list the binaries of
        # platforms that not every mirror has, and `npm ci` refuses one that does not.
        run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"],
            "installing buf", cwd=folder, stdout=subprocess.DEVNULL)
    return check("buf lint", [program, "lint"])


def lint(context):
    """include rules, header and file shape, format, shell scripts, .proto style"""
    python = [sys.executable, "-B"]
    tally = check("the include checker's own tests",
                  python + ["-m", "unittest", "test_check_includes"], cwd="tests/lint")
    tally += check("includes, guards, cycles, file lengths", python + ["tests/lint/check_includes.py"])
    tally += check("clang-format (clang-format-19 -i FILES mends it)",
                   ["clang-format-19", "--dry-run", "-Werror", *files_of_ours(".h", ".cc")])
    tally += check("shellcheck", ["shellcheck", "-x", *shell_scripts()])
    tally += buf_lint()
    if not context.quick:
        configure("release")
        build("release", ["larder_proto", "larder_proto_grpc"])
        tally += check("each header compiles alone",
                       python + ["tests/lint/check_headers.py", "build/release"])
    return tally


def python_module(folder, module, quick, environment):
    """Runs one test module in a process of its own; returns its output and tally."""
    # Not a pipe, which would not end before whatever the module has left behind.
    with tempfile.NamedTemporaryFile(suffix=".json") as report, tempfile.TemporaryFile("w+") as output:
        command = [sys.executable, "-B", "tests/stages/python_tests.py", folder, module, report.name]
        result = subprocess.run(command + (["--quick"] if quick else []), text=True, env={**os.environ, **environment},
                                stdout=output, stderr=subprocess.STDOUT)
        output.seek(0)
        text = output.read()
        try:
            tally = Tally(**json.load(report))
        except ValueError:
            tally = Tally(failed=1, failures=[f"{module}: ended with code {result.returncode}"])
    return text, tally


def python_tests(folder, quick=False, environment=None, without=None):
    """Runs the test modules of a folder, one for each core at a time; not those whose name begins with `without`."""
    modules = sorted(os.path.basename(path)[:-3] for path in glob.glob(f"{folder}/test_*.py"))
    modules = [module for module in modules if without is None or not module.startswith(without)]
    total = Tally()
    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        runs = {pool.submit(python_module, folder, module, quick, environment or {}): module for module in modules}
        for done in concurrent.futures.as_completed(runs):
            output, tally = done.result()
            total += tally
            print(f"{runs[done]}: {tally}")
            if tally.failed:
                print(output)
            sys.stdout.flush()
    return total


def end_to_end(context):
    """a real larderd and larder on free ports, driven from outside"""
    configure("release")
    build("release", END_TO_END_PROGRAMS)
    return python_tests("tests/end_to_end", context.quick)


def grpcpp(context):
    """the end-to-end tests again, on gRPC's own server (--transport=grpcpp)"""
    configure("release")
    build("release", END_TO_END_PROGRAMS)
    # A node with a bus speaks by nghttp2 only.
    return python_tests("tests/end_to_end", context.quick, {"LARDER_TRANSPORT": "grpcpp"}, "test_replication")


def interop(context):
    """clients in other languages, gRPC's own tests, and grpcurl, against running servers"""
    configure("release")
    build("release", ["larderd", "interop_service"])
    return python_tests("tests/interop")


def fuzz_targets():
    listed = subprocess.run(["ninja", "-C", "build/asan", "-t", "targets", "all"],
                            capture_output=True, text=True, check=True).stdout
    outputs = (line.split(":", 1)[0] for line in listed.splitlines())
    return sorted({o for o in outputs if os.path.dirname(o) == "fuzz" and o.startswith("fuzz/fuzz_")})


def fuzz(target):
    """A few seconds of one fuzzer, from its corpus in the repository; what it finds new goes away."""
    name = os.path.basename(target)
    corpus = os.path.join(ROOT, "tests", "fuzz", "corpus", name)
    with tempfile.TemporaryDirectory() as scratch:
        found = os.path.join(scratch, "found")
        os.mkdir(found)
        command = [os.path.join(ROOT, "build", "asan", target), f"-max_total_time={FUZZ_SECONDS}",
                   "-timeout=10", "-print_final_stats=0", f"-artifact_prefix={ROOT}/build/asan/fuzz/",
                   found] + ([corpus] if os.path.isdir(corpus) else [])
        result = subprocess.run(command, capture_output=True, text=True, cwd=scratch,
                                env={**os.environ, **SANITIZER_OPTIONS["asan"]})
    print(f"{'ok    ' if result.returncode == 0 else 'FAILED'} {name}", flush=True)
    if result.returncode != 0:
        print(result.stderr[-8000:])
    return Tally.one(f"asan: {name}", result.returncode == 0)


def asan(context):
    """unit tests under AddressSanitizer, leak check and UBSan; fuzzers, some seconds each"""
    configure("asan")
    build_tests("asan", "-L", "unit")
    targets = fuzz_targets()
    build("asan", targets) if targets else None
    tally = ctest("asan", "-L", "unit")
    for target in targets:
        tally += fuzz(target)
    return tally


def tsan(context):
    """unit tests with threads and without gRPC under ThreadSanitizer"""
    selection = ("-L", "unit", "-LE", "grpc|one_thread")
    configure("tsan")
    build_tests("tsan", *selection)
    return ctest("tsan", *selection)


LONG_TESTS = [
    ("test_hostile_crowd", {"LARDER_CROWD_SECONDS": "1800", "LARDER_CROWD_CONNECTIONS": "1000"}),
    ("test_replication_chaos", {"LARDER_CHAOS_SECONDS": "600"}),
    ("test_replication_acks", {"LARDER_KILLS": "200"}),
]


def long(context):
    """what takes an hour: a crowd of 1000 hostile connections, chaos among replicas, 200 kills; not in CI"""
    del context
    configure("release")
    build("release", END_TO_END_PROGRAMS)
    total = Tally()
    for module, environment in LONG_TESTS:
        output, tally = python_module("tests/end_to_end", module, False, environment)
        print(output, flush=True)
        total += tally
    return total


STAGES = {"release": release, "lint": lint, "end_to_end": end_to_end, "grpcpp": grpcpp,
          "interop": interop, "asan": asan, "tsan": tsan, "long": long}
NOT_IN_CI = ["long"]
QUICK = ["release", "lint", "end_to_end"]
