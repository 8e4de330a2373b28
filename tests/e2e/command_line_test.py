"""The asya command itself: how objects are named, described and completed, and what it does not lose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from asya_project import Project, actor, until

HANDLERS = """
import pathlib


def shout(payload):
    print("shouting", payload["text"], flush=True)
    return {**payload, "text": payload["text"].upper()}


def fail(payload):
    raise ValueError("no such page")


def need(payload):
    return {"text": pathlib.Path(payload["file"]).read_text()}
"""
FLOW = """\
apiVersion: asya.sh/v1alpha1
kind: Flow
metadata: {name: doomed}
spec: {entrypoint: shout, routeNext: [fail]}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project; the tests leave its actors as they were."""
    home = tmp_path_factory.mktemp("command")
    project = Project(home / "project", home)
    manifest = "".join(actor(name, "steps." + name) for name in ("shout", "fail", "need")) + FLOW
    project.write(asya__yaml=manifest, steps__py=HANDLERS)
    project.run("up", ".")
    yield project
    project.down()


def test_an_object_may_be_named_as_kind_slash_name(work: Project) -> None:
    """As kubectl takes it, and as `-o name` prints it."""
    name = work.run("get", "actor/shout", "-o", "name").out.strip()
    assert name == "actor/shout"
    assert work.run("pause", name).out == "actor/shout paused\n"
    assert work.run("resume", name).out == "actor/shout resumed\n"
    assert "WHY" in work.run("why", name).out or "no decision" in work.run("why", name).out
    assert "one object" in work.run("get", "actor/shout", "fail", code=2).err
    assert "KIND" in work.run("delete", code=2).err


def test_describe_tells_all_about_an_object(work: Project) -> None:
    """Its spec, its conditions, the decisions about it and its events."""
    work.run("send", "shout", '{"text": "wake"}', "--wait")
    shown = work.run("describe", "actor", "shout").out
    for text in ("name:", "handler: steps.shout", "QueueReady", "0 -> 1", "asya-default-shout"):
        assert text in shown, shown
    assert "entrypoint: shout" in work.run("describe", "flow/doomed").out
    assert '"nobody" not found' in work.run("describe", "actor", "nobody", code=3).err


def test_every_kind_that_can_be_applied_can_be_looked_at(work: Project, tmp_path: Path) -> None:
    """Shown, told of and deleted, in no namespace."""
    manifest = tmp_path / "function.yaml"
    manifest.write_text("apiVersion: asya.sh/v1alpha1\nkind: Function\nmetadata: {name: f}\nspec: {endpoint: 'h:1'}\n")
    assert work.run("apply", "-f", str(manifest)).out == "function/f created\n"
    assert work.run("get", "functions").rows()[0]["ENDPOINT"] == "h:1"
    assert "endpoint: h:1" in work.run("describe", "function/f").out
    assert "created" in work.run("history", "function", "f").out
    assert work.run("delete", "function", "f").out == "function/f deleted\n"
    assert "no compositions found" in work.run("get", "compositions").err


def completions(project: Project, *words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    line = " ".join(("asya", *words))
    done = project.run(code=0, _ASYA_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words)))
    return [offer.partition(",")[2] for offer in done.out.split()]


def test_names_of_objects_are_completed(work: Project) -> None:
    """Kinds, objects of the kind given, what can be sent to; nothing without a server."""
    # Nobody is kept waiting for completions: a server that is slow to answer offers none.
    for words, offered in (("get fla", "flavor"), ("get actor sho", "shout"), ("delete actor/sho", "actor/shout"),
                           ("send do", "doomed"), ("logs fa", "fail")):  # fmt: skip
        until(lambda: completions(work, *words.split()) == [offered], words)  # noqa: B023
    task = work.run("send", "shout", '{"text": "x"}').out.strip()
    until(lambda: task in completions(work, "task", task[:8]), "the task is offered")
    assert completions(work, "get", "--server", "http://127.0.0.1:1", "actor", "sho") == []


def test_an_edit_that_is_no_json_is_not_lost(work: Project, tmp_path: Path) -> None:
    """The text is kept, and the command tells how to go on with it."""
    failed = work.run("send", "doomed", '{"text": "page"}', "--wait", code=1)
    task = failed.err.split("asya task ")[1].split()[0]
    until(lambda: task in work.run("dead-letters").out, "its dead letter")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho \'{"text": hours of work\' >"$1"\n')
    editor.chmod(0o700)
    refused = work.run("replay", task, "--edit", code=5, EDITOR=str(editor), TMPDIR=str(tmp_path))
    kept = Path(refused.err.rsplit("@", 1)[1].strip())
    assert kept.read_text() == '{"text": hours of work\n'
    assert kept.stat().st_mode & 0o077 == 0
    kept.write_text('{"text": "mended"}')
    again = work.run("replay", task, "--payload", f"@{kept}").out.strip()
    assert work.get(f"/api/v1/tasks/{again}")["id"] == again


def test_what_failed_alike_is_replayed_at_once(work: Project, tmp_path: Path) -> None:
    """By the signature of its group; what was replayed is not again, and what cannot be is named."""
    file = tmp_path / "needed"
    failed = {work.run("send", "need", json.dumps({"file": str(file)})).out.strip() for _ in range(3)}
    until(lambda: len(work.run("dead-letters", "--actor", "need", "-o", "json").json()["items"]) == 3, "their letters")
    (group,) = work.run("dead-letters", "--actor", "need", "--groups").rows()
    assert group["COUNT"] == "3"
    assert group["LATEST ERROR"].startswith("FileNotFoundError: ")
    file.write_text("here")
    by_signature = ("replay", "--signature", group["SIGNATURE"], "--rate", "50")
    answer = work.run(*by_signature, "-o", "json").json()
    assert {replayed["replay_of"] for replayed in answer["replayed"]} == failed
    for replayed in answer["replayed"]:
        task = work.run("task", replayed["id"], "--wait", "-o", "json").json()
        assert task["result"] == {"text": "here"}
        assert task["replay_of"] == replayed["replay_of"]
    assert work.run(*by_signature).out == "0 replayed, 3 replayed before\n"
    refused = work.run("replay", "none", *failed, code=1)
    assert refused.out == "0 replayed, 1 failed, 3 replayed before\n"
    assert "none" in refused.err


def test_the_tail_of_the_log_is_that_of_all_replicas(work: Project) -> None:
    """Lines of several replicas in the order of their times, and as many as asked for in all."""
    folder = work.state / "logs" / "default" / "idle"
    folder.mkdir(parents=True)
    for replica, digits in (("idle-a", "135"), ("idle-b", "246")):
        lines = [f"2026-01-01T00:00:00.00000{digit}Z asya-runtime line {digit}\n" for digit in digits]
        (folder / f"{replica}.log").write_text("".join(lines))
    shown = work.run("logs", "idle", "--tail", "3").out.splitlines()
    assert [line.split()[0] + line[-1] for line in shown] == ["idle-b4", "idle-a5", "idle-b6"]


def test_the_kinds_are_printed_as_definitions(tmp_path: Path) -> None:
    """Without a server, and the same each time."""
    project = Project(tmp_path / "project", tmp_path)
    printed = project.run("render", "crds").out
    assert project.run("render", "crds").out == printed
    names = [document["metadata"]["name"] for document in yaml.safe_load_all(printed)]
    assert names[0] == "asyncactors.asya.sh"
    assert len(names) == 6
