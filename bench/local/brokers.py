"""Three echo steps on RabbitMQ, client to result: ours beside Celery and Dramatiq, with what each item costs.

The processor time is that of what works on the items: server, relays and runtimes here, workers there; broker, Redis
and the clients are not counted. Prints a table, then one line a bar; with --strict a short bar is a failure.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local.stack import (
    PAYLOAD_BYTES,
    ROUNDS,
    ask,
    bar,
    celery,
    dramatiq,
    processor_seconds_by_program,
    servers,
    spread,
    stack,
)

IN_FLIGHT = 64
ITEMS = 3000
OTHERS_ITEMS = 600
RATE_RATIO_MIN = 3
CPU_RATIO_MAX = 1 / 3


@dataclass
class System:
    """One of the systems compared, and its figures of each round."""

    name: str
    items: int
    pid: int
    send: Callable[[int], float]  # items a second
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    programs_ms: dict[str, list[float]] = field(default_factory=dict)

    def round(self) -> None:
        """One measurement."""
        before = processor_seconds_by_program(self.pid)
        self.rates.append(self.send(self.items))
        after = processor_seconds_by_program(self.pid)
        used = {program: seconds - before.get(program, 0.0) for program, seconds in after.items()}
        for program, seconds in used.items():
            self.programs_ms.setdefault(program, []).append(seconds / self.items * 1000)
        self.cpu_ms.append(sum(used.values()) / self.items * 1000)

    def print(self) -> None:
        """Its row, and below it where the processor time went."""
        print(f"{self.name:42} {spread(self.rates):>22} items/s   {spread(self.cpu_ms, 2)} ms CPU an item", flush=True)
        for program, costs in sorted(self.programs_ms.items()):
            print(f"  {program:65} {spread(costs, 2)} ms", flush=True)


def main() -> int:
    """Measure all in one run, one after another in each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--queues", choices=("quorum", "classic"), default="quorum",
                        help="Ours; those of the others are classic, as they come.")  # fmt: skip
    parser.add_argument("--python", type=Path, required=True, help="Interpreter with celery, dramatiq, pika, redis.")
    arguments = parser.parse_args()
    python = arguments.python
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"load average {load:.1f}, {cores} cores, {PAYLOAD_BYTES} bytes, medians of {arguments.rounds} (min-max)")
    with (
        tempfile.TemporaryDirectory() as folder,
        servers(Path(folder)) as (node, addresses),
        stack(16, 1, node, arguments.queues) as ours,
        dramatiq(python, addresses) as dramatiq_pid,
        celery(python, addresses) as celery_pid,
    ):

        def other(program: str, *form: str) -> Callable[[int], float]:
            return lambda items: ask(python, program, addresses, *form, str(IN_FLIGHT), str(items),
                                     str(PAYLOAD_BYTES))["items_per_s"]  # fmt: skip

        name = f"asya, {arguments.queues} queues"
        systems = [
            System(name, ITEMS, ours.server_pid(), lambda items: ours.load(IN_FLIGHT, items)["items_per_s"]),
            System("celery, chain with results", OTHERS_ITEMS, celery_pid, other("celery_chain.py")),
            System("dramatiq, pipeline with results", OTHERS_ITEMS, dramatiq_pid, other("chain.py", "pipeline")),
        ]
        for system in systems:
            system.send(system.items // 5)
        for _ in range(arguments.rounds):
            for system in systems:
                system.round()
    for system in systems:
        system.print()
    asya, *others = systems
    rates = [statistics.median(system.rates) for system in others]
    costs = [statistics.median(system.cpu_ms) for system in others]
    rate, cost = statistics.median(asya.rates), statistics.median(asya.cpu_ms)
    faster = costs[rates.index(max(rates))]
    chain = "rabbitmq-chain" if arguments.queues == "quorum" else "rabbitmq-classic-chain"
    met = [
        bar(f"{chain}-items-per-s-over-faster", rate / max(rates), ">=", RATE_RATIO_MIN),
        bar(f"{chain}-cpu-an-item-of-faster", cost / faster, "<=", CPU_RATIO_MAX),
    ]
    return 1 if arguments.strict and not all(met) else 0


if __name__ == "__main__":
    sys.exit(main())
