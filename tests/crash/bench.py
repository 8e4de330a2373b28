"""Bench: a project on a place with a gate before the broker and one before the gateway, and envelopes that flow."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from audited_project import AuditedProject, Sender
from cloud_places import PubsubPlace, SqsPlace
from cloud_wires import PubsubWire, SqsWire
from count import count, problems
from gate import Gate, Trap, environment, tcp_listener, to_tcp, to_unix, unix_listener
from place import PostgresPlace, RabbitmqPlace
from places import PLACES
from steps import Step
from wires import GatewayWire, PostgresWire, RabbitmqWire, SqliteWire

SPRING_LIMIT_S = 300.0
PACE_S = 0.02  # between two envelopes
# Of brokers that are reached by TCP.
WIRES: dict[str, type[RabbitmqWire | SqsWire | PubsubWire]] = {
    "rabbitmq": RabbitmqWire,
    "sqs": SqsWire,
    "pubsub": PubsubWire,
}


class Bench:
    """One place; everything ends with `close`."""

    def __init__(self, name: str, folder: Path, gates: bool = True) -> None:
        self.name = name
        self.stack = contextlib.ExitStack()
        self.place = PLACES[name](folder)
        self.stack.callback(self.place.stop)
        self.gate = self._gate_before_broker() if gates else None
        self.gateway: Gate | None = None
        self.project = AuditedProject(folder, self.place)
        self.project.begin()
        if gates:
            self.install()
        self.never = threading.Event()
        self.sent: list[int] = []
        self._numbers = itertools.count()

    def _gate_before_broker(self) -> Gate | None:
        place = self.place
        if isinstance(place, PostgresPlace):
            folder = Path(tempfile.mkdtemp(prefix="asya-gate-"))
            self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
            file = ".s.PGSQL.5432"
            place.variables["ASYA_DATABASE_URL"] = f"postgres://asya@/asya?host={folder}"
            return self._gate(unix_listener(folder / file), PostgresWire, place.folder / file)
        if isinstance(place, RabbitmqPlace | SqsPlace | PubsubPlace):
            listening = tcp_listener()
            place.address_port = listening.getsockname()[1]
            return self._keep(Gate(listening, to_tcp(place.port), WIRES[self.name], self.victims))
        return None

    def _gate(self, listening: socket.socket, wire: type[PostgresWire | SqliteWire | GatewayWire], to: Path) -> Gate:
        return self._keep(Gate(listening, to_unix(to), wire, self.victims))

    def _keep(self, gate: Gate) -> Gate:
        self.stack.callback(gate.close)
        return gate

    def victims(self) -> dict[str, list[int]]:
        """Process ids by kind."""
        return self.project.victims()

    def install(self) -> None:
        """Gates at the sockets of the server itself, which it makes anew when it starts."""
        if self.name == "sqlite":
            self.gate = self._before("broker.sock", SqliteWire)
        self.gateway = self._before("gateway.sock", GatewayWire)
        # Whoever was quicker goes through the gates from now on.
        for pid in self.victims()["relay"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _before(self, name: str, wire: type[SqliteWire | GatewayWire]) -> Gate:
        path = self._socket_of_server(name)
        behind = path.with_name(name + ".behind")
        path.rename(behind)
        return self._gate(unix_listener(path), wire, behind)

    def _socket_of_server(self, name: str) -> Path:
        pid = self.project.server().pid
        held = set()
        for descriptor in (Path("/proc") / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                held.add(os.readlink(descriptor))
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
            fields = line.split()
            if len(fields) == 8 and fields[7].endswith("/" + name) and f"socket:[{fields[6]}]" in held:
                return Path(fields[7])
        raise AssertionError(f"the server listens on no {name}")

    @contextlib.contextmanager
    def flow(self, **extra: float) -> Iterator[None]:
        """Envelopes, one after the other, for as long as the block lasts."""
        ending = threading.Event()

        def numbers() -> Iterator[int]:
            for number in self._numbers:
                self.sent.append(number)
                yield number
                if ending.wait(PACE_S):
                    return

        sender = Sender(self.project, numbers(), extra)
        sender.start()
        try:
            yield
        finally:
            ending.set()
            sender.join(SPRING_LIMIT_S)
        assert not sender.is_alive(), "the server takes no tasks"
        assert not sender.problem, sender.problem

    def runs(self) -> int:
        """How often handlers were called so far."""
        file = self.project.folder / "runs"
        return file.read_bytes().count(b"\n") if file.exists() else 0

    def travel(self, runs: int) -> None:
        """Until handlers have been called so many times more: work is going on."""
        wanted = self.runs() + runs
        deadline = time.monotonic() + SPRING_LIMIT_S
        while self.runs() < wanted:
            assert time.monotonic() < deadline, f"{self.name}: no handler is called any more"
            time.sleep(0.01)

    def last_for(self, seconds: float) -> None:
        """How long a trouble is there, where its length is what is tried."""
        self.never.wait(seconds)

    def settle(self) -> None:
        """Until everything that was sent has ended."""
        self.project.wait_until_finished()

    def wait_until_idle(self) -> None:
        """Until no replica is left, after which restarts are quick again."""
        deadline = time.monotonic() + SPRING_LIMIT_S
        while self.victims()["relay"]:
            assert time.monotonic() < deadline, "replicas without work stay"
            time.sleep(0.1)

    def die(self, step: Step, victim: str) -> None:
        """Envelopes flow, and somebody dies at this step."""
        where = step.on(self.name)
        assert where is not None, f"{self.name} has no step {step.name}"
        if step.stops:
            self._die_in_handler(step.stops, victim)
            return
        gate = self.gateway if step.gateway else self.gate
        assert gate is not None
        trap = Trap(*where, step.of, victim)
        gate.set(trap)
        try:
            assert trap.sprung.wait(SPRING_LIMIT_S), f"{self.name}: nobody came to step {step.name}"
        finally:
            gate.take_back(trap)

    def _die_in_handler(self, actor: str, victim: str) -> None:
        folder = self.project.folder
        (folder / f"stop-{actor}").touch()
        deadline = time.monotonic() + SPRING_LIMIT_S
        while not (found := list(folder.glob(f"at-{actor}-*"))):
            assert time.monotonic() < deadline, f"{self.name}: no handler of {actor} was called"
            time.sleep(0.01)
        worker = int(found[0].name.rpartition("-")[2])
        # A relay that died shortly before may not be back yet.
        while not (doomed := [worker] if victim == "worker" else self._beside(worker, victim)):
            assert time.monotonic() < deadline, f"{self.name}: no {victim} beside the worker {worker}"
            time.sleep(0.01)
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        found[0].unlink()

    def _beside(self, worker: int, victim: str) -> list[int]:
        pod = environment(worker).get("ASYA_SOCKET_DIR")
        return [pid for pid in self.victims()[victim] if environment(pid).get("ASYA_SOCKET_DIR") == pod]

    def restart_server(self, signal_number: int) -> None:
        """By this signal; its successor begins where it ended."""
        pid = self.project.server().pid
        assert self.gateway is not None and self.gate is not None
        self.gateway.close()
        if self.name == "sqlite":
            self.gate.close()
        os.kill(pid, signal_number)
        deadline = time.monotonic() + SPRING_LIMIT_S
        while (Path("/proc") / str(pid) / "exe").exists():
            assert time.monotonic() < deadline, "the server does not end"
            time.sleep(0.01)
        self.project.command("up")
        self.install()

    def result(self) -> tuple[dict[str, int], dict[str, int]]:
        """The counts of all that was sent, and those that should not be. The server is stopped for it."""
        self.project.command("down")
        counts = count(self.project, self.sent)
        return counts, problems(counts, self.place)

    def close(self) -> None:
        """Ends server, gates and broker."""
        with contextlib.suppress(Exception):
            self.project.command("down", check=False)
        self.stack.close()
