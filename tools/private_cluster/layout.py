"""Names, addresses and folders of a private cluster. Inside its network all clusters have the same addresses."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

NODE = "node"
NODE_ADDRESS = "10.88.0.1"
POD_NETWORK = "10.88.0.0/24"
FIRST_POD_ADDRESS = "10.88.0.10"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
API_PORT = 6443
DOMAIN = "cluster.local"
BRIDGE = "pods"
UPLINK = "outside"  # the inner end of the pair of links whose outer end is on the machine
KEDA_NAMESPACE = "keda"

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


class ClusterError(Exception):
    """Something that a person is told in one line, with the file to look at where there is one."""


def clusters_folder() -> Path:
    """The folder that has a folder for each cluster."""
    cache = Path(os.environ.get("ASYA_TOOL_CACHE") or Path.home() / ".cache" / "asya")
    return Path(os.environ.get("ASYA_TEST_CLUSTERS") or cache / "clusters")


@dataclass(frozen=True)
class Place:
    """One cluster's name and the folder that has everything of it."""

    name: str
    folder: Path

    @classmethod
    def of(cls, name: str) -> Place:
        """That of a name; ClusterError where the name will not do."""
        if not NAME.fullmatch(name):
            raise ClusterError(f"{name!r} is no name of a cluster: small letters, digits and dashes, at most 32")
        return cls(name, clusters_folder() / name)

    @property
    def state(self) -> Path:
        """What has to be cleaned up, written down before it is made."""
        return self.folder / "state.json"

    @property
    def logs(self) -> Path:
        """A log for each program."""
        return self.folder / "log"

    @property
    def keys(self) -> Path:
        """Certificates and keys."""
        return self.folder / "keys"

    @property
    def node(self) -> Path:
        """What the node has as /run, /var/lib and /var/log."""
        return self.folder / "node"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, from outside and from inside."""
        return self.folder / "kubeconfig"

    def user(self, name: str) -> Path:
        """The kubeconfig of one of the cluster's own programs."""
        return self.folder / f"{name}.kubeconfig"

    @property
    def link(self) -> str:
        """The outer end of the pair of links; a name of a link has 15 bytes at most."""
        return "asya" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:10]

    @property
    def cgroup(self) -> str:
        """The group of each hierarchy under which the kubelet makes those of pods."""
        return f"asya-cluster-{self.name}-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]}"
