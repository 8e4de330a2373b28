"""KEDA is told by our scaler when an actor at zero has work, and how many replicas it should have."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from polled_metric import Metric, deployment, scaled_object
from scaled_cluster import ScaledCluster, eventually

from private_cluster.api import condition
from private_cluster.kubectl import PATIENCE_S, Kubectl

WAKE_LIMIT_S = 1.0
ROUNDS = 5
POLL_S = 10


@pytest.fixture
def scaled(kubectl: Kubectl, tmp_path: Path) -> Iterator[ScaledCluster]:
    """With an actor of its own for each test."""
    with ScaledCluster(tmp_path, kubectl) as made:
        yield made


def actor(name: str, **scaling: Any) -> dict[str, Any]:
    """Its pods have images that are not there: what is asked for counts, not what runs."""
    policy = {"minReplicaCount": 0, "maxReplicaCount": 20, "queueLength": 1, "pollingInterval": 1, "cooldownPeriod": 2}
    return {"apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": {"name": name},
            "spec": {"image": "none:1", "handler": "m.f", "scaling": policy | scaling}}  # fmt: skip


def wait_for(wanted: Iterator[int], holds: Any) -> int:
    """Reads on until a count is as it should be."""
    return next(count for count in wanted if holds(count))


@pytest.mark.timeout(6 * PATIENCE_S)
def test_an_actor_wakes_within_a_second_grows_and_sleeps(scaled: ScaledCluster, metric: Metric) -> None:
    kubectl = scaled.kubectl
    kubectl.apply(actor("infer"))
    eventually(lambda: kubectl("get", "scaledobject", "infer", "--ignore-not-found"), "there is a ScaledObject")
    kubectl.until("scaledobject", "infer", holds=lambda found: condition(found, "Ready"))
    kubectl.until("scaledobject", "infer", holds=lambda found: found["status"].get("externalMetricNames"))
    trigger = kubectl.get("scaledobject", "infer")["spec"]["triggers"][0]
    assert (trigger["type"], trigger["metadata"]["enableTLS"]) == ("external-push", "true")

    wanted = scaled.api.replicas_wanted(kubectl.namespace, "infer")
    assert wait_for(wanted, lambda count: count == 0) == 0
    woken_ms = []
    for _ in range(ROUNDS):
        started = time.monotonic()
        scaled.publish("infer")
        wait_for(wanted, lambda count: count > 0)
        woken_ms.append((time.monotonic() - started) * 1000)
        scaled.drain("infer")
        wait_for(wanted, lambda count: count == 0)
    print("message to spec.replicas 1:", ", ".join(f"{each:.0f} ms" for each in woken_ms))
    assert statistics.median(woken_ms) < WAKE_LIMIT_S * 1000, woken_ms

    started = time.monotonic()
    scaled.publish("infer", 12)
    wait_for(wanted, lambda count: count == 12)
    print(f"12 messages to spec.replicas 12: {(time.monotonic() - started) * 1000:.0f} ms")
    # One more is within a tenth, which an autoscaler leaves alone by default.
    scaled.publish("infer")
    wait_for(wanted, lambda count: count == 13)

    path = f"/apis/asya.sh/v1alpha1/namespaces/{kubectl.namespace}/asyncactors/infer/decisions"
    decisions = json.loads(kubectl("get", "--raw", path))["items"]
    assert decisions[0]["to"] == 13, decisions
    assert decisions[0]["reason"].startswith("13 envelopes wait"), decisions
    scaled.drain("infer")
    wait_for(wanted, lambda count: count == 0)
    compare_with_polling(scaled, metric)


def compare_with_polling(scaled: ScaledCluster, metric: Metric) -> None:
    """Prints what KEDA's own polling takes in the same cluster; it says nothing of ours."""
    kubectl = scaled.kubectl
    polled = scaled_object(metric.url)
    polled["spec"]["pollingInterval"] = POLL_S
    kubectl.apply(deployment(), polled)
    kubectl.until("scaledobject", "actor", holds=lambda found: condition(found, "Ready"))
    wanted = scaled.api.replicas_wanted(kubectl.namespace, "actor")
    assert wait_for(wanted, lambda count: count == 0) == 0
    started = time.monotonic()
    metric.value = 1
    wait_for(wanted, lambda count: count > 0)
    print(f"KEDA's own trigger, polled each {POLL_S} s: {(time.monotonic() - started) * 1000:.0f} ms")


@pytest.mark.timeout(4 * PATIENCE_S)
def test_what_is_wrong_with_a_trigger_is_told(scaled: ScaledCluster) -> None:
    """An actor that nobody knows: KEDA's object says so with the field."""
    kubectl = scaled.kubectl
    kubectl.apply(actor("infer"))
    eventually(lambda: kubectl("get", "scaledobject", "infer", "--ignore-not-found"), "there is a ScaledObject")
    stray = deployment()
    stray["metadata"]["name"] = "stray"
    template = kubectl.get("scaledobject", "infer")["spec"]
    trigger = template["triggers"][0]
    trigger["metadata"]["actor"] = "nobody"
    spec = {"scaleTargetRef": {"name": "stray"}, "pollingInterval": 1, "triggers": [trigger]}
    kubectl.apply(stray, {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "stray"},
                          "spec": spec})  # fmt: skip
    eventually(lambda: "scalerMetadata.actor" in kubectl("get", "events", "-o", "json"), "an event names the field")
