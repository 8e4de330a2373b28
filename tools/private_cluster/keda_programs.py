"""KEDA's operator and metrics server: what they are started with, and what the API is told of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from private_cluster.api import Api
from private_cluster.layout import KEDA_NAMESPACE, ClusterError
from private_pki import Authority

OPERATOR = "keda-operator"
ADAPTER = "keda-adapter"
SERVICE = "keda-metrics-apiserver"
METRICS_API = "v1beta1.external.metrics.k8s.io"
METRICS_API_PATH = f"/apis/apiregistration.k8s.io/v1/apiservices/{METRICS_API}"
SERVICE_PORT = 443
ENVIRONMENT = {"WATCH_NAMESPACE": "", "KEDA_CLUSTER_OBJECT_NAMESPACE": KEDA_NAMESPACE, "POD_NAMESPACE": KEDA_NAMESPACE}


@dataclass(frozen=True)
class KedaPrograms:
    """Command lines of both."""

    built: Path
    """What tools/keda/build has made."""
    keys: Path
    """Of the cluster; those of KEDA lie in its folder keda."""
    kubeconfig: Path
    """Of an administrator."""
    address: str
    """At which the metrics server is called by the API."""
    port: int
    inner_ports: tuple[int, int, int, int] = (9666, 28081, 28082, 28083)
    """Of the loopback: numbers for the metrics server, metrics of the operator, its health, metrics of the other."""

    @property
    def operator(self) -> list[str]:
        """Its program and arguments."""
        numbers, metrics, health, _ = self.inner_ports
        return [
            str(self.built / OPERATOR), f"--cert-dir={self.keys / 'keda'}", "--zap-log-level=info",
            f"--metrics-bind-address=127.0.0.1:{metrics}", f"--health-probe-bind-address=127.0.0.1:{health}",
            f"--metrics-service-bind-address=127.0.0.1:{numbers}", "--kube-api-qps=200", "--kube-api-burst=400",
        ]  # fmt: skip

    @property
    def adapter(self) -> list[str]:
        """Its program and arguments."""
        certificates = self.keys / "keda"
        return [
            str(self.built / ADAPTER), f"--secure-port={self.port}", f"--bind-address={self.address}",
            f"--cert-dir={certificates}", f"--tls-cert-file={certificates / 'tls.crt'}",
            f"--tls-private-key-file={certificates / 'tls.key'}", f"--client-ca-file={self.keys / 'ca.crt'}",
            f"--requestheader-client-ca-file={self.keys / 'front-proxy-ca.crt'}",
            f"--metrics-service-address=localhost:{self.inner_ports[0]}", f"--port={self.inner_ports[3]}",
            f"--authentication-kubeconfig={self.kubeconfig}", f"--authorization-kubeconfig={self.kubeconfig}",
            f"--lister-kubeconfig={self.kubeconfig}",
        ]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """Of both."""
        return {**ENVIRONMENT, "KUBECONFIG": str(self.kubeconfig)}


def make_keda_keys(authority: Authority, *hosts: str) -> None:
    """KEDA takes its certificates by fixed names from a folder."""
    certificate, key = authority.sign("keda", "/CN=keda", ("DNS:localhost", "IP:127.0.0.1", *hosts))
    folder = authority.folder / "keda"
    folder.mkdir()
    for name, file in {"ca.crt": authority.certificate, "tls.crt": certificate, "tls.key": key}.items():
        (folder / name).write_bytes(file.read_bytes())


def kinds_in(folder: Path) -> dict[str, str]:
    """The definitions of KEDA's kinds by the path at which the API has each."""
    found = {}
    for file in sorted(folder.glob("*.yaml")):
        group, _, plural = file.stem.partition("_")  # keda.sh_scaledobjects.yaml
        found[f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{group}"] = file.read_text()
    if not found:
        raise ClusterError(f"{folder} has no kinds of KEDA")
    return found


def register_kinds(api: Api, built: Path) -> list[str]:
    """Gives the API KEDA's kinds; their paths, each of which is Established in a moment."""
    kinds = kinds_in(built / "crds")
    for path, text in kinds.items():
        api.apply(path, text)
    return list(kinds)


def register_metrics_api(api: Api, service: dict[str, Any], port: int = SERVICE_PORT) -> None:
    """Has calls for metrics go to `port` of a Service with this spec."""
    namespace = f"/api/v1/namespaces/{KEDA_NAMESPACE}"
    apply(api, namespace, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": KEDA_NAMESPACE}})
    named = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE}, "spec": service}
    apply(api, f"{namespace}/services/{SERVICE}", named)
    registration = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": METRICS_API},
        "spec": {
            "service": {"name": SERVICE, "namespace": KEDA_NAMESPACE, "port": port},
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
        },
    }
    apply(api, METRICS_API_PATH, registration)


def apply(api: Api, path: str, manifest: dict[str, Any]) -> None:
    """Server-side apply of a manifest as data."""
    api.apply(path, json.dumps(manifest))
