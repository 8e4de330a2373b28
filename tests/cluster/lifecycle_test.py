"""A cluster beside another, killed, started anew and taken down: the machine is as it was before."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from private_cluster.kubectl import TOOLS, Kubectl
from private_cluster.layout import Place
from private_cluster.machine import end
from private_cluster.own_places import SYSCTLS
from private_cluster.state import State, cgroup_folders

START_LIMIT_S = 900
END_LIMIT_S = 60
FOLDERS = (
    "/run/netns", "/run/containerd", "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/cni", "/var/log/pods",
    "/opt/cni", "/opt/containerd", "/usr/libexec/kubernetes",
)  # fmt: skip
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "one"},
    "spec": {"containers": [{"name": "main", "image": "localhost/python:1", "command": ["sleep", "1000"]}]},
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Of a cluster in a folder of its own, which is taken down whatever happens."""
    monkeypatch.setenv("ASYA_TEST_CLUSTERS", str(tmp_path))
    yield Place.of("second")
    tool("down", "--name", "second")


def tool(*words: str) -> str:
    done = subprocess.run(
        [TOOLS / "testcluster", *words], capture_output=True, text=True, timeout=START_LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def machine() -> dict[str, str]:
    """What a cluster may not change for the rest of the machine."""
    seen = {name: Path("/proc/sys", name).read_text() for name in (*SYSCTLS, "net/ipv4/ip_forward")}
    for tables in ("iptables-save", "ip6tables-save"):
        saved = subprocess.run([tables], capture_output=True, text=True, check=True).stdout
        seen[tables] = "\n".join(line.split(" [")[0] for line in saved.split("\n") if not line.startswith("#"))
    for name in FOLDERS:
        seen[name] = str(Path(name).exists())
    return seen


def left_of(place: Place, state: State) -> list[str]:
    """What there still is of a cluster."""
    found = [str(folder) for folder in cgroup_folders(state.cgroup)]
    found += [line for line in Path("/proc/mounts").read_text().split("\n") if str(place.folder) in line]
    found += [name for name in os.listdir("/sys/class/net") if name == state.link]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().replace("\0", " ") + str((process / "cwd").resolve())
            groups = (process / "cgroup").read_text()
        except OSError:
            continue
        if str(place.folder) in words or state.cgroup in groups:
            found.append(f"{process.name} {words}")
    return found + [str(path) for path in place.folder.parent.iterdir()]


def state_of(place: Place) -> State:
    state = State.read(place)
    assert state is not None and state.alive
    return state


@pytest.mark.timeout(2 * START_LIMIT_S)
def test_a_second_cluster_a_killed_one_and_one_that_is_down_leave_the_machine_as_it_was(place: Place) -> None:
    before = machine()
    tool("up", "--name", "second", "--without-keda")
    first = state_of(place)
    second = Kubectl(place.kubeconfig)
    second.apply(POD)
    second.until("pod", "one", holds=lambda found: found["status"]["phase"] == "Running")
    beside = Kubectl(os.environ["KUBECONFIG"])
    assert machine() == before
    assert (place.folder / "opt" / "bin").is_dir()  # else /opt/containerd, where that of the cluster beside is already
    assert tool("kubeconfig", "--name", "second").strip() == str(place.kubeconfig)
    assert "is up already" in tool("up", "--name", "second")
    assert "KUBE-SERVICES" in tool("enter", "--name", "second", "iptables-save")
    # Both have the same addresses, each in its own network, and know nothing of each other.
    assert [node_address(each) for each in (beside, second)] == ["10.88.0.1"] * 2
    assert namespace_id(beside) != namespace_id(second)

    end(first.process, first.started_ticks, END_LIMIT_S)  # As when the machine's memory is short, or a person kills it.
    assert cgroup_folders(first.cgroup)
    said = tool("up", "--name", "second", "--without-keda")
    assert "removing what a killed run of cluster second has left" in said
    assert Kubectl(place.kubeconfig).get("pods")["items"] == []
    assert node_address(beside) == "10.88.0.1"

    again = state_of(place)
    tool("down", "--name", "second")
    assert left_of(place, again) == []
    assert machine() == before


def test_a_start_that_is_killed_leaves_nothing_running_and_is_cleaned_up(place: Place) -> None:
    before = machine()
    with subprocess.Popen([TOOLS / "testcluster", "up", "--name", "second", "--without-keda"], stdout=subprocess.PIPE,
                          text=True) as starting:  # fmt: skip
        assert starting.stdout is not None
        for line in starting.stdout:
            if "network, mounts" in line:
                break
        state = State.read(place)
        assert state is not None and state.process
        starting.send_signal(signal.SIGKILL)
    assert ends_by_itself(state)
    tool("down", "--name", "second")
    assert left_of(place, state) == []
    assert machine() == before


def test_a_cluster_that_is_run_beside_a_command_ends_when_its_starter_is_killed(place: Place) -> None:
    words = ["run", "--name", "second", "--without-keda", "sh", "-c", "echo started; cat"]
    with subprocess.Popen([TOOLS / "testcluster", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as running:  # fmt: skip
        assert running.stdout is not None
        for line in running.stdout:
            if line == "started\n":
                break
        state = state_of(place)
        running.kill()
    assert ends_by_itself(state)
    tool("down", "--name", "second")
    assert left_of(place, state) == []


def ends_by_itself(state: State) -> bool:
    """Whether the first process ends without being told to."""
    try:
        handle = os.pidfd_open(state.process)
    except ProcessLookupError:
        return True
    with os.fdopen(handle):
        return bool(select.select([handle], [], [], END_LIMIT_S)[0])


def node_address(kubectl: Kubectl) -> str:
    return str(kubectl.get("node", "node")["status"]["addresses"][0]["address"])


def namespace_id(kubectl: Kubectl) -> str:
    return str(kubectl.get("namespace", "kube-system")["metadata"]["uid"])
