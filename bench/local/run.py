"""The local stack beside Dramatiq on RabbitMQ: three echo steps, 1 KiB, client to result; and what the stack weighs.

Prints a table, then one line a bar: `bar NAME value=… limit>=… ok|short`. With --strict a short bar is a failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local.stack import (
    PAYLOAD_BYTES,
    ROOT,
    ROUNDS,
    Stack,
    ask,
    bar,
    dramatiq,
    servers,
    spread,
    stack,
    until,
)

ITEMS = 3000


def rounds(label: str, run: Callable[[int, int], dict[str, float]], in_flight: int, items: int) -> tuple[float, float]:
    """Several rounds after a warm-up; prints a row; median items/s and p50."""
    run(in_flight, max(items // 5, 20))
    found = [run(in_flight, items) for _ in range(ROUNDS)]
    rates, middles = [f["items_per_s"] for f in found], [f["p50_ms"] for f in found]
    print(f"{label:42} {spread(rates):>22} items/s   p50 {spread(middles, 2)} ms", flush=True)
    return statistics.median(rates), statistics.median(middles)


def seconds_to_decision(own: Stack, task: dict[str, Any]) -> float:
    """From the creation of the first task of an actor to the scaler's decision to start a replica for it."""
    params = {"actor": task["actor"], "limit": "100"}
    decisions = own.client().json("GET", "/api/v1/decisions", params=params)["items"]
    first = min(datetime.fromisoformat(d["at"]) for d in decisions if d["to"] > d["from"])
    return (first - datetime.fromisoformat(task["createdAt"])).total_seconds()


def cold_start(bars: list[bool]) -> None:
    """`asya up examples/hello` to the first answer, and the first envelope to the decision and to a ready replica."""
    ups, firsts, decisions, colds = [], [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="asya-bench-") as name:
            own = Stack(Path(name), 1, 0)
            shutil.copytree(
                ROOT / "examples" / "hello", name, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".asya")
            )
            try:
                ups.append(own.asya("up", name))
                firsts.append(own.asya("send", "hello", "{}", "--wait"))
                task = own.client().json("GET", "/api/v1/tasks")["items"][0]["id"]
                story = own.client().json("GET", f"/api/v1/tasks/{task}")
                decisions.append(seconds_to_decision(own, story))
                hops = [(e["data"] or {}).get("hop") for e in story["events"]]
                colds.append(max((h["queue_wait_ms"] for h in hops if h), default=0) / 1000)
            finally:
                own.asya("down", name)
    print(
        f"asya up hello {spread(ups, 2)} s, first answer {spread(firsts, 2)} s, "
        f"decision after {spread(decisions, 3)} s, longest wait {spread(colds, 2)} s"
    )
    bars.append(bar("up-to-first-answer-s", statistics.median(ups) + statistics.median(firsts), "<=", 2))
    bars.append(bar("first-envelope-to-decision-s", statistics.median(decisions), "<=", 0.2))
    bars.append(bar("first-envelope-to-ready-s", statistics.median(colds), "<=", 0.5))


def main() -> int:
    """Measure everything in one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--python", type=Path, required=True, help="Interpreter with dramatiq and pika.")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"load average {load:.1f}, {os.cpu_count()} cores, {PAYLOAD_BYTES} bytes, medians of {ROUNDS} (min-max)")
    bars: list[bool] = []
    cold_start(bars)
    with stack(16, 0) as idle:
        until("scaling to zero", lambda: idle.ready_replicas() == 0)
        bars.append(bar("pss-zero-replicas-mib", idle.pss_mib(), "<=", 40))
    with stack(1, 1) as single:
        rounds("asya, concurrency 1, 64 in flight", single.load, 64, arguments.items // 3)
    python = arguments.python
    with (
        stack(16, 1) as warm,
        tempfile.TemporaryDirectory() as name,
        servers(Path(name)) as (_, addresses),
        dramatiq(python, addresses),
    ):

        def form(name: str) -> Callable[[int, int], dict[str, float]]:
            def load(in_flight: int, items: int) -> dict[str, float]:
                return ask(python, "chain.py", addresses, name, str(in_flight), str(items), str(PAYLOAD_BYTES))

            return load

        rate, _ = rounds("asya, concurrency 16, 64 in flight", warm.load, 64, arguments.items)
        bars.append(bar("pss-three-actors-and-sink-mib", warm.pss_mib(), "<=", 120))
        other, _ = rounds("dramatiq pipeline, results, 64 in flight", form("pipeline"), 64, arguments.items // 3)
        rounds("dramatiq bare, no results, 64 in flight", form("bare"), 64, arguments.items // 3)
        _, middle = rounds("asya, 1 in flight", warm.load, 1, arguments.items // 10)
        rounds("dramatiq pipeline, results, 1 in flight", form("pipeline"), 1, arguments.items // 10)
        rounds("dramatiq bare, no results, 1 in flight", form("bare"), 1, arguments.items // 10)
        bars.append(bar("chain-items-per-s-against-dramatiq", rate / other, ">=", 3))
        bars.append(bar("chain-p50-at-one-in-flight-ms", middle, "<=", 3))
    return 1 if arguments.strict and not all(bars) else 0


if __name__ == "__main__":
    sys.exit(main())
