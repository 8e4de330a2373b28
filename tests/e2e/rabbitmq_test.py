"""Actors on RabbitMQ by changing only their transport: results, retries, dead letters, and a broker that dies."""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlparse

import pytest
from asya_project import ROOT, Project, until
from pair_of_actors import end, send, start_pair

sys.path.insert(0, str(ROOT / "tools"))

from private_rabbitmq import PrivateRabbitmq

TRANSPORT = """\
apiVersion: asya.sh/v1alpha1
kind: Transport
metadata: {{name: rabbit}}
spec:
  type: rabbitmq
  rabbitmq: {{host: 127.0.0.1, port: {port}, virtualHost: {host}, managementUrl: {management}}}
---
"""
QUEUES = tuple(f"asya-default-{name}" for name in ("first", "second", "x-sink", "x-sump"))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRabbitmq]:
    """A node of this file's own, which it may kill."""
    with PrivateRabbitmq(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


def ask(node: PrivateRabbitmq, method: str, path: str, body: Any = None) -> Any:
    """One call of the node's management API."""
    request = urllib.request.Request(
        node.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(),
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@pytest.fixture
def host(node: PrivateRabbitmq) -> str:
    """A virtual host of the test's own."""
    name = f"test-{uuid.uuid4()}"
    ask(node, "PUT", f"/api/vhosts/{name}")
    ask(node, "PUT", f"/api/permissions/{name}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
    return name


@pytest.fixture
def pair(project: Project, node: PrivateRabbitmq, host: str) -> Project:
    """Two actors in a row on the node, up."""
    port = urlparse(node.addresses["ASYA_TEST_RABBITMQ"]).port
    management = node.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"]
    start_pair(project, "rabbit", TRANSPORT.format(port=port, host=host, management=management))
    return project


def queues(node: PrivateRabbitmq, host: str) -> dict[str, Any]:
    """The queues of a virtual host by their names."""
    return {queue["name"]: queue for queue in ask(node, "GET", f"/api/queues/{host}")}


def test_a_route_runs_on_the_broker_and_so_does_its_end(pair: Project, node: PrivateRabbitmq, host: str) -> None:
    tasks = {number: send(pair, {"number": number}) for number in range(5)}
    retried = send(pair, {"number": 5, "fails": "once"})
    lost = send(pair, {"number": 6, "fails": "always"})
    for number, task in tasks.items():
        done = end(pair, task, "succeeded")
        assert done["result"] == {"number": number, "first": True, "second": True}
    end(pair, retried, "succeeded")
    end(pair, lost, "failed")
    found = queues(node, host)
    for name in QUEUES:
        assert found[name]["type"] == "quorum"
    until(lambda: pair.get("/api/v1/dead-letters")["items"], "the dead letter")


def test_nothing_is_lost_when_the_broker_is_killed(pair: Project, node: PrivateRabbitmq, host: str) -> None:
    count = int(os.environ.get("ASYA_TEST_ENVELOPES", "40"))
    # `asya up` waits for the actors of the project, not for the queues of the system's.
    until(lambda: set(QUEUES) <= set(queues(node, host)), "all queues")
    node.write_queue_names()
    tasks = [send(pair, {"number": 100 + n}) for n in range(count // 2)]
    node.kill()
    tasks += [send(pair, {"number": 200 + n}) for n in range(count // 2)]
    node.start()
    for task in tasks:
        end(pair, task, "succeeded")
    log = (pair.state / "logs" / "server.log").read_text()
    assert 1 <= log.count("first messages wait for their broker") < count // 2


def test_an_actor_leaves_no_queue_behind(pair: Project, node: PrivateRabbitmq, host: str) -> None:
    pair.run("delete", "actor", "second")
    until(lambda: "asya-default-second" not in queues(node, host), "the end of the queue")
