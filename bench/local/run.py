"""The local stack beside Dramatiq on RabbitMQ: three echo steps, 1 KiB, client to result; and what the stack weighs.

Prints a table, then one line a bar: `bar NAME value=… limit>=… ok|short`. With --strict a short bar is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "cli"), str(ROOT / "tools")]

from asya_cli.client import Client, collection  # noqa: E402
from asya_cli.project import read_server_file  # noqa: E402
from free_ports import free_ports  # noqa: E402
from private_rabbitmq import PrivateRabbitmq  # noqa: E402

PROGRAMS = ROOT / "build" / "release" / "bin"
ACTORS = ("first", "second", "third")
PAYLOAD_BYTES = 1024
ROUNDS = 5
ITEMS = 3000
READY_S = 40.0

MANIFEST = """
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {{name: {name}}}
spec:
  image: bench
  handler: steps.echo
  concurrency: {concurrency}
  scaling: {{minReplicaCount: {minimum}, maxReplicaCount: 1, cooldownPeriod: 3}}
---
"""


def listens(port: int) -> bool:
    """Whether somebody does on this port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def until(question: str, answer: Callable[[], bool]) -> None:
    """Poll a callable until it is true, for at most READY_S."""
    deadline = time.monotonic() + READY_S
    while not answer():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: {question} took longer than {READY_S:g} s")
        time.sleep(0.05)


class Stack:
    """A local server with three echo actors in a temporary project."""

    def __init__(self, folder: Path, concurrency: int, minimum: int) -> None:
        self.folder = folder
        self.state = folder / ".asya" / "local"
        text = "".join(MANIFEST.format(name=n, concurrency=concurrency, minimum=minimum) for n in ACTORS)
        (folder / "asya.yaml").write_text(text)
        (folder / "steps.py").write_text("def echo(payload):\n    return payload\n")
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(folder / "home"),
            "ASYA_BIN": str(ROOT / "build/release/bin"),
        }

    def asya(self, *arguments: str) -> float:
        """Run one command; the seconds it took."""
        started = time.perf_counter()
        subprocess.run([str(ROOT / "bin" / "asya"), *arguments], env=self.environment, cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)  # fmt: skip
        return time.perf_counter() - started

    def client(self) -> Client:
        """A connection to the running server."""
        server = read_server_file(self.state)
        assert server is not None
        return Client(server)

    def ready_replicas(self) -> int:
        """Ready replicas of the three actors."""
        items = self.client().json("GET", collection("asyncactors", "default"))["items"]
        workloads = [i.get("status", {}).get("infrastructure", {}).get("workload", {}) for i in items]
        return sum(
            w.get("readyReplicas", 0) for i, w in zip(items, workloads, strict=True) if i["metadata"]["name"] in ACTORS
        )

    def load(self, in_flight: int, items: int) -> dict[str, float]:
        """One round of the C++ client."""
        server = read_server_file(self.state)
        assert server is not None
        done = subprocess.run(
            [str(PROGRAMS / "asya_bench_client"), server.url.removeprefix("http://"), server.token, "first",
             "second,third", str(in_flight), str(items), str(PAYLOAD_BYTES)],
            stdout=subprocess.PIPE, text=True, check=True, timeout=300,
        )  # fmt: skip
        return dict(json.loads(done.stdout))

    def pss_mib(self) -> float:
        """Proportional set size of the server and everything below it."""
        server = read_server_file(self.state)
        assert server is not None
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    parents.setdefault(parent, []).append(int(entry.name))
        todo, total = [server.pid], 0
        while todo:
            pid = todo.pop()
            todo += parents.get(pid, [])
            with suppress(OSError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return total / 1024


@contextmanager
def stack(concurrency: int, minimum: int) -> Iterator[Stack]:
    """A stack that is up; down afterwards."""
    with tempfile.TemporaryDirectory(prefix="asya-bench-") as name:
        found = Stack(Path(name), concurrency, minimum)
        found.asya("up", name)
        try:
            if minimum:
                until("starting the actors", lambda: found.ready_replicas() == len(ACTORS))
            yield found
        finally:
            found.asya("down", name)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A private Redis on a free port that writes nothing to disk; its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("bench: redis-server is missing; apt-get install redis-server")
    port = free_ports(1)[0]
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until("starting Redis", lambda: listens(port))
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def dramatiq(python: Path, folder: Path) -> Iterator[list[str]]:
    """Dramatiq on a private RabbitMQ, with two processes (the cores) of eight threads; the client's command."""
    with PrivateRabbitmq(folder) as broker, redis(folder) as results:
        added = {"BENCH_AMQP_URL": broker.addresses["ASYA_TEST_RABBITMQ"], "BENCH_REDIS_URL": results}
        environment = {**os.environ, **added, "PYTHONPATH": str(HERE)}
        command = [str(python), "-m", "dramatiq", "chain", "--processes", "2", "--threads", "8"]
        workers = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.environ.update(added)
        try:
            yield [str(python), str(HERE / "chain.py")]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(workers.pid, signal.SIGTERM)
            workers.wait(timeout=30)


def spread(values: list[float], digits: int = 0) -> str:
    """`median (min-max)`."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def bar(name: str, value: float, sign: str, limit: float) -> bool:
    """Print one bar; whether it is met."""
    met = value >= limit if sign == ">=" else value <= limit
    print(f"bar {name} value={value:.3g} limit{sign}{limit:g} {'ok' if met else 'short'}")
    return met


def rounds(label: str, run: Callable[[int, int], dict[str, float]], in_flight: int, items: int) -> tuple[float, float]:
    """Several rounds after a warm-up; prints a row; median items/s and p50."""
    run(in_flight, max(items // 5, 20))
    found = [run(in_flight, items) for _ in range(ROUNDS)]
    rates, middles = [f["items_per_s"] for f in found], [f["p50_ms"] for f in found]
    print(f"{label:42} {spread(rates):>22} items/s   p50 {spread(middles, 2)} ms", flush=True)
    return statistics.median(rates), statistics.median(middles)


def cold_start(bars: list[bool]) -> None:
    """`asya up examples/hello` to the first answer, and the first envelope to a ready replica."""
    ups, firsts, colds = [], [], []
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
                events = own.client().json("GET", f"/api/v1/tasks/{task}")["events"]
                hops = [(e["data"] or {}).get("hop") for e in events]
                colds.append(max((h["queue_wait_ms"] for h in hops if h), default=0) / 1000)
            finally:
                own.asya("down", name)
    print(f"asya up hello {spread(ups, 2)} s, first answer {spread(firsts, 2)} s, longest wait {spread(colds, 2)} s")
    bars.append(bar("up-to-first-answer-s", statistics.median(ups) + statistics.median(firsts), "<=", 2))
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
    with stack(16, 1) as warm, tempfile.TemporaryDirectory() as name, dramatiq(arguments.python, Path(name)) as command:

        def form(name: str) -> Callable[[int, int], dict[str, float]]:
            def load(in_flight: int, items: int) -> dict[str, float]:
                done = subprocess.run([*command, name, str(in_flight), str(items), str(PAYLOAD_BYTES)],
                                      stdout=subprocess.PIPE, text=True, check=True, timeout=300)  # fmt: skip
                return dict(json.loads(done.stdout))

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
