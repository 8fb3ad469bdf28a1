"""The `larder` program as a person or a script uses it: output, exit codes, bad arguments."""

import os
import socket
import subprocess
import tempfile
import unittest

from end_to_end.harness.cli import Cli
from end_to_end.harness.node import Node
from end_to_end.harness.paths import LARDER

OK, NO, USAGE, ERROR = 0, 1, 2, 3
BINARY = bytes(range(256))
SUBCOMMANDS = ("get", "set", "delete", "lease", "mget", "mset", "touch", "incr", "append", "scan",
               "stats", "ping", "config", "bench", "replay", "completion", "flush", "replica", "replication",
               "digest")


class CliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())
        cls.cli = Cli(cls.node.address)

    def run_cli(self, code, *words, **options):
        """Runs a command that must end with a code; returns its stdout."""
        result = self.cli.run(*words, **options)
        self.assertEqual(result.returncode, code, (words, result.stdout[:500], result.stderr[:500]))
        return result.stdout

    def fails(self, code, *words, **options):
        """Runs a command that must fail in one line on stderr; returns that."""
        result = self.cli.run(*words, **options)
        self.assertEqual(result.returncode, code, (words, result.stdout[:500], result.stderr[:500]))
        lines = result.stderr.decode().strip().splitlines()
        self.assertEqual(len(lines), 1, lines)
        return lines[0]

    def test_get_prints_the_bare_value(self):
        self.run_cli(OK, "set", "bare", "value")
        self.assertEqual(self.run_cli(OK, "get", "bare"), b"value")

    def test_a_miss_is_code_1_and_silence_on_stdout(self):
        self.assertEqual(self.run_cli(NO, "get", "no-such-key"), b"")

    def test_values_from_stdin_and_file(self):
        self.run_cli(OK, "set", "stdin", "--value_file=-", stdin=BINARY)
        self.assertEqual(self.run_cli(OK, "get", "stdin"), BINARY)
        with tempfile.NamedTemporaryFile() as file:
            file.write(BINARY * 2)
            file.flush()
            self.run_cli(OK, "set", "file", f"--value_file={file.name}")
            self.assertEqual(self.run_cli(OK, "get", "file"), BINARY * 2)
        self.assertIn("no/such", self.fails(USAGE, "set", "file", "--value_file=/no/such/file"))
        self.run_cli(OK, "set", "stdin", "--value_file=/dev/stdin", stdin=BINARY * 3)
        self.assertEqual(self.run_cli(OK, "get", "stdin"), BINARY * 3)
        for value in ("@ada", f"@{__file__}", "-"):
            self.run_cli(OK, "set", "literal", value, stdin=b"not this")
            self.assertEqual(self.run_cli(OK, "get", "literal"), value.encode())
        self.run_cli(OK, "set", "empty", "")
        self.assertEqual(self.run_cli(OK, "get", "empty"), b"")

    def test_flags_stand_before_or_after_the_command(self):
        address = f"--addr={self.node.address}"
        self.run_cli(OK, address, "set", "where", "1", LARDER_ADDR="127.0.0.1:1")
        self.assertEqual(self.run_cli(OK, "get", "where", address, LARDER_ADDR="127.0.0.1:1"), b"1")

    def test_conditions(self):
        self.run_cli(OK, "set", "cond", "1", "--if_absent")
        self.run_cli(NO, "set", "cond", "2", "--if_absent")
        self.run_cli(NO, "set", "cond-none", "2", "--if_present")
        code, answer = self.cli.json("get", "cond")
        self.assertEqual((code, answer["value"]), (OK, "1"))
        version = answer["version"]
        self.run_cli(OK, "set", "cond", "2", f"--if_version={version}")
        self.run_cli(NO, "set", "cond", "3", f"--if_version={version}")
        self.assertEqual(self.run_cli(OK, "get", "cond"), b"2")

    def test_ttl_in_human_units(self):
        for ttl in ("1h30m", "500s", "2d", "1500ms", "90m"):
            with self.subTest(ttl=ttl):
                self.run_cli(OK, "set", "ttl", "v", f"--ttl={ttl}")
                self.assertIn("expires_at", self.cli.json("get", "ttl")[1])
        self.run_cli(OK, "touch", "ttl", "--ttl=3h")
        self.run_cli(NO, "touch", "ttl-none", "--ttl=3h")
        for ttl in ("soon", "-1s", "1", "5 parsecs", ""):
            with self.subTest(ttl=ttl):
                self.assertIn("ttl", self.fails(USAGE, "set", "ttl", "v", f"--ttl={ttl}"))

    def test_delete(self):
        self.run_cli(OK, "set", "gone", "v")
        self.run_cli(OK, "delete", "gone")
        self.run_cli(NO, "delete", "gone")

    def test_many_keys(self):
        self.run_cli(OK, "mset", "m1", "one", "m2", "two")
        self.assertEqual(self.run_cli(OK, "mget", "m1", "m2"), b"m1\tone\nm2\ttwo\n")
        partly = self.cli.run("mget", "m1", "m-none")
        self.assertEqual((partly.returncode, partly.stdout), (NO, b"m1\tone\n"))
        self.assertIn(b"m-none", partly.stderr)
        self.fails(USAGE, "mset", "m1", "one", "m2")

    def test_numbers_and_append(self):
        self.assertEqual(self.run_cli(OK, "incr", "n").strip(), b"1")
        self.assertEqual(self.run_cli(OK, "incr", "n", "41").strip(), b"42")
        self.assertEqual(self.run_cli(OK, "incr", "n", "-50").strip(), b"-8")
        self.assertEqual(self.run_cli(OK, "incr", "n10", "--initial=10").strip(), b"10")
        self.run_cli(OK, "set", "word", "abc")
        self.fails(ERROR, "incr", "word")
        self.run_cli(OK, "append", "word", "def")
        self.assertEqual(self.run_cli(OK, "get", "word"), b"abcdef")

    def test_a_digest_tells_what_changed(self):
        self.run_cli(OK, "set", "digested", "1")
        before = self.run_cli(OK, "digest")
        self.assertRegex(before, rb"^[0-9a-f]{32} of \d+ entries\n$")
        self.assertEqual(self.run_cli(OK, "digest"), before)
        self.run_cli(OK, "set", "digested", "2")
        self.assertNotEqual(self.run_cli(OK, "digest"), before)
        self.assertEqual(self.cli.json("digest", "--slot=0")[0], OK)

    def test_a_node_without_a_bus_says_what_it_lacks(self):
        for words in (("replication",), ("replica", "of", "none"), ("replica", "of", "127.0.0.1:7600")):
            with self.subTest(words=words):
                self.assertIn("--bus_listen", self.fails(ERROR, *words))

    def test_lease(self):
        code, granted = self.cli.json("lease", "leased")
        self.assertEqual(code, OK)
        self.assertEqual(len(bytes.fromhex(granted["token"])), 16)
        _, held = self.cli.json("lease", "leased")
        self.assertNotIn("token", held)
        self.run_cli(OK, "set", "leased", "v", f"--lease_token={granted['token']}")
        self.run_cli(NO, "set", "leased", "late", f"--lease_token={granted['token']}")
        self.assertEqual(self.cli.json("lease", "leased")[1]["value"], "v")

    def test_scan_walks_everything(self):
        pairs = {f"scan-{n}": f"value-{n}" for n in range(250)}
        self.run_cli(OK, "mset", *[word for pair in pairs.items() for word in pair])
        lines = self.run_cli(OK, "scan", "--prefix=scan-").decode().splitlines()
        self.assertEqual(sorted(lines), sorted(pairs))
        lines = self.run_cli(OK, "scan", "--prefix=scan-", "--values").decode().splitlines()
        self.assertEqual(dict(line.split("\t") for line in lines), pairs)
        self.assertEqual(len(self.run_cli(OK, "scan", "--limit=7").splitlines()), 7)

    def test_stats_ping_and_flush(self):
        self.assertIn(b"entries", self.run_cli(OK, "stats"))
        code, stats = self.cli.json("stats")
        self.assertEqual(code, OK)
        self.assertGreater(stats["memory_limit_bytes"], 0)
        self.run_cli(OK, "ping")
        with Node() as other:
            cli = Cli(other.address)
            cli.run("set", "a", "1")
            self.assertEqual(cli.run("flush").returncode, USAGE)
            self.assertEqual(cli.run("get", "a").stdout, b"1")
            self.assertEqual(cli.run("flush", "--yes").returncode, OK)
            self.assertEqual(cli.run("get", "a").returncode, NO)

    def test_json_of_binary_values(self):
        self.run_cli(OK, "set", "binary", "--value_file=-", stdin=b"\xff\x00")
        self.assertEqual(self.cli.json("get", "binary")[1]["value"], {"base64": "/wA="})

    def test_json_of_errors(self):
        self.run_cli(OK, "set", "there", "1")
        for words in (["mget", "there", ""], ["mset", "there", "1", "", "2"], ["delete", "there", ""]):
            with self.subTest(words=words):
                code, (first, second) = self.cli.json(*words)
                self.assertEqual((code, second["key"], second["error"]), (USAGE, "", "INVALID_ARGUMENT"))
                self.assertIn("key is empty", second["message"])
                self.assertNotIn("error", first)
        for words in (["get", ""], ["get"], ["get", "k", "--no_such"], ["no_such"], ["config", "set", "memory=lots"]):
            with self.subTest(words=words):
                code, answer = self.cli.json(*words)
                self.assertEqual((code, answer["error"]), (USAGE, "INVALID_ARGUMENT"))
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        for command in (["get", "k"], ["mget", "k"], ["scan"], ["stats"], ["ping"], ["bench"], ["flush", "--yes"],
                        ["replay", "/dev/null"], ["lease", "k"], ["incr", "k"], ["config", "get"]):
            with self.subTest(command=command):
                code, answer = self.cli.json(*command, f"--addr=127.0.0.1:{port}")
                self.assertEqual((code, answer["error"]), (ERROR, "UNAVAILABLE"))
                self.assertIn(str(port), answer["message"])

    def test_a_word_that_begins_with_a_dash_is_a_value(self):
        for value in ("-hello", "-h5", "-v", "-"):
            self.run_cli(OK, "set", "dash", value)
            self.assertEqual(self.run_cli(OK, "get", "dash"), value.encode())
        self.assertIn("Usage: larder set", self.run_cli(OK, "set", "-h").decode())

    def test_acknowledgement(self):
        self.run_cli(OK, "set", "ack", "v", "--ack=memory")
        self.fails(ERROR, "set", "ack", "v", "--ack=disk")
        self.fails(ERROR, "set", "ack", "v", "--ack=replicas:2")
        for level in ("everywhere", "replicas", "replicas:0", "replicas:x"):
            self.assertIn("ack", self.fails(USAGE, "set", "ack", "v", f"--ack={level}"))

    def test_usage_errors(self):
        for words in (["get"], ["set", "k"], ["fetch", "k"], ["get", "a", "b"], ["get", "k", "--what"],
                      ["set", "k", "v", "--if_absent", "--if_present"], ["set", "k", "v", "--flags=-1"],
                      ["incr", "k", "many"], ["--addr=", "get", "k"], ["get", ""],
                      ["--timeout=never", "get", "k"], ["set", "k", "v", "--lease_token=xyz"],
                      ["completion", "tcsh"], ["bench", "--threads=0"], ["replay"]):
            with self.subTest(words=words):
                self.fails(USAGE, *words)

    def test_a_node_that_is_not_there(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        line = self.fails(ERROR, f"--addr=127.0.0.1:{port}", "get", "k")
        self.assertIn(str(port), line)
        self.fails(ERROR, f"--addr=127.0.0.1:{port}", "ping")

    def test_a_listener_that_never_answers_meets_the_timeout(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.fails(ERROR, f"--addr=127.0.0.1:{server.getsockname()[1]}", "--timeout=200ms", "get", "k")

    def test_help_and_version(self):
        text = self.run_cli(OK, "--help").decode()
        for command in SUBCOMMANDS:
            self.assertIn(command, text)
            self.assertIn(command, self.run_cli(OK, command, "--help").decode())
        self.assertRegex(self.run_cli(OK, "--version").decode(), r"\d+\.\d+\.\d+")

    def test_completion_offers_commands_and_flags(self):
        script = self.run_cli(OK, "completion", "bash").decode()
        probe = script + '''
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
  COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
  "$(complete -p larder | sed 's/.*-F \\([^ ]*\\).*/\\1/')" larder "${COMP_WORDS[COMP_CWORD]}" ""
  echo "${COMPREPLY[*]}"; }
complete_words larder re; complete_words larder set k v --if_
'''
        lines = subprocess.run(["bash", "-c", probe], capture_output=True, text=True,
                               check=True).stdout.splitlines()
        self.assertIn("replay", lines[-2].split())
        self.assertLessEqual({"--if_absent", "--if_present"}, set(lines[-1].replace("=", "").split()))

    def test_a_closed_pipe_ends_quietly(self):
        self.run_cli(OK, "mset", *[word for n in range(2000) for word in (f"pipe-{n}", "v" * 50)])
        result = subprocess.run(["bash", "-c", f"{LARDER} scan --values | head -n 1"], capture_output=True,
                                env={**os.environ, "LARDER_ADDR": self.node.address}, check=True)
        self.assertEqual(result.stderr, b"")

    def test_streams_that_are_closed_are_an_error_and_no_other_file(self):
        self.run_cli(OK, "set", "closed", "12345678")
        for words, code, said in (("get closed >&-", ERROR, b"cannot write: Bad file descriptor"),
                                  ("scan >&-", ERROR, b"cannot write: Bad file descriptor"),
                                  ("--version >&-", ERROR, b"cannot write: Bad file descriptor"),
                                  ("set k --value_file=- <&-", USAGE, b"stdin: Bad file descriptor"),
                                  ("replay - <&-", USAGE, b"stdin: Bad file descriptor"),
                                  ("get no-such-key <&- >&- 2>&-", NO, b"")):
            with self.subTest(words=words):
                result = subprocess.run(["bash", "-c", f"{LARDER} {words}"], capture_output=True, timeout=60,
                                        env={**os.environ, "LARDER_ADDR": self.node.address})
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertIn(said, result.stderr)

    def test_a_disk_that_is_full_is_an_error(self):
        for words in ("get closed", "--json stats", "--help", "completion bash"):
            with self.subTest(words=words):
                result = subprocess.run(["bash", "-c", f"{LARDER} set closed v && {LARDER} {words} >/dev/full"],
                                        capture_output=True, timeout=60,
                                        env={**os.environ, "LARDER_ADDR": self.node.address})
                self.assertEqual(result.returncode, ERROR, result.stderr)
                self.assertIn(b"cannot write: No space left", result.stderr)


if __name__ == "__main__":
    unittest.main()
