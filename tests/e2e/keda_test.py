"""KEDA and the cluster's autoscaler act on what our scaler says. There is no node: what is asked for counts."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from asya_project import until
from controlled_cluster import queue_of
from keda_cluster import POLL_S, KedaCluster, scaled, wait_for

WAKE_LIMIT_S = 2.0  # on a busy machine; make bench-wake measures
RECONNECT_LIMIT_S = 30.0
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
    wake(cluster, queue, wanted)  # after it sleep begins at a look of KEDA's, and the next one is a whole pause away
    woken_s = [wake(cluster, queue, wanted)]
    while woken_s[-1] >= WAKE_LIMIT_S and len(woken_s) < ROUNDS_MAX:
        woken_s.append(wake(cluster, queue, wanted))
    assert woken_s[-1] < WAKE_LIMIT_S, woken_s

    started = time.monotonic()
    cluster.broker.publish(queue, 12)
    wait_for(wanted, 12)
    print(f"12 messages to spec.replicas 12: {(time.monotonic() - started) * 1000:.0f} ms")
    # One more is within a tenth, which an autoscaler leaves alone by default.
    cluster.broker.publish(queue)
    wait_for(wanted, 13)
    cluster.broker.drain(queue)
    wait_for(wanted, 0)


def wake(cluster: KedaCluster, queue: str, wanted: Iterator[int]) -> float:
    """The seconds from a message to the first replica, which has gone again when this returns."""
    started = time.monotonic()
    cluster.broker.publish(queue)
    wait_for(wanted, 1)
    woken_s = time.monotonic() - started
    cluster.broker.drain(queue)
    wait_for(wanted, 0)
    print(f"message to spec.replicas 1: {woken_s * 1000:.0f} ms; asleep after {time.monotonic() - started:.1f} s")
    return woken_s


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
    assert restarted_until(cluster, "steady", wanted, 3) < POLL_S + RECONNECT_LIMIT_S

    cluster.broker.drain(queue)
    wait_for(wanted, 0)
    cluster.server.kill()
    assert restarted_until(cluster, "steady", wanted, 1) < POLL_S + RECONNECT_LIMIT_S


def restarted_until(cluster: KedaCluster, name: str, wanted: Iterator[int], count: int) -> float:
    """Starts the server and sends one more message: the seconds from then until the actor has so many replicas."""
    cluster.start_server()
    started = time.monotonic()
    cluster.broker.publish(queue_of(name))
    wait_for(wanted, count)
    took_s = time.monotonic() - started
    print(f"after a kill, message to spec.replicas {count}: {took_s:.1f} s")
    return took_s
