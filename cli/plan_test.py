"""asya plan, against a server that answers as it is told: what is printed, what is sent, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from asya_cli.main import main
from asya_cli.plan import SIGNS, WOULD_CHANGE

MANIFEST = """\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {name: greet}
spec: {image: "i:2", handler: m.f}
"""
NOTHING: dict[str, Any] = {
    "changes": [], "renderedAnew": [], "problems": [], "summary": {"add": 0, "change": 0, "delete": 0},
}  # fmt: skip
CHANGED: dict[str, Any] = {
    "changes": [
        {"action": "update", "kind": "AsyncActor", "namespace": "default", "name": "greet",
         "changes": [{"path": "spec.image", "old": "i:1", "new": "i:2"}, {"path": "spec.env[name=A]", "new": {"a": 1}},
                     {"path": "spec.paused", "old": True},
                     {"path": "spec.x", "old": "", "new": "\x1b[31m" + "y" * 200}],
         "changesLeftOut": 3},
        {"action": "create", "kind": "Queue", "name": "asya-default-greet", "note": "on transport local"},
        {"action": "delete", "kind": "ScaledObject", "namespace": "default", "name": "greet"},
    ],
    "renderedAnew": [{"actor": "default/a", "because": "Flavor gpu"}, {"actor": "other/b", "because": "Flavor gpu"}],
    "problems": [],
    "summary": {"add": 1, "change": 1, "delete": 1},
}  # fmt: skip


class FakeServer:
    """Has one older actor, and gives one plan."""

    def __init__(self, status: dict[str, Any]) -> None:
        self.status = status
        self.requests: list[httpx.Request] = []
        self.live = {
            "apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor",
            "metadata": {"name": "greet", "namespace": "default", "uid": "u", "managedFields": [], "generation": 3},
            "spec": {"image": "i:1", "handler": "m.f"}, "status": {"phase": "Ready"},
        }  # fmt: skip

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What the server says."""
        self.requests.append(request)
        if request.url.path.endswith("/plans"):
            return httpx.Response(201, json={"status": self.status})
        return httpx.Response(200, json=self.live)

    def posted(self) -> list[dict[str, Any]]:
        """The objects of the last plan that was asked for."""
        objects: list[dict[str, Any]] = json.loads(self.requests[-1].content)["spec"]["objects"]
        return objects


def run(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> Result:
    """Plan the manifest."""
    made = httpx.Client

    def with_transport(**settings: Any) -> httpx.Client:
        return made(**settings, transport=httpx.MockTransport(server.answer))

    monkeypatch.setattr(httpx, "Client", with_transport)
    manifest = tmp_path / "asya.yaml"
    manifest.write_text(MANIFEST)
    return CliRunner().invoke(main, ["plan", "-f", str(manifest), "--server", "http://server.test", *more])


def test_a_plan_reads_like_what_will_happen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs, fields with old and new value, whom a flavor concerns, the sum, and the next command."""
    done = run(FakeServer(CHANGED), tmp_path, monkeypatch)
    assert done.exit_code == WOULD_CHANGE
    assert done.stdout == (
        "~ AsyncActor default/greet\n"
        "    ~ spec.image: i:1 -> i:2\n"
        "    + spec.env[name=A]: {a: 1}\n"
        "    - spec.paused: true\n"
        "    ~ spec.x: '' ->  [31m" + "y" * 94 + "…\n"
        "    … 3 more\n"
        "+ Queue asya-default-greet (on transport local)\n"
        "- ScaledObject default/greet\n"
        "Flavor gpu renders 2 actors anew: default/a, other/b\n"
        "Plan: 1 to add, 1 to change, 1 to delete.\n"
    )
    assert done.stderr == f"next: asya apply -f {tmp_path / 'asya.yaml'}\n"


def test_nothing_to_do_is_said_and_is_exit_code_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no next command is offered."""
    done = run(FakeServer(NOTHING), tmp_path, monkeypatch)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "No changes: what is there is as the manifest says.\n"


def test_only_dry_runs_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object goes to the plan as the dry run answered it, without what the server keeps of it."""
    server = FakeServer(NOTHING)
    run(server, tmp_path, monkeypatch, "-n", "default")
    for request in server.requests:
        assert request.method == "GET" or request.url.path.endswith("/plans") or request.url.params["dryRun"] == "All"
    assert server.requests[-1].url.path == "/apis/asya.sh/v1alpha1/namespaces/default/plans"
    assert server.posted() == [
        {"apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "spec": {"image": "i:1", "handler": "m.f"},
         "metadata": {"name": "greet", "namespace": "default", "uid": "u"}}
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_programs_get_all_of_it(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same exit code, and standard output is data alone."""
    done = run(FakeServer(CHANGED), tmp_path, monkeypatch, "-o", form)
    assert done.exit_code == WOULD_CHANGE
    if form == "json":
        assert json.loads(done.stdout) == CHANGED
    assert "y" * 200 in done.stdout
    assert "asya apply" not in done.stdout


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_problem_is_an_error(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else would change: a script must not go on to apply."""
    problem = {"actor": "default/greet", "message": "spec.flavors: there is no Flavor gpu"}
    done = run(FakeServer({**CHANGED, "problems": [problem]}), tmp_path, monkeypatch, "-o", form)
    assert done.exit_code == 1
    where = done.stdout if form == "text" else done.stderr
    assert "AsyncActor default/greet: spec.flavors: there is no Flavor gpu" in where
    assert "error: 1 problem" in done.stderr


def test_every_error_is_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also wrong usage, which is 2 elsewhere: 2 says that something would change."""
    assert CliRunner().invoke(main, ["plan"]).exit_code == 1
    assert CliRunner().invoke(main, ["plan", "-f", str(tmp_path), "--no-such"]).exit_code == 1
    missing = CliRunner().invoke(main, ["plan", "-f", str(tmp_path / "none.yaml"), "--server", "http://server.test"])
    assert (missing.exit_code, "no such file" in missing.stderr) == (1, True)
    server = FakeServer(NOTHING)
    server.live = {"metadata": {}, "message": "spec.image: Required value"}
    monkeypatch.setattr(FakeServer, "answer", lambda *_: httpx.Response(422, json=server.live))
    refused = run(server, tmp_path, monkeypatch)
    assert refused.exit_code == 1
    assert "AsyncActor greet: spec.image: Required value" in refused.stderr
    assert "plan it again; nothing was applied" in refused.stderr
    away = CliRunner().invoke(main, ["plan", "-f", str(tmp_path / "asya.yaml"), "--server", "http://127.0.0.1:1"])
    assert away.exit_code == 1


def test_signs_are_told_apart_without_colours() -> None:
    """Colours are for a terminal alone."""
    assert len({sign for sign, _ in SIGNS.values()}) == len(SIGNS)
