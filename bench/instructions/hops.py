"""Counts what a hop costs its relay: instructions with Callgrind, system calls with strace; each beside raw clients.

`pipelined` takes, publishes confirmed and acknowledges; `calling` calls the runtime in between as well, which is the
least that any relay does. Instructions hardly depend on the machine; how many hops share a system call does.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from instructions.callgrind import collected, find_valgrind

PROGRAM = Path(__file__).resolve().parents[2] / "build" / "release" / "bin" / "bench_hops"
HOPS = (500, 2500)  # the difference leaves out start and end of the program
WAYS = {"rabbitmq": ("pipelined", "calling", "relay"), "postgres": ("relay",)}
LIMIT_S = 600


def pass_through(place: str, way: str, hops: int, under: list[str]) -> None:
    """So many hops under a command."""
    subprocess.run([str(PROGRAM), place, way, str(hops), *under], check=True, timeout=LIMIT_S)


def instructions(valgrind: str, place: str, way: str, hops: int, out: Path) -> int:
    """Of one run, all in all; the profile is left in `out`."""
    log = out.with_suffix(".log")
    pass_through(place, way, hops,
                 [valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", f"--log-file={log}"])  # fmt: skip
    return collected(log.read_text())


def system_calls(place: str, way: str, hops: int, out: Path) -> dict[str, int]:
    """Of one run, by their names."""
    pass_through(place, way, hops, ["strace", "-I", "2", "-c", "-f", "-o", str(out)])
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", out.read_text(), re.MULTILINE)
    return {name: int(calls) for calls, name in rows if name != "total"}


def report(valgrind: str, place: str, way: str, folder: Path) -> None:
    """Count and print one line."""
    few, many = HOPS
    least, most = (instructions(valgrind, place, way, hops, folder / f"{place}-{way}-{hops}.out") for hops in HOPS)
    before, after = (system_calls(place, way, hops, folder / f"{place}-{way}-{hops}.strace") for hops in HOPS)
    calls = {name: (count - before.get(name, 0)) / (many - few) for name, count in after.items()}
    listed = ", ".join(f"{name} {calls[name]:.2f}" for name in sorted(calls, key=calls.__getitem__, reverse=True)[:5])
    print(f"{place + ' ' + way:20} {(most - least) / (many - few):8,.0f} instructions a hop, "
          f"{sum(calls.values()):5.2f} system calls: {listed}", flush=True)  # fmt: skip


def main() -> int:
    """Count all that there are servers for, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", nargs="*", default=list(WAYS), help="some of " + ", ".join(WAYS))
    parser.add_argument("--profiles", type=Path, help="keep the profiles in this folder")
    arguments = parser.parse_args()
    valgrind = find_valgrind()
    if valgrind is None:
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.profiles or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for place in arguments.places:
            for way in WAYS[place]:
                report(valgrind, place, way, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
