"""Many actors at rest in a cluster: nothing is written but the Lease, also by a server that has just started.

ASYA_TEST_CLUSTER_ACTORS=1000 takes more than 50 of them; with pytest's -s what the start and a restart took is shown.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from aggregated_cluster import NAMESPACE
from asya_project import until
from controlled_cluster import TEAM, Broker, actor
from resting_cluster import OF_THE_CLUSTER, RestingCluster, kinds_of_keda

ACTORS = int(os.environ.get("ASYA_TEST_CLUSTER_ACTORS", "50"))
BATCH = 100
LIMIT_S = 60 + ACTORS
REST_S = 40


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
