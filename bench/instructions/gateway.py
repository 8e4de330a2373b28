"""Counts with Callgrind what the gateway and its task store spend on an item: created, waited for, reported four times.

The client and the relays are another program, which is not counted. How many reports and writes come together depends
on time, so that two runs differ by a few percent.
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
PROGRAM = HERE.parents[1] / "build" / "release" / "bin" / "bench_gateway"
STORED = HERE / "gateway.json"
ITEMS = (200, 600)  # the difference leaves out start and end of the program
IN_FLIGHT = 64
TOLERANCE = 0.15


def instructions(valgrind: str, items: int, profile: Path | None) -> int:
    """Of one run of the server with so many items, all in all."""
    with tempfile.TemporaryDirectory() as folder:
        out = profile or Path(folder) / "out"
        command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", str(PROGRAM), "serve", folder]
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        outer, inner = server.stdout.readline().split()
        subprocess.run([str(PROGRAM), "send", outer, inner, str(IN_FLIGHT), str(items)], check=True, timeout=600)
        _, said = server.communicate(input="", timeout=600)
    return collected(said)


def main() -> int:
    """Count an item and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--profile", type=Path, help="keep the profile of the longer run here")
    arguments = parser.parse_args()
    valgrind = find_valgrind()
    if valgrind is None:
        return 0
    few = instructions(valgrind, ITEMS[0], None)
    many = instructions(valgrind, ITEMS[1], arguments.profile)
    counted = round((many - few) / (ITEMS[1] - ITEMS[0]))
    if arguments.store:
        STORED.write_text(json.dumps({"item": counted}) + "\n")
    limit = round(json.loads(STORED.read_text())["item"] * (1 + TOLERANCE))
    good = counted <= limit
    print(f"bar instructions-gateway-item value={counted} limit<={limit} {'ok' if good else 'short'}", flush=True)
    return 1 if arguments.strict and not good else 0


if __name__ == "__main__":
    sys.exit(main())
