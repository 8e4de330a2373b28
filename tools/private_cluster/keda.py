"""KEDA's operator and metrics server as programs of the node, registered with the API as they are from their pods."""

from __future__ import annotations

from pathlib import Path

from private_cluster.api import Api, condition
from private_cluster.keda_programs import (
    ADAPTER,
    METRICS_API_PATH,
    OPERATOR,
    SERVICE,
    SERVICE_PORT,
    KedaPrograms,
    apply,
    register_kinds,
    register_metrics_api,
)
from private_cluster.layout import KEDA_NAMESPACE, NODE_ADDRESS, ClusterError, Place
from private_cluster.programs import Programs

START_LIMIT_S = 120
ADAPTER_PORT = 6444


def start_keda(place: Place, programs: Programs, api: Api, built: Path) -> None:
    """Its kinds, its two programs and its metrics API; goes on once the kinds are there."""
    try:
        kinds = register_kinds(api, built)
        programs.wait_until(
            "kube-apiserver", lambda: all(condition(api.get(path), "Established") for path in kinds), START_LIMIT_S
        )
        _register_metrics_api(api)
    except OSError as error:
        raise ClusterError(f"the API refused what KEDA needs: {error}") from error
    keda = KedaPrograms(built, place.keys, place.user("admin"), NODE_ADDRESS, ADAPTER_PORT)
    programs.start(OPERATOR, *keda.operator, environment=keda.environment)
    programs.start(ADAPTER, *keda.adapter, environment=keda.environment)


def wait_for_keda(programs: Programs, api: Api) -> None:
    """Until the API passes calls for metrics on to it."""
    programs.wait_until(ADAPTER, lambda: condition(api.get(METRICS_API_PATH), "Available"), START_LIMIT_S)


def _register_metrics_api(api: Api) -> None:
    """The Service has no pods: its one endpoint is the node."""
    port = {"name": "https", "port": SERVICE_PORT, "targetPort": ADAPTER_PORT}
    register_metrics_api(api, {"ports": [port]})
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{SERVICE}-node", "labels": {"kubernetes.io/service-name": SERVICE}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": ADAPTER_PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
    }
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{KEDA_NAMESPACE}/endpointslices"
    apply(api, f"{slices}/{SERVICE}-node", endpoints)
