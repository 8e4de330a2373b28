"""The real kubectl against `asya-server api`: one user by client certificate, one by token, each with own rights."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from direct_server import Authority, DirectServer

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60
ACTOR = """\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {name: inference, namespace: vision}
spec: {image: "i:1", handler: m.f, replicas: 1, scaling: {enabled: false}}
"""


class Team:
    """A server, and kubectl as Root (certificate) and Eve (token, edit in the namespace vision)."""

    def __init__(self, program: str, server: DirectServer, folder: Path, certificate: tuple[str, str]) -> None:
        self.common = [program, "--server", server.url, "--certificate-authority", server.ca, "--cache-dir",
                       str(folder / "cache"), "--kubeconfig", "/dev/null"]  # fmt: skip
        self.users = {
            "root": ["--client-certificate", certificate[0], "--client-key", certificate[1]],
            "eve": ["--token", "t0ken-eve", "--namespace", "vision"],
            "nobody": ["--token", "t0ken"],
        }

    def command(self, user: str, *arguments: str) -> list[str]:
        """A whole command line."""
        return [*self.common, *self.users[user], *arguments]

    def run(self, user: str, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """What the command printed to both streams; it has to exit with `code`."""
        done = subprocess.run(
            self.command(user, *arguments), input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        return done.stdout

    def start(self, user: str, *arguments: str) -> subprocess.Popen[str]:
        """A command that runs on, with its output to be read."""
        return subprocess.Popen(self.command(user, *arguments), stdout=subprocess.PIPE, text=True)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """Both users and the namespace vision."""
    program = subprocess.run(
        [ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.sign("server", server=True)
    (tmp_path / "tokens.csv").write_text('t0ken-eve,eve,1,"vision"\n')
    (tmp_path / "roles.yaml").write_text("bindings: [{role: edit, groups: [vision], namespaces: [vision]}]\n")
    arguments = [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
                 f"--client-ca-file={authority.certificate}", f"--token-auth-file={tmp_path / 'tokens.csv'}",
                 f"--roles-file={tmp_path / 'roles.yaml'}"]  # fmt: skip
    with DirectServer(tmp_path / "server", authority.certificate, *arguments) as server:
        made = Team(program, server, tmp_path, authority.sign("root", "system:masters"))
        assert made.run("root", "create", "namespace", "vision") == "namespace/vision created\n"
        yield made


def test_a_user_works_in_its_namespace(team: Team) -> None:
    """Apply of both kinds, scale, watch, edit of labels, delete in the foreground."""
    assert team.run("eve", "apply", "-f", "-", stdin=ACTOR) == "asyncactor.asya.sh/inference created\n"
    watch = team.start("eve", "get", "asya", "-w", "-o", "name")
    try:
        assert watch.stdout is not None
        assert watch.stdout.readline() == "asyncactor.asya.sh/inference\n"
        team.run("eve", "label", "asya", "inference", "team=vision")
        assert watch.stdout.readline() == "asyncactor.asya.sh/inference\n"
    finally:
        watch.kill()
        watch.wait()
    assert "serverside-applied" in team.run(
        "eve", "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=ACTOR
    )
    assert "scaled" in team.run("eve", "scale", "asya/inference", "--replicas=3")
    assert "inference" in team.run("root", "get", "asya", "--all-namespaces")
    assert "deleted" in team.run("eve", "delete", "asya", "inference", "--cascade=foreground", "--timeout=30s")
    assert "No resources found" in team.run("eve", "get", "asya")


def test_a_user_is_refused_elsewhere(team: Team) -> None:
    """In the words that people know, and with the exit codes that scripts know."""
    refused = team.run("eve", "apply", "-n", "default", "-f", "-", stdin=ACTOR.replace("vision", "default"), code=1)
    assert "Error from server (Forbidden)" in refused
    assert 'User "eve" cannot get resource "asyncactors" in API group "asya.sh" in the namespace "default"' in refused
    assert "Forbidden" in team.run("eve", "get", "namespaces", code=1)
    assert "Forbidden" in team.run("eve", "create", "namespace", "more", code=1)
    assert "Forbidden" in team.run("eve", "delete", "namespace", "vision", code=1)
    assert "Forbidden" in team.run("eve", "get", "asya", "--as", "root", code=1)
    assert "must be logged in to the server (Unauthorized)" in team.run("nobody", "get", "asya", code=1)
    flavor = "apiVersion: asya.sh/v1alpha1\nkind: Flavor\nmetadata: {name: small}\nspec: {concurrency: 1}\n"
    assert "Forbidden" in team.run("eve", "create", "-f", "-", stdin=flavor, code=1)
    team.run("root", "create", "-f", "-", stdin=flavor)
    assert "small" in team.run("eve", "get", "flavors")
    team.run("eve", "create", "-f", "-", stdin=ACTOR)
    status = '{"status":{"phase":"Ready"}}'
    patch = team.run("eve", "patch", "asya", "inference", "--subresource=status", "--type=merge", "-p", status, code=1)
    assert 'cannot patch resource "asyncactors/status"' in patch


def test_a_user_asks_what_it_may_do(team: Team) -> None:
    """can-i with and without names, its list, and for another user."""
    questions: list[tuple[tuple[str, ...], bool]] = [
        (("create", "asya"), True),
        (("create", "asya", "-n", "default"), False),
        (("list", "asya", "--all-namespaces"), False),
        (("update", "asya/one"), True),
        (("update", "asya", "--subresource=scale"), True),
        (("update", "asya", "--subresource=status"), False),
        (("get", "flavors"), True),
        (("create", "flavors"), False),
        (("get", "namespaces/vision"), True),
        (("get", "namespaces/default", "-n", "default"), False),
        (("delete", "namespaces/vision"), False),
        (("*", "*"), False),
    ]
    for question, allowed in questions:
        answer = team.run("eve", "auth", "can-i", *question, code=0 if allowed else 1)
        assert ("yes" in answer.splitlines()[-1]) == allowed, (question, answer)
    assert team.run("root", "auth", "can-i", "*", "*").endswith("yes\n")
    listed = team.run("eve", "auth", "can-i", "--list")
    assert "incomplete" not in listed
    assert "asyncactors.asya.sh/scale" in listed and "[vision]" in listed
    acting = team.run(
        "root", "--as", "someone", "--as-group", "vision", "auth", "can-i", "create", "asya", "-n", "vision"
    )
    assert acting.endswith("yes\n")
    assert "vision" in team.run("eve", "auth", "whoami")


def test_a_namespace_is_watched_and_deleted_by_its_name(team: Team) -> None:
    """A list with a selector of the name, which is what kubectl does."""
    watch: Any = team.start("eve", "get", "namespace", "vision", "-w", "-o", "jsonpath={.status.phase}{'\\n'}")
    try:
        assert watch.stdout.readline() == "Active\n"
        team.run("eve", "create", "-f", "-", stdin=ACTOR)
        assert "deleted" in team.run("root", "delete", "namespace", "vision", "--timeout=30s")
        assert "Terminating" in watch.stdout.readline()
    finally:
        watch.kill()
        watch.wait()
