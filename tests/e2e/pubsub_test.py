"""Actors on Google Pub/Sub by changing only their transport: results, retries, dead letters, and queues that go."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator

import pytest
from asya_project import ROOT, Project, until
from pair_of_actors import end, send, start_pair

sys.path.insert(0, str(ROOT / "tools"))

from private_pubsub import PrivatePubsub

TRANSPORT = """\
apiVersion: asya.sh/v1alpha1
kind: Transport
metadata: {{name: google}}
spec:
  type: pubsub
  pubsub: {{projectId: {project}, endpoint: "{endpoint}", ackDeadline: 10}}
---
"""


@pytest.fixture(scope="module")
def fake() -> Iterator[PrivatePubsub]:
    """A server of this file's own."""
    with PrivatePubsub() as server:
        yield server


@pytest.fixture
def pair(project: Project, fake: PrivatePubsub) -> Project:
    """Two actors in a row on the server, up."""
    start_pair(
        project, "google", TRANSPORT.format(project=f"test-{uuid.uuid4()}", endpoint=fake.addresses["ASYA_TEST_PUBSUB"])
    )
    return project


def test_a_route_runs_on_pubsub_and_so_do_retries_and_its_end(pair: Project) -> None:
    tasks = {number: send(pair, {"number": number}) for number in range(5)}
    retried = send(pair, {"number": 5, "fails": "once"})
    lost = send(pair, {"number": 6, "fails": "always"})
    for number, task in tasks.items():
        done = end(pair, task, "succeeded")
        assert done["result"] == {"number": number, "first": True, "second": True}
    end(pair, retried, "succeeded")
    end(pair, lost, "failed")
    until(lambda: pair.get("/api/v1/dead-letters")["items"], "the dead letter")


def test_nothing_is_lost_when_the_server_starts_again(pair: Project) -> None:
    tasks = [send(pair, {"number": 100 + number}) for number in range(10)]
    pair.run("down")
    pair.run("up")
    tasks += [send(pair, {"number": 200 + number}) for number in range(10)]
    for task in tasks:
        end(pair, task, "succeeded")


def test_an_empty_queue_goes_with_its_actor(pair: Project) -> None:
    task = send(pair, {"number": 300})
    end(pair, task, "succeeded")
    pair.run("delete", "actor", "second")
    until(lambda: "second" not in pair.run("get", "actors").out, "the end of the actor")
