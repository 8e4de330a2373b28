"""Gives the node places of its own where its programs would write to the machine's."""

from __future__ import annotations

import os
from pathlib import Path

from private_cluster.layout import KEDA_NAMESPACE, NODE_ADDRESS, ClusterError, Place
from private_cluster.machine import command
from private_cluster.state import cgroup_mounts

FOLDERS = ("/run", "/var/lib", "/var/log")
# The kubelet does not start where its group lacks one of these that the machine has.
NEEDED_CONTROLLERS = ("cpu", "cpuset", "hugetlb", "memory", "pids")

# The kubelet sets these for the whole machine, or does not start. It finds them as it wants them, so it writes nothing.
SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def make_own_places(place: Place) -> None:
    """In the cluster's namespace of mounts: nothing here is seen by the rest of the machine."""
    resolv = Path("/etc/resolv.conf").resolve()
    _cover_sysctls(place)
    for folder in FOLDERS:
        if place.folder.is_relative_to(folder):
            raise ClusterError(f"{place.folder} lies under {folder}, of which a node needs its own: "
                               "name another folder in ASYA_TEST_CLUSTERS")  # fmt: skip
        own = place.node / folder.strip("/").replace("/", "-")
        own.mkdir(parents=True)
        command("mount", "--bind", own, folder)
    _cover_resolv(place, resolv)
    # Volumes of pods may be shared with what is mounted later.
    command("mount", "--make-rshared", "/")


def _cover_sysctls(place: Place) -> None:
    covers = place.folder / "sysctls"
    for name, value in SYSCTLS.items():
        cover = covers / name
        cover.parent.mkdir(parents=True, exist_ok=True)
        cover.write_text(value + "\n")
        if Path("/proc/sys", name).exists():
            command("mount", "--bind", cover, f"/proc/sys/{name}")


def _cover_resolv(place: Place, resolv: Path) -> None:
    """Names are asked of the cluster's DNS, Services of KEDA's namespace by their short names as in its pod."""
    own = place.folder / "resolv.conf"
    search = f"{KEDA_NAMESPACE}.svc.cluster.local svc.cluster.local cluster.local"
    own.write_text(f"nameserver {NODE_ADDRESS}\nsearch {search}\noptions ndots:5\n")
    (place.folder / "pods-resolv.conf").write_text(f"nameserver {NODE_ADDRESS}\n")
    if not resolv.exists():
        if not any(resolv.is_relative_to(folder) for folder in FOLDERS):
            raise ClusterError(f"{resolv} is not there; a node only lays its own over that of the machine: "
                               "make an empty one")  # fmt: skip
        resolv.parent.mkdir(parents=True, exist_ok=True)
        resolv.touch()
    command("mount", "--bind", own, resolv)


def make_cgroups(name: str) -> None:
    """The group of pods in each hierarchy: without one of its own, two kubelets would end each other's pods."""
    for mount in cgroup_mounts():
        if (mount / "cgroup.controllers").exists():  # the one hierarchy of version 2
            _turn_on_controllers(mount)
        os.makedirs(mount / name, exist_ok=True)


def _turn_on_controllers(mount: Path) -> None:
    """Those that a group at the top could not have yet; they stay on, since others may have come to need them."""
    there = (mount / "cgroup.controllers").read_text().split()
    control = mount / "cgroup.subtree_control"
    on = control.read_text().split()
    missing = [name for name in NEEDED_CONTROLLERS if name in there and name not in on]
    if missing:
        control.write_text(" ".join(f"+{name}" for name in missing))
