"""Our API on PostgreSQL beside kube-apiserver with etcd serving the same kinds as CRDs: one client, TLS, both durable.

Prints a table with ratios, then one line a bar: `bar NAME value=… limit>=… ok|short`. With --strict a short bar is a
failure. The rounds of the two servers alternate; figures are medians of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.servers import PROGRAMS, Server, both, null_server
from local.stack import bar, spread

ROUNDS = 5
QUIET_S = 3
SETTLED_S = 120
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
WRITES = (("create", "create"), ("merge", "merge patch"), ("apply", "server-side apply"), ("status", "status patch"))
LISTS = (
    ("list of 10,000, JSON", "", "application/json"),
    ("list of 10,000 in pages of 500", "?limit=500", "application/json"),
    ("list of 10,000 as a Table", "", TABLE),
    ("list by label, all of 10,000", "?labelSelector=team%3Ddocuments", "application/json"),
)
Figures = dict[str, Any]
Pair = tuple[list[float], list[float]]


def measure(server: Server, *words: str) -> Figures:
    """One measurement by the client, with the processor time that the server spent on it."""
    before = server.processor_seconds()
    done = subprocess.run(
        [PROGRAMS / "bench_api_client", "--address", server.address, "--ca", server.ca, "--cert", server.certificate,
         "--key", server.key, *words], stdout=subprocess.PIPE, text=True, check=True, timeout=600,
    )  # fmt: skip
    found = dict(json.loads(done.stdout))
    found["cpu_s"] = server.processor_seconds() - before
    return found


class Comparison:
    """Rounds of the same measurement on each server in turn, and the bars that they are held against."""

    def __init__(self, ours: Server, theirs: Server) -> None:
        self.servers = (ours, theirs)
        self.bars: list[bool] = []

    def rounds(self, *words: str) -> tuple[list[Figures], list[Figures]]:
        """Of ours and of theirs."""
        found: tuple[list[Figures], list[Figures]] = ([], [])
        for number in range(ROUNDS):
            for server, figures in zip(self.servers, found, strict=True):
                figures.append(measure(server, *words, "--round", str(number)))
        return found

    def row(self, what: str, values: Pair, unit: str, digits: int = 1) -> tuple[float, float]:
        """Prints one; the two medians."""
        ours, theirs = (statistics.median(one) for one in values)
        ratio = ours / theirs if theirs else float("inf")
        texts = [spread(one, digits) for one in values]
        print(f"{what:38} {texts[0]:>28} {texts[1]:>28} {unit:5} {ratio:8.2f}", flush=True)
        return ours, theirs

    def rate(self, what: str, words: tuple[str, ...], name: str, least: float, p99_most: float = 0.0) -> None:
        """Calls a second against a bar, and where wanted their p99 against another."""
        found = self.rounds(*words)
        ours, theirs = self.row(what, _each(found, lambda one: one["a_second"]), "/s")
        self.bars.append(bar(f"{name}-over-kube-apiserver", ours / theirs, ">=", least))
        ours, theirs = self.row("  p99", _each(found, lambda one: one["p99_ms"]), "ms", 2)
        if p99_most:
            self.bars.append(bar(f"{name}-p99-over-kube-apiserver", ours / theirs, "<=", p99_most))
        ours, theirs = self.row("  processor time a call", _each(found, lambda one: one["cpu_s"] / one["calls"] * 1e6),
                                "us")  # fmt: skip
        if words[0] == "get" and p99_most == 0.0 and "16" in words:
            self.bars.append(bar("get-16-cpu-over-kube-apiserver", ours / theirs, "<=", 0.1))
        if words[0] == "create" and "16" in words:
            self.bars.append(bar("cpu-of-1000-writes-over-kube-apiserver", ours / theirs, "<=", 1 / 3))

    def requests(self, seconds: str) -> None:
        """Writes and consistent reads, by one client and by sixteen."""
        for word, what in WRITES:
            rest = ("--seconds", seconds)
            self.rate(f"{what}, 1 client", (word, "--clients", "1", *rest), f"{word}-1", 1.5)
            self.rate(f"{what}, 16 clients", (word, "--clients", "16", *rest), f"{word}-16", 4, 1 / 3)
        self.rate("get, 1 client", ("get", "--clients", "1", "--seconds", seconds), "get-1", 5)
        self.rate("get, 16 clients", ("get", "--clients", "16", "--seconds", seconds), "get-16", 5)

    def settle(self) -> None:
        """Waits until what the databases do after writes is done: neither takes a tenth of a core for a while."""
        deadline = time.monotonic() + SETTLED_S
        quiet = 0
        while quiet < QUIET_S:
            before = [server.processor_seconds() for server in self.servers]
            time.sleep(1)
            used = (server.processor_seconds() - b for server, b in zip(self.servers, before, strict=True))
            quiet = quiet + 1 if all(one < 0.1 for one in used) else 0
            if time.monotonic() > deadline:
                print(f"one of them was still at work after {SETTLED_S} s", flush=True)
                return

    def lists(self) -> None:
        """To the last byte."""
        for what, query, accept in LISTS:
            found = [measure(server, "list", "--query", query, "--accept", accept) for server in self.servers]
            ours, theirs = self.row(what, (found[0]["ms"], found[1]["ms"]), "ms")
            name = what.replace(",", "").replace(" ", "-").lower()
            self.bars.append(bar(f"{name}-over-kube-apiserver", theirs / ours, ">=", 8))

    def watches(self) -> None:
        """From the return of a write to its events."""
        for watchers, pause, writes in ((50, 5, 400), (500, 50, 60)):
            rest = ("--watchers", str(watchers), "--pause-ms", str(pause), "--writes", str(writes))
            found: tuple[list[Figures], list[Figures]] = ([], [])
            for number in range(ROUNDS):
                for server, figures in zip(self.servers, found, strict=True):
                    figures.append(measure(server, "watch", *rest, "--round", f"{watchers}-{number}"))
            what = f"{watchers} watchers, {1000 // pause} writes/s"
            ours, theirs = self.row(f"{what}: event, p50", _each(found, lambda one: one["p50_ms"]), "ms", 2)
            self.bars.append(bar(f"watch-{watchers}-p50-over-kube-apiserver-ms", ours - theirs, "<=", 1))
            ours, theirs = self.row("  event, p99", _each(found, lambda one: one["p99_ms"]), "ms", 2)
            self.bars.append(bar(f"watch-{watchers}-p99-over-kube-apiserver", ours / max(theirs, 0.01), "<=", 1))
            ours, _ = self.row("  the last of them, p99", _each(found, lambda one: one["last_p99_ms"]), "ms", 2)
            if watchers == 50:
                self.bars.append(bar("watch-50-last-p99-ms", ours, "<=", 10))

    def replicas(self) -> None:
        """From the return of a write to one replica of ours to its events at the other."""
        ours = self.servers[0]
        assert ours.replica is not None
        with ours.replica() as other:
            rest = ("--watchers", "50", "--writes", "400", "--pause-ms", "5", "--write-to", other)
            found = [measure(ours, "watch", *rest, "--round", f"replicas-{number}") for number in range(ROUNDS)]
        for quantile in ("p50_ms", "p99_ms", "last_p99_ms"):
            values = [one[quantile] for one in found]
            print(f"{'at the other replica, ' + quantile:38} {spread(values, 2):>28} {'':>28} ms", flush=True)
        lag = statistics.median(one["p99_ms"] for one in found)
        self.bars.append(bar("watch-at-other-replica-p99-ms", lag, "<=", 50))

    def memory(self) -> None:
        """At rest, with the 10,000 objects."""
        ours, theirs = (server.pss_mib() for server in self.servers)
        both = self.row("memory at rest (PSS)", ([sum(ours)], [sum(theirs)]), "MiB")
        self.row("  of these the server alone", (ours[:1], theirs[:1]), "MiB")
        self.bars.append(bar("memory-over-kube-apiserver", both[0] / both[1], "<=", 1 / 3))
        self.bars.append(bar("server-alone-mb", ours[0] * 1.048576, "<=", 150))


def _each(found: tuple[list[Figures], list[Figures]], value: Callable[[Figures], float]) -> Pair:
    return [value(one) for one in found[0]], [value(one) for one in found[1]]


def main() -> int:
    """Everything in one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", default="2", help="length of a round")
    parser.add_argument("--strict", action="store_true")
    arguments = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, medians of {ROUNDS} (min-max)", flush=True)
    with tempfile.TemporaryDirectory(prefix="asya-bench-") as name:
        with null_server(Path(name)) as nothing:
            for clients in ("1", "16"):
                rate = measure(nothing, "get", "--clients", clients, "--seconds", arguments.seconds)["a_second"]
                print(f"the client's own ceiling, {clients:>2} clients: {rate:.0f}/s of a server that does nothing")
        with both(Path(name)) as (ours, theirs):
            comparison = Comparison(ours, theirs)
            print(f"{'':38} {ours.name:>28} {theirs.name:>28} {'':5} {'ratio':>8}")
            for server in (ours, theirs):
                measure(server, "fill")
            comparison.memory()
            comparison.requests(arguments.seconds)
            comparison.settle()
            comparison.lists()
            comparison.watches()
            comparison.replicas()
    return 1 if arguments.strict and not all(comparison.bars) else 0


if __name__ == "__main__":
    sys.exit(main())
