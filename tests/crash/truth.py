"""Truth: what a crash audit reads from the store itself, on SQLite and on PostgreSQL, before and after the run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from private_postgres import PrivatePostgres, binaries


class Truth(Protocol):
    """A store that is audited."""

    variables: dict[str, str]
    """What `asya up` needs in its environment to use it."""

    def watch_messages(self) -> None:
        """Make the store itself note every message that is ever put into a queue, by queue and envelope."""

    def rows(self, sqlite: str, postgres: str) -> Sequence[Sequence[Any]]:
        """The rows of the statement in the store's own tongue."""

    def kill(self, chance: random.Random) -> bool:
        """Kill -9 a process of the store, where it has any; whether one was killed."""


class SqliteTruth:
    """The file of a local server."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.variables: dict[str, str] = {}

    def watch_messages(self) -> None:
        """By a trigger."""
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            db.executescript(
                "CREATE TABLE audit_messages(queue INTEGER, body BLOB);"
                "CREATE TRIGGER audit_insert AFTER INSERT ON messages BEGIN INSERT INTO audit_messages "
                "VALUES(NEW.id >> 40, NEW.body); END;"
            )

    def rows(self, sqlite: str, postgres: str) -> Sequence[Sequence[Any]]:
        """From the stopped server's file."""
        del postgres
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as db:
            found: Sequence[Sequence[Any]] = db.execute(sqlite).fetchall()
            return found

    def kill(self, chance: random.Random) -> bool:
        """The store has no process of its own."""
        del chance
        return False


class PostgresTruth:
    """A PostgreSQL of its own, whose backends are killed, and sometimes all of it at once."""

    POSTMASTER_SHARE = 0.3

    def __init__(self, server: PrivatePostgres) -> None:
        self.server = server
        folder = server.dsn.split()[0].removeprefix("host=")
        self.url = f"postgres://asya@/asya?host={folder}"
        self.variables = {"ASYA_DATABASE_URL": self.url}

    def watch_messages(self) -> None:
        """By a trigger."""
        self._psql(
            "CREATE TABLE audit_messages(queue bigint, body bytea);"
            "CREATE FUNCTION audit_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO audit_messages VALUES(NEW.queue_id, NEW.body); RETURN NEW; END $$;"
            "CREATE TRIGGER audit_insert AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION audit_note();"
        )

    def rows(self, sqlite: str, postgres: str) -> Sequence[Sequence[Any]]:
        """By psql; numbers come as text."""
        del sqlite
        return [line.split("\x1f") for line in self._psql(postgres).splitlines()]

    def kill(self, chance: random.Random) -> bool:
        """One backend, after which PostgreSQL itself ends all others and recovers; or the postmaster with all."""
        if chance.random() < self.POSTMASTER_SHARE:
            self.server.kill()
            self.server.start()
            return True
        backends = [
            int(pid) for pid in self._children() if b"asya asya" in (Path("/proc") / pid / "cmdline").read_bytes()
        ]
        if not backends:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(backends), signal.SIGKILL)
        return True

    def _children(self) -> list[str]:
        return (Path("/proc") / str(self.server.pid) / "task" / str(self.server.pid) / "children").read_text().split()

    def _psql(self, statement: str) -> str:
        done = subprocess.run(
            [str(binaries() / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-At", "-F", "\x1f", "-c", statement, self.url],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout
