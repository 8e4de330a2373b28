"""KEDA's operator and metrics server as programs of the node, registered with the API as they are from their pods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from private_cluster.api import Api, condition
from private_cluster.layout import KEDA_NAMESPACE, NODE_ADDRESS, ClusterError, Place
from private_cluster.programs import Programs

START_LIMIT_S = 120
ADAPTER_PORT = 6444
SERVICE = "keda-metrics-apiserver"
METRICS_API = "v1beta1.external.metrics.k8s.io"
ENVIRONMENT = {"WATCH_NAMESPACE": "", "KEDA_CLUSTER_OBJECT_NAMESPACE": KEDA_NAMESPACE, "POD_NAMESPACE": KEDA_NAMESPACE}


def start_keda(place: Place, programs: Programs, api: Api, built: Path) -> None:
    """Its kinds, its two programs and its metrics API; goes on once the kinds are there."""
    try:
        _apply_kinds(programs, api, built / "crds")
        _apply_metrics_api(api)
    except OSError as error:
        raise ClusterError(f"the API refused what KEDA needs: {error}") from error
    environment = {**ENVIRONMENT, "KUBECONFIG": str(place.user("admin"))}
    certificates = place.keys / "keda"
    programs.start(
        "keda-operator", built / "keda-operator", f"--cert-dir={certificates}", "--zap-log-level=info",
        "--metrics-bind-address=127.0.0.1:28081", "--health-probe-bind-address=127.0.0.1:28082",
        "--metrics-service-bind-address=127.0.0.1:9666", "--kube-api-qps=200", "--kube-api-burst=400",
        environment=environment,
    )  # fmt: skip
    admin = place.user("admin")
    programs.start(
        "keda-adapter", built / "keda-adapter", f"--secure-port={ADAPTER_PORT}", f"--bind-address={NODE_ADDRESS}",
        f"--cert-dir={certificates}", f"--tls-cert-file={certificates / 'tls.crt'}",
        f"--tls-private-key-file={certificates / 'tls.key'}", f"--client-ca-file={place.keys / 'ca.crt'}",
        f"--requestheader-client-ca-file={place.keys / 'front-proxy-ca.crt'}",
        "--metrics-service-address=localhost:9666", "--port=28083", f"--authentication-kubeconfig={admin}",
        f"--authorization-kubeconfig={admin}", f"--lister-kubeconfig={admin}",
        environment=environment,
    )  # fmt: skip


def wait_for_keda(programs: Programs, api: Api) -> None:
    """Until the API passes calls for metrics on to it."""
    path = f"/apis/apiregistration.k8s.io/v1/apiservices/{METRICS_API}"
    programs.wait_until("keda-adapter", lambda: condition(api.get(path), "Available"), START_LIMIT_S)


def kinds_in(folder: Path) -> dict[str, str]:
    """The definitions of KEDA's kinds by the path at which the API has each."""
    found = {}
    for file in sorted(folder.glob("*.yaml")):
        group, _, plural = file.stem.partition("_")  # keda.sh_scaledobjects.yaml
        found[f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{group}"] = file.read_text()
    if not found:
        raise ClusterError(f"{folder} has no kinds of KEDA")
    return found


def _apply_kinds(programs: Programs, api: Api, folder: Path) -> None:
    kinds = kinds_in(folder)
    for path, text in kinds.items():
        api.apply(path, text)

    def established() -> bool:
        return all(condition(api.get(path), "Established") for path in kinds)

    programs.wait_until("kube-apiserver", established, START_LIMIT_S)


def _apply_metrics_api(api: Api) -> None:
    """The Service has no pods: its one endpoint is the node."""
    namespace = f"/api/v1/namespaces/{KEDA_NAMESPACE}"
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{KEDA_NAMESPACE}/endpointslices"
    _apply(api, namespace, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": KEDA_NAMESPACE}})
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE},
        "spec": {"ports": [{"name": "https", "port": 443, "targetPort": ADAPTER_PORT}]},
    }
    _apply(api, f"{namespace}/services/{SERVICE}", service)
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{SERVICE}-node", "labels": {"kubernetes.io/service-name": SERVICE}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": ADAPTER_PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
    }
    _apply(api, f"{slices}/{SERVICE}-node", endpoints)
    registration = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": METRICS_API},
        "spec": {
            "service": {"name": SERVICE, "namespace": KEDA_NAMESPACE},
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
        },
    }
    _apply(api, f"/apis/apiregistration.k8s.io/v1/apiservices/{METRICS_API}", registration)


def _apply(api: Api, path: str, manifest: dict[str, Any]) -> None:
    api.apply(path, json.dumps(manifest))
