"""Many actors at rest in a cluster: nothing is written but the Lease, also by a server that has just started.

ASYA_TEST_CLUSTER_ACTORS=1000 takes more than 50 of them; with pytest's -s what the start and a restart took is shown.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aggregated_cluster import NAMESPACE
from asya_project import until
from controlled_cluster import TEAM, Broker, ControlledCluster, actor

ACTORS = int(os.environ.get("ASYA_TEST_CLUSTER_ACTORS", "50"))
BATCH = 100
CHILDREN = "deployments,configmaps,scaledobjects"
LIMIT_S = 60 + ACTORS
REST_S = 40
WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION")
# What is written by the cluster itself at any time.
OF_THE_CLUSTER = {"leases", "tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews", "apiservices",
                  "flowschemas", "prioritylevelconfigurations", "namespaces", "endpoints", "endpointslices",
                  "clusterroles", "nodes", "customresourcedefinitions", "services"}  # fmt: skip


def kinds_of_keda() -> list[dict[str, Any]]:
    """Enough of them for objects to be kept; nobody acts on them."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return [
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
         "metadata": {"name": f"{kind.lower()}s.keda.sh"},
         "spec": {"group": "keda.sh", "scope": "Namespaced",
                  "names": {"kind": kind, "plural": kind.lower() + "s", "singular": kind.lower()},
                  "versions": [{"name": "v1alpha1", "served": True, "storage": True,
                                "schema": {"openAPIV3Schema": schema}}]}}
        for kind in ("ScaledObject", "TriggerAuthentication")
    ]  # fmt: skip


class RestingCluster(ControlledCluster):
    """With the kinds of KEDA, and a count of what was written."""

    def writes(self) -> dict[str, int]:
        """Successful requests that change something, by resource, as kube-apiserver counts them."""
        with self.client("root", url=self.kubernetes.url) as client:
            text = client.get("/metrics").raise_for_status().text
        found: dict[str, int] = {}
        for labels, count in re.findall(r"^apiserver_request_total{(.*)} ([0-9.e+]+)$", text, re.M):
            of = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if of["verb"] in WRITES and of["group"] != "asya.sh":
                found[of["resource"]] = found.get(of["resource"], 0) + int(float(count))
        return found

    def written(self, seconds: float) -> dict[str, int]:
        """What is written in that time, by resource, by anybody."""
        before = after = self.writes()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(1)
            after = self.writes()
        return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}

    def revision(self) -> str:
        """Of the database: each write of ours moves it."""
        page = json.loads(self.run("get", "--raw", "/apis/asya.sh/v1alpha1/asyncactors?limit=1"))
        return str(page["metadata"]["resourceVersion"])

    def memory(self) -> int:
        """Of the server, resident, in MiB."""
        text = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) // 1024

    def children(self) -> int:
        """Deployments, ConfigMaps and ScaledObjects of the actors."""
        return len(self.run("get", CHILDREN, "-n", TEAM, "-l", "asya.sh/owner-uid", "-o", "name").split())


def within(seconds: float, look: Callable[[], bool], what: str) -> None:
    """Waits longer than `until`, for many."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestingCluster]:
    """With the actors, all of them at rest."""
    broker = Broker()
    with RestingCluster(tmp_path_factory.mktemp("rest")) as made:
        made.run("create", "namespace", TEAM)
        made.apply(kinds_of_keda())
        made.apply([broker.transport()])
        all_of_them = [actor(f"rest-{number}", scaling={"minReplicaCount": 0}) for number in range(ACTORS)]
        print(f"\nbefore: {made.memory()} MiB resident")
        begun = time.monotonic()
        for first in range(0, ACTORS, BATCH):
            made.apply(all_of_them[first : first + BATCH])
        print(f"{ACTORS} actors applied after {time.monotonic() - begun:.1f} s")
        # With x-sink and x-sump.
        within(LIMIT_S, lambda: made.children() >= 3 * ACTORS, "all children are there")
        print(f"all children written after {time.monotonic() - begun:.1f} s")
        within(LIMIT_S, lambda: phases(made).count("Napping") >= ACTORS, "all actors are at rest")
        print(f"all actors at rest after {time.monotonic() - begun:.1f} s, {made.memory()} MiB resident")
        yield made
    broker.node.stop()


def phases(cluster: RestingCluster) -> list[str]:
    """Of all actors, with those of the system."""
    return cluster.run("get", "asya", "-n", TEAM, "-o", "jsonpath={.items[*].status.phase}").split()


def calm(cluster: RestingCluster) -> None:
    """Waits until the last of what the start brought is over."""

    def unchanged() -> bool:
        before = cluster.revision()
        return not set(cluster.written(5)) - OF_THE_CLUSTER and cluster.revision() == before

    until(unchanged, "the cluster has settled")


@pytest.mark.timeout(300 + 3 * LIMIT_S)
def test_nothing_is_written_at_rest(cluster: RestingCluster) -> None:
    """Neither to the cluster nor to the database."""
    calm(cluster)
    before = cluster.revision()
    written = cluster.written(REST_S)
    assert written["leases"] > 0, "the count counts"
    assert not set(written) - OF_THE_CLUSTER, written
    assert cluster.revision() == before


@pytest.mark.timeout(300 + LIMIT_S)
def test_a_server_that_starts_writes_nothing(cluster: RestingCluster) -> None:
    """It looks at all, and finds everything as it should be."""
    calm(cluster)
    before, revision = cluster.writes(), cluster.revision()
    lease = ["get", "lease", "asya-controllers", "-n", NAMESPACE, "-o", "jsonpath={.spec.holderIdentity}"]
    holder = cluster.run(*lease)
    cluster.server.process.send_signal(signal.SIGKILL)
    cluster.server.process.wait()
    begun = time.monotonic()
    cluster.start_server()
    until(lambda: cluster.run(*lease) != holder, "another one leads")
    print(f"\na new server leads after {time.monotonic() - begun:.1f} s")
    calm(cluster)
    print(f"all is looked at after {time.monotonic() - begun:.1f} s at most, {cluster.memory()} MiB resident")
    after = cluster.writes()
    changed = {name for name, count in after.items() if count != before.get(name, 0)}
    assert cluster.revision() == revision
    # A server that takes over looks at each child by an apply that changes nothing.
    assert not changed - OF_THE_CLUSTER - {"configmaps", "deployments", "scaledobjects", "triggerauthentications"}
    generations = "jsonpath={.items[*].metadata.generation}"
    assert set(cluster.run("get", "deployments", "-n", TEAM, "-o", generations).split()) == {"1"}
