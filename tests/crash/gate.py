"""Gate: stands between relays and what they talk to; kills at a chosen frame, cuts, delays, half closes, freezes."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from wires import Wire

PIECE_BYTES = 65536
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Trap:
    """One kill at the first frame with this label on a connection of one of these actors' relays.

    `before`: the frame is not passed on to whom it was meant for, if it is the relay that dies; else it is.
    """

    def __init__(self, label: str, before: bool, actors: Iterable[str], victim: str) -> None:
        self.label = label
        self.before = before
        self.actors = frozenset(actors)
        self.victim = victim
        self.sprung = threading.Event()


def environment(pid: int) -> dict[str, str]:
    """That of a process; empty when it is gone."""
    try:
        text = (Path("/proc") / str(pid) / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(line.partition("=")[::2] for line in text.split("\0") if line)


def pod_mates(relay: int, victim: str, victims: dict[str, list[int]]) -> list[int]:
    """The relay itself, its runtime or its workers, which share its folder of sockets."""
    if victim == "relay":
        return [relay]
    folder = environment(relay).get("ASYA_SOCKET_DIR")
    return [pid for pid in victims[victim] if environment(pid).get("ASYA_SOCKET_DIR") == folder]


class _Crossing:
    """One connection through the gate."""

    def __init__(self, gate: Gate, relay: socket.socket, server: socket.socket, wire: Wire) -> None:
        self.gate = gate
        self.ends = {"out": (relay, server), "in": (server, relay)}
        self.wire = wire
        self.lock = threading.Lock()
        self.frozen = False
        self.muted = False

    @functools.cached_property
    def pid(self) -> int:
        """Of the relay. Looked up once somebody asks: it takes long, and SQS is reached by many connections."""
        return peer(self.ends["out"][0])

    def start(self) -> None:
        for direction in self.ends:
            threading.Thread(target=self.pump, args=(direction,), daemon=True).start()

    def pump(self, direction: str) -> None:
        source, target = self.ends[direction]
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                if self.gate.delay_s:
                    time.sleep(self.gate.delay_s)
                while self.frozen:
                    time.sleep(0.01)
                if not (direction == "in" and self.muted):
                    target.sendall(self.look_at(direction, piece))
        self.cut()

    def look_at(self, direction: str, piece: bytes) -> bytes:
        """What passes on; a trap may spring on the way."""
        passed = b""
        with self.lock:
            frames = list(self.wire.feed(direction, piece))
        for frame, labels in frames:
            trap = self.gate.spring(labels, self) if labels else None
            if trap is None:
                passed += frame
                continue
            relay_dies = trap.victim == "relay"
            kept = not (trap.before and relay_dies)
            self.ends[direction][1].sendall(passed + (frame if kept and not trap.before else b""))
            self.gate.kill(self.pid, trap)
            if relay_dies:
                raise OSError("killed")
            passed = frame if trap.before else b""
        return passed

    def half_close(self) -> None:
        """The broker says no more; what is said to it is still taken."""
        self.muted = True
        with contextlib.suppress(OSError):
            self.ends["in"][1].shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        for end in self.ends["out"]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.gate.forget(self)


def peer(relay: socket.socket) -> int:
    """Process id at the other end of an accepted connection; 0 when it is gone."""
    if relay.family == socket.AF_UNIX:
        pid, _, _ = CREDENTIALS.unpack(relay.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        return int(pid)
    with contextlib.suppress(OSError):
        # By both ends: a port of this side may serve connections to several others, and ended ones (of no process).
        ends = [f"0100007F:{address[1]:04X}" for address in (relay.getpeername(), relay.getsockname())]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1:3] == ends:
                return _owner(f"socket:[{fields[9]}]")
    return 0


def _owner(name: str) -> int:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            for descriptor in (entry / "fd").iterdir():
                with contextlib.suppress(OSError):  # closed meanwhile
                    if os.readlink(descriptor) == name:
                        return int(entry.name)
    return 0


class Gate:
    """Listens where `listening` does; each connection goes on to what `target` opens.

    `victims` gives process ids by kind, of the project under test only.
    """

    def __init__(self, listening: socket.socket, target: Callable[[], socket.socket], wire: Callable[[], Wire],
                 victims: Callable[[], dict[str, list[int]]]) -> None:  # fmt: skip
        self.listening = listening
        self.target = target
        self.wire = wire
        self.victims = victims
        self.delay_s = 0.0
        self.traps: list[Trap] = []
        self.crossings: set[_Crossing] = set()
        self.accepted = 0
        self.lock = threading.Lock()
        self.ending = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def set(self, trap: Trap) -> None:
        """Wait for one frame."""
        with self.lock:
            self.traps.append(trap)

    def take_back(self, trap: Trap) -> None:
        """It did not spring and is not to."""
        with self.lock:
            if trap in self.traps:
                self.traps.remove(trap)

    def spring(self, labels: frozenset[str], crossing: _Crossing) -> Trap | None:
        """The trap for such a frame of this connection's process, which is then no longer set."""
        with self.lock:
            found = [trap for trap in self.traps if trap.label in labels]
        if not found:
            return None
        actor = environment(crossing.pid).get("ASYA_ACTOR_NAME", "")
        with self.lock:
            for trap in found:
                if actor in trap.actors and trap in self.traps:
                    self.traps.remove(trap)
                    return trap
        return None

    def kill(self, relay: int, trap: Trap) -> None:
        """As the trap says."""
        for pid in pod_mates(relay, trap.victim, self.victims()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        trap.sprung.set()

    def cut(self) -> None:
        """End every connection there is."""
        for crossing in self.each():
            crossing.cut()

    def half_close(self) -> None:
        """Of every connection there is."""
        for crossing in self.each():
            crossing.half_close()

    def freeze(self, frozen: bool) -> None:
        """Nothing passes on the connections there are, or again."""
        for crossing in self.each():
            crossing.frozen = frozen

    def each(self) -> list[_Crossing]:
        """The connections there are."""
        with self.lock:
            return list(self.crossings)

    def forget(self, crossing: _Crossing) -> None:
        """It has ended."""
        with self.lock:
            self.crossings.discard(crossing)

    def close(self) -> None:
        """No longer there, for anybody."""
        self.ending = True
        self.thread.join()
        self.cut()

    def _serve(self) -> None:
        with self.listening:
            while not self.ending:
                if not select.select([self.listening], [], [], 0.05)[0]:
                    continue
                relay, _ = self.listening.accept()
                try:
                    crossing = _Crossing(self, relay, self.target(), self.wire())
                except OSError:
                    relay.close()  # there is nobody behind the gate now
                    continue
                with self.lock:
                    self.crossings.add(crossing)
                    self.accepted += 1
                crossing.start()


def unix_listener(path: Path) -> socket.socket:
    """A socket at a path, which anybody may connect to."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    path.chmod(0o777)
    listening.listen(128)
    return listening


def tcp_listener() -> socket.socket:
    """On a free port of the loopback."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


def to_unix(path: Path) -> Callable[[], socket.socket]:
    """Connects to a socket at a path."""

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(str(path))
        return made

    return connect


def to_tcp(port: int) -> Callable[[], socket.socket]:
    """Connects to a port of the loopback."""
    return lambda: socket.create_connection(("127.0.0.1", port), timeout=10)
