"""Three actors in a row on a cluster of tests, and envelopes that go through them."""

from __future__ import annotations

import concurrent.futures
import uuid
from typing import Any

import httpx
from asya_cluster import HOST, PYTHON_IMAGE, AsyaCluster, eventually

from private_cluster.api import condition
from private_cluster.kubectl import PATIENCE_S, Kubectl

STEPS = ("first", "second", "third")
SENDERS = 8
AGAIN = (409, 429, 503)  # 409: the first try with this key is under way
HANDLER_OF = {"leaving": "first", "seeing": "first", "patient": "first"}  # where it has another name than its actor
# By KEDA's own trigger on the queue, and by ours.
NATIVE = {"mode": "native", "minReplicaCount": 0, "maxReplicaCount": 2, "queueLength": 20, "pollingInterval": 1,
          "cooldownPeriod": 2}  # fmt: skip
MANAGED = NATIVE | {"mode": "managed"}
LEAVE = "/tmp/leave"  # a file in a pod, which ends what its handler does at once
HANDLERS = f"""
import os
import time


def _step(name, payload):
    until = time.monotonic() + payload.get("seconds", 0)
    while time.monotonic() < until and not os.path.exists("{LEAVE}"):
        time.sleep(0.02)
    return {{**payload, "steps": payload.get("steps", []) + [name]}}


def first(payload):
    return _step("first", payload)


def second(payload):
    return _step("second", payload)


def third(payload):
    return _step("third", payload)
"""


def actor(name: str, **spec: Any) -> dict[str, Any]:
    """One step, with its handler in a ConfigMap."""
    return {
        "apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": {"name": name},
        "spec": {
            "image": PYTHON_IMAGE, "handler": f"steps.{name}", "scaling": NATIVE, "concurrency": 4,
            "resiliency": {"actorTimeout": "20s"}, "env": [{"name": "PYTHONPATH", "value": "/handlers"}],
            "volumes": [{"name": "handlers", "configMap": {"name": "steps"}}],
            "volumeMounts": [{"name": "handlers", "mountPath": "/handlers", "readOnly": True}],
        } | spec,
    }  # fmt: skip


def is_scaled(kubectl: Kubectl, name: str) -> bool:
    """Whether KEDA has taken the ScaledObject of that name; there may be none yet."""
    found = kubectl.get("scaledobject", "--field-selector", f"metadata.name={name}")["items"]
    return any(condition(one, "Ready") for one in found)


class Pipeline:
    """The actors with their handlers in the namespace of a team; it waits until all may be scaled."""

    def __init__(self, cluster: AsyaCluster, kubectl: Kubectl, **spec: Any) -> None:
        self.cluster, self.kubectl = cluster, kubectl
        handlers = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "steps"}}
        actors = (actor(name, **spec) for name in STEPS)
        kubectl.apply(handlers | {"data": {"steps.py": HANDLERS}}, *actors)
        for name in (*STEPS, "x-sink", "x-sump"):
            eventually(lambda name=name: is_scaled(kubectl, name), f"{name} has a scaler")

    def client(self) -> httpx.Client:
        """Of the task API."""
        return self.cluster.client(self.kubectl)

    def send(self, count: int, seconds: float = 0, route: tuple[str, ...] = STEPS) -> dict[str, dict[str, Any]]:
        """Tasks by their ids, with the result that comes of each."""
        with self.client() as client, concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            return dict(pool.map(lambda number: self._send(client, number, seconds, route), range(count)))

    def _send(self, client: httpx.Client, number: int, seconds: float,
              route: tuple[str, ...]) -> tuple[str, dict[str, Any]]:  # fmt: skip
        """Until it is acknowledged, under the same key."""
        payload = {"number": number, "seconds": seconds}
        body = {"payload": payload, "next": list(route[1:]), "idempotencyKey": uuid.uuid4().hex}

        created = ask(client, "POST", "/tasks", params={"actor": route[0]}, json=body)
        return str(created["id"]), {**payload, "steps": [HANDLER_OF.get(name, name) for name in route]}

    def outcomes(self, tasks: dict[str, dict[str, Any]], limit_s: float = 4 * PATIENCE_S) -> list[str]:
        """Once all have ended: what is wrong with any."""
        with self.client() as client:
            waiting = set(tasks)

            def ended() -> bool:
                for one in sorted(waiting):
                    if ask(client, "GET", f"/tasks/{one}")["status"] not in ("pending", "running"):
                        waiting.discard(one)
                    else:
                        return False
                return True

            eventually(ended, f"all of {len(tasks)} tasks have ended", limit_s)
            ends = [(ask(client, "GET", f"/tasks/{one}"), result) for one, result in tasks.items()]
            return [wrong for task, result in ends if (wrong := difference(task, result))]

    def status(self, task: str) -> str:
        """Of a task, as the task API says."""
        with self.client() as client:
            return str(ask(client, "GET", f"/tasks/{task}")["status"])

    def waiting(self, name: str) -> int | None:
        """Envelopes in the queue of an actor, as its status says; None while that does not know."""
        queue: dict[str, int] = self.kubectl.get("asya", name)["status"].get("infrastructure", {}).get("queue", {})
        return queue.get("waiting")

    def replicas(self, name: str) -> int:
        """That are asked for now."""
        return int(self.kubectl.get("deployment", name)["spec"]["replicas"])


def ask(client: httpx.Client, method: str, path: str, **more: Any) -> dict[str, Any]:
    """What the task API answers, asked again as clients do while a server is away, busy, or waits for the cluster."""

    def answered() -> Any:
        try:
            # The server is called by its address, and known by its name in the cluster.
            answer = client.request(method, path, extensions={"sni_hostname": HOST}, **more)
        except httpx.TransportError:
            return None
        assert answer.status_code in (200, 201, *AGAIN), answer.text
        return answer.json() if answer.status_code not in AGAIN else None

    found: dict[str, Any] = eventually(answered, f"{method} {path} is answered")
    return found


def difference(task: dict[str, Any], result: dict[str, Any]) -> str:
    """From a task that went through each step once."""
    right = task["status"] == "succeeded" and task.get("result") == result
    return "" if right else f"{task['id']}: {task['status']} {task.get('result')} {task.get('error')}, not {result}"
