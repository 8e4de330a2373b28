"""The history of objects with the asya command: who changed what, what differs, and the way back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asya_project import ACTORS, Project, actor, until

HANDLERS = """
def shout(payload):
    return {**payload, "text": payload["text"].upper()}


def whisper(payload):
    return {**payload, "text": payload["text"].lower()}
"""
FLAVOR = """\
apiVersion: asya.sh/v1alpha1
kind: Flavor
metadata: {name: small}
spec: {concurrency: 1}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project; each test uses an object of its own."""
    home = tmp_path_factory.mktemp("history")
    project = Project(home / "project", home)
    project.write(asya__yaml=actor("voice", "steps.shout") + actor("other", "steps.shout") + FLAVOR, steps__py=HANDLERS)
    project.run("up", ".")
    yield project
    project.down()


def revisions(project: Project, kind: str, name: str) -> list[str]:
    """Newest first."""
    items = project.run("history", kind, name, "-o", "json").json()["items"]
    return [item["revision"] for item in items]


def say(project: Project, name: str) -> str:
    """What the actor makes of a text."""
    task = project.run("send", name, '{"text": "Hi"}').out.strip()
    return str(project.run("task", task, "--wait", "-o", "json").json()["result"]["text"])


def test_a_bad_change_is_found_and_taken_back(work: Project) -> None:
    """History, diff, dry run, restore; and the actor works as it did."""
    assert say(work, "voice") == "HI"
    manifest = (work.folder / "asya.yaml").read_text()
    (work.folder / "changed.yaml").write_text(
        actor("voice", "steps.whisper", "  concurrency: 2\n").removesuffix("---\n")
    )
    work.run("apply", "-f", "changed.yaml")
    (work.folder / "changed.yaml").unlink()
    assert (work.folder / "asya.yaml").read_text() == manifest

    shown = work.run("history", "actor", "voice")
    newest, first = shown.rows()
    assert newest["CHANGED"] == "spec.concurrency = 2, spec.handler steps.shout -> steps.whisper"
    assert (first["HOW"], first["CHANGED"]) == ("create", "created")
    assert f"back: asya restore actor voice --revision {first['REVISION']}" in shown.err

    diff = work.run("diff", "actor", "voice").out
    assert f"--- revision {first['REVISION']}: create by " in diff
    assert "\n-  handler: steps.shout\n+  concurrency: 2\n+  handler: steps.whisper\n" in diff
    assert "\x1b" not in diff
    table = work.run("diff", "actor/voice", "--from", first["REVISION"], "-o", "table").rows()
    assert table[0]["PATH"] == "spec.concurrency"

    tried = work.run("restore", "actor", "voice", "--revision", first["REVISION"], "--dry-run")
    assert f"actor/voice would be restored to revision {first['REVISION']} (dry run)" in tried.out
    assert len(revisions(work, "actor", "voice")) == 2
    done = work.run("restore", "actor", "voice", "--revision", first["REVISION"])
    assert f"actor/voice restored to revision {first['REVISION']}\n" in done.out
    assert work.run("history", "actor", "voice").rows()[0]["HOW"] == "restore"
    assert work.get(f"{ACTORS}/voice")["spec"]["handler"] == "steps.shout"
    until(lambda: say(work, "voice") == "HI", "the handler is the old one again")
    again = work.run("restore", "actor", "voice", "--revision", first["REVISION"])
    assert "warning: nothing was written" in again.err


def test_a_deleted_actor_comes_back(work: Project) -> None:
    """With its spec, as another object, and it works."""
    revision = revisions(work, "actor", "other")[0]
    uid = work.get(f"{ACTORS}/other")["metadata"]["uid"]
    work.run("delete", "actor", "other")
    gone = work.run("history", "actor", "other")
    assert gone.rows()[0]["CHANGED"] == "deleted"
    assert work.run("history", "actor", "other", "--at", "2h", code=3).err.startswith("error: ")
    assert "created again from its last state" in work.run("restore", "actor", "other", "--uid", uid).out
    assert work.get(f"{ACTORS}/other")["metadata"]["uid"] != uid
    until(lambda: work.condition("other", "QueueReady").get("status") == "True", "its queue is there again")
    assert say(work, "other") == "HI"
    both = work.run("history", "actor", "other")
    assert "several objects had this name" in both.err
    assert {row["UID"] for row in both.rows()} > {uid}
    assert revision in revisions(work, "actor", "other")


def test_other_kinds_have_a_history_too(work: Project) -> None:
    """A flavor, which is of no namespace."""
    (work.folder / "small.yaml").write_text(FLAVOR.replace("concurrency: 1", "concurrency: 3"))
    work.run("apply", "-f", "small.yaml")
    (work.folder / "small.yaml").unlink()
    assert "\n-  concurrency: 1\n+  concurrency: 3\n" in work.run("diff", "flavor", "small").out
    first = revisions(work, "flavor", "small")[-1]
    work.run("restore", "flavor/small", "--revision", first)
    assert work.run("get", "flavor", "small", "-o", "json").json()["spec"] == {"concurrency": 1}
    assert work.run("diff", "flavor", "small", "-o", "yaml").out.startswith("apiVersion: ")


def test_what_is_typed_wrong_is_told_with_the_fix(work: Project) -> None:
    """An unknown revision, none at all, an unknown object, a time that is none."""
    unknown = work.run("restore", "actor", "voice", "--revision", "999999", code=3).err
    assert "has no revision 999999 in its history; the one before it is " in unknown
    assert "try: asya history actor voice" in unknown
    assert "asya history actor voice lists them" in work.run("restore", "actor", "voice", code=2).err
    assert "try: asya get actor" in work.run("history", "actor", "nobody", code=3).err
    assert '"nobody" not found' in work.run("diff", "actor", "nobody", code=3).err
    assert "is no revision" in work.run("diff", "actor", "voice", "--from", "x", code=5).err
    assert "is no time" in work.run("history", "actor", "voice", "--at", "never", code=2).err
    assert "'event'" in work.run("history", "event", "voice", code=2).err


def test_revisions_are_completed(work: Project) -> None:
    """Of the object that the line names."""
    expected = revisions(work, "actor", "voice")
    for command in ("diff actor voice --from ", "restore actor/voice --revision "):
        line = "asya " + command

        def offered() -> list[str]:
            words = str(len(line.split()))  # noqa: B023
            done = work.run(_ASYA_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=words)  # noqa: B023
            return [offer.partition(",")[2] for offer in done.out.split()]

        until(lambda: offered() == expected, command)
