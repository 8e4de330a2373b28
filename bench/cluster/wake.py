"""How soon KEDA asks for the first replica of an actor at rest (spec.replicas 1), on a cluster of tests with a real
KEDA: of tasks through the gateway, and of messages that somebody else publishes, beside KEDA's own trigger and the
least external-push scaler that does the same.

The programs are those of ASYA_BIN. Images of the actors are not there: what is asked for is measured, not what runs.
Prints a table and one line a bar; with --strict a short one is a failure.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

sys.path.extend(str(Path(__file__).resolve().parents[2] / folder)
                for folder in ("bench", "tests/cluster/stage", "tests/e2e", "tools", "cli"))  # fmt: skip

from asya_cluster import USER, AsyaCluster, eventually
from cluster.push_scaler import PushScaler
from local.stack import bar
from pipeline import ask, is_scaled
from polled_metric import deployment
from scaled_cluster import Api

from private_cluster.kubectl import PATIENCE_S

THROUGH_US_MS = 250  # p99, of tasks through the gateway
BY_OTHERS_MS = 1500
POLL_S = 10
OWN_POLL_S = 3  # longer than a push may take
SETTLE_S = 2.0
SLEEPER = {"minReplicaCount": 0, "maxReplicaCount": 5, "queueLength": 5, "pollingInterval": OWN_POLL_S,
           "cooldownPeriod": 1}  # fmt: skip


class Sleeper:
    """An actor at rest whose work is taken away again, so that it goes back to rest."""

    def __init__(self, cluster: AsyaCluster, api: Api, name: str, **scaling: Any) -> None:
        self.cluster, self.api, self.name = cluster, api, name
        spec = {"image": "none:1", "handler": "m.f", "scaling": SLEEPER | scaling}
        cluster.kubectl.apply({"apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": {"name": name},
                               "spec": spec})  # fmt: skip
        eventually(lambda: is_scaled(cluster.kubectl, name), f"KEDA has taken {name}")

    def publish(self) -> None:
        """As somebody whom our servers do not know."""
        message = {"properties": {}, "routing_key": self.queue, "payload": "{}", "payload_encoding": "string"}
        assert self._broker("POST", "/exchanges/%2F/amq.default/publish", json=message).json()["routed"]

    def take_all(self) -> None:
        """As a relay that has worked it off."""
        self._broker("DELETE", f"/queues/%2F/{self.queue}/contents")

    @property
    def queue(self) -> str:
        """Of the actor."""
        return f"asya-{self.cluster.kubectl.namespace}-{self.name}"

    def _broker(self, method: str, path: str, **more: Any) -> httpx.Response:
        url = self.cluster.rabbitmq.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"] + "/api" + path
        auth = (USER, self.cluster.password)
        return httpx.request(method, url, auth=auth, timeout=PATIENCE_S, **more).raise_for_status()


def rounds(wanted: Iterator[int], wake: Callable[[], object], rest: Callable[[], object], count: int) -> list[float]:
    """Milliseconds from `wake` to a replica that is asked for, each time from rest; the first, of a new object, is not
    counted. KEDA leaves what it is told to its next look while it is about to let an object rest."""
    took = []
    next(replicas for replicas in wanted if replicas == 0)
    for _ in range(count + 1):
        time.sleep(SETTLE_S)
        begun = time.monotonic()
        wake()
        next(replicas for replicas in wanted if replicas > 0)
        took.append((time.monotonic() - begun) * 1000)
        rest()
        next(replicas for replicas in wanted if replicas == 0)
    return took[1:]


def row(what: str, took: list[float]) -> float:
    """Prints one; its p99."""
    p99 = statistics.quantiles(took, n=100, method="inclusive")[98]
    words = f"p50 {statistics.median(took):6.0f} ms   p99 {p99:6.0f} ms   most {max(took):6.0f} ms   {len(took)} times"
    print(f"{what:44} {words}", flush=True)
    return p99


def measure_ours(cluster: AsyaCluster, api: Api, count: int) -> list[bool]:
    """By our scaler, whoever publishes."""
    sleeper = Sleeper(cluster, api, "sleeper")
    wanted = api.replicas_wanted(cluster.kubectl.namespace, sleeper.name)
    with cluster.client(cluster.kubectl) as client:

        def send() -> None:
            ask(client, "POST", "/tasks", params={"actor": sleeper.name}, json={"payload": {}})

        through_us = row("a task through the gateway", rounds(wanted, send, sleeper.take_all, count))
    by_others = row("a message that somebody else publishes",
                    rounds(wanted, sleeper.publish, sleeper.take_all, count))  # fmt: skip
    return [bar("wake-through-gateway-p99-ms", through_us, "<=", THROUGH_US_MS),
            bar("wake-by-others-p99-ms", by_others, "<=", BY_OTHERS_MS)]  # fmt: skip


def measure_least(cluster: AsyaCluster, api: Api, count: int) -> None:
    """The least push scaler: what KEDA itself takes."""
    kubectl = cluster.kubectl
    with PushScaler(cluster.machine) as scaler:
        metadata = {"scalerAddress": f"{cluster.machine}:{scaler.port}"}
        spec = {"scaleTargetRef": {"name": "least"}, "pollingInterval": OWN_POLL_S, "cooldownPeriod": 1,
                "minReplicaCount": 0, "triggers": [{"type": "external-push", "metadata": metadata}]}  # fmt: skip
        target = deployment()
        target["metadata"]["name"] = "least"
        target["spec"]["template"]["spec"]["containers"][0]["image"] = "none:1"
        scaled = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "least"}, "spec": spec}
        kubectl.apply(target, scaled)
        eventually(lambda: is_scaled(kubectl, "least"), "KEDA has taken it")
        wanted = api.replicas_wanted(kubectl.namespace, "least")
        row("the least external-push scaler, told",
            rounds(wanted, lambda: scaler.tell(1), lambda: scaler.tell(0), count))  # fmt: skip
        kubectl.delete(scaled, target)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=30, help="times of each")
    parser.add_argument("--polled", type=int, default=5, help="times of KEDA's own trigger")
    parser.add_argument("--strict", action="store_true", help="a bar that is short is a failure")
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as folder, AsyaCluster(Path(folder)) as cluster:
        api = Api(Path(os.environ["KUBECONFIG"]))
        bars = measure_ours(cluster, api, options.count)
        measure_least(cluster, api, options.count)
        polled = Sleeper(cluster, api, "polled", mode="native", pollingInterval=POLL_S)
        wanted = api.replicas_wanted(cluster.kubectl.namespace, polled.name)
        row(f"KEDA's own trigger, polled each {POLL_S} s",
            rounds(wanted, polled.publish, polled.take_all, options.polled))  # fmt: skip
    print(f"load average {os.getloadavg()[0]:.1f} at the end")
    return 0 if all(bars) or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main())
