"""Programs of the machine that are run and waited for, and processes told apart beyond their ids."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from private_cluster.layout import ClusterError

COMMAND_LIMIT_S = 60


def command(*words: str | Path, limit_s: float = COMMAND_LIMIT_S, stdin: IO[bytes] | None = None) -> str:
    """What the command printed; ClusterError with what it complained of when it failed."""
    try:
        done = subprocess.run(words, stdin=stdin or subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=limit_s, check=False)  # fmt: skip
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not there: `make install-cluster` installs what a cluster needs") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{shown(words)} was not through within {limit_s:g} s") from error
    if done.returncode != 0:
        raise ClusterError(f"{shown(words)}: {(done.stderr or done.stdout).strip() or f'code {done.returncode}'}")
    return done.stdout


def shown(words: Sequence[str | Path]) -> str:
    """A command as a person reads it, cut where it is long."""
    text = " ".join(str(word) for word in words)
    return text if len(text) <= 120 else text[:117] + "..."


def boot_id() -> str:
    """Of this start of the machine: ids of processes say nothing about another one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def started_ticks(pid: int) -> int | None:
    """When the process began, in ticks since the machine did; None when there is none of that id."""
    with contextlib.suppress(OSError):
        # The name in brackets may have spaces and brackets.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return None


def child_of(pid: int) -> int | None:
    """The one child of a process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    return int(entry.name)
    return None


def end(pid: int, started: int, limit_s: float) -> None:
    """Kills exactly that process, and waits until it is gone with all that its namespace had."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if started_ticks(pid) != started:
            return  # The id has gone to another one.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not select.select([handle], [], [], limit_s)[0]:
            raise ClusterError(f"process {pid} was killed but is still there after {limit_s:g} s")
    finally:
        os.close(handle)
