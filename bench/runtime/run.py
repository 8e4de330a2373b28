"""Compares the runtime with two minimal servers that do the same JSON work, side by side in one run.

Prints a table, then a line for each bar: ours >= 80 % of the better of the two, at concurrency 1 and 4. Requests a
second mean little while other programs want the processors, so the load average is printed, and beside the rates the
processor time that each server used for a request, which suffers less. The bar is on the rates all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT = 0.8
CONCURRENCIES = (1, 4)
PAYLOAD_BYTES = 1024
READY_S = 20


def envelope() -> bytes:
    """An envelope with a payload of 1 KiB, as the relay sends it."""
    payload = {"text": "", "tags": ["a", "b", "c"], "score": 0.25, "meta": {"page": 1, "lang": "en"}}
    payload["text"] = "x" * (PAYLOAD_BYTES - len(json.dumps(payload)))
    message = {
        "id": "6f1c2d3e-0000-4000-8000-000000000000",
        "route": {"prev": ["prep"], "curr": "echo", "next": ["post", "store"]},
        "headers": {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        "status": {"phase": "processing", "actor": "echo", "attempt": 1, "created_at": "2026-11-18T12:00:00Z"},
        "payload": payload,
    }
    return json.dumps(message, separators=(",", ":")).encode()


class Server(NamedTuple):
    """A server under measurement."""

    path: Path
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time used so far, by it and by its worker."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ticks = 0
        for pid in [str(self.pid), *children]:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def minimal(kind: str, folder: Path) -> Iterator[Server]:
    """One of the two servers that the runtime is compared with."""
    path = folder / (kind + ".sock")
    process = subprocess.Popen(
        [sys.executable, str(HERE / "minimal_server.py"), kind, str(path)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield Server(path, process.pid)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def ours(archive: Path, handler: str, concurrency: int, folder: Path) -> Iterator[Server]:
    """The runtime with one of the echo handlers."""
    sockets = folder / f"{handler}-{concurrency}"
    reading, writing = os.pipe()
    environment = {
        **os.environ,
        "ASYA_HANDLER": "echo_handlers." + handler,
        "ASYA_SOCKET_DIR": str(sockets),
        "ASYA_CONCURRENCY": str(concurrency),
        "ASYA_LOG_LEVEL": "ERROR",
        "ASYA_CONTROL_FD": str(reading),
    }
    process = subprocess.Popen([sys.executable, str(archive)], cwd=HERE, env=environment, pass_fds=[reading])
    os.close(reading)
    try:
        until_ready(sockets)
        yield Server(sockets / "asya-runtime.sock", process.pid)
    finally:
        os.close(writing)
        process.wait()


def until_ready(sockets: Path) -> None:
    """Waits for the file that says that the handler is loaded."""
    for _ in range(READY_S * 100):
        if (sockets / "runtime-ready").exists():
            return
        subprocess.run(["sleep", "0.01"], check=True)
    raise SystemExit("the runtime did not become ready")


def median_text(values: list[float]) -> str:
    """`median (min-max)`."""
    return f"{statistics.median(values):8.0f} ({min(values):.0f}-{max(values):.0f})"


def main() -> int:
    """Runs everything; with --strict a short bar is a failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--strict", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load, archive, body = folder / "load", folder / "asya_runtime.pyz", folder / "body.json"
        subprocess.run(["g++", "-std=c++20", "-O2", "-o", str(load), str(HERE / "load.cc")], check=True)
        subprocess.run([sys.executable, str(ROOT / "runtime" / "build.py"), str(archive)], check=True, stdout=2)
        body.write_bytes(envelope())
        short = False
        for concurrency in CONCURRENCIES:
            short |= compare(load, archive, body, folder, concurrency, arguments.rounds, arguments.seconds)
    return 1 if short and arguments.strict else 0


def compare(load: Path, archive: Path, body: Path, folder: Path, concurrency: int, rounds: int, seconds: float) -> bool:
    """Measures all servers in turn, several times; prints rows and the bar. True when the bar is short."""
    with ExitStack() as stack, tempfile.TemporaryDirectory(dir=folder) as own:
        servers = {
            "threads": stack.enter_context(minimal("threads", Path(own))),
            "asyncio": stack.enter_context(minimal("asyncio", Path(own))),
            "runtime": stack.enter_context(ours(archive, "echo", concurrency, Path(own))),
            "runtime async": stack.enter_context(ours(archive, "echo_async", concurrency, Path(own))),
        }
        rates: dict[str, list[float]] = {name: [] for name in servers}
        middle: dict[str, list[float]] = {name: [] for name in servers}
        late: dict[str, list[float]] = {name: [] for name in servers}
        used = dict.fromkeys(servers, 0.0)
        served = dict.fromkeys(servers, 0)
        for turn in range(rounds + 1):
            for name, server in servers.items():
                before = server.cpu_seconds()
                command = [str(load), str(server.path), str(concurrency), str(seconds), str(body)]
                result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                if turn:  # the first round only warms up
                    used[name] += server.cpu_seconds() - before
                    served[name] += result["requests"]
                    rates[name].append(result["requests"] / result["seconds"])
                    middle[name].append(result["p50_us"])
                    late[name].append(result["p99_us"])
    cpu = {name: used[name] / max(1, served[name]) * 1e6 for name in servers}
    print(f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{'server':14} {'conc':>4} {'requests/s':>24} {'p50 us':>20} {'p99 us':>20} {'cpu us/request':>15}")
    for name in servers:
        columns = [median_text(values[name]) for values in (rates, middle, late)]
        print(f"{name:14} {concurrency:4} {columns[0]:>24} {columns[1]:>20} {columns[2]:>20} {cpu[name]:15.1f}")
    ratios = [
        mine / max(threads, loop)
        for mine, threads, loop in zip(rates["runtime"], rates["threads"], rates["asyncio"], strict=True)
    ]
    value = statistics.median(ratios)
    verdict = "ok" if value >= LIMIT else "short"
    spread = f"min={min(ratios):.2f} max={max(ratios):.2f}"
    relative = min(cpu["threads"], cpu["asyncio"]) / cpu["runtime"]
    print(f"runtime-concurrency-{concurrency}: requests per processor second are {relative:.2f} of the better one")
    print(f"bar runtime-concurrency-{concurrency} value={value:.2f} limit>={LIMIT:.2f} {verdict} {spread}", flush=True)
    return value < LIMIT


if __name__ == "__main__":
    sys.exit(main())
