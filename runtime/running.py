"""A runtime process under test: its folder, its sockets, and clients for them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DEADLINE_S = 20.0
# The interpreter that the runtime is tried with; the oldest supported one is worth a run of its own.
PYTHON = os.environ.get("ASYA_TEST_PYTHON", sys.executable)

Start = Callable[..., "Running"]


def envelope(payload: Any = None, **more: Any) -> dict[str, Any]:
    """A small valid envelope."""
    return {"id": "e1", "route": {"prev": ["p"], "curr": "a", "next": ["b", "c"]}, "payload": payload, **more}


class Reply:
    """One HTTP reply."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def json(self) -> Any:
        return json.loads(self.body)

    def payload(self) -> Any:
        """The payload of the only frame."""
        (frame,) = self.json()["frames"]
        return frame["payload"]

    def events(self) -> list[tuple[str, Any]]:
        """The server-sent events."""
        found = []
        for block in self.body.decode().split("\n\n"):
            if block:
                name, data = block.split("\n")
                assert name.startswith("event: ") and data.startswith("data: ")
                found.append((name[7:], json.loads(data[6:])))
        return found


class Client:
    """A connection that stays open for several requests."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def send(self, method: str, target: str, body: bytes = b"", version: str = "1.1", extra: str = "") -> None:
        head = f"{method} {target} HTTP/{version}\r\nHost: x\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)

    def receive(self) -> Reply:
        """Reads one whole reply; raises ConnectionError when the connection ends before it."""
        line = self.file.readline()
        if not line:
            raise ConnectionError("closed without a reply")
        status = int(line.split()[1])
        headers: dict[str, str] = {}
        for raw in iter(self.file.readline, b"\r\n"):
            name, _, value = raw.decode().partition(":")
            headers[name.lower()] = value.strip()
        if status == 100:
            return self.receive()
        return Reply(status, headers, self._body(headers, status))

    def _body(self, headers: dict[str, str], status: int) -> bytes:
        if status == 204:
            return b""
        if "content-length" in headers:
            return self.file.read(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            return self.file.read()
        body = b""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise ConnectionError("closed in the middle of a stream")
            size = int(line, 16)
            part = self.file.read(size + 2)
            if len(part) != size + 2:
                raise ConnectionError("closed in the middle of a chunk")
            if size == 0:
                return body
            body += part[:-2]

    def ask(self, method: str, target: str, body: bytes = b"", version: str = "1.1", extra: str = "") -> Reply:
        self.send(method, target, body, version, extra)
        return self.receive()

    def start(self, message: dict[str, Any]) -> None:
        """Sends an invocation without waiting for the reply."""
        self.send("POST", "/invoke", json.dumps(message).encode())

    def invoke(self, message: dict[str, Any], version: str = "1.1") -> Reply:
        return self.ask("POST", "/invoke", json.dumps(message).encode(), version)

    def ended(self) -> bool:
        """True when the other side has closed; waits for that."""
        return self.file.read(1) == b""

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Running:
    """The packed runtime as a child process, with a handler file of its own."""

    def __init__(self, archive: Path, source: str, handler: str, environment: dict[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rt"))
        self.sockets = self.folder / "s"
        self.write(source)
        self.log = self.folder / "log"
        own = {name: value for name, value in os.environ.items() if not name.startswith("ASYA_")}
        own.update(ASYA_SOCKET_DIR=str(self.sockets), ASYA_HANDLER="user_code." + handler, PYTHONSAFEPATH="")
        own.update(environment)
        keep, self.control = os.pipe()
        own["ASYA_CONTROL_FD"] = str(keep)
        self.watch: Client | None = None
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [PYTHON, str(archive)],
                cwd=self.folder, env=own, stdout=log, stderr=log, pass_fds=[keep], start_new_session=True,
            )  # fmt: skip
        os.close(keep)

    def write(self, source: str, name: str = "user_code.py") -> None:
        """Puts a file of the handler's code there, or a new one in its place, at once."""
        fresh = self.folder / (name + ".new")
        fresh.write_text(textwrap.dedent(source))
        fresh.replace(self.folder / name)

    def states(self) -> Iterator[dict[str, Any]]:
        """The state now and each that follows another one, as told by the watch."""
        client = Client(self.health_path())
        client.send("GET", "/healthz/watch")
        for _ in iter(client.file.readline, b"\r\n"):
            pass
        last = b""
        for line in client.file:
            if line != last:  # else a sign of life
                yield json.loads(line)
            last = line
        client.close()

    def health_path(self) -> Path:
        """The health socket, once it is there. The process makes it before it does anything slow."""
        path = self.sockets / "asya-runtime-health.sock"
        while not path.exists():
            assert self.process.poll() is None, self.output()
            os.sched_yield()
        return path

    def until(self, status: str) -> dict[str, Any]:
        """Waits for a status and returns the state."""
        for state in self.states():
            if state["status"] == status:
                return state
        raise AssertionError(f"the runtime ended before it was {status}: {self.output()}")

    def until_exists(self, name: str) -> None:
        """Waits for a file that the handler makes."""
        deadline = time.monotonic() + DEADLINE_S
        while not (self.folder / name).exists():
            assert time.monotonic() < deadline, f"{name} was not made: {self.output()}"
            os.sched_yield()

    def until_ready(self) -> Running:
        self.until("ready")
        return self

    def health(self) -> Reply:
        client = Client(self.health_path())
        try:
            return client.ask("GET", "/healthz")
        finally:
            client.close()

    def client(self) -> Client:
        """A new connection to the worker."""
        return Client(self.sockets / "asya-runtime.sock")

    def invoke(self, payload: Any = None, **more: Any) -> Reply:
        """One invocation on a connection of its own."""
        client = self.client()
        try:
            return client.invoke(envelope(payload, **more))
        finally:
            client.close()

    def begin(self, payload: str) -> Client:
        """Starts a call on a connection of its own and waits until its handler says that it runs."""
        client = self.client()
        client.start(envelope(payload))
        self.until_exists("begun-" + payload)
        return client

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def release_control(self) -> None:
        """Closes the control pipe, as the death of its owner does."""
        os.close(self.control)
        self.control = -1

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)
        if self.control >= 0:
            self.release_control()
        shutil.rmtree(self.folder, ignore_errors=True)
