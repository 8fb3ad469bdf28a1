"""The README can not rot: its first session runs, its tables say what the programs say."""

import os
import re
import subprocess
import sys
import unittest

from end_to_end.harness.node import Node
from end_to_end.harness.paths import BIN, LARDERD, ROOT
from end_to_end.harness.stubs import admin
from interop.toolbox import need, node_modules

README = os.path.join(ROOT, "README.md")


def section(heading):
    """The text below a heading, as far as the next of its level."""
    with open(README, encoding="utf-8") as file:
        text = file.read()
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def table(text):
    """The rows of the first table, each a list of cells without backquotes."""
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


class FirstSessionTest(unittest.TestCase):
    """Runs the session's code against a node on another port than 7600."""

    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())
        cls.text = section("A first session")

    def run_block(self, command, text, **environment):
        """Runs a block; what its comments say it prints must be printed."""
        here = text.replace("127.0.0.1:7600", self.node.address)
        here = here.replace("./build/release/bin", BIN)
        result = subprocess.run(command, input=here, text=True, capture_output=True, cwd=ROOT, timeout=60,
                                env={**os.environ, "LARDER_ADDR": self.node.address, **environment})
        self.assertEqual(result.returncode, 0, result.stderr)
        promised = re.findall(r"(?:#|//) prints (.*)$", text, re.MULTILINE)
        self.assertTrue(promised)
        for words in promised:
            self.assertIn(words, result.stdout)

    def test_shell(self):
        scripts = blocks(self.text, "bash")
        self.assertEqual(len(scripts), 2)
        self.run_block(["bash", "-euo", "pipefail"], scripts[0])

    def test_python(self):
        # The second script generates the stubs.
        subprocess.run(["bash", "-euo", "pipefail", "-c", blocks(self.text, "bash")[1]], cwd=ROOT, check=True)
        (program,) = blocks(self.text, "python")
        self.run_block([sys.executable, "-B", "-"], program, PYTHONPATH="build/python")

    def test_javascript(self):
        need("node", "npm")
        (program,) = blocks(self.text, "javascript")
        self.run_block(["node", "-"], program, NODE_PATH=node_modules())


class TablesTest(unittest.TestCase):
    def test_flags_are_those_of_help(self):
        text = subprocess.run([LARDERD, "--help"], capture_output=True, text=True, check=True).stdout
        real = set(re.findall(r"^ +(?:-\w,)?--(\w+)", text, re.MULTILINE))
        documented = [row[0].removeprefix("--") for row in table(section("Flags of larderd"))]
        self.assertEqual(sorted(documented), sorted(real))

    def test_defaults_are_those_of_a_node(self):
        with Node() as node:
            values = {value.name: value.value
                      for value in node.maintenance.GetConfig(admin.GetConfigRequest()).values}
        documented = {row[0].removeprefix("--"): row[1] for row in table(section("Flags of larderd"))}
        for name in ("listen", "metrics_listen"):
            del values[name]
        values["transport"] = "nghttp2"  # LARDER_TRANSPORT has the other one tested
        self.assertGreater(len(values), 15)
        self.assertEqual({name: documented[name] for name in values}, values)

    def test_metrics_are_those_of_the_page(self):
        with Node() as node:
            page = node.http("/metrics")[1]
        real = sorted(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
        documented = sorted((row[0], row[1]) for row in table(section("Metrics")))
        self.assertEqual(documented, real)
        self.assertGreater(len(real), 15)


class LinksTest(unittest.TestCase):
    def test_files_that_the_documents_name_exist(self):
        for document in ("README.md", "tests/README.md"):
            folder = os.path.dirname(os.path.join(ROOT, document))
            with open(os.path.join(ROOT, document), encoding="utf-8") as file:
                links = re.findall(r"\]\(([^)#:]+)\)", file.read())
            self.assertTrue(links)
            for link in links:
                self.assertTrue(os.path.exists(os.path.join(folder, link)), f"{document}: {link}")


if __name__ == "__main__":
    unittest.main()
