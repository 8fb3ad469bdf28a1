"""Every rule of check_includes.py on a small tree that keeps it and on one that breaks it."""

import os
import tempfile
import unittest

import check_includes


def header(path, body=""):
    guard = "LARDER_" + path.upper().replace("/", "_").replace(".", "_") + "_"
    return f"#ifndef {guard}\n#define {guard}\n{body}\n#endif  // {guard}\n"


CLEAN = {
    "storage/table.h": header("storage/table.h", '#include <vector>\n#include "absl/status/status.h"'),
    "storage/table.cc": '#include "storage/table.h"\n// std::mutex, time(), "absl::Now": only talk\n',
    "storage/mutex.h": header("storage/mutex.h", "#include <mutex>\nstd::mutex m;"),
    "cluster/hash_slot.h": header("cluster/hash_slot.h", "#include <cstdint>"),
    "server/handlers/get.h": header(
        "server/handlers/get.h", '#include "storage/table.h"\n#include "cluster/hash_slot.h"'),
    "server/larderd/main.cc": '#include <sys/socket.h>\n#include "glog/logging.h"\n'
                      '#include "larder/v1/cache.pb.h"\n#include "server/handlers/get.h"\n',
    "client/client.h": header("client/client.h", '#include "cluster/hash_slot.h"'),
    "client/client.cc": '#include <grpcpp/grpcpp.h>\n#include "client/client.h"\n',
    "tests/storage/table_test.cc": '#include <random>\n#include "server/handlers/get.h"\n',
}


class CheckIncludesTest(unittest.TestCase):
    def findings(self, changed=None):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**CLEAN, **(changed or {})}.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return check_includes.check_tree(root)

    def assert_one_finding(self, path, text, wanted):
        found = self.findings({path: text})
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(path + ":"), found)
        self.assertIn(wanted, found[0])

    def test_accepts_a_tree_that_keeps_the_rules(self):
        self.assertEqual(self.findings(), [])

    def test_refuses_two_types_of_one_name(self):
        one = header("client/a.h", "namespace larder {\nstruct Options {\n};\n}")
        for body, findings in [("namespace larder {\nclass Options final : public X {\n};\n}", 1),
                               ("namespace larder::server {\nstruct Options {\n};\n}", 0),
                               ("namespace larder {\nstruct Options;\n}", 0)]:
            found = self.findings({"client/a.h": one, "client/b.h": header("client/b.h", body)})
            self.assertEqual(len(found), findings, found)
            if findings:
                self.assertIn("Options is defined by client/a.h, too", found[0])

    def test_refuses_back_edges(self):
        for path, included in [
                ("storage/a.cc", "server/handlers/get.h"), ("storage/a.cc", "cluster/hash_slot.h"),
                ("cluster/a.cc", "storage/table.h"), ("client/a.cc", "storage/table.h"),
                ("client/a.cc", "server/handlers/get.h"), ("server/a.cc", "client/client.h")]:
            with self.subTest(path=path, included=included):
                self.assert_one_finding(path, f'#include "{included}"\n', "may include")

    def test_refuses_libraries_that_a_folder_may_not_use(self):
        for path, included in [
                ("storage/a.cc", "glog/logging.h"), ("cluster/a.cc", "rocksdb/db.h"),
                ("client/a.cc", "prometheus/registry.h"), ("client/a.cc", "glog/logging.h"),
                ("server/handlers/a.cc", "glog/logging.h"), ("server/handlers/a.cc", "grpcpp/grpcpp.h"),
                ("storage/a.cc", "boost/any.hpp"), ("server/a.cc", "lzma.h")]:
            with self.subTest(path=path, included=included):
                self.assert_one_finding(path, f"#include <{included}>\n", "may include")

    def test_refuses_generated_code_in_leaves_and_handlers(self):
        for path in ("storage/a.cc", "cluster/a.cc", "server/handlers/a.cc"):
            with self.subTest(path=path):
                self.assert_one_finding(path, '#include "larder/v1/cache.pb.h"\n', "generated code")

    def test_refuses_heavy_headers_in_public_ones_also_indirectly(self):
        for included in ("grpcpp/grpcpp.h", "larder/v1/cache.grpc.pb.h"):
            with self.subTest(included=included):
                self.assert_one_finding(
                    "client/client.h", header("client/client.h", f'#include "{included}"'), "along")
        inner = {"client/core.h": header("client/core.h", "#include <grpcpp/grpcpp.h>")}
        self.assertEqual(self.findings(inner), [])
        inner["client/client.h"] = header("client/client.h", '#include "client/core.h"')
        found = self.findings(inner)
        self.assertEqual(len(found), 1, found)
        self.assertIn("client/client.h -> client/core.h", found[0])

    def test_refuses_standard_headers_that_leaves_must_not_use(self):
        for name in ("iostream", "thread", "mutex", "random", "unistd.h", "sys/socket.h"):
            with self.subTest(name=name):
                self.assert_one_finding("storage/a.cc", f"#include <{name}>\n", "leaf")

    def test_refuses_clocks_locks_and_randomness_in_leaves(self):
        for code in ("auto t = std::chrono::steady_clock::now();", "auto t = absl::Now();",
                     "auto t = time(nullptr);", "clock_gettime(CLOCK_MONOTONIC, &t);",
                     "std::mutex m;", "std::shared_mutex m;", "absl::Mutex m;",
                     "std::random_device r;", "int r = rand();", "std::mt19937_64 r;",
                     "absl::BitGen r;", "std::thread t;", "using std::chrono::system_clock;"):
            for folder in ("storage", "cluster"):
                with self.subTest(code=code, folder=folder):
                    found = self.findings({f"{folder}/a.cc": code + "\n"})
                    self.assertEqual(len(found), 1, found)

    def test_allows_names_that_only_resemble_banned_ones(self):
        code = "entry.time(); Operand(1); runtime(2); Lifetime(x); expire_time (now);\n"
        self.assertEqual(self.findings({"storage/a.cc": code}), [])

    def test_refuses_include_cycles(self):
        found = self.findings({
            "storage/a.h": header("storage/a.h", '#include "storage/b.h"'),
            "storage/b.h": header("storage/b.h", '#include "storage/c.h"'),
            "storage/c.h": header("storage/c.h", '#include "storage/a.h"'),
        })
        self.assertEqual(len(found), 1, found)
        self.assertIn("storage/a.h -> storage/b.h -> storage/c.h -> storage/a.h", found[0])

    def test_refuses_wrong_include_guards(self):
        for text in (header("storage/b.h"), "#pragma once\n", "int a;\n"):
            with self.subTest(text=text):
                self.assert_one_finding("storage/a.h", text, "LARDER_STORAGE_A_H_")

    def test_refuses_parent_folders_in_includes(self):
        self.assert_one_finding("storage/a.cc", '#include "../storage/table.h"\n', "from the root")

    def test_refuses_production_code_that_includes_tests(self):
        self.assert_one_finding("server/a.cc", '#include "tests/storage/table_test.cc"\n', "only tests")

    def test_refuses_long_files(self):
        self.assertEqual(self.findings({"storage/a.cc": "int a;\n" * 500}), [])
        self.assert_one_finding("storage/a.cc", "int a;\n" * 501, "at most 500")

    def test_refuses_unfinished_work(self):
        for word in ("TO" "DO", "FIX" "ME"):
            with self.subTest(word=word):
                self.assert_one_finding("client/a.cc", f"// {word}: later\n", "left in")

    def test_looks_at_no_build_output(self):
        self.assertEqual(self.findings({"build/a.h": "int a;\n" * 900, ".git/a.h": "int a;\n"}), [])


if __name__ == "__main__":
    unittest.main()
