"""What the measurements with Callgrind share."""

from __future__ import annotations

import re
import shutil


def find_valgrind() -> str | None:
    """The program; None, and the reason printed, where it is not installed."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("instructions: skipped, valgrind is not installed (tools/install packages-bench.txt)")
    return valgrind


def collected(said: str) -> int:
    """The instructions of a whole run, as valgrind has told at its end."""
    found = re.search(r"Collected : (\d+)", said)
    if found is None:
        raise SystemExit(f"bench: valgrind did not say how much it collected: {said}")
    return int(found.group(1))
