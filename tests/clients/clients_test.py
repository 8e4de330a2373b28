"""Clients of Kubernetes in Python, in an environment of their own, against a server that `asya up` started."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from asya_project import Project

HERE = Path(__file__).resolve().parent
FLAVOR = "apiVersion: asya.sh/v1alpha1\nkind: Flavor\nmetadata: {name: small}\nspec: {concurrency: 1}\n"
HANDLER = "def inference(payload):\n    return payload\n"
PATIENCE_S = 200


@pytest.fixture(scope="module")
def python(client_programs: Path) -> str:
    """The Python that has the clients."""
    return str(client_programs / "python")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that is up, with its kubeconfig beside it."""
    home = tmp_path_factory.mktemp("clients")
    project = Project(home / "project", home)
    project.write(asya__yaml=FLAVOR, handler__py=HANDLER)
    project.run("up", ".")
    (home / "kubeconfig").write_text(project.run("kubeconfig").out)
    yield project
    project.down()


def run(python: str, script: str, *arguments: str) -> str:
    """What the script printed to both streams; it has to end well."""
    done = subprocess.run(
        [python, HERE / script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_dynamic_client_of_python(python: str, server: Project) -> None:
    """Discovery with its cache, every write, pages, watches that go on, deletions."""
    out = run(python, "dynamic_client.py", str(server.folder.parent / "kubeconfig"), "python")
    assert out.split() == ["discovers", "writes", "lists", "watches", "deletes"]
