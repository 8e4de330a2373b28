"""Actors in real pods: from nothing to many and back, and not one envelope lost."""

from __future__ import annotations

import pytest
from asya_cluster import TEAM, AsyaCluster, eventually
from pipeline import LEAVE, MANAGED, STEPS, Pipeline, actor, ask, is_scaled

from private_cluster.api import condition
from private_cluster.kubectl import PATIENCE_S
from private_cluster.layout import ClusterError

ENVELOPES = 200
LONG_S = 240.0  # unless it is told to leave
SHORT_ENVELOPES = 8
LIMIT_S = 8 * PATIENCE_S


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("actors", ["managed", "pipeline", "ledger"])
def test_envelopes_go_through_pods_that_come_and_go(request: pytest.FixtureRequest, actors: str) -> None:
    """From none to some and back to none, x-sink's too: by our scaler, and by KEDA's triggers on RabbitMQ and on
    PostgreSQL."""
    pipeline: Pipeline = request.getfixturevalue(actors)
    for name in (*STEPS, "x-sink"):
        eventually(lambda name=name: pipeline.replicas(name) == 0, f"{name} has come to rest", LIMIT_S)
    tasks = pipeline.send(ENVELOPES, seconds=0.2)
    eventually(lambda: pipeline.replicas("first") > 1, "more than one pod of the first step")
    assert pipeline.outcomes(tasks) == []
    for name in (*STEPS, "x-sink"):
        eventually(lambda name=name: pipeline.replicas(name) == 0, f"{name} is back at none", LIMIT_S)
    for name in (*STEPS, "x-sink"):
        eventually(lambda name=name: pipeline.waiting(name) == 0, f"nothing waits for {name}")
    with pipeline.client() as client:
        assert ask(client, "GET", "/dead-letters")["items"] == []


@pytest.mark.timeout(LIMIT_S)
def test_pods_of_the_team_have_to_be_restricted(asya: AsyaCluster) -> None:
    """The standard is enforced where the pods above ran."""
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        asya.kubectl("run", "open", "--image=localhost/python:1", "--restart=Never")
    assert asya.kubectl.namespace == TEAM


@pytest.mark.timeout(LIMIT_S)
def test_a_pod_with_work_stays_when_others_go(managed: Pipeline) -> None:
    """Its envelope was the first to come, is still worked on when all others are done, and is called once."""
    scaling = MANAGED | {"maxReplicaCount": 3, "queueLength": 1}
    spec = {"handler": "steps.first", "scaling": scaling, "concurrency": 1, "resiliency": {"actorTimeout": "300s"}}
    managed.kubectl.apply(actor("patient", **spec))
    eventually(lambda: is_scaled(managed.kubectl, "patient"), "it has a scaler")
    long = managed.send(1, seconds=LONG_S, route=("patient",))
    (busy,) = eventually(lambda: ready_pods(managed, "patient"), "the first pod is ready")
    short = managed.send(SHORT_ENVELOPES, seconds=2, route=("patient",))
    eventually(lambda: len(ready_pods(managed, "patient")) > 1, "others came")
    assert managed.outcomes(short) == []
    eventually(lambda: managed.replicas("patient") == 1, "the others are to go")
    eventually(lambda: ready_pods(managed, "patient") == [busy], "the one with work is left")
    assert all(managed.status(task) == "running" for task in long), "it was still at work"
    managed.kubectl("exec", busy, "-c", "asya-runtime", "--", "python3", "-c", f"open('{LEAVE}', 'x')")
    assert managed.outcomes(long) == []
    eventually(lambda: managed.replicas("patient") == 0, "it goes when it is done", LIMIT_S)
    managed.kubectl("delete", "asya", "patient", "--wait=false")


def ready_pods(pipeline: Pipeline, name: str) -> list[str]:
    """Names of an actor's pods that are ready and stay."""
    pods = pipeline.kubectl.get("pods", "-l", f"asya.sh/actor={name}")["items"]
    staying = (pod for pod in pods if "deletionTimestamp" not in pod["metadata"])
    return [pod["metadata"]["name"] for pod in staying if condition(pod, "Ready")]
