"""Actors in real pods: from nothing to many and back, and not one envelope lost."""

from __future__ import annotations

import pytest
from asya_cluster import TEAM, AsyaCluster, eventually
from pipeline import STEPS, Pipeline, ask

from private_cluster.kubectl import PATIENCE_S
from private_cluster.layout import ClusterError

ENVELOPES = 200
LIMIT_S = 8 * PATIENCE_S


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("transport", ["pipeline", "ledger"])
def test_envelopes_go_through_pods_that_come_and_go(request: pytest.FixtureRequest, transport: str) -> None:
    """From none to some and back to none, x-sink's too, on RabbitMQ and on PostgreSQL."""
    pipeline: Pipeline = request.getfixturevalue(transport)
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
