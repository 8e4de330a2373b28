"""Crash audit: envelopes through three hops with retries while relays, runtimes and the server are killed with -9.

    tests/crash/audit.py --envelopes 20000 --kills 30 --seed 7 [--store postgres]

Passes when every accepted envelope ended exactly once, succeeded, with the right result: none lost, none wrongly
failed, none doubled. Reads the final truth from the store itself after the server has stopped. On PostgreSQL its
processes are killed too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "cli"), str(ROOT / "tools"), str(Path(__file__).resolve().parent)]

import httpx  # noqa: E402
from truth import PostgresTruth, SqliteTruth, Truth  # noqa: E402

from asya_cli.project import Server, read_server_file  # noqa: E402
from private_postgres import PrivatePostgres  # noqa: E402

CLIENTS = 8
RETRY_EVERY = 10  # every so many envelopes fail once in the middle
KILL_PERIOD_S = (0.3, 1.5)
FINISH_TIMEOUT_S = 600.0

MANIFEST = """
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {{name: {name}}}
spec:
  image: audit
  handler: handlers.{name}
  concurrency: 4
  scaling: {{minReplicaCount: 0, maxReplicaCount: 2, queueLength: 50, cooldownPeriod: 3}}
  resiliency:
    policies:
      default: {{maxAttempts: 3, backoff: constant, initialDelay: 100ms, jitter: false}}
---
"""

HANDLERS = f"""
def first(payload):
    return {{**payload, "seen": ["first"]}}


def middle(payload):
    attempt = (yield "GET", ".status")["attempt"]
    if payload["n"] % {RETRY_EVERY} == 0 and attempt == 1:
        raise RuntimeError("fails once")
    yield {{**payload, "seen": [*payload["seen"], "middle"], "attempt": attempt}}


def last(payload):
    return {{**payload, "seen": [*payload["seen"], "last"]}}
"""


class Project:
    """A project in a temporary folder, its server, and the processes of it."""

    def __init__(self, folder: Path, variables: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.state = folder / ".asya" / "local"
        (folder / "asya.yaml").write_text("".join(MANIFEST.format(name=n) for n in ("first", "middle", "last")))
        (folder / "handlers.py").write_text(HANDLERS)
        self.environment = {**os.environ, "XDG_STATE_HOME": str(folder / "home")} | (variables or {})

    def command(self, *arguments: str, check: bool = True) -> None:
        """Run one asya command on this project."""
        subprocess.run([str(ROOT / "bin" / "asya"), *arguments], env=self.environment, check=check, timeout=90,
                       stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL)  # fmt: skip

    def server(self) -> Server:
        """The running server."""
        found = read_server_file(self.state)
        assert found is not None, "no server.json"
        return found

    def victims(self) -> dict[str, list[int]]:
        """Process ids by kind, of this project's server and its children only."""
        server = self.server().pid
        found: dict[str, list[int]] = {"server": [server], "relay": [], "runtime": []}
        parents: dict[int, int] = {}
        names: dict[int, bytes] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError, IndexError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                names[int(entry.name)] = (entry / "cmdline").read_bytes()
        for pid, name in names.items():
            above = parents.get(pid, 0)
            if server not in (above, parents.get(above, 0)):
                continue
            if b"asya-relay" in name:
                found["relay"].append(pid)
            elif b"asya_runtime" in name:
                found["runtime"].append(pid)
        return found


class Sender(threading.Thread):
    """Creates its share of the tasks; a task whose answer was lost is created again under the same key."""

    def __init__(self, project: Project, numbers: range) -> None:
        super().__init__(daemon=True)
        self.project = project
        self.numbers = numbers
        self.problem = ""
        self.http = httpx.Client(timeout=10, trust_env=False)

    def run(self) -> None:
        """Send until every number was accepted."""
        for number in self.numbers:
            while not self.send(number) and not self.problem:
                time.sleep(0.05)

    def send(self, number: int) -> bool:
        """Whether the server has accepted the task, now or earlier."""
        server = read_server_file(self.project.state)
        if server is None:
            return False
        body = {"payload": {"n": number}, "next": ["middle", "last"], "idempotencyKey": f"audit-{number}"}
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


def kill_at_random(project: Project, truth: Truth, kills: int, seed: int, stop: threading.Event) -> dict[str, int]:
    """Kill -9 a random process of a random kind, `kills` times; a killed server is started again."""
    chance = random.Random(seed)
    done = {"server": 0, "relay": 0, "runtime": 0, "store": 0}
    while sum(done.values()) < kills and not stop.wait(chance.uniform(*KILL_PERIOD_S)):
        found = project.victims()
        kind = chance.choices(["server", "relay", "runtime", "store"], [1, 3, 3, 3 if truth.variables else 0])[0]
        if kind == "store":
            done[kind] += truth.kill(chance)
            continue
        if not found[kind]:
            continue
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(found[kind]), signal.SIGKILL)
            done[kind] += 1
        if kind == "server":
            project.command("up", str(project.folder))
    return done


def wait_until_finished(project: Project, total: int) -> None:
    """Wait until no task is unfinished, by the API."""
    deadline = time.monotonic() + FINISH_TIMEOUT_S
    while True:
        server = project.server()
        headers = {"Authorization": "Bearer " + server.token}
        open_tasks = 0
        for status in ("pending", "running"):
            params = {"status": status, "limit": "1", "namespace": "default"}
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.get(server.url + "/api/v1/tasks", params=params, headers=headers, timeout=10)
                open_tasks += len(answer.json()["items"]) if answer.status_code == 200 else 1
        if open_tasks == 0:
            return
        assert time.monotonic() < deadline, f"tasks of {total} are unfinished after {FINISH_TIMEOUT_S:g} s"
        time.sleep(0.2)


TASKS = (
    "SELECT payload, coalesce(result, '') FROM tasks JOIN task_inputs i ON i.task = sequence "
    "LEFT JOIN task_results r ON r.task = sequence"
)
LETTERS = "SELECT count(*) FROM dead_letters"
LEFT = "SELECT count(*) FROM messages"
ENDS = (
    "SELECT count(*) FROM (SELECT task FROM task_events WHERE {} IN "
    "('succeeded', 'failed', 'canceled') GROUP BY task HAVING count(*) > 1) AS t"
)
SUNK = "SELECT count(*) FROM audit_messages a JOIN queues q ON q.id = a.queue WHERE q.name LIKE '%-x-sink'"
DOUBLED = "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM audit_messages GROUP BY queue, {}) AS t"


def audit(truth: Truth, total: int) -> dict[str, int]:
    """Counts from the store of the stopped server; every number but `retried` and `succeeded` has to be 0."""

    def number(sqlite: str, postgres: str = "") -> int:
        return int(truth.rows(sqlite, postgres or sqlite)[0][0])

    tasks = truth.rows(TASKS, TASKS)
    letters = number(LETTERS)
    left = number(LEFT)
    ends = number(ENDS.format("json_extract(data, '$.status')"), ENDS.format("data::json ->> 'status'"))
    sunk = number(SUNK)
    doubled = number(
        DOUBLED.format("json_extract(CAST(body AS TEXT), '$.id')"),
        DOUBLED.format("convert_from(body, 'UTF8')::json ->> 'id'"),
    )
    seen: dict[int, int] = {}
    wrong = 0
    retried = 0
    for payload, result in tasks:
        name = json.loads(payload)["n"]
        seen[name] = seen.get(name, 0) + 1
        value = json.loads(result) if result else {}
        wrong += value.get("seen") != ["first", "middle", "last"] or value.get("n") != name
        retried += value.get("attempt", 1) > 1
    return {
        "succeeded": len(tasks) - wrong,
        "retried": retried,
        "lost": total - len(seen),
        "wrongly failed or wrong": wrong,
        "never in x-sink": total - sunk,
        "hops doubled": doubled,
        "tasks doubled": sum(count - 1 for count in seen.values()),
        "terminal transitions doubled": ends,
        "dead letters": letters,
        "messages left": left,
    }


def run(envelopes: int, kills: int, seed: int, store: str = "sqlite") -> dict[str, int]:
    """The whole audit in a temporary folder; gives the counts."""
    with tempfile.TemporaryDirectory(prefix="asya-audit-") as name, contextlib.ExitStack() as servers:
        truth: Truth = SqliteTruth(Path(name) / ".asya" / "local" / "asya.db")
        if store == "postgres":
            truth = PostgresTruth(servers.enter_context(PrivatePostgres(durable=True)))
        project = Project(Path(name), truth.variables)
        project.command("up", name)
        project.command("down", name)
        truth.watch_messages()
        project.command("up", name)
        started = time.monotonic()
        try:
            senders = [Sender(project, range(i, envelopes, CLIENTS)) for i in range(CLIENTS)]
            for sender in senders:
                sender.start()
            done = kill_at_random(project, truth, kills, seed, threading.Event())
            for sender in senders:
                sender.join(FINISH_TIMEOUT_S)
                assert not sender.is_alive(), "the server takes no tasks"
                assert not sender.problem, sender.problem
            wait_until_finished(project, envelopes)
        finally:
            project.command("down", name, check=False)
        counts = audit(truth, envelopes)
        print(
            f"{store}, seed {seed}: {envelopes} envelopes, kills {done}, {time.monotonic() - started:.0f} s: {counts}",
            flush=True,
        )
        return counts


def main() -> None:
    """Run by hand in full size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envelopes", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    counts = run(arguments.envelopes, arguments.kills, arguments.seed, arguments.store)
    bad = {key: value for key, value in counts.items() if value and key not in ("succeeded", "retried")}
    sys.exit(f"failed: {bad}" if bad or counts["succeeded"] != arguments.envelopes else 0)


if __name__ == "__main__":
    main()
