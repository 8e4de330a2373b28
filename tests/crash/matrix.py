"""Crash matrix: every step of the relay and every fault, on every place; each envelope is accounted for.

    tests/crash/matrix.py [--place rabbitmq] [--only TEXT] [--seed 7] [--small]

The full form runs every victim at every step three times (or --repeats) and waits after each until all has ended; the
small one runs each step once with a victim by chance, and the quick faults.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import Bench
from faults import FAULTS
from places import PLACES
from steps import STEPS, VICTIMS

REPEATS = 3
# After a death, of handlers, before the next: what comes back first is done by then. A healthy envelope that is in the
# middle of a call at five deaths in a row cannot be told from one that kills its worker, and would fail as such.
RUNS_BETWEEN = 30
CELLS_TOGETHER = 3  # of the small form, that one envelope may meet
SHARES = (2, 1, 1)  # of the victims, where only one is drawn
Cell = tuple[str, Callable[[Bench], None]]


def _death(step_number: int, victim: str, repeats: int) -> Callable[[Bench], None]:
    def run(bench: Bench) -> None:
        with bench.flow():
            for _ in range(repeats):
                bench.die(STEPS[step_number], victim)
                bench.travel(RUNS_BETWEEN)

    return run


def _fault(number: int, chance: random.Random) -> Callable[[Bench], None]:
    def run(bench: Bench) -> None:
        fault = FAULTS[number]
        with bench.flow(**({"sleep": fault.sleep} if fault.sleep else {})):
            fault.happen(bench, chance)

    return run


def cells(name: str, chance: random.Random, small: bool, repeats: int = REPEATS) -> Iterator[Cell]:
    """What is done on a place, in the order of the tables."""
    for number, step in enumerate(STEPS):
        if step.on(name) is None:
            continue
        for victim in chance.choices(VICTIMS, SHARES) if small else VICTIMS:
            yield f"{step.name}: {victim}", _death(number, victim, 1 if small else repeats)
    for number, fault in enumerate(FAULTS):
        if name in fault.places and (fault.small or not small):
            yield fault.name, _fault(number, chance)


class _Row:
    """One line of the full form: what came of the envelopes of one cell."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.started = time.monotonic()
        self.begun = self._now()

    def _now(self) -> tuple[int, int, int]:
        again = sum(times - 1 for times in self.bench.place.put().values())
        return len(self.bench.sent), again, self.bench.runs()

    def text(self) -> str:
        """With all that was sent ended."""
        sent, again, runs = (after - before for after, before in zip(self._now(), self.begun, strict=True))
        return f"{sent} sent, {again} put again, {runs} handler runs, {time.monotonic() - self.started:.1f} s"


def _one(bench: Bench, cell: Cell, small: bool, number: int) -> None:
    what, act = cell
    row = None if small else _Row(bench)
    started = time.monotonic()
    act(bench)
    if row is None:
        # An envelope that is with whoever dies in five cells would fail as one that kills its worker. RabbitMQ counts a
        # connection that breaks as a crash too, and who knows better may die a moment later: there it meets one cell.
        if number % (1 if bench.name == "rabbitmq" else CELLS_TOGETHER) == 0:
            bench.settle()
        print(f"  {what}: {time.monotonic() - started:.1f} s", flush=True)
        return
    bench.settle()
    print(f"  {what}: {row.text()}", flush=True)
    bench.wait_until_idle()


def run(
    name: str, seed: int, small: bool, only: str = "", repeats: int = REPEATS
) -> tuple[dict[str, int], dict[str, int]]:
    """All cells on one place; gives the counts of all envelopes, and those of them that should not be."""
    chance = random.Random(seed)
    print(f"{name}, seed {seed}", flush=True)
    wanted = [cell for cell in cells(name, chance, small, repeats) if only in cell[0]]
    if small:
        chance.shuffle(wanted)
    with tempfile.TemporaryDirectory(prefix="asya-matrix-") as folder:
        started = time.monotonic()
        bench = Bench(name, Path(folder))
        print(f"  up: {time.monotonic() - started:.1f} s", flush=True)
        try:
            for number, cell in enumerate(wanted, start=1):
                try:
                    _one(bench, cell, small, number)
                except Exception as problem:
                    raise AssertionError(f"{name}, seed {seed}, {cell[0]}: {problem}") from problem
            bench.settle()
            counts, bad = bench.result()
        finally:
            bench.close()
    print(f"{name}, seed {seed}: {counts}", flush=True)
    return counts, bad


def main() -> None:
    """Run by hand in full size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", choices=list(PLACES), action="append")
    parser.add_argument("--only", default="", help="cells whose name has this text")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    failed = {}
    for name in arguments.place or PLACES:
        _, bad = run(name, arguments.seed, arguments.small, arguments.only, arguments.repeats)
        if bad:
            failed[name] = bad
    sys.exit(f"failed: {failed}" if failed else 0)


if __name__ == "__main__":
    main()
