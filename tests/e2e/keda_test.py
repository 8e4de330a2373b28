"""KEDA and the cluster's autoscaler act on what our scaler says. There is no node: what is asked for counts."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from asya_project import until
from controlled_cluster import queue_of
from keda_cluster import POLL_S, KedaCluster, scaled, wait_for

WAKE_LIMIT_S = 2.0  # on a busy machine; make bench-wake measures
ROUNDS_MAX = 5


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KedaCluster]:
    """One for all tests of this file: its start takes seconds."""
    with KedaCluster(tmp_path_factory.mktemp("keda")) as made:
        yield made


def test_an_actor_wakes_when_told_grows_and_sleeps(cluster: KedaCluster) -> None:
    """KEDA looks by itself more seldom than that, and last when the actor went to sleep: it was told."""
    assert POLL_S > 2 * WAKE_LIMIT_S
    cluster.scale("infer")
    queue = queue_of("infer")
    wanted = cluster.replicas_wanted("infer")
    wait_for(wanted, 0)
    # Whose sleep begins at a look of KEDA's, so that the next look is a whole pause away.
    cluster.broker.publish(queue)
    wait_for(wanted, 1)
    cluster.broker.drain(queue)
    wait_for(wanted, 0)
    woken_ms: list[float] = []
    while len(woken_ms) < ROUNDS_MAX and not any(each < WAKE_LIMIT_S * 1000 for each in woken_ms):
        started = time.monotonic()
        cluster.broker.publish(queue)
        wait_for(wanted, 1)
        woken_ms.append((time.monotonic() - started) * 1000)
        cluster.broker.drain(queue)
        wait_for(wanted, 0)
        print(f"asleep after {time.monotonic() - started:.1f} s")
    print("message to spec.replicas 1:", ", ".join(f"{each:.0f} ms" for each in woken_ms))
    assert woken_ms[-1] < WAKE_LIMIT_S * 1000, woken_ms

    started = time.monotonic()
    cluster.broker.publish(queue, 12)
    wait_for(wanted, 12)
    print(f"12 messages to spec.replicas 12: {(time.monotonic() - started) * 1000:.0f} ms")
    # One more is within a tenth, which an autoscaler leaves alone by default.
    cluster.broker.publish(queue)
    wait_for(wanted, 13)
    cluster.broker.drain(queue)
    wait_for(wanted, 0)


def test_what_keda_finds_wrong_is_told(cluster: KedaCluster) -> None:
    """In its own words, of a trigger that the actor has beside ours."""
    wrong = {"type": "cron", "metadata": {"timezone": "UTC", "start": "every morning", "end": "0 9 * * *",
                                          "desiredReplicas": "1"}}  # fmt: skip
    cluster.apply([scaled("wrong", additionalTriggers=[wrong])])
    words = "error parsing start schedule"
    until(lambda: words in cluster.reason("wrong", "ScalerReady"), "KEDA's words stand in the condition")
    print(cluster.reason("wrong", "ScalerReady"))


def test_a_scaler_that_was_killed_is_asked_again(cluster: KedaCluster) -> None:
    """Replicas stay while no server answers. KEDA is back at its next look: it grows, and wakes what sleeps."""
    # Whose last replicas go at the first look that finds no work.
    cluster.scale("steady", cooldownPeriod=0)
    queue = queue_of("steady")
    wanted = cluster.replicas_wanted("steady")
    cluster.broker.publish(queue, 2)
    wait_for(wanted, 2)
    until(lambda: cluster.activity("steady") == "True", "KEDA says that there is work")
    cluster.server.kill()
    until(lambda: cluster.activity("steady") == "False", "KEDA has looked and found nobody")
    assert cluster.get("deployment/steady", "spec.replicas") == 2
    restart_until(cluster, "steady", wanted, 3)

    cluster.broker.drain(queue)
    wait_for(wanted, 0)
    cluster.server.kill()
    restart_until(cluster, "steady", wanted, 1)


def restart_until(cluster: KedaCluster, name: str, wanted: Iterator[int], count: int) -> None:
    """Starts the server, sends one more message, and waits until the actor has so many replicas."""
    cluster.start_server()
    started = time.monotonic()
    cluster.broker.publish(queue_of(name))
    wait_for(wanted, count)
    print(f"after a kill, message to spec.replicas {count}: {time.monotonic() - started:.1f} s")
