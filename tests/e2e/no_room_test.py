"""Folders that cannot be read or written, and a disk without room: a message each, and nothing is lost."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from asya_project import Project, actor, as_anybody

MANIFEST = actor("echo", "steps.echo")
HANDLERS = "def echo(payload):\n    return payload\n"


@pytest.fixture
def made(project: Project) -> Project:
    """A project that can be brought up."""
    project.write(asya__yaml=MANIFEST, steps__py=HANDLERS)
    return project


def fails(project: Project, *arguments: str, code: int, told: tuple[str, ...], under: str = "") -> None:
    """The command ends with a message and no server stays."""
    done = project.run(*arguments, code=code, under=under)
    assert "Traceback" not in done.err
    assert done.err.count("error: ") == 1, done.err
    for words in told:
        assert words in done.err
    assert not (project.state / "server.json").exists()


def test_up_of_a_folder_that_cannot_be_written(made: Project) -> None:
    """The state has no place."""
    made.folder.chmod(0o555)
    fails(made, "up", ".", code=1, told=(".asya", "Permission denied", "make the folder writable"), under=as_anybody())
    assert not (made.folder / ".asya").exists()


def test_up_of_a_folder_or_manifest_that_cannot_be_read(made: Project) -> None:
    """Each is named."""
    (made.folder / "asya.yaml").chmod(0)
    fails(made, "up", ".", code=5, told=("asya.yaml: Permission denied",), under=as_anybody())
    made.folder.chmod(0o333)
    done = made.run("up", str(made.folder), code=2, under=as_anybody())
    assert f"{made.folder}' is not readable" in done.err


@pytest.mark.parametrize("arguments", [("apply", "-f", "closed"), ("render", "-f", "closed")], ids=lambda a: a[0])
def test_a_folder_of_manifests_that_cannot_be_read(made: Project, arguments: tuple[str, ...]) -> None:
    """It is named, whether a server runs or not."""
    (made.folder / "closed").mkdir(mode=0)
    fails(made, *arguments, code=5, told=("closed: Permission denied",), under=as_anybody())


def test_a_file_that_cannot_be_read_is_not_sent(made: Project) -> None:
    """It is named with the argument."""
    secret = made.folder / "page.png"
    secret.touch(mode=0)
    told = ("--file image=page.png", "Permission denied")
    fails(made, "send", "echo", "--file", "image=page.png", code=5, told=told, under=as_anybody())


def test_parents_that_cannot_be_read_are_passed_over(made: Project) -> None:
    """A command looks for its project in all of them."""
    inner = made.folder.parent / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o111)
    made.folder = inner
    fails(made, "get", "actors", code=4, told=("no server is running",), under=as_anybody())
    inner.parent.chmod(0o700)


def test_a_home_that_cannot_be_written_is_in_nobodys_way(made: Project, tmp_path: Path) -> None:
    """The server is up and found from its folder."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    done = made.run("up", ".", under=as_anybody(), XDG_STATE_HOME=str(closed / "state"))
    assert "only commands in this folder find the server" in done.err
    assert made.run("send", "echo", "[1]", "--wait").json() == [1]


def limit_file_sizes(size_bytes: int) -> Callable[[], None]:
    """For the process and what it starts."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def test_up_on_a_full_disk(made: Project) -> None:
    """No file can grow beyond 4 KiB, which the store has to."""
    under = "prlimit --fsize=4096 --"
    done = made.run("up", ".", code=1, under=under)
    assert "Traceback" not in done.err
    assert "the server did not start" in done.err
    assert "asya.db" in done.err
    assert not (made.state / "server.json").exists()
    made.run("up", ".")
    assert made.run("send", "echo", "[1]", "--wait").json() == [1]


def test_send_on_a_full_disk(made: Project) -> None:
    """What cannot be stored is not accepted; what was accepted is there, and is done when there is room again."""
    made.run("up", ".")
    made.run("pause", "actor", "echo")
    first = made.run("send", "echo", "[1]").out.strip()
    pid = made.server().pid
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, most))
    refused = made.run("send", "echo", "[2]", code=None)
    assert refused.code in (1, 5)
    assert refused.out == ""
    assert "Traceback" not in refused.err
    assert "asya.db" in refused.err or "disk" in refused.err or "too large" in refused.err.lower(), refused.err
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
    made.run("resume", "actor", "echo")
    assert made.run("task", first, "--wait", "-o", "json").json()["result"] == [1]
    assert made.run("send", "echo", "[3]", "--wait").json() == [3]
    assert len(made.run("tasks", "-o", "json").json()) == 2
