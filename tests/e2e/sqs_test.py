"""Actors on SQS by changing only their transport: results, retries, dead letters, and no queue left behind."""

from __future__ import annotations

import json
import sys
import urllib.request
import uuid
from collections.abc import Iterator

import pytest
from asya_project import ROOT, Project, until
from pair_of_actors import end, send, start_pair

sys.path.insert(0, str(ROOT / "tools"))

from private_moto import ACCESS_KEY, SECRET_KEY, PrivateMoto

TRANSPORT = """\
apiVersion: asya.sh/v1alpha1
kind: Transport
metadata: {{name: queues}}
spec:
  type: sqs
  sqs: {{region: {region}, endpoint: "{endpoint}", credentialsSecretRef: {{name: aws}}}}
---
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMoto]:
    """A server of this file's own."""
    with PrivateMoto(tmp_path_factory.mktemp("moto")) as moto:
        yield moto


@pytest.fixture
def region() -> str:
    """A region of the test's own, which holds no queue yet."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def pair(project: Project, server: PrivateMoto, region: str) -> Project:
    """Two actors in a row on the server, up."""
    secret = project.folder / ".asya/local/secrets/asya-transport-queues"
    secret.mkdir(parents=True)
    (secret / "AWS_ACCESS_KEY_ID").write_text(ACCESS_KEY)
    (secret / "AWS_SECRET_ACCESS_KEY").write_text(SECRET_KEY)
    start_pair(project, "queues", TRANSPORT.format(region=region, endpoint=server.url))
    return project


def calls(server: PrivateMoto, region: str) -> dict[str, int]:
    """How often each action was called in a region."""
    with urllib.request.urlopen(f"{server.url}/asya/calls?region={region}", timeout=30) as answer:
        counts: dict[str, int] = json.loads(answer.read())
    return counts


def test_a_route_runs_on_sqs_and_so_does_its_end(pair: Project, server: PrivateMoto, region: str) -> None:
    tasks = {number: send(pair, {"number": number}) for number in range(5)}
    retried = send(pair, {"number": 5, "fails": "once"})
    lost = send(pair, {"number": 6, "fails": "always"})
    for number, task in tasks.items():
        done = end(pair, task, "succeeded")
        assert done["result"] == {"number": number, "first": True, "second": True}
    end(pair, retried, "succeeded")
    end(pair, lost, "failed")
    until(lambda: pair.get("/api/v1/dead-letters")["items"], "the dead letter")
    assert calls(server, region)["CreateQueue"] >= 4  # first, second, x-sink, x-sump


def test_an_actor_leaves_no_queue_behind(pair: Project, server: PrivateMoto, region: str) -> None:
    pair.run("delete", "actor", "second")
    until(lambda: calls(server, region).get("DeleteQueue"), "the end of the queue")
