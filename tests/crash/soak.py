"""Soak: half of what the machine can do, for a long time; memory stays flat and nobody connects again without reason.

    tests/crash/soak.py --seconds 1800 [--place rabbitmq]

Measures the rate that the place reaches, then sends at half of it. Samples the memory of server, relays and runtimes,
the connections that were made, prints them at the end by tenths of the time, and audits every envelope.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from audited_project import AuditedProject, Sender
from bench import Bench
from count import count, problems
from places import PLACES

CLIENTS = 4
FULL_LOAD_S = 20.0
SAMPLES = 10
GROWTH_MAX = 1.15  # of the memory of a process kind between the third tenth and the last
SAMPLE_PAUSE_S = 1.0


def memory_mib(pids: list[int]) -> float:
    """The largest resident set of these processes."""
    largest = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            status = (Path("/proc") / str(pid) / "status").read_text()
            largest = max(largest, int(status.partition("VmRSS:")[2].split()[0]) / 1024)
    return largest


class Load:
    """Clients that send at a rate, or as fast as they can."""

    def __init__(self, project: AuditedProject) -> None:
        self.project = project
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.sent = 0

    def run(self, seconds: float, rate: float | None) -> Iterator[float]:
        """Sends for so long; gives the seconds since the beginning once a while, and ends when all have ended."""
        ending = threading.Event()
        senders = [Sender(self.project, self._numbers(ending, CLIENTS / rate if rate else 0.0)) for _ in range(CLIENTS)]
        for sender in senders:
            sender.start()
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            ending.wait(SAMPLE_PAUSE_S)
            yield passed
        ending.set()
        for sender in senders:
            sender.join()
            assert not sender.problem, sender.problem

    def _numbers(self, ending: threading.Event, pause_s: float) -> Iterator[int]:
        due = time.monotonic()
        while not ending.is_set():
            with self.lock:
                number = next(self.numbers)
                self.sent = number + 1
            yield number
            due += pause_s
            if ending.wait(max(0.0, due - time.monotonic())):
                return


def run(name: str, seconds: float) -> dict[str, int]:
    """The whole soak; gives what should not be."""
    with tempfile.TemporaryDirectory(prefix="asya-soak-") as folder:
        bench = Bench(name, Path(folder), gates=False)
        try:
            return _run(bench, seconds)
        finally:
            bench.close()


def _run(bench: Bench, seconds: float) -> dict[str, int]:
    project = bench.project
    load = Load(project)
    began = time.monotonic()
    for _ in load.run(FULL_LOAD_S, None):
        pass
    project.wait_until_finished()
    rate = load.sent / (time.monotonic() - began)
    print(f"{bench.name}: {rate:.0f} envelopes/s at full load; {rate / 2:.0f}/s for {seconds:.0f} s", flush=True)
    tenths: list[dict[str, float]] = [{} for _ in range(SAMPLES)]
    for passed in load.run(seconds, rate / 2):
        now = tenths[min(SAMPLES - 1, int(passed / seconds * SAMPLES))]
        for kind, pids in bench.victims().items():
            now[kind] = max(now.get(kind, 0.0), memory_mib(pids))
    project.wait_until_finished()
    reconnects = _reconnects(project)
    project.command("down")
    counts = count(project, range(load.sent))
    for number, row in enumerate(tenths, 1):
        print(f"  tenth {number}: " + ", ".join(f"{kind} {mib:.1f} MiB" for kind, mib in row.items()), flush=True)
    print(f"  connections lost and made again: {reconnects}; {counts}", flush=True)
    bad = problems(counts, bench.place)
    for kind, mib in tenths[-1].items():
        if mib > GROWTH_MAX * tenths[2].get(kind, mib):
            bad[f"memory of {kind} grows"] = round(mib)
    if reconnects:
        bad["reconnects"] = reconnects
    return bad


def _reconnects(project: AuditedProject) -> int:
    """What the logs of relays say."""
    logs = [log.read_text(errors="replace") for log in (project.state / "logs").rglob("*") if log.is_file()]
    return sum(log.count("connection to the queue lost") for log in logs)


def main() -> None:
    """Run by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", choices=list(PLACES), default="rabbitmq")
    parser.add_argument("--seconds", type=float, default=1800)
    arguments = parser.parse_args()
    bad = run(arguments.place, arguments.seconds)
    sys.exit(f"failed: {bad}" if bad else 0)


if __name__ == "__main__":
    main()
