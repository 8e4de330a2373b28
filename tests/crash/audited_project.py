"""AuditedProject: three actors in a row in a temporary folder, the processes of their server, and who sends to them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "cli"), str(ROOT / "tools"), str(Path(__file__).resolve().parent)]

import httpx  # noqa: E402
from place import Place  # noqa: E402

from asya_cli.project import Server, read_server_file  # noqa: E402

ACTORS = ("first", "middle", "last")
RETRY_EVERY = 10  # every so many envelopes fail once in the middle
FAIL_EVERY = 50  # and so many fail there for good
FAIL_AT = 7
ROOM_LOOK_S = 1.0  # between two looks at how many messages wait: asking costs a slow broker more than sending
FINISH_TIMEOUT_S = 900.0
COMMAND_TIMEOUT_S = 120.0

MANIFEST = """
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {{name: {name}}}
spec:
  image: audit
  handler: handlers.{name}
  {place}
  concurrency: 4
  scaling: {{minReplicaCount: 0, maxReplicaCount: 2, queueLength: 50, cooldownPeriod: 3}}
  resiliency:
    policies:
      default: {{maxAttempts: 3, backoff: constant, initialDelay: 100ms, jitter: false}}
---
"""

HANDLERS = f"""
import os
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUNS = os.open(os.path.join(HERE, "runs"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(actor, payload, attempt=1):
    # One write is one line, whatever happens next.
    os.write(RUNS, f"{{actor}} {{payload['n']}} {{attempt}}\\n".encode())
    time.sleep(payload.get("sleep", 0))
    # One handler stops where a test wants one to stop, and goes on when the test takes the file away.
    here = os.path.join(HERE, f"at-{{actor}}-{{os.getpid()}}")
    try:
        os.rename(os.path.join(HERE, "stop-" + actor), here)
    except FileNotFoundError:
        return
    while os.path.exists(here):
        time.sleep(0.01)


def first(payload):
    note("first", payload)
    return {{**payload, "seen": ["first"]}}


def middle(payload):
    attempt = (yield "GET", ".status")["attempt"]
    note("middle", payload, attempt)
    if payload["n"] % {RETRY_EVERY} == 0 and attempt == 1:
        raise RuntimeError("fails once")
    if payload["n"] % {FAIL_EVERY} == {FAIL_AT}:
        raise ValueError("fails for good")
    yield {{**payload, "seen": [*payload["seen"], "middle"], "attempt": attempt}}


def last(payload):
    note("last", payload)
    return {{**payload, "seen": [*payload["seen"], "last"]}}
"""


def fails(number: int) -> bool:
    """Whether this envelope is one that fails for good."""
    return number % FAIL_EVERY == FAIL_AT


def processes() -> dict[int, tuple[int, bytes]]:
    """Parent and command line of each process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found[int(entry.name)] = (parent, (entry / "cmdline").read_bytes())
    return found


class AuditedProject:
    """A project on a place, its server, and the processes of it."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.folder = folder
        self.place = place
        self.state = folder / ".asya" / "local"
        manifest = place.manifest() + "".join(MANIFEST.format(name=n, place=place.spec()) for n in ACTORS)
        (folder / "asya.yaml").write_text(manifest)
        (folder / "handlers.py").write_text(HANDLERS)
        self.looking = threading.Lock()
        self.look_at = 0.0  # next
        self.waiting = 0  # messages, when it was last looked
        self.environment = {**os.environ, "XDG_STATE_HOME": str(folder / "home")} | place.variables

    def begin(self) -> None:
        """Up, with every message noted."""
        self.command("up")
        self.command("down")
        self.place.watch()
        self.command("up")
        self.place.watch_queues()

    def command(self, *arguments: str, check: bool = True) -> str:
        """Run one asya command on this project; what it printed."""
        done = subprocess.run([str(ROOT / "bin" / "asya"), *arguments], env=self.environment, cwd=self.folder,
                              check=False, timeout=COMMAND_TIMEOUT_S, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True)  # fmt: skip
        assert not check or done.returncode == 0, f"asya {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def server(self) -> Server:
        """The running server."""
        found = read_server_file(self.state)
        assert found is not None, "no server.json"
        return found

    def victims(self) -> dict[str, list[int]]:
        """Process ids by kind, of this project's server and its children only."""
        server = self.server().pid
        found: dict[str, list[int]] = {"server": [server], "relay": [], "runtime": [], "worker": []}
        all_of_them = processes()
        for pid, (parent, name) in all_of_them.items():
            above = all_of_them.get(parent, (0, b""))
            if b"asya-relay" in name and parent == server:
                found["relay"].append(pid)
            elif b"asya_runtime" in name:
                if parent == server:
                    found["runtime"].append(pid)
                elif b"asya_runtime" in above[1] and above[0] == server:
                    found["worker"].append(pid)
        return found

    def unfinished(self) -> int:
        """Tasks that have not ended, as far as one page tells; also when the server does not answer."""
        server = self.server()
        headers = {"Authorization": "Bearer " + server.token}
        count = 0
        for status in ("pending", "running"):
            params = {"status": status, "limit": "1", "namespace": "default"}
            try:
                answer = httpx.get(server.url + "/api/v1/tasks", params=params, headers=headers, timeout=10)
            except httpx.HTTPError:
                return 1
            count += len(answer.json()["items"]) if answer.status_code == 200 else 1
        return count

    def wait_for_room(self) -> None:
        """Until no more lies in the queues than the place can stand."""
        most = self.place.backlog_max
        while most is not None and self._waiting() > most:
            time.sleep(ROOM_LOOK_S)

    def _waiting(self) -> int:
        with self.looking:
            if time.monotonic() >= self.look_at:
                self.waiting = self.place.left()
                self.look_at = time.monotonic() + ROOM_LOOK_S
            return self.waiting

    def wait_until_finished(self) -> None:
        """Until no task is open and no message is left."""
        deadline = time.monotonic() + FINISH_TIMEOUT_S
        while self.unfinished() or self.place.left():
            assert time.monotonic() < deadline, (
                f"not finished after {FINISH_TIMEOUT_S:g} s, messages left: {self.place.left()}"
            )
            time.sleep(0.2)


class Sender(threading.Thread):
    """Creates its share of the tasks; a task whose answer was lost is created again under the same key.

    `extra` goes into every payload.
    """

    def __init__(self, project: AuditedProject, numbers: Iterable[int], extra: dict[str, float] | None = None) -> None:
        super().__init__(daemon=True)
        self.project = project
        self.numbers: Iterator[int] = iter(numbers)
        self.extra = extra or {}
        self.problem = ""
        self.accepted = 0
        self.http = httpx.Client(timeout=10, trust_env=False)

    def run(self) -> None:
        """Send until every number was accepted."""
        for number in self.numbers:
            self.project.wait_for_room()
            while not self.send(number) and not self.problem:
                time.sleep(0.05)
            self.accepted += 1

    def send(self, number: int) -> bool:
        """Whether the server has accepted the task, now or earlier."""
        server = read_server_file(self.project.state)
        if server is None:
            return False
        payload = {"n": number} | self.extra
        body = {"payload": payload, "next": ["middle", "last"], "idempotencyKey": f"audit-{number}"}
        headers = {"Authorization": "Bearer " + server.token}
        try:
            answer = self.http.post(server.url + "/api/v1/tasks?actor=first", json=body, headers=headers)
        except httpx.HTTPError:
            return False
        if answer.status_code in (200, 201, 409):
            return True
        if answer.status_code not in (429, 503, 504):
            self.problem = f"{answer.status_code}: {answer.text}"
        return False
