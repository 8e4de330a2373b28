"""What the measurements of the local stack share: the stack itself, the programs compared, figures and bars."""

from __future__ import annotations

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
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlparse

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
READY_S = 40.0

MANIFEST = """
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {{name: {name}}}
spec:
  image: bench
  handler: steps.echo
  concurrency: {concurrency}
  transport: {transport}
  scaling: {{minReplicaCount: {minimum}, maxReplicaCount: 1, cooldownPeriod: 3}}
---
"""
RABBITMQ = """
apiVersion: asya.sh/v1alpha1
kind: Transport
metadata: {{name: rabbit}}
spec:
  type: rabbitmq
  rabbitmq: {{host: 127.0.0.1, port: {port}, managementUrl: {management}, queueType: {queues}}}
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


def family(pid: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def processor_seconds_by_program(pid: int) -> dict[str, float]:
    """Processor time of a process and all below it, those that have ended too, by the name of their programs."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for one in family(pid):
        with suppress(OSError):
            program = (Path(f"/proc/{one}/exe").readlink()).name
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            seconds[program] += sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return seconds


def pss_mib(pid: int) -> float:
    """Proportional set size of a process and all below it: memory that several share counts once."""
    total = 0
    for one in family(pid):
        with suppress(OSError):
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


class Stack:
    """A local server with three echo actors in a temporary project; on the transport of the project, or on a node."""

    def __init__(
        self, folder: Path, concurrency: int, minimum: int, node: PrivateRabbitmq | None = None, queues: str = "quorum"
    ) -> None:
        self.folder = folder
        self.state = folder / ".asya" / "local"
        text = ""
        if node is not None:
            amqp = urlparse(node.addresses["ASYA_TEST_RABBITMQ"])
            text = RABBITMQ.format(port=amqp.port, management=node.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"],
                                   queues=queues)  # fmt: skip
        transport = "local" if node is None else "rabbit"
        for name in ACTORS:
            text += MANIFEST.format(name=name, concurrency=concurrency, minimum=minimum, transport=transport)
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

    def server_pid(self) -> int:
        """Process id of the server."""
        server = read_server_file(self.state)
        assert server is not None
        return server.pid

    def pss_mib(self) -> float:
        """Proportional set size of the server and everything below it."""
        return pss_mib(self.server_pid())


@contextmanager
def stack(
    concurrency: int, minimum: int, node: PrivateRabbitmq | None = None, queues: str = "quorum"
) -> Iterator[Stack]:
    """A stack that is up, on queues of this type where a node is given; down afterwards."""
    with tempfile.TemporaryDirectory(prefix="asya-bench-") as name:
        found = Stack(Path(name), concurrency, minimum, node, queues)
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
def workers(command: list[str], addresses: dict[str, str]) -> Iterator[int]:
    """The workers of another system, which find its servers in their environment; the first one's process id."""
    environment = {**os.environ, **addresses, "PYTHONPATH": str(HERE)}
    started = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield started.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
        started.wait(timeout=30)


def dramatiq(python: Path, addresses: dict[str, str]) -> AbstractContextManager[int]:
    """Dramatiq with two processes (the cores) of eight threads."""
    return workers([str(python), "-m", "dramatiq", "chain", "--processes", "2", "--threads", "8"], addresses)


def celery(python: Path, addresses: dict[str, str]) -> AbstractContextManager[int]:
    """Celery with two processes (the cores), as it starts by itself."""
    return workers([str(python), "-m", "celery", "-A", "celery_chain", "worker", "--concurrency", "2"], addresses)


def ask(python: Path, program: str, addresses: dict[str, str], *words: str) -> dict[str, float]:
    """One round of a compared program's client."""
    done = subprocess.run([str(python), str(HERE / program), *words], env={**os.environ, **addresses},
                          stdout=subprocess.PIPE, text=True, check=True, timeout=300)  # fmt: skip
    return dict(json.loads(done.stdout))


@contextmanager
def servers(folder: Path) -> Iterator[tuple[PrivateRabbitmq, dict[str, str]]]:
    """A private RabbitMQ and Redis for the systems compared, with the names under which these find them."""
    with PrivateRabbitmq(folder) as broker, redis(folder) as results:
        yield broker, {"BENCH_AMQP_URL": broker.addresses["ASYA_TEST_RABBITMQ"], "BENCH_REDIS_URL": results}


def spread(values: list[float], digits: int = 0) -> str:
    """`median (min-max)`."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def bar(name: str, value: float, sign: str, limit: float) -> bool:
    """Print one bar; whether it is met."""
    met = value >= limit if sign == ">=" else value <= limit
    print(f"bar {name} value={value:.3g} limit{sign}{limit:g} {'ok' if met else 'short'}")
    return met
