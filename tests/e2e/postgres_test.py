"""A project on PostgreSQL, worked on with the asya command: examples, secrets, and a server that is away or wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from asya_project import ACTORS, ROOT, Project, actor, until

from private_postgres import USER, PrivatePostgres, binaries

PASSWORD = "sesame-open"
FLOWS = "/apis/asya.sh/v1alpha1/namespaces/default/flows"
HANDLERS = """
def echo(payload):
    return payload


def fail(payload):
    raise ValueError("not today")
"""


@dataclass
class Database:
    """A PostgreSQL that asks for a password, and statements run in it."""

    server: PrivatePostgres

    @property
    def folder(self) -> str:
        """Where its socket lies."""
        return self.server.dsn.split()[0].removeprefix("host=")

    def url(self, name: str = "asya", password: str = PASSWORD, user: str = USER) -> str:
        """The address as a person gives it."""
        return f"postgres://{user}:{password}@/{name}?host={self.folder}"

    def sql(self, statement: str, name: str = "asya") -> str:
        """Run one statement."""
        done = subprocess.run(
            [str(binaries() / "psql"), "-X", "-Atc", statement, self.url(name)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """One server for the tests of this file."""
    with PrivatePostgres() as server:
        made = Database(server)
        made.sql(f"ALTER USER {USER} PASSWORD '{PASSWORD}'")
        (Path(made.folder) / "data" / "pg_hba.conf").write_text(
            "local postgres all trust\nlocal all all scram-sha-256\n"
        )
        made.sql("SELECT pg_reload_conf()")
        # The postmaster rereads the file when it gets to the signal.
        until(lambda: not _connects(made.url(password="wrong")), "the password is asked for")
        yield made


def _connects(url: str) -> bool:
    done = subprocess.run([str(binaries() / "psql"), "-X", "-Atc", "select 1", url], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def fresh(database: Database, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database."""
    name = "d_" + request.node.name.partition("[")[0][-40:]
    database.sql(f'CREATE DATABASE "{name}"')
    yield database.url(name)
    database.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _assert_nowhere(secret: str, project: Project, pid: int) -> None:
    """The secret is in no file of the project's state, no argument of a process, and no handler's environment."""
    for file in project.state.rglob("*"):
        if file.is_file() and "python-" not in str(file):
            assert secret.encode() not in file.read_bytes(), file
    handlers = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            variables = (entry / "environ").read_bytes()
        except OSError:
            continue
        if int(entry.name) == pid or parent == pid:
            assert secret.encode() not in words, words
        if parent == pid and b"asya_runtime" in words:
            handlers += 1
            assert secret.encode() not in variables, words
    assert handlers > 0, "no handler was there to look at"


def test_the_hello_example_runs_unchanged_but_for_the_transport(project: Project, fresh: str) -> None:
    """The first steps of a person, and no password anywhere."""
    shutil.copytree(ROOT / "examples" / "hello", project.folder, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns(".asya"))  # fmt: skip
    manifest = project.folder / "asya.yaml"
    text = manifest.read_text()
    assert "minReplicaCount: 0" in text
    text = text.replace("minReplicaCount: 0", "minReplicaCount: 1")  # there is a handler to look at, however late
    manifest.write_text(text.replace("  image:", "  transport: postgres\n  image:"))
    up = project.run("up", "--port", "0", ASYA_DATABASE_URL=fresh)
    assert "PostgreSQL at" in up.err and "database d_" in up.err
    sent = project.run("send", "hello", '{"name": "Ada"}', "--wait")
    assert "HELLO, ADA" in sent.out.upper(), sent.out
    _assert_nowhere(PASSWORD, project, project.server().pid)
    shown = [up.err, up.out]
    for command in (["get", "actors", "-o", "yaml"], ["get", "transports", "-o", "yaml"], ["get", "actors"], ["tasks"]):
        shown.append(project.run(*command).out)
    assert "credentialsSecretRef" in shown[3]
    assert PASSWORD not in "".join(shown)
    tasks = project.run("tasks", "-o", "json").json()
    assert [t["status"] for t in tasks] == ["succeeded"]
    project.run("down")
    assert not (project.state / "asya.db").exists(), "nothing belongs into the SQLite file"


def test_what_was_stored_is_there_after_down_and_up(project: Project, fresh: str) -> None:
    """Objects, tasks and dead letters live in the database; a dead letter is replayed."""
    project.write(asya__yaml=actor("echo", "steps.echo") + actor("fail", "steps.fail"), steps__py=HANDLERS)
    project.run("up", ASYA_DATABASE_URL=fresh)
    project.run("send", "echo", '{"n": 1}', "--wait")
    project.run("send", "fail", '{"n": 2}', "--wait", code=1)
    letters = until(lambda: project.run("dead-letters", "-o", "json").json()["items"], "a dead letter")
    project.run("down")
    (project.folder / "steps.py").write_text(HANDLERS.replace('raise ValueError("not today")', "return payload"))
    project.run("up", ASYA_DATABASE_URL=fresh)
    assert len(project.run("tasks", "-o", "json").json()) == 2
    server = project.server()
    metrics = httpx.get(server.url + "/metrics", headers={"Authorization": "Bearer " + server.token}, timeout=60).text
    assert 'asya_queue_messages{queue="asya-default-echo",state="visible"} 0' in metrics
    project.run("replay", letters[0]["id"])
    until(lambda: [t["status"] for t in project.run("tasks", "-o", "json").json()].count("succeeded") == 2, "a replay")


def test_a_restart_of_postgresql_is_waited_out(project: Project, fresh: str, database: Database) -> None:
    """Writes and reads say 503 meanwhile; everything goes on by itself afterwards."""
    project.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    project.run("up", ASYA_DATABASE_URL=fresh)
    project.run("send", "echo", '{"n": 1}', "--wait")
    server = project.server()
    headers = {"Authorization": "Bearer " + server.token}
    database.server.kill()
    try:
        wrote = httpx.post(server.url + "/api/v1/tasks?actor=echo", json={"payload": {}}, headers=headers, timeout=60)
        assert wrote.status_code == 503 and wrote.headers["Retry-After"], wrote.text
        read = httpx.get(server.url + ACTORS, headers=headers, timeout=60)
        assert read.status_code == 503 and read.headers["Retry-After"], read.text
        assert PASSWORD not in wrote.text + read.text
        assert httpx.get(server.url + "/apis", headers=headers, timeout=60).status_code == 200
        failed = project.run("send", "echo", '{"n": 2}', code=None)
        assert failed.code != 0 and "PostgreSQL" in failed.err, failed.err
    finally:
        database.server.start()
    done = project.run("send", "echo", '{"n": 3}', "--wait")
    assert json.loads(done.out)["n"] == 3
    assert PASSWORD not in (project.state / "logs" / "server.log").read_text()


class Writer(threading.Thread):
    """Creates one object after the other, and remembers those that were acknowledged."""

    def __init__(self, project: Project, number: int) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.acknowledged: list[str] = []
        self.problems: set[str] = set()
        self.ending = threading.Event()
        server = project.server()
        self.http = httpx.Client(base_url=server.url, headers={"Authorization": "Bearer " + server.token}, timeout=60)

    def run(self) -> None:
        """Write until told to end; what failed is written again, as it may have happened."""
        count = 0
        while not self.ending.is_set():
            name = f"flow-{self.number}-{count}"
            body = {"apiVersion": "asya.sh/v1alpha1", "kind": "Flow", "metadata": {"name": name},
                    "spec": {"entrypoint": "echo"}}  # fmt: skip
            code = self.http.post(FLOWS, json=body).status_code
            if code in (201, 409):
                self.acknowledged.append(name)
                count += 1
            elif code not in (503, 504):
                self.problems.add(str(code))


def _reached(writers: list[Writer], goals: list[int]) -> bool:
    return all(len(writer.acknowledged) > goal for writer, goal in zip(writers, goals, strict=True))


def test_nothing_acknowledged_is_lost_when_postgresql_is_killed(
    project: Project, fresh: str, database: Database
) -> None:
    """kill -9 of backends and of the whole server in the middle of writes of objects."""
    project.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    project.run("up", ASYA_DATABASE_URL=fresh)
    writers = [Writer(project, number) for number in range(4)]
    for writer in writers:
        writer.start()
    for round_ in range(4):
        goals = [len(writer.acknowledged) + 5 for writer in writers]
        until(partial(_reached, writers, goals), "writes of each thread")
        if round_ % 2:
            database.server.kill()
            database.server.start()
        else:
            # Its death makes PostgreSQL end every other process of it, and recover.
            pid = database.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'asya-server' LIMIT 1")
            os.kill(int(pid), signal.SIGKILL)
    for writer in writers:
        writer.ending.set()
        writer.join()
        assert not writer.problems, writer.problems
    until(lambda: _connects(fresh), "PostgreSQL is back")
    names = {item["metadata"]["name"] for item in project.get(FLOWS)["items"]}
    for writer in writers:
        assert set(writer.acknowledged) <= names
    revisions = [int(item["metadata"]["resourceVersion"]) for item in project.get(FLOWS)["items"]]
    assert len(set(revisions)) == len(revisions)


def test_a_database_that_is_dropped_is_told(project: Project, fresh: str, database: Database) -> None:
    """Never an empty list: 503 with the cause."""
    project.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    project.run("up", ASYA_DATABASE_URL=fresh)
    server = project.server()
    name = fresh.partition("?")[0].rpartition("/")[2]
    database.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    headers = {"Authorization": "Bearer " + server.token}
    read = httpx.get(server.url + ACTORS, headers=headers, timeout=60)
    assert read.status_code == 503 and "does not exist" in read.text, read.text
    assert project.run("get", "actors", code=None).code != 0
    # As an operator might by mistake: the empty one is not taken for the old one.
    database.sql(f'CREATE DATABASE "{name}"')
    read = httpx.get(server.url + ACTORS, headers=headers, timeout=60)
    assert read.status_code == 503, read.text


def test_a_second_server_on_the_same_database_is_refused(project: Project, fresh: str, tmp_path: Path) -> None:
    """Two servers would both run every actor."""
    project.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    project.run("up", ASYA_DATABASE_URL=fresh)
    other = Project(tmp_path / "other", tmp_path)
    other.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    refused = other.run("up", code=1, ASYA_DATABASE_URL=fresh)
    assert "in use by another asya-server" in refused.err
    assert "asya down" in refused.err
    project.run("down")
    other.run("up", ASYA_DATABASE_URL=fresh)
    other.run("down")


ABSENT = [
    ("postgres://u:sesame-open@127.0.0.1:1/d", "127.0.0.1", "psql"),
    ("mysql://u:sesame-open@h/d", "no PostgreSQL URL", "postgres://USER"),
    ("postgres://u:sesame-open@x@h/d", "cannot be read", "%40"),
]


@pytest.mark.parametrize(("url", "told", "fix"), ABSENT, ids=["absent", "not PostgreSQL", "open password"])
def test_an_address_that_leads_nowhere(project: Project, url: str, told: str, fix: str) -> None:
    """One message with cause and fix, and no password."""
    project.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    failed = project.run("up", code=1, ASYA_DATABASE_URL=url)
    assert told in failed.err and fix in failed.err, failed.err
    assert "sesame" not in failed.err


def test_a_wrong_password_a_missing_database_and_a_newer_schema(
    project: Project, fresh: str, database: Database
) -> None:
    """Each is told with what to do about it."""
    project.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    wrong = project.run("up", code=1, ASYA_DATABASE_URL=fresh.replace(PASSWORD, "guess"))
    assert "password authentication failed" in wrong.err and "PGPASSWORD" in wrong.err
    missing = project.run("up", code=1, ASYA_DATABASE_URL=database.url("nowhere"))
    assert '"nowhere" does not exist' in missing.err and "createdb" in missing.err
    project.run("up", ASYA_DATABASE_URL=fresh)
    project.run("down")
    name = fresh.partition("?")[0].rpartition("/")[2]
    database.sql("UPDATE schema_migrations SET version = 99 WHERE component = 'storage' AND version = 1", name)
    newer = project.run("up", code=1, ASYA_DATABASE_URL=fresh)
    assert "version 99" in newer.err and "run the asya that wrote it" in newer.err
    assert PASSWORD not in wrong.err + missing.err + newer.err


def test_a_password_in_the_environment_reaches_the_relays(project: Project, fresh: str) -> None:
    """As psql takes it."""
    project.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    up = project.run("up", "--database", fresh.replace(":" + PASSWORD, ""), PGPASSWORD=PASSWORD)
    assert "PostgreSQL" in up.err
    project.run("send", "echo", '{"n": 1}', "--wait")
