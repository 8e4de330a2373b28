"""A real kube-apiserver whose pods are injected by ours, and a webhook of somebody else beside it."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from aggregated_cluster import CONTROLLERS, NAMESPACE, AggregatedCluster
from asya_project import PATIENCE_S, ROOT
from direct_server import DirectServer

from free_ports import free_ports
from private_pki import Authority

TEAM = "vision"
CONFIGURATIONS = ("mutatingwebhookconfiguration/asya-injection", "validatingwebhookconfiguration/asya-validation")
TRANSPORT = {
    "apiVersion": "asya.sh/v1alpha1", "kind": "Transport", "metadata": {"name": "rabbit"},
    "spec": {"type": "rabbitmq", "default": True, "rabbitmq": {"host": "127.0.0.1", "port": 1}},
}  # fmt: skip


def actor(name: str, **spec: Any) -> dict[str, Any]:
    """One that is bound to pods of others: those of a model server, unless the spec says so."""
    bound = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "vllm"}}
    server = {"endpoint": {"url": "http://localhost:8000/v1", "protocol": "openai"}}
    return {
        "apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": {"name": name, "namespace": TEAM},
        "spec": spec or bound | server,
    }  # fmt: skip


def pod(name: str, *containers: dict[str, Any], namespace: str = TEAM, **labels: str) -> dict[str, Any]:
    """As a chart renders it; a label is given by its part behind asya.sh/."""
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {f"asya.sh/{k}": v for k, v in labels.items()}},
        "spec": {"containers": list(containers) or [{"name": "vllm", "image": "vllm:1"}]},
    }  # fmt: skip


def relays(made: dict[str, Any]) -> list[dict[str, Any]]:
    """The relays of a pod, wherever they are."""
    everywhere = made["spec"].get("initContainers", []) + made["spec"]["containers"]
    return [one for one in everywhere if one["name"] == "asya-relay"]


class InjectedCluster(AggregatedCluster):
    """With the controllers of Deployments, and ours; our server makes its own certificate, for two ports."""

    controllers = (*CONTROLLERS, "deployment-controller", "replicaset-controller", "serviceaccount-controller")
    render_flags: tuple[str, ...] = ("--controllers", "all", "--webhooks", "all")
    server_flags: tuple[str, ...] = ("--controllers=all", "--webhooks=all", "--relay-image=relay:test",
                                     f"--runtime={ROOT / 'build' / 'asya_runtime.pyz'}")  # fmt: skip

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        port = free_ports(1)[0]
        self.render_flags = (*self.render_flags, f"--webhooks-port={port}")
        self.server_flags = (*self.server_flags, f"--webhooks-listen=127.0.0.1:{port}")

    def authority_flags(self) -> list[str]:
        """Our server says it itself."""
        return []

    def start_server(self, folder: str = "server", database: str = "") -> None:
        """Without a certificate."""
        self.server = DirectServer(
            self.folder / folder, self.ca, f"--aggregated={self.folder / 'kubeconfig'}", *self.server_flags,
            listen=self.address, database=database,
        )  # fmt: skip

    def api(self) -> httpx.Client:
        """Root's HTTP to kube-apiserver."""
        return self.client("root", url=self.kubernetes.url)

    def make(self, wanted: dict[str, Any], code: int = 201) -> Any:
        """Creates a pod; what was answered, which is the pod or the message of the refusal."""
        with self.api() as api:
            answer = api.post(f"/api/v1/namespaces/{wanted['metadata']['namespace']}/pods", json=wanted)
        assert answer.status_code == code, answer.text
        return answer.json() if code < 400 else answer.json()["message"]

    def events_of(self, name: str) -> set[str]:
        """The reasons that a pod was told of."""
        found = self.run("get", "events", "-n", TEAM, "--field-selector", f"involvedObject.name={name}", "-o", "json")
        return {one["reason"] for one in json.loads(found)["items"]}

    def secret(self) -> dict[str, str]:
        """What our server keeps of its certificates."""
        data = json.loads(self.run("get", "secret", "asya-serving", "-n", NAMESPACE, "-o", "json"))["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def bundles(self) -> list[str]:
        """Whom kube-apiserver believes of each webhook."""
        found = []
        for name in CONFIGURATIONS:
            for webhook in json.loads(self.run("get", name, "-o", "json"))["webhooks"]:
                found.append(base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode())
        return found

    def direct(self) -> httpx.Client:
        """Root's HTTP to our server, whatever certificate it shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # its certificate is for the name that kube-apiserver calls it by
        context.load_cert_chain(*self.certificates["root"])
        return httpx.Client(base_url=f"https://{self.address}", verify=context, timeout=PATIENCE_S)

    def metrics(self) -> str:
        """Of our server."""
        with self.direct() as client:
            return client.get("/metrics").raise_for_status().text

    def reviews(self, result: str, webhook: str = "inject") -> int:
        """How many ended so."""
        found = re.search(rf'^asya_webhook_reviews_total{{webhook="{webhook}",result="{result}"}} (\d+)|'
                          rf'^asya_webhook_reviews_total{{result="{result}",webhook="{webhook}"}} (\d+)',
                          self.metrics(), re.M)  # fmt: skip
        assert found
        return int(found[1] or found[2])


class OtherWebhook:
    """A mutating webhook over HTTPS that answers each pod with a JSON patch of its own."""

    def __init__(self, authority: Authority, patch: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Of kube-apiserver."""
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operations = base64.b64encode(json.dumps(patch(review["request"]["object"])).encode()).decode()
                response = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch",
                            "patch": operations}  # fmt: skip
                body = json.dumps({k: review[k] for k in ("apiVersion", "kind")} | {"response": response}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nowhere."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = authority.sign("other-webhook", "/CN=other", ("IP:127.0.0.1",))
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.authority: Path = authority.certificate
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def configuration(self, name: str) -> dict[str, Any]:
        """By which kube-apiserver asks it of pods that ask for ours; webhooks are called in the order of names."""
        client = {"url": f"https://127.0.0.1:{self.server.server_port}/",
                  "caBundle": base64.b64encode(self.authority.read_bytes()).decode()}  # fmt: skip
        return {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": "agent.example.com", "admissionReviewVersions": ["v1"], "clientConfig": client,
                "sideEffects": "None", "failurePolicy": "Fail",
                "objectSelector": {"matchLabels": {"asya.sh/inject": "true"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            }],
        }  # fmt: skip

    def stop(self) -> None:
        """No later answers."""
        self.server.shutdown()
        self.server.server_close()
