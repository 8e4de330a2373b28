"""asya-server on the machine, behind the API of the cluster of tests, whose KEDA it answers; and a broker beside it."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import yaml
from controlled_cluster import Broker, queue_of
from direct_server import PROGRAMS, DirectServer
from keda_cluster import replicas_wanted
from server_kubeconfig import write_server_kubeconfig

from free_ports import free_ports
from private_cluster.api import condition
from private_cluster.kubectl import PATIENCE_S, TOOLS, Kubectl
from private_pki import Authority

SYSTEM = "asya-system"
HOST = f"asya-server.{SYSTEM}.svc"
API_SERVICE = "v1alpha1.asya.sh"
CA_SECRET = "asya-scaler-ca"
RUNTIME = TOOLS.parent / "build" / "asya_runtime.pyz"


class ScaledCluster:
    """Removes what it has put into the cluster."""

    def __init__(self, folder: Path, kubectl: Kubectl) -> None:
        self.folder, self.kubectl = folder, kubectl
        self.system = Kubectl(os.environ["KUBECONFIG"], SYSTEM)
        self.machine = os.environ["ASYA_TEST_CLUSTER_MACHINE"]
        self.port, self.scaler_port = free_ports(2)
        self.broker = Broker()
        self.keys = Authority(folder, "serving-ca")
        self.api = Api(Path(os.environ["KUBECONFIG"]))
        self.server: DirectServer | None = None

    def __enter__(self) -> Self:
        try:
            self._install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.server:
            self.kubectl("delete", "asya", "--all", "--wait", "--timeout=60s")
            self.server.__exit__()
        self.system("delete", "apiservice", API_SERVICE, "--ignore-not-found")
        Kubectl(os.environ["KUBECONFIG"], "").delete(*self._rendered())
        self.system("delete", "namespace", SYSTEM, "--wait=false", "--ignore-not-found")
        self.broker.node.stop()

    def _install(self) -> None:
        self.system("delete", "namespace", SYSTEM, "--wait", "--ignore-not-found")
        self.system("create", "namespace", SYSTEM)
        certificate, key = self.keys.sign("server", "/CN=asya-server", (f"DNS:{HOST}", f"IP:{self.machine}"))
        objects = [self._placed(one) for one in self._rendered()]
        api = next(one for one in objects if one["kind"] == "APIService")
        for one in (*objects, self._endpoints()):
            if one is not api:
                place = one["metadata"].get("namespace", SYSTEM)
                Kubectl(os.environ["KUBECONFIG"], place).apply(one)
        write_server_kubeconfig(self.folder, self.system, SYSTEM)
        self.server = DirectServer(
            self.folder / "server", self.keys.certificate, f"--aggregated={self.folder / 'kubeconfig'}",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
            f"--serving-ca-file={self.keys.certificate}", "--controllers=all", f"--runtime={RUNTIME}",
            f"--scaler-listen={self.machine}:{self.scaler_port}", f"--scaler-address={HOST}:6000",
            f"--scaler-ca-secret={CA_SECRET}", listen=f"{self.machine}:{self.port}",
        )  # fmt: skip
        self.system.apply(api)
        self.system.until("apiservice", API_SERVICE, holds=lambda api: condition(api, "Available"))
        eventually(lambda: "asyncactors" in self.system("api-resources", "--api-group=asya.sh"), "it is in discovery")
        self.kubectl("create", "secret", "generic", CA_SECRET, f"--from-file=ca.crt={self.keys.certificate}")
        self.kubectl.apply(self.broker.transport(managementUrl=self.broker.management))

    def _rendered(self) -> list[dict[str, Any]]:
        command = [str(PROGRAMS / "asya-server"), "render", "apiservice", "--ca-file", str(self.keys.certificate),
                   "--controllers", "all"]  # fmt: skip
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return list(yaml.safe_load_all(done.stdout))

    @staticmethod
    def _placed(thing: dict[str, Any]) -> dict[str, Any]:
        """Our server is no pod: the Service has the one endpoint that is made for it."""
        if thing["kind"] != "Service":
            return thing
        ports = [{"name": each["name"], "port": each["port"]} for each in thing["spec"]["ports"]]
        assert {"name": "scaler", "port": 6000} in ports
        return {**thing, "spec": {"ports": ports}}

    def _endpoints(self) -> dict[str, Any]:
        ports = [{"name": "https", "port": self.port}, {"name": "scaler", "port": self.scaler_port}]
        labels = {"kubernetes.io/service-name": "asya-server"}
        return {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": ports,
            "metadata": {"name": "asya-server-machine", "labels": labels},
            "endpoints": [{"addresses": [self.machine], "conditions": {"ready": True}}],
        }  # fmt: skip

    def publish(self, actor: str, count: int = 1) -> None:
        """Messages of somebody whom our server does not know."""
        self.broker.publish(queue_of(actor, self.kubectl.namespace), count)

    def drain(self, actor: str) -> None:
        """Takes all messages away, as a relay does that has worked them off."""
        self.broker.drain(queue_of(actor, self.kubectl.namespace))


class Api:
    """The cluster's API without a process for each call, so that milliseconds can be told."""

    def __init__(self, kubeconfig: Path) -> None:
        whole = yaml.safe_load(kubeconfig.read_text())
        cluster, user = whole["clusters"][0]["cluster"], whole["users"][0]["user"]
        context = ssl.create_default_context(cadata=decoded(cluster["certificate-authority-data"]))
        certificate, key = (kubeconfig.with_name(f"api-client.{kind}") for kind in ("crt", "key"))
        certificate.write_text(decoded(user["client-certificate-data"]))
        key.write_text(decoded(user["client-key-data"]))
        context.load_cert_chain(certificate, key)
        self._client = httpx.Client(base_url=cluster["server"], verify=context, timeout=PATIENCE_S)

    def replicas_wanted(self, namespace: str, name: str) -> Iterator[int]:
        """spec.replicas of a Deployment, now and each time that it is written."""
        yield from replicas_wanted(self._client, namespace, name)

    def get(self, path: str) -> Any:
        """What is at a path."""
        return self._client.get(path).raise_for_status().json()

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """What is answered, be it a refusal."""
        return self._client.post(path, json=body)


def decoded(text: str) -> str:
    """Of base64."""
    return base64.b64decode(text).decode()


def eventually(holds: Callable[[], Any], what: str, limit_s: float = PATIENCE_S) -> Any:
    """What `holds` gives as soon as it gives something."""
    deadline = time.monotonic() + limit_s
    while not (seen := holds()):
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
        time.sleep(0.1)
    return seen
