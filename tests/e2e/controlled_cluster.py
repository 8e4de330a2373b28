"""A cluster with the controllers of an aggregated server and those of Deployments; there is no node, so no pod runs."""

from __future__ import annotations

import json
from typing import Any

import httpx
from aggregated_cluster import CONTROLLERS, AggregatedCluster
from asya_project import ROOT

from private_rabbitmq import PrivateRabbitmq

TEAM = "vision"


class ControlledCluster(AggregatedCluster):
    """With the controllers of Deployments, and ours."""

    controllers: tuple[str, ...] = (*CONTROLLERS, "deployment-controller", "replicaset-controller",
                                    "serviceaccount-controller", "resourcequota-controller")  # fmt: skip
    render_flags: tuple[str, ...] = ("--controllers", "all", "--credentials", "guarded=rabbit-pods")
    server_flags: tuple[str, ...] = ("--controllers=all", f"--runtime={ROOT / 'build' / 'asya_runtime.pyz'}",
                                     "--relay-image=relay:test")  # fmt: skip

    def get(self, what: str, path: str = "") -> Any:
        """An object of the team as it is now, or a part of it; None where it is not there."""
        command = ["get", what, "-n", TEAM, "--ignore-not-found", "--show-managed-fields", "-o", "json"]
        text = self.run(*command).strip()
        found: Any = json.loads(text) if text else None
        for name in filter(None, path.split(".")):
            found = found.get(name) if found else None
        return found

    def reason(self, actor: str, condition: str) -> str:
        """Reason and message of a condition of an actor."""
        for one in self.get(f"asya/{actor}", "status.conditions") or []:
            if one["type"] == condition:
                return f"{one['reason']}: {one['message']}"
        return ""


def actor(name: str, **spec: Any) -> dict[str, Any]:
    """An actor of two replicas that KEDA has nothing to do with, or one with this in its spec."""
    return {
        "apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": {"name": name, "namespace": TEAM},
        "spec": {"image": "echo:1", "handler": "m.f"} | (spec or {"replicas": 2, "scaling": {"enabled": False}}),
    }  # fmt: skip


def queue_of(name: str, namespace: str = TEAM) -> str:
    """Name of an actor's queue."""
    return f"asya-{namespace}-{name}"


class Broker:
    """A private RabbitMQ and its queues."""

    def __init__(self) -> None:
        self.node = PrivateRabbitmq(None)
        self.node.start()
        self.port = int(self.node.addresses["ASYA_TEST_RABBITMQ"].rstrip("/").rpartition(":")[2])
        self.management = self.node.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"]

    def transport(self, name: str = "rabbit", **block: Any) -> dict[str, Any]:
        """The default one, or another one with this in its block."""
        return {
            "apiVersion": "asya.sh/v1alpha1", "kind": "Transport", "metadata": {"name": name},
            "spec": {"type": "rabbitmq", "default": name == "rabbit",
                     "rabbitmq": {"host": "127.0.0.1", "port": self.port} | block},
        }  # fmt: skip

    def add_user(self, name: str, password: str) -> None:
        """Who may do everything."""
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        for path, body in ((f"users/{name}", {"password": password, "tags": "administrator"}),
                           (f"permissions/%2F/{name}", rights)):  # fmt: skip
            self.ask("PUT", path, body)

    def users(self) -> set[str]:
        """Who is connected."""
        return {str(one["user"]) for one in self.ask("GET", "connections").json() if "user" in one}

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The management API."""
        answer = httpx.request(method, f"{self.management}/api/{path}", json=body, auth=("guest", "guest"), timeout=20)
        return answer.raise_for_status()

    def publish(self, queue: str, count: int = 1) -> None:
        """Messages of somebody whom our server does not know."""
        message = {"properties": {}, "routing_key": queue, "payload": "{}", "payload_encoding": "string"}
        for _ in range(count):
            assert self.ask("POST", "exchanges/%2F/amq.default/publish", message).json()["routed"]

    def drain(self, queue: str) -> None:
        """Takes all messages away, as a relay does that has worked them off."""
        request = {"count": 1000, "ackmode": "ack_requeue_false", "encoding": "auto"}
        while self.ask("POST", f"queues/%2F/{queue}/get", request).json():
            pass

    def queues(self) -> set[str]:
        """Names of actors' queues."""
        return {queue["name"] for queue in self.ask("GET", "queues").json() if queue["name"].startswith("asya-")}
