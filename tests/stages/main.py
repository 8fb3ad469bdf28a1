"""The stages of `tests/run`, one after the other; the last line sums up what passed and failed."""

import argparse
import os
import sys
import time

import stages
from tally import Tally

EPILOG = """\
stages, in this order:
""" + "\n".join(f"  {name:<12}{function.__doc__.splitlines()[0]}"
                for name, function in stages.STAGES.items())


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="tests/run", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Builds Larder and runs its tests. Without arguments: everything that CI runs.")
    parser.add_argument("--quick", action="store_true",
                        help="release build, unit tests, lint and the short end-to-end tests only")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="only these stages")
    arguments = parser.parse_args()
    for name in arguments.stages:
        if name not in stages.STAGES:
            parser.error(f"no stage '{name}'; there are: {', '.join(stages.STAGES)}")
    return arguments


def run_stage(name, context):
    """Runs one stage under a heading; a stage that breaks counts as one failure."""
    print(f"\n=== {name}: {stages.STAGES[name].__doc__.splitlines()[0]}", flush=True)
    started = time.monotonic()
    try:
        tally = stages.STAGES[name](context)
    except stages.StageError as error:
        print(f"{name}: {error}")
        tally = Tally(failed=1, failures=[f"{name}: {error}"])
    print(f"=== {name}: {tally} in {time.monotonic() - started:.0f} s", flush=True)
    return tally


def main():
    arguments = parse_arguments()
    os.chdir(stages.ROOT)
    chosen = arguments.stages or (stages.QUICK if arguments.quick else 
                                 [name for name in stages.STAGES if name not in stages.NOT_IN_CI])
    context = stages.Context(quick=arguments.quick)
    started = time.monotonic()
    tallies = {name: run_stage(name, context) for name in chosen}
    total = sum(tallies.values(), Tally())

    print(f"\n=== all: {time.monotonic() - started:.0f} s")
    for skipped in total.skipped_names:
        print(f"SKIPPED {skipped}")
    for failure in total.failures:
        print(f"FAILED {failure}")
    broken = [name for name, tally in tallies.items() if tally.failed]
    if broken:
        print(f"stages that failed: {', '.join(broken)}")
    if total.passed == 0:
        total = total + Tally(failed=1)
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
