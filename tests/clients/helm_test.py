"""The real Helm keeps a chart of our kinds, and its releases, in `asya-server api`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asya_project import until
from direct_place import DirectPlace
from direct_server import GROUP, DirectServer, thing

ROOT = Path(__file__).resolve().parents[2]
CHART = Path(__file__).resolve().parent / "chart"
ACTORS = f"{GROUP}/namespaces/vision/asyncactors"
SECRETS = "/api/v1/namespaces/vision/secrets"
PATIENCE_S = 120


class Team:
    """Helm as Eve, who may edit what is in the namespace vision, and an administrator beside her."""

    def __init__(self, program: str, place: DirectPlace) -> None:
        self.program = program
        self.place = place
        self.use(place.start())
        assert self.root.post("/api/v1/namespaces", json=thing("Namespace", "vision")).status_code == 201

    def use(self, server: DirectServer) -> None:
        """Go on with this server."""
        self.server = server
        self.root: httpx.Client = server.client(certificate=self.place.root)
        self.place.kubeconfig(server, "eve")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that runs on."""
        home = self.place.folder / "helm"
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(self.place.folder / "eve.kubeconfig"),
            "HELM_CACHE_HOME": str(home), "HELM_CONFIG_HOME": str(home), "HELM_DATA_HOME": str(home),
        }  # fmt: skip
        return subprocess.Popen([self.program, *arguments], env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> str:
        """What the command printed to both streams; it has to exit with `code`."""
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == code, out
        return out

    def actors(self) -> dict[str, dict[str, Any]]:
        """By name."""
        items = self.root.get(ACTORS).json()["items"]
        return {item["metadata"]["name"]: item for item in items}

    def revisions(self) -> list[str]:
        """Status of each revision of the release, the first one first."""
        return [entry["status"] for entry in json.loads(self.run("history", "docs", "-o", "json"))]


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """A team with an empty namespace."""
    program = subprocess.run([ROOT / "tools" / "build-go", "helm"], stdout=subprocess.PIPE, text=True, check=True)
    made = Team(program.stdout.strip(), DirectPlace(tmp_path))
    yield made
    made.server.kill()


def test_a_release_from_install_to_uninstall(team: Team) -> None:
    """Install, list, get, a dry run on the server, upgrade that also takes away, rollback, a refused one, uninstall."""
    chart = str(CHART)
    assert "STATUS: deployed" in team.run("install", "docs", chart)
    assert set(team.actors()) == {"docs-split", "docs-read"}
    (listed,) = json.loads(team.run("list", "-o", "json"))
    assert (listed["name"], listed["revision"], listed["status"]) == ("docs", "1", "deployed")
    assert "handler: documents.read" in team.run("get", "manifest", "docs")
    dry = team.run("upgrade", "docs", chart, "--set", "concurrency=4", "--dry-run=server")
    assert "concurrency: 4" in dry
    assert team.actors()["docs-read"]["spec"]["concurrency"] == 2
    assert team.revisions() == ["deployed"]
    team.run("upgrade", "docs", chart, "--set", "concurrency=4,actors={read}")
    assert {name: actor["spec"]["concurrency"] for name, actor in team.actors().items()} == {"docs-read": 4}
    team.run("rollback", "docs", "1")
    assert {actor["spec"]["concurrency"] for actor in team.actors().values()} == {2}
    assert set(team.actors()) == {"docs-split", "docs-read"}
    assert team.revisions() == ["superseded", "superseded", "deployed"]
    refused = team.run("upgrade", "docs", chart, "--set", "concurrency=-1", code=1)
    assert "spec.concurrency" in refused
    assert team.revisions() == ["superseded", "superseded", "deployed", "failed"]
    assert team.actors()["docs-read"]["spec"]["concurrency"] == 2
    assert "uninstalled" in team.run("uninstall", "docs")
    assert team.actors() == {}
    assert team.root.get(SECRETS).json()["items"] == []


def test_an_upgrade_meets_what_somebody_else_has_changed(team: Team) -> None:
    """A conflict that names the field and its manager, until Helm is told to take it."""
    team.run("install", "docs", str(CHART))
    patch = {"spec": {"concurrency": 3}}
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = team.root.patch(f"{ACTORS}/docs-read?fieldManager=kubectl-edit", json=patch, headers=headers)
    assert answer.status_code == 200, answer.text
    upgrade = ("upgrade", "docs", str(CHART), "--set", "concurrency=5")
    refused = team.run(*upgrade, code=1)
    assert 'conflict with "kubectl-edit"' in refused and ".spec.concurrency" in refused
    team.run(*upgrade, "--force-conflicts")
    assert team.actors()["docs-read"]["spec"]["concurrency"] == 5


def test_helm_waits_until_actors_are_ready(team: Team) -> None:
    """Its watcher is kstatus over informers."""
    process = team.start("install", "docs", str(CHART), "--wait=watcher", "--timeout", f"{PATIENCE_S}s")
    try:
        until(lambda: len(team.actors()) == 2, "both actors are there")
        for name, actor in team.actors().items():
            assert process.poll() is None, "Helm took an actor for ready that is not"
            condition = {"type": "Ready", "status": "True", "reason": "Told", "message": "by a test",
                         "lastTransitionTime": "2026-01-01T00:00:00Z"}  # fmt: skip
            actor["status"] = {"observedGeneration": actor["metadata"]["generation"], "conditions": [condition]}
            assert team.root.put(f"{ACTORS}/{name}/status", json=actor).status_code == 200
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, out
    finally:
        process.kill()
        process.communicate()


def test_releases_lie_encrypted_and_outlive_the_server(team: Team) -> None:
    """What the file holds says nothing of the chart; the next server reads it with the key that lies beside it."""
    team.run("install", "docs", str(CHART), "--description", "hunter2")
    (secret,) = team.root.get(SECRETS).json()["items"]
    assert secret["type"] == "helm.sh/release.v1"
    release = secret["data"]["release"].encode()
    team.server.kill()
    files = [path for path in team.place.database.parent.iterdir() if path.name.startswith("asya.db")]
    written = b"".join(path.read_bytes() for path in files)
    assert secret["metadata"]["name"].encode() in written
    assert release[:64] not in written and release[-64:] not in written
    key = team.place.database.with_name("asya.db.key")
    assert key.stat().st_mode & 0o777 == 0o600
    team.use(team.place.start())
    assert "hunter2" in team.run("status", "docs", "-o", "json")
    team.server.kill()
    key.rename(key.with_suffix(".lost"))
    team.use(team.place.start())
    answer = team.root.get(SECRETS)
    assert answer.status_code == 500 and "sealed under a key" in answer.json()["message"]
    assert team.root.get(ACTORS).status_code == 200
