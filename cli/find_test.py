"""Which server and which programs a command finds, also where folders and files cannot be read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from asya_cli import project
from asya_cli.failure import UNREACHABLE, Failure

MANIFEST = "apiVersion: asya.sh/v1alpha1\nkind: Flow\nmetadata: {name: f}\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person without servers."""
    for name in ("ASYA_SERVER", "ASYA_TOKEN", "ASYA_BIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))
    return tmp_path


def make_project(folder: Path) -> Path:
    """A folder with a manifest."""
    folder.mkdir(parents=True)
    (folder / "asya.yaml").write_text(MANIFEST)
    return folder


def bring_up(folder: Path, port: int) -> None:
    """As a server of the project writes itself down."""
    state = project.state_of(folder)
    state.mkdir(parents=True)
    url = f"http://127.0.0.1:{port}"
    (state / "server.json").write_text(json.dumps({"url": url, "token": "t", "tlsUrl": url, "ca": "", "pid": 1}))
    assert project.remember(state) == ""


def test_a_command_in_a_project_never_reaches_the_server_of_another(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own is down, and the last `asya up` was elsewhere: deleting there was not meant."""
    mine, other = make_project(home / "mine"), make_project(home / "other")
    bring_up(other, 1)
    monkeypatch.chdir(mine)
    with pytest.raises(Failure, match="no server is running for this folder") as refusal:
        project.find_server(None)
    assert refusal.value.exit_code == UNREACHABLE
    assert f"{other} is up" in refusal.value.fix
    monkeypatch.chdir(home)
    assert project.find_server(None).url == "http://127.0.0.1:1"
    bring_up(mine, 2)
    monkeypatch.chdir(other)
    assert project.find_server(None).url == "http://127.0.0.1:1"


def test_the_local_server_is_found_whatever_asya_server_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`asya down` ends that one."""
    mine = make_project(home / "mine")
    bring_up(mine, 3)
    monkeypatch.chdir(mine)
    monkeypatch.setenv("ASYA_SERVER", "http://elsewhere:1")
    assert project.find_server(None).url == "http://elsewhere:1"
    assert project.local_server().url == "http://127.0.0.1:3"


def refuse(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person without rights sees of a path: root, who may run this, sees everything."""
    for name in ("iterdir", "read_text", "is_dir", "mkdir", "write_text"):
        original = getattr(Path, name)

        def guarded(self: Path, *args: object, original: object = original, **more: object) -> object:
            if self == path or path in self.parents:
                raise PermissionError(13, "Permission denied", str(self))
            assert callable(original)
            return original(self, *args, **more)

        monkeypatch.setattr(Path, name, guarded)


def test_parents_that_cannot_be_read_are_no_projects(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command looks at them."""
    inner = home / "closed" / "inner"
    inner.mkdir(parents=True)
    secret = home / "closed" / "secret.yaml"
    secret.write_text(MANIFEST)
    refuse(secret, monkeypatch)
    assert project.project_of(inner) is None
    refuse(home / "closed", monkeypatch)
    assert project.project_of(inner) is None


def test_a_manifest_that_cannot_be_read_is_not_passed_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`asya up` names it rather than starting without it."""
    mine = make_project(home / "mine")
    refuse(mine / "asya.yaml", monkeypatch)
    assert project.manifests_of(mine) == [mine / "asya.yaml"]


def test_a_home_that_cannot_be_written_is_told_and_no_more(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server runs already at that moment."""
    refuse(home / "state-home", monkeypatch)
    assert "Permission denied" in project.remember(home)
    assert project.remembered() is None
    project.forget(home)


def test_the_newer_build_is_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make demo` once must not hide every later `make build`; all programs come from one build."""
    monkeypatch.setattr(project, "installation", lambda: home)
    for age, preset in ((100, "dev"), (50, "release")):
        folder = home / "build" / preset / "bin"
        folder.mkdir(parents=True)
        for name in ("asya-server", "asya-relay"):
            (folder / name).touch()
            os.utime(folder / name, (1e9 - age, 1e9 - age))
    assert project.program("asya-server") == home / "build" / "release" / "bin" / "asya-server"
    os.utime(home / "build" / "dev" / "bin" / "asya-relay", (1e9, 1e9))
    assert project.program("asya-server") == home / "build" / "dev" / "bin" / "asya-server"
    assert project.program("asya-relay") == home / "build" / "dev" / "bin" / "asya-relay"
