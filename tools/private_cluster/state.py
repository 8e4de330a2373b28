"""What a cluster has on the machine, written down before it is made, so that a later run can take it away."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from private_cluster.layout import ClusterError, Place, clusters_folder
from private_cluster.machine import boot_id, command, end, started_ticks

END_LIMIT_S = 60
REMOVE_LIMIT_S = 30
MARK = "asya-test-cluster"  # in every folder that is ours to remove: the first file in it, and the last
MARK_TEXT = "The folder of a cluster of tools/testcluster, which removes it with all that is in it.\n"
LOCK_LIMIT_S = 300
LOOK_PAUSE_S = 0.05


@dataclass(frozen=True)
class State:
    """`process` is the first process of the cluster's namespace of processes: with it all others end."""

    link: str
    cgroup: str
    outside: str = ""
    inside: str = ""
    boot: str = ""
    process: int = 0
    started_ticks: int = 0
    controllers: str = ""  # that were turned on at the top of the control groups of version 2 before it began

    @classmethod
    def read(cls, place: Place) -> State | None:
        """That of a cluster; None when there is none."""
        try:
            return cls(**json.loads(place.state.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise ClusterError(f"{place.state} cannot be read ({error}): remove {place.folder} by hand") from error

    def write(self, place: Place) -> None:
        """In one step: a run that is killed leaves the old or the new one."""
        new = place.state.with_suffix(".new")
        new.write_text(json.dumps(asdict(self)) + "\n")
        new.rename(place.state)

    def with_process(self, pid: int) -> State:
        """With the process that has just been started."""
        return replace(self, boot=boot_id(), process=pid, started_ticks=started_ticks(pid) or 0)

    @property
    def alive(self) -> bool:
        """Whether its processes run."""
        return bool(self.process) and self.boot == boot_id() and started_ticks(self.process) == self.started_ticks


def cgroup_folders(name: str) -> list[Path]:
    """The group of that name in each hierarchy where there is one."""
    return [folder for mount in cgroup_mounts() if (folder := mount / name).is_dir()]


def cgroup_mounts() -> list[Path]:
    """The top of each hierarchy of control groups."""
    lines = Path("/proc/self/mounts").read_text().split("\n")
    fields = [line.split() for line in lines if line]
    return [Path(field[1]) for field in fields if field[2] in ("cgroup", "cgroup2")]


def controllers_on() -> str:
    """Those that are turned on at the top of the hierarchy of version 2; none without it."""
    files = [mount / "cgroup.subtree_control" for mount in cgroup_mounts()]
    return " ".join(sorted({name for file in files if file.exists() for name in file.read_text().split()}))


def controllers_left_on(state: State) -> list[str]:
    """Those that have been turned on since a cluster began: by it, its kubelet and its pods, as far as one can see."""
    return sorted(set(controllers_on().split()) - set(state.controllers.split()))


def make_folder(place: Place) -> None:
    """Makes the folder of a cluster, and marks it before anything else is in it."""
    place.folder.mkdir(parents=True)
    (place.folder / MARK).write_text(MARK_TEXT)


def require_ours(place: Place) -> None:
    """ClusterError when the folder holds anything and was not made for a cluster: it may be of a person."""
    if not place.folder.is_symlink():
        try:
            # In one look: whoever makes or removes it just now leaves the mark alone with nothing.
            names = os.listdir(place.folder)
        except FileNotFoundError:
            return
        except NotADirectoryError:
            names = [place.folder.name]
        if not names or MARK in names:
            return
    raise ClusterError(f"{place.folder} was not made for a cluster (no file {MARK} is in it) and is left alone: choose "
                       "another --name or ASYA_TEST_CLUSTERS, or move it away")  # fmt: skip


def remove(place: Place) -> None:
    """Takes away all of a cluster, whether it runs or was killed; nothing when there is nothing."""
    require_ours(place)
    end_all(place)
    _remove_folder(place.folder)


def end_all(place: Place) -> None:
    """Takes away all but the folder, in which the logs are."""
    state = State.read(place)
    if state is None:
        return
    if state.alive:
        end(state.process, state.started_ticks, END_LIMIT_S)
    if Path(f"/sys/class/net/{state.link}").exists():
        with contextlib.suppress(ClusterError):  # It goes by itself with the network at its other end.
            command("ip", "link", "delete", state.link)
    _remove_cgroups(state.cgroup)
    place.state.unlink()


def _remove_cgroups(name: str) -> None:
    deadline = time.monotonic() + REMOVE_LIMIT_S
    while folders := cgroup_folders(name):
        for top in folders:
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        if time.monotonic() > deadline:
            raise ClusterError(f"{folders[0]} cannot be removed: something still runs in it")
        time.sleep(LOOK_PAUSE_S)


def _remove_folder(folder: Path) -> None:
    """Mounts of a namespace that has just ended may hold files for a moment."""
    deadline = time.monotonic() + REMOVE_LIMIT_S
    while folder.exists():
        try:
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path.name != MARK:
                    path.unlink()
            (folder / MARK).unlink(missing_ok=True)  # The last: a run that is killed leaves what the next one removes.
            folder.rmdir()
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClusterError(f"{folder} cannot be removed: {error}") from error
            time.sleep(LOOK_PAUSE_S)


def addresses_in_use() -> list[str]:
    """Those of the machine's ends of the links of all clusters, also of those that are just being made."""
    states = [State.read(place) for place in _places()]
    return [state.outside for state in states if state is not None and state.outside]


def _places() -> list[Place]:
    """Of all clusters; what else lies beside them is not looked into."""
    return [Place(mark.parent.name, mark.parent) for mark in sorted(clusters_folder().glob(f"*/{MARK}"))]


def remove_killed() -> list[str]:
    """Takes away what killed runs of any name have left; their names."""
    gone = []
    for place in _places():
        with locked(place, wait=False) as held:
            state = State.read(place) if held else None
            if state is not None and not state.alive:
                remove(place)
                gone.append(place.name)
    return gone


@contextlib.contextmanager
def locked(place: Place, wait: bool = True) -> Iterator[bool]:
    """Whoever changes a cluster of that name is alone with it; without `wait`, False when somebody else is at it."""
    place.folder.parent.mkdir(parents=True, exist_ok=True)
    path = place.folder.parent / f"{place.name}.lock"
    deadline = time.monotonic() + (LOCK_LIMIT_S if wait else 0)
    while (file := _try_lock(path)) is None and time.monotonic() < deadline:
        time.sleep(LOOK_PAUSE_S)
    if file is None and wait:
        raise ClusterError(f"another run has been at cluster {place.name} for {LOCK_LIMIT_S} s")
    try:
        yield file is not None
    finally:
        if file is not None:
            if not place.folder.exists():
                path.unlink(missing_ok=True)
            file.close()


def _try_lock(path: Path) -> IO[str] | None:
    """The locked file; None when another has it, or has just removed the one that was opened."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except OSError:
        pass
    file.close()
    return None
