"""Counts of tests."""

import dataclasses
import xml.etree.ElementTree


@dataclasses.dataclass
class Tally:
    """How many tests passed, failed and were skipped, and the names of the latter two."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = dataclasses.field(default_factory=list)
    skipped_names: list = dataclasses.field(default_factory=list)

    def __add__(self, other):
        return Tally(self.passed + other.passed, self.failed + other.failed,
                     self.skipped + other.skipped, self.failures + other.failures,
                     self.skipped_names + other.skipped_names)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    @staticmethod
    def one(name, passed):
        """The tally of a single check."""
        return Tally(passed=1) if passed else Tally(failed=1, failures=[name])

    @staticmethod
    def skip(name):
        return Tally(skipped=1, skipped_names=[name])

    @staticmethod
    def of_ctest(path, stage):
        """What `ctest --output-junit` wrote."""
        tally = Tally()
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            status, name = case.get("status"), f"{stage}: {case.get('name')}"
            if status == "run":
                tally += Tally(passed=1)
            elif status in ("disabled", "notrun"):
                # A test that could not be started is no pass.
                tally += Tally(failed=1, failures=[f"{name} ({status})"])
            else:
                tally += Tally(failed=1, failures=[name])
        return tally
