"""Two `asya-server api` on one PostgreSQL: watches across them, kill -9 of one, and a database that restarts."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from asya_project import until
from direct_server import FLOWS, GROUP, Authority, DirectServer, Watch, flow, thing

from private_postgres import PrivatePostgres


class Team:
    """Two servers on one database, and clients of them who may do everything."""

    def __init__(self, database: PrivatePostgres, folder: Path, stack: ExitStack) -> None:
        self.database = database
        authority = Authority(folder / "pki")
        certificate, key = authority.sign("server", server=True)
        self.root = authority.sign("root", "system:masters")
        keys = folder / "keys"
        keys.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
        keys.chmod(0o600)
        arguments = [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
                     f"--client-ca-file={authority.certificate}", f"--encryption-key-file={keys}"]  # fmt: skip
        self.servers = [
            stack.enter_context(DirectServer(folder / name, authority.certificate, *arguments, database=database.dsn))
            for name in ("one", "two")
        ]

    def client(self, number: int) -> httpx.Client:
        """Of one of the servers."""
        return self.servers[number].client(certificate=self.root)

    def head(self) -> str:
        """The revision of the flows now."""
        return str(self.client(1).get(FLOWS).json()["metadata"]["resourceVersion"])


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """Both serve."""
    with ExitStack() as stack:
        database = stack.enter_context(PrivatePostgres())
        yield Team(database, tmp_path, stack)


def test_what_is_written_at_one_is_seen_at_the_other(team: Team) -> None:
    """By a watch, by reads at once, and from the revision that the other has given."""
    one, two = team.client(0), team.client(1)
    watch = Watch(team.client(1), team.head())
    for number in range(20):
        made = one.post(FLOWS, json=flow(f"flow-{number}"))
        assert made.status_code == 201, made.text
        seen = two.get(f"{FLOWS}/flow-{number}")
        assert seen.json() == made.json(), "a read is never older than a write that was acknowledged"
        revision = made.json()["metadata"]["resourceVersion"]
        fresh = two.get(FLOWS, params={"resourceVersion": revision, "resourceVersionMatch": "NotOlderThan"})
        assert len(fresh.json()["items"]) == number + 1
    until(lambda: len(watch.names()) == 20, "all events")
    assert watch.names() == [f"flow-{number}" for number in range(20)]
    patch = {"Content-Type": "application/merge-patch+json"}
    stale = made.json() | {"spec": {"entrypoint": "late"}}
    assert two.patch(f"{FLOWS}/flow-19", content='{"spec":{"entrypoint":"b"}}', headers=patch).status_code == 200
    assert one.put(f"{FLOWS}/flow-19", json=stale).status_code == 409
    assert two.delete(f"{FLOWS}/flow-0").status_code == 200
    assert one.get(f"{FLOWS}/flow-0").status_code == 404
    until(lambda: watch.events[-1][:2] == ("DELETED", "flow-0"), "the deletion")
    # A queue that an actor has got at one is taken at the other.
    for namespace in ("a", "a-b"):
        one.post("/api/v1/namespaces", json=thing("Namespace", namespace))
    actor = thing("AsyncActor", "c", image="i", handler="m.f")
    assert one.post(f"{GROUP}/namespaces/a-b/asyncactors", json=actor).status_code == 201
    actor["metadata"] = {"name": "b-c"}
    clash = two.post(f"{GROUP}/namespaces/a/asyncactors", params={"dryRun": "All"}, json=actor)
    until(lambda: two.post(f"{GROUP}/namespaces/a/asyncactors", params={"dryRun": "All"}, json=actor).status_code
          == 422, f"the clash is seen: {clash.text}")  # fmt: skip


class Writer(threading.Thread):
    """Creates one flow after the other at the server of the moment, and remembers those that were acknowledged."""

    def __init__(self, team: Team, number: int) -> None:
        super().__init__(daemon=True)
        self.team = team
        self.number = number
        self.at = 0  # the server that is written to
        self.acknowledged: list[str] = []
        self.problems: list[str] = []
        self.ending = threading.Event()

    def run(self) -> None:
        """Write until told to end; what failed is written again, as it may have happened."""
        clients = [self.team.client(0), self.team.client(1)]
        count = 0
        while not self.ending.is_set():
            name = f"flow-{self.number}-{count}"
            try:
                answer = clients[self.at].post(FLOWS, json=flow(name))
            except httpx.HTTPError:
                self.at = 1
                continue
            if answer.status_code in (201, 409):
                self.acknowledged.append(name)
                count += 1
            elif answer.status_code not in (503, 504):
                self.problems.append(answer.text)


def test_kill_of_one_loses_nothing(team: Team) -> None:
    """Every acknowledged write is there, and a watch at the other has seen each once and in order."""
    watch = Watch(team.client(1), team.head())
    writers = [Writer(team, number) for number in range(4)]
    for writer in writers:
        writer.start()
    until(lambda: all(len(writer.acknowledged) > 20 for writer in writers), "writes at the first")
    team.servers[0].kill()
    goals = [len(writer.acknowledged) + 20 for writer in writers]
    until(lambda: all(len(w.acknowledged) > goal for w, goal in zip(writers, goals, strict=True)), "writes go on")
    for writer in writers:
        writer.ending.set()
        writer.join()
        assert not writer.problems, writer.problems
    acknowledged = {name for writer in writers for name in writer.acknowledged}
    stored = {item["metadata"]["name"] for item in team.client(1).get(FLOWS).json()["items"]}
    assert acknowledged <= stored
    until(lambda: len(watch.names()) >= len(stored), "all events")
    assert sorted(watch.names()) == sorted(stored), "each once"
    revisions = [revision for _, _, revision in watch.events]
    assert revisions == sorted(set(revisions)), "in order"
    assert not watch.over.is_set()


def test_a_restart_of_the_database_is_waited_out(team: Team) -> None:
    """Discovery, OpenAPI, health and reads of any state go on, all else is told to come again, watches stay."""
    clients = [team.client(0), team.client(1)]
    watches = [Watch(team.client(number), team.head()) for number in (0, 1)]
    assert clients[0].post(FLOWS, json=flow("before")).status_code == 201
    any_state = {"resourceVersion": "0"}
    until(lambda: all(c.get(FLOWS + "/before", params=any_state).status_code == 200 for c in clients), "both know it")
    team.database.kill()
    try:
        for client in clients:
            for path in ("/livez", "/version", "/api", "/apis", GROUP, "/openapi/v2", "/openapi/v3"):
                assert client.get(path).status_code == 200, path
            assert client.get("/readyz").status_code == 500
            for answer in (client.post(FLOWS, json=flow("while")), client.get(FLOWS), client.get(FLOWS + "/before")):
                assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text
                assert answer.json()["reason"] == "ServiceUnavailable"
            listed = client.get(FLOWS, params=any_state).json()
            assert [item["metadata"]["name"] for item in listed["items"]] == ["before"]
            assert client.get(FLOWS + "/before", params=any_state).status_code == 200
            assert client.get(FLOWS + "/never", params=any_state).status_code == 404
        assert not any(watch.over.is_set() for watch in watches)
    finally:
        team.database.start()
    until(lambda: clients[0].post(FLOWS, json=flow("after")).status_code in (201, 409), "writes are taken again")
    until(lambda: clients[1].get("/readyz").status_code == 200, "ready again")
    until(lambda: all(watch.names() == ["before", "after"] for watch in watches), "the watches go on")
    assert not any(watch.over.is_set() for watch in watches)
