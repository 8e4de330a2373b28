"""What an actor says where the cluster does not do what it should: in conditions and events, and without haste."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asya_project import until
from controlled_cluster import TEAM, Broker, ControlledCluster, actor


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlledCluster]:
    """One for all tests of this file, with a broker."""
    broker = Broker()
    with ControlledCluster(tmp_path_factory.mktemp("conditions")) as made:
        made.run("create", "namespace", TEAM)
        made.apply([broker.transport()])
        yield made
    broker.node.stop()


def one(name: str, **spec: Any) -> dict[str, Any]:
    """An actor with one replica."""
    return actor(name, replicas=1, scaling={"enabled": False}, **spec)


def says(cluster: ControlledCluster, name: str, condition: str, text: str) -> None:
    """Waits until a condition holds this."""
    until(lambda: text in cluster.reason(name, condition), f"{name}: {condition} says {text}")


def events(cluster: ControlledCluster, name: str) -> dict[str, dict[str, Any]]:
    """Of an actor, in the cluster, by their reasons."""
    found = cluster.run("get", "events", "-n", TEAM, "-o", "json",
                        "--field-selector", f"involvedObject.kind=AsyncActor,involvedObject.name={name}")  # fmt: skip
    return {event["reason"]: event for event in json.loads(found)["items"]}


def metric(cluster: ControlledCluster, series: str) -> float:
    """Of the server, summed over what begins so."""
    with cluster.client("root") as client:
        text = client.get("/metrics").raise_for_status().text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(series))


def pod_of(cluster: ControlledCluster, name: str) -> str:
    """The name of its one pod."""
    find = ["get", "pods", "-n", TEAM, "-l", f"asya.sh/actor={name}", "-o", "jsonpath={.items[*].metadata.name}"]
    return str(until(lambda: cluster.run(*find), f"{name} has a pod")).strip()


def as_kubelet(cluster: ControlledCluster, pod: str, **status: Any) -> None:
    """Writes what a kubelet or a scheduler would."""
    cluster.run("patch", "pod", pod, "-n", TEAM, "--subresource=status", "--type=merge",
                "-p", json.dumps({"status": status}))  # fmt: skip


def waiting(reason: str, message: str, **more: Any) -> list[dict[str, Any]]:
    """The status of a container that does not run."""
    return [{"name": "asya-runtime", "image": "echo:1", "imageID": "", "ready": False, "restartCount": 0,
             "state": {"waiting": {"reason": reason, "message": message}}} | more]  # fmt: skip


def test_what_pods_wait_for_is_told_once(cluster: ControlledCluster) -> None:
    """An image, a node, a Secret, a crash: the reason as one word, an event, and no write while it stays the same."""
    cluster.apply([one("waits")])
    pod = pod_of(cluster, "waits")
    gone = 'failed to resolve reference "echo:1": not found'
    as_kubelet(cluster, pod, containerStatuses=waiting("ErrImagePull", gone))
    says(cluster, "waits", "WorkloadReady", "ImagePullBackOff: " + pod)
    until(lambda: "ImagePullBackOff" in events(cluster, "waits"), "there is an event")
    event = events(cluster, "waits")["ImagePullBackOff"]
    assert (event["type"], gone in event["message"]) == ("Warning", True)
    for _ in range(3):
        as_kubelet(cluster, pod, containerStatuses=waiting(
            "ImagePullBackOff", f'Back-off pulling image "echo:1": ErrImagePull: {gone}'))  # fmt: skip
        as_kubelet(cluster, pod, containerStatuses=waiting("ErrImagePull", gone))
    as_kubelet(cluster, pod, containerStatuses=waiting("CreateContainerConfigError", 'secret "keys" not found'))
    says(cluster, "waits", "WorkloadReady", "SecretMissing: ")
    # Of the six turns nobody was told.
    assert events(cluster, "waits")["ImagePullBackOff"]["count"] == 1
    as_kubelet(cluster, pod, containerStatuses=waiting(
        "CrashLoopBackOff", "back-off 40s", restartCount=4,
        lastState={"terminated": {"exitCode": 2, "reason": "Error", "message": "no ASYA_HANDLER\n"}}))  # fmt: skip
    says(cluster, "waits", "Ready", "CrashLoopBackOff: " + pod + ": asya-runtime: ended with status 2: no ASYA_H")
    as_kubelet(cluster, pod, containerStatuses=[], conditions=[
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
         "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: none"}])  # fmt: skip
    says(cluster, "waits", "Ready", f"Unschedulable: {pod}: no node takes the pod: 0/1 nodes are available: 1 Insuff")
    until(lambda: "Unschedulable" in events(cluster, "waits"), "there is an event")


def test_a_quota_is_named(cluster: ControlledCluster) -> None:
    """Where the cluster makes no pod; the words stay, though each try has a name of its own."""
    cluster.run("create", "quota", "small", "--hard=pods=0", "-n", TEAM)
    until(lambda: '"pods":"0"' in cluster.run("get", "quota", "small", "-n", TEAM, "-o", "jsonpath={.status.hard}"),
          "the quota holds")  # fmt: skip
    cluster.apply([one("large")])
    says(cluster, "large", "Ready", "QuotaExceeded: no pod can be made: exceeded quota: small")
    cluster.run("delete", "quota", "small", "-n", TEAM)


def test_what_the_cluster_forbids_is_named_and_tried_without_haste(cluster: ControlledCluster) -> None:
    """The server has lost its rights to Deployments: nothing is half made, the fix is told, the tries become rare."""
    role = json.loads(cluster.run("get", "clusterrole", "asya-server-controllers", "-o", "json"))
    less = [rule for rule in role["rules"] if rule["resources"] != ["deployments"]]
    reads = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]}
    patch = json.dumps({"rules": [*less, reads]})
    cluster.run("patch", "clusterrole", "asya-server-controllers", "--type=merge", "-p", patch)
    cluster.apply([one("barred")])
    says(cluster, "barred", "Synced", "ForbiddenByCluster: Deployment barred: ")
    assert "asya-server render apiservice --controllers all" in cluster.reason("barred", "Synced")
    assert cluster.get("configmap/barred-runtime") is None
    assert not cluster.reason("barred", "QueueReady").startswith("QueueExists")
    until(lambda: metric(cluster, 'workqueue_failing{name="actors"}') >= 1, "the backoff is seen in metrics")
    said = cluster.get("asya/barred", "status")
    tried = metric(cluster, 'workqueue_retries_total{name="actors"}')
    assert tried < 200, "it is tried again and again at once"
    assert cluster.get("asya/barred", "status") == said
    cluster.run("patch", "clusterrole", "asya-server-controllers", "--type=merge",
                "-p", json.dumps({"rules": role["rules"]}))  # fmt: skip
    until(lambda: cluster.get("deployment/barred"), "it goes on by itself")


def test_nothing_is_half_made_without_keda(cluster: ControlledCluster) -> None:
    """An actor that scales has no children at all."""
    cluster.apply([actor("scaling", scaling={"minReplicaCount": 0})])
    says(cluster, "scaling", "Synced", "KedaMissing: the cluster serves no scaledobjects")
    for child in ("deployment/scaling", "configmap/scaling-runtime"):
        assert cluster.get(child) is None


def test_metrics_tell_of_the_cluster(cluster: ControlledCluster) -> None:
    """Objects that are followed, calls by verb and code, the Lease."""
    until(lambda: metric(cluster, 'asya_lease_leading{lease="asya-controllers"}') == 1, "it leads")
    assert metric(cluster, "asya_lease_transitions_total") % 2 == 1  # gained once more often than lost
    assert metric(cluster, 'asya_cluster_followed{resource="deployments"}') == 1
    assert metric(cluster, 'asya_cluster_objects{resource="deployments"}') >= 1
    assert metric(cluster, 'asya_cluster_lists_total{resource="deployments"}') >= 1
    heard = metric(cluster, 'asya_cluster_heard_timestamp_seconds{resource="deployments"}')
    assert abs(time.time() - heard) < 600
    with cluster.client("root") as client:
        text = client.get("/metrics").text
    assert re.search(r'^asya_cluster_requests_total{code="200",verb="apply"} [1-9]', text, re.M)
    assert re.search(r'^asya_cluster_requests_total{code="404",verb="get"} [1-9]', text, re.M)
