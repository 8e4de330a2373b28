"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler of a cluster."""

from __future__ import annotations

from pathlib import Path

from private_cluster.api import Api
from private_cluster.layout import API_PORT, NODE_ADDRESS, SERVICE_NETWORK, Place
from private_cluster.programs import Programs

START_LIMIT_S = 240
ETCD = "http://127.0.0.1:2379"
ETCD_PEER = "http://127.0.0.1:2380"


def start_api(place: Place, programs: Programs, binaries: Path) -> None:
    """etcd and kube-apiserver; goes on at once."""
    programs.start(
        "etcd", binaries / "etcd", "--name=node", f"--data-dir={place.folder / 'etcd'}", "--log-level=warn",
        f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}", f"--listen-peer-urls={ETCD_PEER}",
        f"--initial-advertise-peer-urls={ETCD_PEER}", f"--initial-cluster=node={ETCD_PEER}",
        "--unsafe-no-fsync",  # a cluster ends with the machine's next start at the latest
    )  # fmt: skip
    programs.start("kube-apiserver", binaries / "kube-apiserver", *_api_arguments(place))


def wait_for_api(programs: Programs, api: Api) -> None:
    """Until `/readyz` says ok."""
    programs.wait_until("kube-apiserver", api.ready, START_LIMIT_S)


def start_controllers(place: Place, programs: Programs, binaries: Path) -> None:
    """The controllers and the scheduler; goes on at once."""
    keys = place.keys
    manager = place.user("kube-controller-manager")
    programs.start(
        "kube-controller-manager", binaries / "kube-controller-manager", f"--kubeconfig={manager}",
        f"--authentication-kubeconfig={manager}", f"--authorization-kubeconfig={manager}",
        "--leader-elect=false", "--bind-address=127.0.0.1", "--use-service-account-credentials=true",
        f"--service-account-private-key-file={keys / 'service-accounts.key'}", f"--root-ca-file={keys / 'ca.crt'}",
        f"--cluster-signing-cert-file={keys / 'ca.crt'}", f"--cluster-signing-key-file={keys / 'ca.key'}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--horizontal-pod-autoscaler-sync-period=1s",  # tests wait for autoscalers; 15 s is for large clusters
    )  # fmt: skip
    scheduler = place.user("kube-scheduler")
    programs.start(
        "kube-scheduler", binaries / "kube-scheduler", f"--kubeconfig={scheduler}",
        f"--authentication-kubeconfig={scheduler}", f"--authorization-kubeconfig={scheduler}",
        "--leader-elect=false", "--bind-address=127.0.0.1",
    )  # fmt: skip


def wait_for_controllers(programs: Programs, api: Api) -> None:
    """Until pods can be made: they need the ServiceAccount that a controller makes."""
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    programs.wait_until("kube-controller-manager", lambda: api.get(account) is not None, START_LIMIT_S)


def _api_arguments(place: Place) -> list[str]:
    files = {
        "client-ca-file": "ca.crt", "tls-cert-file": "apiserver.crt", "tls-private-key-file": "apiserver.key",
        "service-account-key-file": "service-accounts.pub", "service-account-signing-key-file": "service-accounts.key",
        "kubelet-certificate-authority": "ca.crt", "kubelet-client-certificate": "kubelet-client.crt",
        "kubelet-client-key": "kubelet-client.key", "requestheader-client-ca-file": "front-proxy-ca.crt",
        "proxy-client-cert-file": "front-proxy-client.crt", "proxy-client-key-file": "front-proxy-client.key",
    }  # fmt: skip
    return [
        f"--etcd-servers={ETCD}", "--bind-address=0.0.0.0", f"--secure-port={API_PORT}",
        f"--advertise-address={NODE_ADDRESS}", f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
        "--profiling=false", "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--kubelet-preferred-address-types=InternalIP", "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        # Aggregated APIs are called at their endpoints, since KEDA's has no pod.
        "--enable-aggregator-routing=true",
        *(f"--{name}={place.keys / file}" for name, file in files.items()),
    ]  # fmt: skip
