"""Certificates of a cluster's programs, and a kubeconfig for each of its users."""

from __future__ import annotations

import base64
from pathlib import Path

from private_cluster.keda_programs import make_keda_keys
from private_cluster.layout import API_PORT, API_SERVICE_ADDRESS, NODE, NODE_ADDRESS, Place
from private_pki import Authority, make_signing_key

DAYS = 365  # a cluster of a person may stay up; it has no renewal

API_NAMES = (
    "DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc",
    "DNS:kubernetes.default.svc.cluster.local", "IP:127.0.0.1", f"IP:{API_SERVICE_ADDRESS}", f"IP:{NODE_ADDRESS}",
)  # fmt: skip
KUBELET_NAMES = (f"DNS:{NODE}", f"IP:{NODE_ADDRESS}")

# User by the name of its certificate: RBAC of a new cluster has roles for each.
USERS = {
    "admin": "/O=system:masters/CN=admin",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kube-proxy": "/CN=system:kube-proxy",
    "kubelet-user": f"/O=system:nodes/CN=system:node:{NODE}",
}

KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{{name: {cluster}, cluster: {{server: "{server}", certificate-authority-data: {authority}}}}}]
users: [{{name: {user}, user: {{client-certificate-data: {certificate}, client-key-data: {key}}}}}]
contexts: [{{name: {cluster}, context: {{cluster: {cluster}, user: {user}}}}}]
current-context: {cluster}
"""


def make_keys(place: Place, inside: str) -> None:
    """All keys and kubeconfigs; `inside` is the address at which the machine reaches the API."""
    place.keys.mkdir()
    authority = Authority(place.keys, "ca", DAYS)
    front = Authority(place.keys, "front-proxy-ca", DAYS)
    authority.sign("apiserver", "/CN=kube-apiserver", (*API_NAMES, f"IP:{inside}"))
    authority.sign("kubelet", f"/CN={NODE}", KUBELET_NAMES)
    authority.sign("kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client")
    front.sign("front-proxy-client", "/CN=front-proxy-client")
    make_signing_key(place.keys, "service-accounts")
    for user, subject in USERS.items():
        authority.sign(user, subject)
        _write_kubeconfig(place, user, f"https://127.0.0.1:{API_PORT}", place.user(user))
    _write_kubeconfig(place, "admin", f"https://{inside}:{API_PORT}", place.kubeconfig)
    make_keda_keys(authority, f"IP:{NODE_ADDRESS}")


def _write_kubeconfig(place: Place, user: str, server: str, file: Path) -> None:
    def encoded(name: str) -> str:
        return base64.b64encode((place.keys / name).read_bytes()).decode()

    text = KUBECONFIG.format(cluster=place.name, server=server, user=user, authority=encoded("ca.crt"),
                             certificate=encoded(f"{user}.crt"), key=encoded(f"{user}.key"))  # fmt: skip
    file.write_text(text)
    file.chmod(0o600)
