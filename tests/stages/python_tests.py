"""Runs one unittest module and writes its tally as JSON. usage: FOLDER MODULE REPORT [--quick]

With --quick a test class or test that is marked `slow = True` or by @slow is left out.
"""

import json
import os
import sys
import unittest


class CountingResult(unittest.TextTestResult):
    """Counts a test once, also when several of its subtests fail."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def is_slow(test):
    method = getattr(test, getattr(test, "_testMethodName", ""), None)
    return getattr(test, "slow", False) or getattr(method, "slow", False)


def main():
    folder, module, report = sys.argv[1:4]
    quick = "--quick" in sys.argv[4:]
    sys.path.insert(0, os.path.abspath(folder))
    sys.path.insert(0, os.path.abspath(os.path.join(folder, "..")))
    tests = list(flatten(unittest.defaultTestLoader.loadTestsFromName(module)))
    chosen = unittest.TestSuite(test for test in tests if not (quick and is_slow(test)))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=CountingResult).run(chosen)
    broken = {str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors}
    broken |= {str(test) for test in result.unexpectedSuccesses}
    if not tests:
        broken.add(f"{module} holds no test")
    with open(report, "w", encoding="utf-8") as file:
        json.dump({
            "passed": result.passed, "failed": len(broken), "skipped": len(result.skipped),
            "failures": sorted(broken),
            "skipped_names": [f"{test}: {reason}" for test, reason in result.skipped],
        }, file)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
