"""Counts the instructions of pieces of the data path with Callgrind and holds them against the stored counts.

They hardly depend on the machine and not on what else runs there, so that a change of a few percent is seen. With
--store the counts become the stored ones: in the commit that changes them on purpose.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from instructions.callgrind import collected, find_valgrind

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parents[1] / "build" / "release" / "bin" / "bench_instructions"
STORED = HERE / "counts.json"
TIMES = (200, 1200)  # the difference leaves out the start of the program
TOLERANCE = 0.05


def instructions(valgrind: str, work: str, count: int) -> int:
    """Of one run, all in all."""
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={folder}/out", str(PROGRAM), work, str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return collected(done.stderr)


def main() -> int:
    """Count each piece and print one line for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--store", action="store_true")
    arguments = parser.parse_args()
    valgrind = find_valgrind()
    if valgrind is None:
        return 0
    stored: dict[str, int] = json.loads(STORED.read_text())
    counted, met = {}, True
    for work, expected in stored.items():
        few, many = (instructions(valgrind, work, count) for count in TIMES)
        counted[work] = round((many - few) / (TIMES[1] - TIMES[0]))
        limit = round(expected * (1 + TOLERANCE))
        good = counted[work] <= limit
        met = met and good
        print(f"bar instructions-{work} value={counted[work]} limit<={limit} {'ok' if good else 'short'}", flush=True)
    if arguments.store:
        STORED.write_text(json.dumps(counted, indent=2, sort_keys=True) + "\n")
    return 1 if arguments.strict and not met else 0


if __name__ == "__main__":
    sys.exit(main())
