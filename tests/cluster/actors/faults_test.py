"""What dies in a cluster while envelopes go through real pods: nothing is lost."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asya_cluster import OutsideServer, eventually
from pipeline import STEPS, Pipeline, actor

from private_cluster.kubectl import PATIENCE_S
from private_cluster.layout import Place
from private_cluster.state import State

ENVELOPES = 60
LIMIT_S = 8 * PATIENCE_S


def running_pod(pipeline: Pipeline, name: str) -> dict[str, Any]:
    """A pod of the actor whose containers all run."""
    selector = f"asya.sh/actor={name}"

    def look() -> Any:
        for pod in pipeline.kubectl.get("pods", "-l", selector)["items"]:
            status = pod["status"]
            containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
            if containers and all(one["ready"] for one in containers) and "deletionTimestamp" not in pod["metadata"]:
                return pod
        return None

    found: dict[str, Any] = eventually(look, f"a pod of {name} is ready")
    return found


def kill_container(pipeline: Pipeline, name: str) -> None:
    """Ends all processes of a container of the second step as kill -9 does, from outside: its image has no shell."""
    status = running_pod(pipeline, STEPS[1])["status"]
    containers = [*status["initContainerStatuses"], *status["containerStatuses"]]
    container = next(one["containerID"].rpartition("/")[2] for one in containers if one["name"] == name)
    processes = processes_in(container)
    assert processes, f"container {name} has no process"
    for number in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def processes_in(container: str) -> list[int]:
    """Those whose control group is the container's."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if container in file.read_text():
                found.append(int(file.parent.name))
        except OSError:
            continue
    return found


def kill_relay(pipeline: Pipeline) -> None:
    """The relay alone; the kubelet starts it anew, and the runtime stays."""
    kill_container(pipeline, "asya-relay")


def kill_runtime(pipeline: Pipeline) -> None:
    """Supervisor and worker."""
    kill_container(pipeline, "asya-runtime")


def kill_pod(pipeline: Pipeline) -> None:
    """At once, without its time to end."""
    pod = running_pod(pipeline, STEPS[1])["metadata"]["name"]
    pipeline.kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")


def kill_kubelet(pipeline: Pipeline) -> None:
    """The node's agent; it is started anew a second later."""
    running_pod(pipeline, STEPS[1])
    state = State.read(Place.of(os.environ["ASYA_TEST_CLUSTER"]))
    assert state is not None
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = file.read_text().rpartition(")")
        except OSError:
            continue
        if int(tail.split()[1]) == state.process and head.endswith("(kubelet"):
            os.kill(int(file.parent.name), signal.SIGKILL)


def kill_leader(pipeline: Pipeline) -> None:
    """The server that holds the Lease; another one goes on."""
    asya = pipeline.cluster
    if len(asya.servers) == 1:
        asya.servers.append(OutsideServer(asya, 2))
    running_pod(pipeline, STEPS[1])
    leader = eventually(asya.leader, "a server leads")
    leader.process.kill()
    eventually(lambda: asya.leader() not in (None, leader), "another server leads")
    leader.start()


def kill_broker(pipeline: Pipeline) -> None:
    """RabbitMQ, started anew on what it has written."""
    running_pod(pipeline, STEPS[1])
    pipeline.cluster.rabbitmq.write_queue_names()
    pipeline.cluster.rabbitmq.kill()
    pipeline.cluster.rabbitmq.start()


def kill_postgres(pipeline: Pipeline) -> None:
    """All its processes; started anew on what it has written."""
    running_pod(pipeline, STEPS[1])
    pipeline.cluster.postgres.kill()
    pipeline.cluster.postgres.start()


FAULTS = [kill_relay, kill_runtime, kill_pod, kill_kubelet, kill_leader, kill_broker, kill_postgres]


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost(pipeline: Pipeline, fault: Callable[[Pipeline], None]) -> None:
    """Whatever dies in the middle of it: each task ends well, and has been through each step once."""
    survive(pipeline, fault)


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("fault", [kill_pod, kill_postgres])
def test_nothing_is_lost_on_postgresql(ledger: Pipeline, fault: Callable[[Pipeline], None]) -> None:
    """Nor where it keeps the queues too."""
    survive(ledger, fault)


def survive(pipeline: Pipeline, fault: Callable[[Pipeline], None]) -> None:
    """Sends before and after."""
    tasks = pipeline.send(ENVELOPES, seconds=0.5)
    fault(pipeline)
    tasks |= pipeline.send(ENVELOPES // 2, seconds=0.1)
    assert pipeline.outcomes(tasks) == []


def test_a_deployment_that_is_deleted_comes_back(pipeline: Pipeline) -> None:
    """As it was, but for its replicas; an event says so."""
    kubectl = pipeline.kubectl
    before = kubectl.get("deployment", "first")["metadata"]["uid"]
    kubectl("delete", "deployment", "first")
    eventually(lambda: uid(pipeline, "deployment", "first") not in ("", before), "it is made again")
    eventually(lambda: "Deployment first was deleted" in told(pipeline, "first", "Repaired"), "it is told")


def test_a_scaled_object_that_is_edited_is_put_right(pipeline: Pipeline) -> None:
    """A bound that somebody lifted."""
    kubectl = pipeline.kubectl
    patch = '{"spec": {"maxReplicaCount": 50, "minReplicaCount": 1}}'
    kubectl("patch", "scaledobject", "first", "--type=merge", "--patch", patch)
    kubectl.until("scaledobject", "first", holds=lambda found: found["spec"]["maxReplicaCount"] == 2)
    kubectl.until("scaledobject", "first", holds=lambda found: found["spec"]["minReplicaCount"] == 0)
    eventually(lambda: "ScaledObject first was changed" in told(pipeline, "first", "Repaired"), "it is told")


def test_a_queue_that_is_deleted_comes_back(pipeline: Pipeline) -> None:
    """It is looked for every half minute; what comes then goes through it."""
    name = "asya-vision-first"
    pipeline.cluster.rabbitmq.control("delete_queue", name)
    eventually(lambda: name in pipeline.cluster.queues(), "the queue is made again")
    eventually(lambda: name in told(pipeline, "first", "QueueDeleted"), "it is told")
    assert pipeline.outcomes(pipeline.send(5)) == []


def told(pipeline: Pipeline, name: str, reason: str) -> str:
    """What events say of an actor for that reason."""
    chosen = f"involvedObject.kind=AsyncActor,involvedObject.name={name},reason={reason}"
    events = pipeline.kubectl.get("events", "--field-selector", chosen)["items"]
    return " ".join(event["message"] for event in events)


def uid(pipeline: Pipeline, kind: str, name: str) -> str:
    """Of what is there now under that name; empty where nothing is."""
    found = pipeline.kubectl.get(kind, "--field-selector", f"metadata.name={name}")["items"]
    return str(found[0]["metadata"]["uid"]) if found else ""


def test_an_actor_with_work_waits_for_it_and_says_how_much(pipeline: Pipeline) -> None:
    """Deleted while paused, it says the count; once it may work, it goes."""
    cluster = pipeline.cluster
    cluster.kubectl.apply(actor("leaving", handler="steps.first", paused=True))
    eventually(lambda: "asya-vision-leaving" in cluster.queues(), "it has a queue")
    tasks = pipeline.send(3, route=("leaving",))
    eventually(lambda: cluster.queues()["asya-vision-leaving"] == 3, "the work waits")
    cluster.kubectl("delete", "asya", "leaving", "--wait=false")

    def says() -> bool:
        conditions = cluster.kubectl.get("asya", "leaving")["status"]["conditions"]
        return any("3 envelopes" in one["message"] for one in conditions)

    eventually(says, "it says how much waits")
    cluster.kubectl("patch", "asya", "leaving", "--type=merge", "--patch", '{"spec": {"paused": false}}')
    eventually(lambda: not uid(pipeline, "asya", "leaving"), "it goes")
    assert pipeline.outcomes(tasks) == []
