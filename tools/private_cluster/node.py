"""containerd, kubelet and kube-proxy of a cluster, and their settings."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from private_cluster.api import Api, condition
from private_cluster.layout import (
    BRIDGE,
    DOMAIN,
    FIRST_POD_ADDRESS,
    NODE,
    NODE_ADDRESS,
    POD_NETWORK,
    ClusterError,
    Place,
)
from private_cluster.machine import command
from private_cluster.programs import Programs

CONTAINERD_LIMIT_S = 60
IMAGE_LIMIT_S = 300
NODE_LIMIT_S = 120
SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "localhost/pause:1"
MAX_PODS = 200
PROXY_HEALTH = "127.0.0.1:10256"

CONTAINERD = """version = 2
oom_score = 0
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Where root may not lower a score below that of its own process.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
[plugins."io.containerd.internal.v1.opt"]
  path = "{opt}"
"""


def start_containerd(place: Place, programs: Programs) -> None:
    """Goes on at once."""
    networks = place.folder / "networks"
    networks.mkdir()
    (networks / "10-pods.conflist").write_text(json.dumps(_pod_network()))
    settings = place.folder / "containerd.toml"
    settings.write_text(containerd_settings(place, networks))
    programs.start("containerd", "containerd", "--config", settings)


def containerd_settings(place: Place, networks: Path) -> str:
    """What it makes lies in the cluster's folder, or under folders that the node has its own of."""
    return CONTAINERD.format(pause=PAUSE_IMAGE, networks=networks, opt=place.folder / "opt")


def load_images(programs: Programs, archives: Sequence[str]) -> None:
    """Once containerd answers."""

    def answers() -> bool:
        try:
            command("ctr", "--address", SOCKET, "version")
        except ClusterError:
            return False
        return True

    programs.wait_until("containerd", answers, CONTAINERD_LIMIT_S)
    for archive in archives:
        words = ("--address", SOCKET, "--namespace", "k8s.io", "images", "import", archive)
        command("ctr", *words, limit_s=IMAGE_LIMIT_S)


def start_node(place: Place, programs: Programs, binaries: Path, cgroup: str) -> None:
    """kubelet and kube-proxy; goes on at once."""
    kubelet = place.folder / "kubelet.json"
    kubelet.write_text(json.dumps(_kubelet_settings(place, cgroup), indent=1))
    programs.start(
        "kubelet", binaries / "kubelet", f"--config={kubelet}", f"--kubeconfig={place.user('kubelet-user')}",
        f"--hostname-override={NODE}", f"--node-ip={NODE_ADDRESS}",
    )  # fmt: skip
    proxy = place.folder / "kube-proxy.json"
    proxy.write_text(json.dumps(_proxy_settings(place), indent=1))
    programs.start("kube-proxy", binaries / "kube-proxy", f"--config={proxy}")


def wait_for_node(programs: Programs, api: Api) -> None:
    """Until the node is Ready and kube-proxy has written its rules."""
    programs.wait_until("kubelet", lambda: condition(api.get(f"/api/v1/nodes/{NODE}"), "Ready"), NODE_LIMIT_S)
    programs.wait_until("kube-proxy", _proxy_is_healthy, NODE_LIMIT_S)


def _proxy_is_healthy() -> bool:
    try:
        with urllib.request.urlopen(f"http://{PROXY_HEALTH}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _pod_network() -> dict[str, Any]:
    addresses = {"subnet": POD_NETWORK, "rangeStart": FIRST_POD_ADDRESS, "gateway": NODE_ADDRESS}
    ipam = {"type": "host-local", "ranges": [[addresses]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "ipMasq": False, "hairpinMode": True, "ipam": ipam}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]}


def _kubelet_settings(place: Place, cgroup: str) -> dict[str, Any]:
    keys = place.keys
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(keys / "kubelet.crt"),
        "tlsPrivateKeyFile": str(keys / "kubelet.key"),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": DOMAIN,
        "resolvConf": str(place.folder / "pods-resolv.conf"),
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",  # the default one is on the machine
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # Images are loaded by hand, so one that is collected could not be had again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "maxPods": MAX_PODS,
    }


def _proxy_settings(place: Place) -> dict[str, Any]:
    pace = {"minSyncPeriod": "100ms", "syncPeriod": "30s"}
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(place.user("kube-proxy"))},
        "mode": "iptables",
        "iptables": pace,
        "clusterCIDR": POD_NETWORK,
        "hostnameOverride": NODE,
        "bindAddress": "0.0.0.0",
        "healthzBindAddress": PROXY_HEALTH,
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0},  # the limit is of the whole machine
    }
