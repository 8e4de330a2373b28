"""Starts a cluster from outside: makes what it needs, its first process and its link, and tells how far it is."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
import threading
from pathlib import Path

from private_cluster import images
from private_cluster.inside import ERROR, HELLO, READY, Settings
from private_cluster.keys import make_keys
from private_cluster.layout import ClusterError, Place, clusters_folder
from private_cluster.machine import child_of, command
from private_cluster.network import PAIR_PREFIX, free_pair, make_link, routed_networks
from private_cluster.node import IMAGE_LIMIT_S, SOCKET
from private_cluster.phases import phase
from private_cluster.state import State, addresses_in_use, controllers_on, end_all, locked, make_folder, remove
from private_server import die_with_parent

TOOLS = Path(__file__).resolve().parents[1]
BUILD_LIMIT_S = 5400
START_LIMIT_S = 600
KUBERNETES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
NEEDED = ("containerd", "ctr", "ip", "iptables", "nsenter", "runc", "unshare")
# With the first process all others end, and with them the mounts and the network: the kernel cleans up.
UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")


def start(place: Place, *, with_keda: bool, tied: bool) -> State:
    """Starts it, whoever holds its lock; `tied`: it ends when this process does. On failure only its folder is left."""
    remove(place)
    make_folder(place)
    place.logs.mkdir()
    try:
        state = _reserve(place)
        with phase("programs, images"):
            settings = _prepare(place, state, with_keda)
        with phase("certificates"):
            make_keys(place, state.inside)
        return _start_inside(place, state, settings, tied)
    except BaseException:
        end_all(place)
        raise


def require_machine() -> None:
    """ClusterError when this user or this machine cannot have a cluster."""
    if os.geteuid() != 0:
        raise ClusterError("a cluster needs root: it makes namespaces, mounts and control groups")
    missing = [name for name in NEEDED if not _found(name)]
    if missing:
        raise ClusterError(f"{', '.join(missing)} is not there: `make install-cluster` installs what a cluster needs")


def _found(name: str) -> bool:
    return any((Path(folder) / name).exists() for folder in os.environ.get("PATH", "").split(":"))


def _reserve(place: Place) -> State:
    """Chooses the addresses and writes down what is going to be made."""
    with locked(Place(".links", clusters_folder() / ".links")):
        used = [ipaddress.IPv4Network(f"{address}/{PAIR_PREFIX}", strict=False) for address in addresses_in_use()]
        outside, inside = list(free_pair(place.name, [*routed_networks(), *used]).hosts())
        state = State(place.link, place.cgroup, str(outside), str(inside), controllers=controllers_on())
        state.write(place)
    return state


def _prepare(place: Place, state: State, with_keda: bool) -> Settings:
    binaries = place.folder / "bin"
    binaries.mkdir()
    kubebox = _built(TOOLS / "build-go", "kubebox")
    for name in KUBERNETES:
        (binaries / name).symlink_to(kubebox)
    return Settings(
        name=place.name, folder=str(place.folder), cgroup=state.cgroup, outside=state.outside, inside=state.inside,
        kubernetes=str(binaries), coredns=_built(TOOLS / "build-go", "coredns"),
        keda=_built(TOOLS / "keda" / "build") if with_keda else "",
        images=tuple(str(archive) for archive in images.images()),
    )  # fmt: skip


def _built(*words: str | Path) -> str:
    """The path that a build prints; what it says beside that goes to whoever waits for it."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=BUILD_LIMIT_S, check=True)
    except subprocess.SubprocessError as error:
        raise ClusterError(f"a program of the cluster could not be built: {error}") from error
    return done.stdout.strip()


def _start_inside(place: Place, state: State, settings: Settings, tied: bool) -> State:
    log = place.logs / "inside.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*UNSHARE, sys.executable, "-m", "private_cluster.inside"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True, cwd="/", start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": str(place.folder), "PYTHONPATH": str(TOOLS)},
            preexec_fn=die_with_parent if tied else None,
        )  # fmt: skip
    timer = threading.Timer(START_LIMIT_S, process.kill)
    timer.start()
    try:
        assert process.stdin is not None and process.stdout is not None
        if process.stdout.readline().strip() != HELLO:
            raise ClusterError(f"no namespaces for the cluster: {log.read_text().strip() or f'look at {log}'}")
        first = child_of(process.pid)
        if first is None:
            raise ClusterError(f"the first process of the cluster has ended: look at {log}")
        state = state.with_process(first)
        state.write(place)
        make_link(state.link, state.outside, first)
        process.stdin.write(settings.line())
        process.stdin.close()
        _follow(process, place)
    finally:
        timer.cancel()
    return state


def _follow(process: subprocess.Popen[str], place: Place) -> None:
    """Prints the phases until all is ready."""
    assert process.stdout is not None
    problem = ""
    for line in process.stdout:
        if line.strip() == READY:
            return
        if line.startswith(ERROR) or problem:
            problem += line.removeprefix(ERROR)
        else:
            print(line, end="", flush=True)
    raise ClusterError(problem.strip() or f"the cluster ended or was not ready within {START_LIMIT_S} s: "
                       f"look at {place.logs}")  # fmt: skip


def load_image(state: State, archive: Path) -> str:
    """Gives the node the images of an archive; what `ctr` says of them."""
    if not archive.is_file():
        raise ClusterError(f"{archive} is not there")
    words = ("ctr", "--address", SOCKET, "--namespace", "k8s.io", "images", "import", "-")
    with archive.open("rb") as content:
        return command(*entered(state, "--mount"), *words, stdin=content, limit_s=IMAGE_LIMIT_S)


def entered(state: State, *more: str) -> tuple[str, ...]:
    """How a command is begun that is to run in the cluster's network."""
    return ("nsenter", "--target", str(state.process), "--net", *more, "--")
