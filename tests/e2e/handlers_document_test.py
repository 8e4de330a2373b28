"""docs/handlers.md: its manifests are rendered, and what it says about the variables of handlers is tried."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from asya_project import ROOT, Project

DOCUMENT = ROOT / "docs" / "handlers.md"
HANDLER = """
import os

def model(payload):
    return {name: os.environ.get(name) for name in payload["names"]}
"""
NAMES = '{"names": ["OPENAI_API_KEY", "MODEL", "SHELL_ONLY", "HOME", "LANG"]}'


def manifests() -> dict[str, str]:
    """The manifests of the document by the names of their objects."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.S)
    return {yaml.safe_load(block)["metadata"]["name"]: block for block in blocks}


def test_every_manifest_of_the_document_is_taken(tmp_path: Path) -> None:
    """As they stand, without a warning."""
    project = Project(tmp_path / "project", tmp_path)
    found = manifests()
    assert len(found) == 3
    for name, text in found.items():
        project.write(**{name + "__yaml": text})
        rendered = project.run("render", "-f", name + ".yaml").out
        assert "kind: Deployment" in rendered
        assert "Warning" not in rendered


def test_handlers_have_the_variables_of_their_manifest_and_not_the_shells(project: Project) -> None:
    """The Secret's file, else the variable of its name; nothing else that a shell had."""
    project.write(asya__yaml=manifests()["ask"], ask__py=HANDLER)
    project.run("up", ".", OPENAI_API_KEY="of the shell", SHELL_ONLY="x", LANG="C.UTF-8")
    got = project.run("send", "ask", NAMES, "--wait").json()
    wanted = {"OPENAI_API_KEY": "of the shell", "MODEL": "small", "SHELL_ONLY": None, "HOME": "/tmp", "LANG": "C.UTF-8"}
    assert got == wanted
    project.run("down")
    secret = project.state / "secrets" / "openai"
    secret.mkdir(parents=True)
    (secret / "key").write_text("of the file\n")
    project.run("up", ".", OPENAI_API_KEY="of the shell")
    assert project.run("send", "ask", NAMES, "--wait").json()["OPENAI_API_KEY"] == "of the file"
