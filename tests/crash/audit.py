"""Crash audit: envelopes through three hops with retries while relays, runtimes, server and broker are killed with -9.

    tests/crash/audit.py --envelopes 20000 --kills 30 --seed 7 [--place rabbitmq]

Passes when every accepted envelope ended exactly once: the healthy ones succeeded with the right result, the failing
ones failed and in the dead letters with their payload; none lost, none doubled. Reads the final truth from the store
and the broker themselves after the server has stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from audited_project import FINISH_TIMEOUT_S, AuditedProject, Sender
from count import count, problems
from places import PLACES

CLIENTS = 8
KILL_PERIOD_S = (0.3, 1.5)


def kill_at_random(project: AuditedProject, kills: int, seed: int, senders: list[Sender], total: int) -> dict[str, int]:
    """Kill -9 a random process of a random kind, `kills` times, spread over the time that sending takes.

    Each kind dies once, in random order, before chance alone decides: a run in which no server dies shows too little.
    """
    chance = random.Random(seed)
    done = {"server": 0, "relay": 0, "runtime": 0, "worker": 0, "broker": 0}
    once = chance.sample(list(done), len(done))
    stop = threading.Event()
    while sum(done.values()) < kills and not stop.wait(chance.uniform(*KILL_PERIOD_S)):
        # In a long run the kills are not all in its first minute.
        if sum(sender.accepted for sender in senders) < total * sum(done.values()) / kills * 0.9:
            continue
        kind = once.pop() if once else chance.choices(list(done), [1, 3, 2, 2, 2])[0]
        if kind == "broker":
            done[kind] += project.place.kill(chance)
            continue
        found = project.victims()[kind]
        if not found:
            if any(sender.is_alive() for sender in senders):
                once.insert(0, kind)
            continue
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(found), signal.SIGKILL)
            done[kind] += 1
        if kind == "server":
            project.command("up")
    return done


def run(envelopes: int, kills: int, seed: int, name: str = "sqlite") -> tuple[dict[str, int], dict[str, int]]:
    """The whole audit in a temporary folder; gives the counts, and those of them that should not be."""
    with tempfile.TemporaryDirectory(prefix="asya-audit-") as folder, contextlib.ExitStack() as stack:
        place = PLACES[name](Path(folder))
        stack.callback(place.stop)
        project = AuditedProject(Path(folder), place)
        project.begin()
        started = time.monotonic()
        try:
            senders = [Sender(project, range(i, envelopes, CLIENTS)) for i in range(CLIENTS)]
            for sender in senders:
                sender.start()
            done = kill_at_random(project, kills, seed, senders, envelopes)
            for sender in senders:
                sender.join(FINISH_TIMEOUT_S)
                assert not sender.is_alive(), "the server takes no tasks"
                assert not sender.problem, sender.problem
            project.wait_until_finished()
        finally:
            project.command("down", check=False)
        taken = time.monotonic() - started
        counts = count(project, range(envelopes))
        print(f"{name}, seed {seed}: {envelopes} envelopes, kills {done}, {taken:.0f} s: {counts}", flush=True)
        return counts, problems(counts, place)


def main() -> None:
    """Run by hand in full size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envelopes", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--place", choices=list(PLACES), default="sqlite")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    _, bad = run(arguments.envelopes, arguments.kills, arguments.seed, arguments.place)
    sys.exit(f"failed: {bad}" if bad else 0)


if __name__ == "__main__":
    main()
