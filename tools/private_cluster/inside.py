"""The first process of a cluster, in namespaces of its own: starts the node, then looks after its programs."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from private_cluster.api import Api
from private_cluster.control_plane import start_api, start_controllers, wait_for_api, wait_for_controllers
from private_cluster.dns import start_dns, wait_for_dns
from private_cluster.keda import start_keda, wait_for_keda
from private_cluster.layout import API_PORT, ClusterError, Place
from private_cluster.network import make_inner_network
from private_cluster.node import load_images, start_containerd, start_node, wait_for_node
from private_cluster.own_places import make_cgroups, make_own_places
from private_cluster.phases import phase
from private_cluster.programs import Programs

HELLO = "inside"
READY = "ready"
ERROR = "error: "


@dataclass(frozen=True)
class Settings:
    """What the first process is told by its starter, in one line of JSON on its standard input."""

    name: str
    folder: str
    cgroup: str
    outside: str  # address of the machine's end of the link
    inside: str  # address of the cluster's end
    kubernetes: str  # folder in which each program is a link to the one binary
    coredns: str
    keda: str  # folder; empty for a cluster without
    images: tuple[str, ...]

    def line(self) -> str:
        """As it is sent."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def of_line(cls, line: str) -> Settings:
        """As it was sent."""
        return cls(**json.loads(line))


def start(settings: Settings, programs: Programs) -> None:
    """All of the cluster; returns once all of it is ready."""
    place = Place(settings.name, Path(settings.folder))
    binaries = Path(settings.kubernetes)
    with phase("network, mounts, control groups"):
        make_own_places(place)
        make_inner_network(settings.inside)
        make_cgroups(settings.cgroup)
    api = Api(place.keys, f"https://127.0.0.1:{API_PORT}")
    with phase("etcd, kube-apiserver"):
        start_api(place, programs, binaries)
        start_containerd(place, programs)
        wait_for_api(programs, api)
    with phase("containerd, images"):
        start_controllers(place, programs, binaries)
        load_images(programs, settings.images)
    with phase("kubelet, kube-proxy, controllers"):
        start_node(place, programs, binaries, settings.cgroup)
        start_dns(place, programs, Path(settings.coredns), settings.outside)
        wait_for_node(programs, api)
        wait_for_controllers(programs, api)
    with phase("CoreDNS"):
        wait_for_dns(programs)
    if settings.keda:
        with phase("KEDA"):
            start_keda(place, programs, api, Path(settings.keda))
            wait_for_keda(programs, api)


def main() -> int:
    """Ends, and all with it, when the start fails; else only when it is killed."""
    print(HELLO, flush=True)
    line = sys.stdin.readline()
    if not line:
        return 1  # The starter is gone.
    settings = Settings.of_line(line)
    programs = Programs(Path(settings.folder) / "log")
    try:
        start(settings, programs)
    except (ClusterError, OSError) as error:
        print(ERROR + str(error), flush=True)
        return 1
    print(READY, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # The starter listens no more; what ends goes to the log.
    programs.watch()


if __name__ == "__main__":
    sys.exit(main())
