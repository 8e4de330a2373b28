"""What relays tell of their work, on a real kube-apiserver: it comes to their pods, and those without go first.

There is no node, so no pod runs: the test tells what a relay in the pod would, by a token of that pod.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asya_project import until
from controlled_cluster import TEAM, Broker, ControlledCluster, actor

from free_ports import free_ports
from private_postgres import PrivatePostgres

COST = "controller.kubernetes.io/pod-deletion-cost"
PODS = 4


class ToldCluster(ControlledCluster):
    """With a port for relays."""

    def __init__(self, folder: Path, database: str) -> None:
        super().__init__(folder)
        self.database = database
        self.reports = f"127.0.0.1:{free_ports(1)[0]}"
        self.server_flags = (*ControlledCluster.server_flags, f"--reports-listen={self.reports}")

    def start_server(self, folder: str = "server", database: str = "") -> None:
        """On PostgreSQL, where tasks lie."""
        super().start_server(folder, database or self.database)

    def pods(self) -> dict[str, dict[str, str]]:
        """The annotations of each pod of the actor that is not going."""
        listed = self.get("pods", "items") or []
        return {
            pod["metadata"]["name"]: pod["metadata"].get("annotations", {})
            for pod in listed
            if pod["metadata"]["labels"].get("asya.sh/actor") == "echo" and "deletionTimestamp" not in pod["metadata"]
        }

    def token(self, pod: str = "") -> str:
        """As the kubelet mounts it into a relay; without a pod one that was made by hand."""
        bound = ("--bound-object-kind=Pod", f"--bound-object-name={pod}") if pod else ()
        return self.run("create", "token", "default", "-n", TEAM, "--audience=asya-gateway", *bound).strip()

    def tell(self, token: str, in_flight: int, namespace: str = TEAM) -> int:
        """The status that a relay with this token gets."""
        report: list[dict[str, Any]] = [{"type": "load", "namespace": namespace, "in_flight": in_flight}]
        with self.client(url=f"https://{self.reports}", token=token) as client:
            return client.post("/api/v1/events", json=report).status_code

    def takes(self, token: str, in_flight: int) -> bool:
        """Whether the gateway does."""
        return self.tell(token, in_flight) == 204


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToldCluster]:
    """One for all tests of this file, with four pods of one actor."""
    with ExitStack() as stack:
        broker = Broker()
        stack.callback(broker.node.stop)
        database = stack.enter_context(PrivatePostgres())
        made = stack.enter_context(ToldCluster(tmp_path_factory.mktemp("told"), database.dsn))
        made.run("create", "namespace", TEAM)
        made.apply([broker.transport()])
        made.apply([actor("echo", replicas=PODS, scaling={"enabled": False}, image="echo:1", handler="m.f")])
        until(lambda: len(made.pods()) == PODS, "its pods are made")
        yield made


def test_pods_without_work_go_first(cluster: ToldCluster) -> None:
    """Whichever they are, and those that have ended their work count as such."""
    first, *others = sorted(cluster.pods())
    for pod in (first, *others):
        until(partial(cluster.takes, cluster.token(pod), 2), "the gateway takes it")
    until(lambda: [of.get(COST) for of in cluster.pods().values()] == ["2"] * PODS, "all are known to work")
    assert all("asya.sh/busy-until" in of for of in cluster.pods().values())
    for pod in others[1:]:
        assert cluster.tell(cluster.token(pod), 0) == 204
    busy = {first, others[0]}
    until(lambda: {name for name, of in cluster.pods().items() if COST in of} == busy, "two have none any more")
    cluster.run("patch", "asya/echo", "-n", TEAM, "--type=merge", "-p", '{"spec":{"replicas":2}}')
    until(lambda: len(cluster.pods()) == 2, "two go")
    assert set(cluster.pods()) == busy


def test_nobody_speaks_for_another_pod(cluster: ToldCluster) -> None:
    """A token of no pod tells of none, and one of another namespace is refused."""
    before = cluster.pods()
    for status, token, namespace in ((204, cluster.token(), TEAM), (403, cluster.token(next(iter(before))), "default"),
                                     (401, "none", TEAM)):  # fmt: skip
        assert cluster.tell(token, 0, namespace) == status
    # A word that does count comes behind them.
    last = max(before)
    assert cluster.tell(cluster.token(last), 0) == 204
    until(lambda: COST not in cluster.pods()[last], "the last word is written")
    assert {name: of for name, of in cluster.pods().items() if name != last} == {
        name: of for name, of in before.items() if name != last
    }
