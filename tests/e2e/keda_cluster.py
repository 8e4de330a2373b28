"""A cluster without nodes in which KEDA and the cluster's own autoscaler set the counts that our scaler decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from asya_project import until
from controlled_cluster import TEAM, Broker, ControlledCluster, actor

from free_ports import free_ports
from private_cluster.api import condition
from private_keda import PrivateKeda

POLL_S = 5
COOLDOWN_S = 1


class KedaCluster(ControlledCluster):
    """With KEDA, and a broker of which it is told."""

    controllers: tuple[str, ...] = (*ControlledCluster.controllers, "horizontal-pod-autoscaler-controller")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.keda = PrivateKeda(self.kubernetes)
        self.broker = Broker()
        scaler = f"127.0.0.1:{free_ports(1)[0]}"
        self.server_flags = (*ControlledCluster.server_flags, f"--scaler-listen={scaler}",
                             f"--scaler-address={scaler}")  # fmt: skip

    def _install(self) -> None:
        self.keda.start()
        super()._install()
        self.run("create", "namespace", TEAM)
        self.apply([self.broker.transport(managementUrl=self.broker.management)])

    def __exit__(self, *_: object) -> None:
        print(f"--- KEDA\n{self.keda.log[-4000:]}")
        self.keda.stop()
        super().__exit__()
        self.broker.node.stop()

    def scale(self, name: str, **scaling: Any) -> None:
        """Makes an actor; returns once KEDA looks at it."""
        self.apply([scaled(name, **scaling)])
        until(lambda: condition(self.get(f"asya/{name}"), "ScalerReady"), "KEDA has taken it")
        until(lambda: self.get(f"scaledobject/{name}", "status.externalMetricNames"), "KEDA knows its metric")

    def activity(self, name: str) -> str:
        """What KEDA found at its last look at an actor, of its condition Active: True, False or Unknown."""
        active = "jsonpath={.status.conditions[?(@.type=='Active')].status}"
        return self.run("get", f"scaledobject/{name}", "-n", TEAM, "-o", active)

    def replicas_wanted(self, name: str) -> Iterator[int]:
        """spec.replicas of an actor, now and each time that it is written."""
        with self.client("root", url=self.kubernetes.url) as client:
            yield from replicas_wanted(client, TEAM, name)


def scaled(name: str, **scaling: Any) -> dict[str, Any]:
    """An actor at zero of which each envelope needs a replica."""
    policy = {"minReplicaCount": 0, "maxReplicaCount": 20, "queueLength": 1, "pollingInterval": POLL_S,
              "cooldownPeriod": COOLDOWN_S}  # fmt: skip
    return actor(name, scaling=policy | scaling)


def replicas_wanted(client: httpx.Client, namespace: str, name: str) -> Iterator[int]:
    """spec.replicas of a Deployment, now and each time that it is written."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    with client.stream("GET", path, params={"watch": "true", "fieldSelector": f"metadata.name={name}"}) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            yield json.loads(line)["object"]["spec"]["replicas"]


def wait_for(wanted: Iterator[int], count: int) -> None:
    """Reads on until a count is as it should be."""
    next(seen for seen in wanted if seen == count)
