"""Payloads that are too large for their queues, through `asya up` without any setting for it."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asya_project import ROOT, Project, actor, until

from asya_cli.client import Client
from asya_cli.up import alive

sys.path.insert(0, str(ROOT / "tools"))

from private_moto import ACCESS_KEY, SECRET_KEY, PrivateMoto

GROWN_BYTES = 13 << 20  # a message of SQLite takes 12 MiB
SENT = "s" * (2 << 20)
# Payloads go as soon as nobody needs them, and first payloads of 2 MiB are large, so that a test need not wait.
SETTINGS = {"ASYA_CLAIM_GRACE": "1s", "ASYA_CLAIM_THRESHOLD_BYTES": str(1 << 20)}
STEPS = f"""\
import hashlib
import os


def grow(payload):
    return {{"sent": len(payload["text"]), "grown": "g" * {GROWN_BYTES}}}


def measure(payload):
    if os.path.exists("broken"):
        raise ValueError("told to")
    return {{"sent": payload["sent"], "sha256": hashlib.sha256(payload["grown"].encode()).hexdigest()}}
"""
RESULT = {"sent": len(SENT), "sha256": hashlib.sha256(b"g" * GROWN_BYTES).hexdigest()}


def up(project: Project, **environment: str) -> None:
    """Start the two actors."""
    once = "  resiliency: {policies: {default: {maxAttempts: 1}}}\n"
    project.write(steps__py=STEPS, asya__yaml=actor("grow", "steps.grow") + actor("measure", "steps.measure", once))
    project.run("up", code=0, stdin="", **(SETTINGS | environment))


def send(project: Project) -> str:
    """A task whose first payload is large already."""
    body = {"payload": {"text": SENT}, "next": ["measure"]}
    return str(project.post("/api/v1/tasks", body, actor="grow")["id"])


def end(project: Project, task: str, status: str) -> Any:
    """The task, once it has ended so."""
    done = until(
        lambda: next((t for t in [project.get(f"/api/v1/tasks/{task}", wait="5s")] if t["status"] == status), None),
        f"{status} of {task}",
    )
    return done.get("result")


def kept(project: Project) -> set[str]:
    """Of which envelopes the store keeps something."""
    store: Path = project.state / "claims"
    return {folder.name for folder in store.iterdir()} if store.is_dir() else set()


def test_payloads_above_the_limit_pass_and_nothing_stays_behind(project: Project) -> None:
    up(project)
    task = send(project)
    assert end(project, task, "succeeded") == RESULT
    until(lambda: not kept(project), "an empty store")
    metrics = Client(project.server()).call("GET", "/metrics").text
    assert "asya_claims_removed_total 2\n" in metrics  # what was sent, and what it grew to


def test_a_dead_letter_is_replayed_with_the_payload_it_names(project: Project) -> None:
    (project.folder / "broken").touch()
    up(project)
    failed = send(project)
    end(project, failed, "failed")
    letter = until(lambda: project.get("/api/v1/dead-letters")["items"], "the dead letter")[0]["id"]
    # Nothing of what it names goes while the letter is kept, however often the store is looked through.
    (project.folder / "broken").unlink()
    for _ in range(2):
        replayed = project.post(f"/api/v1/dead-letters/{letter}/replay", None)["id"]
        assert end(project, replayed, "succeeded") == RESULT
        until(lambda: kept(project) == {failed}, "nothing but what the letter names")


def test_a_server_that_was_killed_forgets_nothing(project: Project) -> None:
    up(project)
    tasks = [send(project) for _ in range(3)]
    pid = project.server().pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid), "the end of the server")
    project.run("up", code=0, stdin="", **SETTINGS)
    for task in tasks:
        assert end(project, task, "succeeded") == RESULT
    until(lambda: not kept(project), "an empty store")


def test_without_a_store_they_are_refused(project: Project) -> None:
    up(project, ASYA_CLAIM_STORE="none")
    task = send(project)
    end(project, task, "failed")
    assert project.get(f"/api/v1/tasks/{task}")["error"]["type"] == "PayloadTooLarge"
    assert kept(project) == set()


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMoto]:
    """A server of this file's own, which stands for S3."""
    with PrivateMoto(tmp_path_factory.mktemp("moto")) as server:
        yield server


def test_the_same_in_a_bucket(project: Project, moto: PrivateMoto) -> None:
    moto.say("bucket", bucket="payloads")
    up(
        project,
        ASYA_CLAIM_STORE="s3://payloads/of/test",
        ASYA_CLAIM_S3_ENDPOINT=moto.url,
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
    )
    assert end(project, send(project), "succeeded") == RESULT
    assert kept(project) == set()
    until(lambda: moto.say("objects", bucket="payloads") == [], "an empty bucket")
    assert moto.say("calls", region="us-east-1")["PutObject"] > 2
