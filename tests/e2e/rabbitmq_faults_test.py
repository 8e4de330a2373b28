"""RabbitMQ in trouble of its own: it takes no messages for a while, gives up on slow consumers, loses a queue."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from asya_project import ACTORS, ROOT, Project, until
from pair_of_actors import end, send
from rabbitmq_test import TRANSPORT, ask, queues

sys.path.insert(0, str(ROOT / "tools"))

from private_rabbitmq import PrivateRabbitmq

CONSUMER_TIMEOUT_S = 3
SLOW_S = 3 * CONSUMER_TIMEOUT_S
BLOCKED_FOR_S = 5
NARROW_BYTES = 65536
CRASHES_MAX = 5
HOST = "asya-default-"
ACTOR = """\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {{name: {name}}}
spec:
  image: test:latest
  handler: steps.{name}
  transport: rabbit
  concurrency: 4
  scaling: {{minReplicaCount: 1, maxReplicaCount: 1}}
  resiliency: {{policies: {{default: {{maxAttempts: 3, backoff: constant, initialDelay: 200ms}}}}}}
---
"""
STEPS = f"""\
import os
import time

HERE = os.path.dirname(__file__)

def note(payload):
    with open(os.path.join(HERE, f"runs-{{payload['number']}}"), "a") as file:
        file.write("x")
    return os.path.getsize(file.name)

def kill_relay():
    pod = b"ASYA_SOCKET_DIR=" + os.environb[b"ASYA_SOCKET_DIR"] + b"\\0"
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{{entry}}/cmdline", "rb") as line, open(f"/proc/{{entry}}/environ", "rb") as variables:
                found = b"asya-relay" in line.read() and pod in variables.read() + b"\\0"
        except OSError:
            continue
        if found:
            os.kill(int(entry), 9)

def first(payload):
    runs = note(payload)
    if payload.get("fails") and runs == 1:
        raise ValueError("not yet")
    if payload.get("kills"):
        kill_relay()
    time.sleep({SLOW_S} if payload.get("slow") else 0)
    if payload.get("children"):
        for child in range(payload["children"]):
            yield {{**payload, "child": child}}
    else:
        yield payload

def second(payload):
    return payload
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRabbitmq]:
    """A node of this file's own, which is quick to give up on a consumer."""
    settings = {"consumer_timeout": str(CONSUMER_TIMEOUT_S * 1000)}
    with PrivateRabbitmq(tmp_path_factory.mktemp("rabbitmq"), settings) as server:
        yield server


@pytest.fixture
def host(node: PrivateRabbitmq) -> str:
    """A virtual host of the test's own."""
    name = f"test-{uuid.uuid4()}"
    ask(node, "PUT", f"/api/vhosts/{name}")
    ask(node, "PUT", f"/api/permissions/{name}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
    return name


@pytest.fixture
def pair(project: Project, node: PrivateRabbitmq, host: str) -> Project:
    """Two actors in a row on the node, up and consuming."""
    port = urlparse(node.addresses["ASYA_TEST_RABBITMQ"]).port
    manifest = TRANSPORT.format(port=port, host=host, management=node.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"])
    manifest += ACTOR.format(name="first") + ACTOR.format(name="second")
    project.write(asya__yaml=manifest, steps__py=STEPS)
    project.run("up")
    return project


@pytest.fixture
def narrow(node: PrivateRabbitmq) -> Iterator[None]:
    """The node takes small messages only, on channels that are opened meanwhile."""
    node.control("eval", f"application:set_env(rabbit, max_message_size, {NARROW_BYTES}).")
    yield
    node.control("eval", "application:unset_env(rabbit, max_message_size).")


def runs(project: Project, number: int) -> int:
    """How often the first handler was called for this payload."""
    file = Path(project.folder) / f"runs-{number}"
    return file.stat().st_size if file.exists() else 0


def connections(node: PrivateRabbitmq, host: str) -> dict[str, Any]:
    """The connections of the relays of both actors by the ports they come from."""
    found = ask(node, "GET", f"/api/vhosts/{host}/connections")
    names = tuple(f"asya-relay {HOST}{actor} " for actor in ("first", "second"))
    return {c["name"]: c for c in found if c.get("client_properties", {}).get("connection_name", "").startswith(names)}


@pytest.mark.usefixtures("narrow")
def test_a_task_too_large_for_the_broker_ends_and_holds_nothing_up(pair: Project) -> None:
    """The broker says so only when it is too late for an answer to `asya send`."""
    large = send(pair, {"number": 0, "text": "x" * (2 * NARROW_BYTES)})
    small = send(pair, {"number": 1})
    assert end(pair, large, "failed")["error"]["type"] == "PayloadTooLarge"
    end(pair, small, "succeeded")
    assert runs(pair, 0) == 0


def test_poison_that_kills_its_relay_is_given_up_after_five_deaths_that_are_written_down(pair: Project) -> None:
    """The first is not. Nobody knows better, so it waits for pardons in vain; others do not wait for it."""
    poison = send(pair, {"number": 0, "kills": True})
    until(lambda: runs(pair, 0) == CRASHES_MAX + 1, "the deaths")
    end(pair, send(pair, {"number": 1}), "succeeded")
    assert pair.get(f"/api/v1/tasks/{poison}")["status"] in ("pending", "running")
    ended = end(pair, poison, "failed")
    assert "died 5 times" in ended["error"]["message"], ended
    assert runs(pair, 0) == CRASHES_MAX + 1


def test_a_broker_that_takes_no_messages_is_waited_for(pair: Project, node: PrivateRabbitmq, host: str) -> None:
    """A real memory alarm: retries and fan-outs ask before they publish, and nobody reads their questions."""
    end(pair, send(pair, {"number": 0}), "succeeded")
    before = until(lambda: len(connections(node, host)) == 4 and connections(node, host), "both relays")
    node.control("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        tasks = [send(pair, {"number": 1}), send(pair, {"number": 2, "fails": True})]
        tasks.append(send(pair, {"number": 3, "children": 3}))
        limit = time.monotonic() + BLOCKED_FOR_S
        while time.monotonic() < limit:
            for task in tasks:
                assert pair.get(f"/api/v1/tasks/{task}")["status"] in ("pending", "running")
            time.sleep(0.2)

        def states() -> list[str]:
            return [c.get("state") for c in ask(node, "GET", f"/api/vhosts/{host}/connections")]

        until(lambda: "blocked" in states(), "a connection is blocked")
        # The server still asks its questions: actors come, go and scale.
        pair.post(ACTORS, {"apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": {"name": "third"},
                           "spec": {"image": "test", "handler": "steps.second", "transport": "rabbit"}})  # fmt: skip
        until(lambda: HOST + "third" in queues(node, host), "the queue of a new actor while the broker is blocked")
    finally:
        node.control("set_vm_memory_high_watermark", "0.6")
    for task in tasks:
        end(pair, task, "succeeded")
    assert [runs(pair, number) for number in (1, 2, 3)] == [1, 2, 1]
    assert set(connections(node, host)) == set(before), "nobody had a reason to connect again"


def test_a_handler_that_outlasts_the_brokers_patience_is_called_once(pair: Project) -> None:
    """The broker closes the channel, and delivers again what the relay has in work."""
    end(pair, send(pair, {"number": 1, "slow": True}), "succeeded")
    assert runs(pair, 1) == 1
    logs = "".join(log.read_text() for log in (pair.state / "logs").rglob("*") if log.is_file())
    assert "kept the work of a message that came again" in logs, "the broker was patient"


def test_a_queue_that_is_deleted_under_its_consumer_comes_back(pair: Project, node: PrivateRabbitmq, host: str) -> None:
    """The broker cancels the consumer; the server makes the queue again, and the relay goes on by itself."""
    end(pair, send(pair, {"number": 1}), "succeeded")
    ask(node, "DELETE", f"/api/queues/{host}/{HOST}second")
    until(lambda: queues(node, host).get(HOST + "second", {}).get("consumers"), "the queue and its consumer")
    end(pair, send(pair, {"number": 2}), "succeeded")
