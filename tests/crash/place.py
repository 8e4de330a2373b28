"""Place: a transport that crash audits run on; what is kept there is read without asking our own programs."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from private_postgres import PrivatePostgres, binaries
from private_rabbitmq import PrivateRabbitmq

Rows = Sequence[Sequence[Any]]
SINK = "%-x-sink"


class Place(Protocol):
    """A transport with what keeps its messages, and the store of the tasks on it."""

    variables: dict[str, str]
    """What `asya up` needs in its environment to use it."""
    exact: bool
    """A hop is one transaction here: no message is ever put into a queue twice."""
    backlog_max: int | None
    """Messages that may wait here; whoever sends waits beyond it."""

    def manifest(self) -> str:
        """The Transport object of it, where there has to be one."""

    def spec(self) -> str:
        """What a line of an actor's spec says to be on it."""

    def watch(self) -> None:
        """Note every message that is put into a queue from now on; called while the server is stopped."""

    def watch_queues(self) -> None:
        """The same, where it is only possible once the queues are there; called while the server runs."""

    def rows(self, sqlite: str, postgres: str = "") -> Rows:
        """The rows of the statement from the store of the stopped server, in the store's own tongue."""

    def put(self) -> dict[tuple[str, str], int]:
        """How often each message (queue, its identity) was put into a queue."""

    def left(self) -> int:
        """Messages that still lie in actors' queues."""

    def kill(self, chance: random.Random) -> bool:
        """Kill -9 a process of it, where it has any, and see to it that it comes back; whether one was killed."""

    def restart(self) -> bool:
        """Stop it as an operator does, and start it; False where it has no process of its own."""

    def stop(self) -> None:
        """End all of it."""


def _sqlite_watch(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.executescript(
            "CREATE TABLE audit_messages(queue INTEGER, body BLOB);"
            "CREATE TRIGGER audit_insert AFTER INSERT ON messages BEGIN INSERT INTO audit_messages "
            "VALUES(NEW.id >> 40, NEW.body); END;"
        )


class SqlitePlace:
    """The file of a local server."""

    exact = True
    backlog_max: int | None = None

    def __init__(self, folder: Path) -> None:
        self.file = folder / ".asya" / "local" / "asya.db"
        self.variables: dict[str, str] = {}

    def manifest(self) -> str:
        """It is there by itself."""
        return ""

    def spec(self) -> str:
        """The default."""
        return ""

    def watch(self) -> None:
        """By a trigger."""
        _sqlite_watch(self.file)

    def watch_queues(self) -> None:
        """Done already."""

    def rows(self, sqlite: str, postgres: str = "") -> Rows:
        """From the file."""
        del postgres
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as db:
            found: Rows = db.execute(sqlite).fetchall()
            return found

    def put(self) -> dict[tuple[str, str], int]:
        """An envelope has one place in a queue, whatever its retries."""
        return {
            (queue, name): count
            for queue, name, count in self.rows(
                "SELECT q.name, json_extract(CAST(body AS TEXT), '$.id'), count(*) FROM audit_messages "
                "JOIN queues q ON q.id = queue GROUP BY 1, 2"
            )
        }

    def left(self) -> int:
        """Rows."""
        return int(self.rows("SELECT count(*) FROM messages")[0][0])

    def kill(self, chance: random.Random) -> bool:
        """It has no process of its own."""
        del chance
        return False

    def restart(self) -> bool:
        """The same."""
        return False

    def stop(self) -> None:
        """The same."""


class PostgresPlace:
    """A PostgreSQL of its own, whose backends are killed, and sometimes all of it at once."""

    exact = True
    backlog_max: int | None = None
    POSTMASTER_SHARE = 0.3

    def __init__(self, folder: Path) -> None:
        del folder
        self.server = PrivatePostgres(durable=True)
        self.server.start()
        self.folder = Path(self.server.dsn.split()[0].removeprefix("host="))
        self.url = f"postgres://asya@/asya?host={self.folder}"
        self.variables = {"ASYA_DATABASE_URL": self.url}

    def manifest(self) -> str:
        """The server of such a store has it by itself."""
        return ""

    def spec(self) -> str:
        """The default there."""
        return ""

    def watch(self) -> None:
        """By a trigger."""
        self._psql(
            "CREATE TABLE audit_messages(queue bigint, body bytea);"
            "CREATE FUNCTION audit_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO audit_messages SELECT queue_id, NEW.body FROM messages WHERE id = NEW.id; "
            "RETURN NEW; END $$;"
            "CREATE TRIGGER audit_insert AFTER INSERT ON bodies FOR EACH ROW EXECUTE FUNCTION audit_note();"
        )

    def watch_queues(self) -> None:
        """Done already."""

    def rows(self, sqlite: str, postgres: str = "") -> Rows:
        """By psql; numbers come as text."""
        return [line.split("\x1f") for line in self._psql(postgres or sqlite).splitlines()]

    def put(self) -> dict[tuple[str, str], int]:
        """An envelope has one place in a queue, whatever its retries."""
        rows = self.rows(
            "", "SELECT q.name, convert_from(body, 'UTF8')::json ->> 'id', count(*) FROM audit_messages "
            "JOIN queues q ON q.id = queue GROUP BY 1, 2",
        )  # fmt: skip
        return {(queue, name): int(count) for queue, name, count in rows}

    def left(self) -> int:
        """Messages and their bodies, which go together."""
        return int(self.rows("SELECT count(*) FROM messages FULL JOIN bodies USING (id)")[0][0])

    def kill(self, chance: random.Random) -> bool:
        """One backend, after which PostgreSQL itself ends all others and recovers; or the postmaster with all."""
        if chance.random() < self.POSTMASTER_SHARE:
            self.server.kill()
            self.server.start()
            return True
        backends = self.server.backends()
        if not backends:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(backends), signal.SIGKILL)
        return True

    def restart(self) -> bool:
        """A fast shutdown, then a start."""
        self.server.shut_down()
        self.server.start()
        return True

    def stop(self) -> None:
        """With its data."""
        self.server.stop()

    def _psql(self, statement: str) -> str:
        done = subprocess.run(
            [str(binaries() / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-At", "-F", "\x1f", "-c", statement, self.url],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


class RabbitmqPlace:
    """A node of its own. Tasks and dead letters stand in the file of the server, messages on the node.

    Every message goes through an exchange, from which a queue of the audit's own gets a copy.
    """

    exact = False
    backlog_max: int | None = None
    HOST = "audit"
    EXCHANGE = "asya-audit"
    COPIES = "audit.copies"
    AT_ONCE = 5000

    def __init__(self, folder: Path) -> None:
        self.node = PrivateRabbitmq(None)
        self.node.start()
        self.variables: dict[str, str] = {}
        self.file = folder / ".asya" / "local" / "asya.db"
        self.found: dict[tuple[str, str], int] = {}  # of the copies taken so far
        self.port = int(self.node.addresses["ASYA_TEST_RABBITMQ"].rstrip("/").rpartition(":")[2])
        self.address_port = self.port  # of a proxy before it, where one is wanted
        self.ask("PUT", f"/api/vhosts/{self.HOST}")
        self.ask("PUT", f"/api/permissions/{self.HOST}/guest", {"configure": ".*", "write": ".*", "read": ".*"})

    def manifest(self) -> str:
        """With an exchange that copies can be taken from."""
        return f"""
apiVersion: asya.sh/v1alpha1
kind: Transport
metadata: {{name: place}}
spec:
  type: rabbitmq
  rabbitmq:
    host: 127.0.0.1
    port: {self.address_port}
    virtualHost: {self.HOST}
    exchange: {self.EXCHANGE}
    managementUrl: {self.node.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"]}
---
"""

    def spec(self) -> str:
        """By its name."""
        return "transport: place"

    def watch(self) -> None:
        """Only once there are queues."""

    def watch_queues(self) -> None:
        """A copy of what goes to each of the queues there are."""
        self.ask("PUT", f"/api/queues/{self.HOST}/{self.COPIES}", {"durable": True})
        for queue in self.queues():
            path = f"/api/bindings/{self.HOST}/e/{self.EXCHANGE}/q/{self.COPIES}"
            self.ask("POST", path, {"routing_key": queue["name"]})
        self.node.write_queue_names()

    def queues(self) -> list[dict[str, Any]]:
        """Those of actors."""
        found: list[dict[str, Any]] = self.ask("GET", f"/api/queues/{self.HOST}")
        return [queue for queue in found if queue["name"].startswith("asya-")]

    def rows(self, sqlite: str, postgres: str = "") -> Rows:
        """Of the server's file."""
        return SqlitePlace.rows(self, sqlite, postgres)  # type: ignore[arg-type]

    def put(self) -> dict[tuple[str, str], int]:
        """The same message-id a second time is a hop done again, or a message given back."""
        found = self.found
        take = {"count": self.AT_ONCE, "ackmode": "ack_requeue_false", "encoding": "auto"}
        while copies := self.ask("POST", f"/api/queues/{self.HOST}/{self.COPIES}/get", take):
            for copy in copies:
                name = json.loads(copy["payload"])["id"] + " " + copy["properties"].get("message_id", "")
                key = (copy["routing_key"], name)
                found[key] = found.get(key, 0) + 1
        return found

    def left(self) -> int:
        """Also those that are leased."""
        return sum(queue.get("messages", 0) for queue in self.queues())

    def kill(self, chance: random.Random) -> bool:
        """The node; its data stay."""
        del chance
        self.node.write_queue_names()
        self.node.kill()
        self.node.start()
        return True

    def restart(self) -> bool:
        """By SIGTERM."""
        self.node.shut_down()
        self.node.start()
        return True

    def stop(self) -> None:
        """With its data."""
        self.node.stop()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the management API; an answer of 404 is nothing."""
        request = urllib.request.Request(
            self.node.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"] + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(),
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return json.loads(text) if text else None
