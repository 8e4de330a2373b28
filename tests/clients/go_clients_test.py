"""Programs of the Kubernetes world in Go (tests/clients/go), unmodified, against `asya-server api`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from direct_place import DirectPlace
from direct_server import GROUP, DirectServer, thing

HERE = Path(__file__).resolve().parent
PATIENCE_S = 200
SPEC = {"image": "i:1", "handler": "m.f"}


@pytest.fixture(scope="module")
def program() -> str:
    """The binary with all of them."""
    made = subprocess.run([HERE / "go" / "build"], stdout=subprocess.PIPE, text=True, check=True)
    return made.stdout.strip()


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of the administrator of a server for all the programs but the one that has it restarted."""
    place = DirectPlace(tmp_path_factory.mktemp("place"))
    with place.start() as server:
        yield place.kubeconfig(server)


def run(program: str, name: str, kubeconfig: Path) -> list[str]:
    """The steps that the program has done; it has to end well."""
    done = subprocess.run(
        [program, name, kubeconfig, name], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


def test_the_client_and_a_manager_of_controller_runtime(program: str, kubeconfig: Path) -> None:
    """Every verb by typed and untyped objects; then a controller on its cache is a small control plane."""
    steps = ["writes", "reads", "applies", "parts", "deletes", "manages"]
    assert run(program, "controller", kubeconfig) == steps


def test_flux_keeps_a_set(program: str, kubeconfig: Path) -> None:
    """Apply, nothing to do, drift, adoption from kubectl, wait, recreation, pruning."""
    steps = ["applies", "drifts", "adopts", "waits", "recreates", "prunes"]
    assert run(program, "flux", kubeconfig) == steps


def test_argo_cd_keeps_a_set(program: str, kubeconfig: Path) -> None:
    """Its cache of everything that is served, sync, each way of comparing, drift, server-side apply, pruning."""
    steps = ["syncs", "compares", "drifts", "heals", "applies", "prunes"]
    assert run(program, "argocd", kubeconfig) == steps


def test_kstatus_never_takes_an_actor_for_ready_too_early(program: str, kubeconfig: Path) -> None:
    """What it says at each moment of an actor's life."""
    assert run(program, "kstatus", kubeconfig) == ["told"]


def forget(database: Path) -> None:
    """What the server does to its log of events by and by, all at once while it is away."""
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE watermark SET compacted = head")
        connection.execute("DELETE FROM events")
    connection.close()


def change_unseen(place: DirectPlace, namespace: str) -> None:
    """An actor goes and one comes, at a server that nobody else knows, and the log of both is forgotten."""
    actors = f"{GROUP}/namespaces/{namespace}/asyncactors"
    with place.start() as hidden, hidden.client(certificate=place.root) as client:
        assert client.delete(f"{actors}/lost").status_code == 200
        assert client.post(actors, json=thing("AsyncActor", "found", **SPEC)).status_code == 201
    forget(place.database)


def first_event(place: DirectPlace, server: DirectServer, revision: str) -> dict[str, object]:
    """Of a watch of all actors from the revision on."""
    query = {"watch": "true", "resourceVersion": revision, "timeoutSeconds": "60"}
    with (
        server.client(certificate=place.root) as client,
        client.stream("GET", f"{GROUP}/asyncactors", params=query) as response,
    ):
        event = json.loads(next(response.iter_lines()))
    assert isinstance(event, dict)
    return event


@pytest.mark.parametrize("watch_list", ["true", "false"])
def test_informers_outlive_restarts_and_compaction(program: str, tmp_path: Path, watch_list: str) -> None:
    """A factory of client-go, which reads all by a WatchList or by a list, and ends equal to a list."""
    place = DirectPlace(tmp_path)
    server = place.start()
    process = subprocess.Popen(
        [program, "informers", place.kubeconfig(server), "informed"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "KUBE_FEATURE_WatchListClient": watch_list},
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None

    def asked(step: str) -> None:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == step + "\n", line + process.communicate()[1]

    def done() -> None:
        assert process.stdin is not None
        process.stdin.write("done\n")
        process.stdin.flush()

    try:
        asked("restart")
        server.kill()
        server = place.start(server.address)
        done()
        asked("compact")
        with server.client(certificate=place.root) as client:
            revision = client.get(f"{GROUP}/asyncactors").json()["metadata"]["resourceVersion"]
        server.kill()
        change_unseen(place, "informed")
        server = place.start(server.address)
        event = first_event(place, server, revision)
        assert event["type"] == "ERROR" and "410" in json.dumps(event), event
        done()
        asked("equal")
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()
        server.kill()
