"""deploy/up and deploy/down on ports of the test's own, beside a node that a developer may have."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from end_to_end.harness.paths import BIN, LARDERD, ROOT
from end_to_end.harness.waiting import wait_until


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def free_ports(count):
    """The first of so many that lie side by side, below those that the system gives away."""
    while True:
        first = random.randrange(20_000, 32_000)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
                return first


def larderds():
    """The pids of all processes that run this larderd."""
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.readlink(f"/proc/{entry}/exe") == LARDERD:
                    found.add(int(entry))
            except OSError:
                pass
    return found


@unittest.skipUnless(BIN == os.path.join(ROOT, "build", "release", "bin"), "programs of another build")
class DeployTest(unittest.TestCase):
    def setUp(self):
        self.state = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.state)
        self.addCleanup(self.deploy, "down")
        self.port, self.metrics_port = free_port(), free_port()

    def deploy(self, command, *arguments, root=ROOT):
        return subprocess.run([os.path.join(root, "deploy", command), *arguments], text=True,
                              capture_output=True, env={**os.environ, "LARDER_STATE": self.state})

    def up(self, *arguments):
        return self.deploy("up", f"--port={self.port}", f"--metrics_port={self.metrics_port}", *arguments)

    def pid(self, name="larderd"):
        with open(os.path.join(self.state, f"{name}.pid"), encoding="utf-8") as file:
            return int(file.read())

    def assert_shown(self, output, count):
        """So many commands are shown, and each can be pasted."""
        commands = [line[2:] for line in output.splitlines() if line.startswith("$ ")]
        self.assertEqual(len(commands), count)
        for command in commands:
            pasted = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
            self.assertEqual(pasted.returncode, 0, f"{command}: {pasted.stderr}")
        self.assertIn("hello", output)

    def test_up_twice_and_down_twice(self):
        first = self.up("--", "--memory=32MiB")
        self.assertEqual(first.returncode, 0, first.stdout + first.stderr)
        self.assertIn("starting one node", first.stdout)
        pid = self.pid()
        self.assertIn(pid, larderds())

        self.assert_shown(first.stdout, 3)

        second = self.up()
        self.assertEqual(second.returncode, 0, second.stdout + second.stderr)
        self.assertIn("already running", second.stdout)
        self.assertEqual(self.pid(), pid)

        down = self.deploy("down")
        self.assertEqual(down.returncode, 0, down.stderr)
        self.assertNotIn(pid, larderds())
        again = self.deploy("down")
        self.assertEqual(again.returncode, 0)
        self.assertIn("no node is running", again.stdout)

    def test_a_primary_with_replicas(self):
        self.port, self.metrics_port, bus_port = free_ports(3), free_ports(3), free_ports(3)
        arguments = ("--nodes=1", "--replicas=2", f"--bus_port={bus_port}", "--", "--memory=32MiB")
        first = self.up(*arguments)
        self.assertEqual(first.returncode, 0, first.stdout + first.stderr)
        self.assertIn("2 follow it", first.stdout)
        pids = {self.pid(name) for name in ("larderd", "replica1", "replica2")}
        self.assertLessEqual(pids, larderds())
        self.assert_shown(first.stdout, 3)
        self.assertRegex(first.stdout, "replicas +2")
        self.assertTrue(os.listdir(os.path.join(self.state, "replica1.state")))

        second = self.up(*arguments[:3])
        self.assertEqual(second.returncode, 0, second.stdout + second.stderr)
        self.assertIn("already running", second.stdout)
        self.assertNotIn("deploy/down first", second.stdout)

        # One of them ends by itself.
        os.kill(self.pid("replica2"), signal.SIGKILL)
        wait_until(lambda: self.pid("replica2") not in larderds(), "it has ended")
        third = self.up(*arguments[:3])
        self.assertEqual(third.returncode, 1)
        self.assertIn("replica2 has ended", third.stderr)

        down = self.deploy("down")
        self.assertEqual(down.returncode, 0, down.stderr)
        self.assertFalse(pids & larderds())
        self.assertIn("replica 1 has ended", down.stdout)
        self.assertIn("no node is running", self.deploy("down").stdout)

    def test_nodes_that_do_not_start_show_why(self):
        self.port, self.metrics_port, bus_port = free_ports(2), free_ports(2), free_ports(2)
        result = self.up("--replicas=1", f"--bus_port={bus_port}", "--", "--memory=32MiB", "--log_bytes=1MiB")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--log_bytes", result.stderr)
        self.deploy("down")
        self.assertFalse(os.path.exists(os.path.join(self.state, "larderd.pid")))

    def test_a_clone_reached_through_a_symlink_is_the_same(self):
        first = self.up()
        self.assertEqual(first.returncode, 0, first.stdout + first.stderr)
        pid = self.pid()
        link = os.path.join(self.state, "link")
        os.symlink(ROOT, link)
        second = self.deploy("up", f"--port={self.port}", f"--metrics_port={self.metrics_port}", root=link)
        self.assertEqual(second.returncode, 0, second.stdout + second.stderr)
        self.assertIn("already running", second.stdout)
        self.assertIn("has ended", self.deploy("down", root=link).stdout)
        self.assertNotIn(pid, larderds())

    def test_a_port_in_use_is_a_clear_error(self):
        with socket.create_server(("127.0.0.1", self.port)):
            result = self.up()
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"port {self.port} is in use", result.stderr)

    def test_a_node_that_does_not_start_shows_why(self):
        result = self.up("--", "--memory=lots")
        self.assertEqual(result.returncode, 1)
        self.assertIn("memory", result.stderr)
        self.assertIn("no node is running", self.deploy("down").stdout)

    def test_a_pid_of_another_program_is_left_alone(self):
        other = subprocess.Popen(["sleep", "600"])
        try:
            with open(os.path.join(self.state, "larderd.pid"), "w", encoding="utf-8") as file:
                file.write(str(other.pid))
            self.assertIn("no node is running", self.deploy("down").stdout)
            self.assertIsNone(other.poll())
        finally:
            other.kill()
            other.wait()

    def test_bad_arguments(self):
        for argument, word in (("--nodes=3", "one node"), ("--port=0", "port"), ("--what", "--what"),
                               ("--port=abc", "port"), ("--nodes", "--nodes"), ("--replicas=5", "0..4"),
                               ("--replicas=-1", "0..4"), ("--replicas=two", "0..4"), ("--bus_port=7000", "needs --replicas"),
                               ("--replicas=2 --port=65534", "1..65533"), ("--replicas=1 --port=55600", "--bus_port"),
                               ("--replicas=1 --bus_port=0", "--bus_port is '0'"),
                               ("--replicas=1 --metrics_port=7601", "7601 would be taken twice"),
                               ("--replicas=1 -- --replica_of=127.0.0.1:1", "--replica_of may not stand after --"),
                               ("--replicas=1 -- --state_dir=/tmp", "--state_dir may not stand after --")):
            with self.subTest(argument=argument):
                result = self.deploy("up", *argument.split())
                self.assertEqual(result.returncode, 2)
                self.assertIn(word, result.stderr)

    def test_addresses_are_not_for_larderd_to_choose(self):
        for words, flag in ((["--listen=127.0.0.1:1"], "--port"), (["--listen", "127.0.0.1:1"], "--port"),
                            (["--memory=32MiB", "--metrics_listen="], "--metrics_port")):
            with self.subTest(words=words):
                result = self.up("--", *words)
                self.assertEqual(result.returncode, 2)
                self.assertIn(f"with {flag}\n", result.stderr)


class InstallDepsTest(unittest.TestCase):
    def test_a_user_without_sudo_is_told_so(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("dirname", "mktemp", "rm", "sed", "grep", "tail", "sleep", "env"):
                os.symlink(shutil.which(name), os.path.join(folder, name))
            # Nobody in particular, on a machine where nothing is installed.
            for name, body in (("id", "echo 1000"), ("dpkg-query", ":"), ("apt-get", "exit 1")):
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f"#!/bin/sh\n{body}\n")
                os.chmod(path, 0o755)
            result = subprocess.run([shutil.which("bash"), os.path.join(ROOT, "deploy", "install-deps")],
                                    env={"PATH": folder}, capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("needs root", result.stderr)


if __name__ == "__main__":
    unittest.main()
