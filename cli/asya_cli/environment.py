"""Private Python environments of projects with a requirements.txt."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from asya_cli.failure import Failure
from asya_cli.output import note
from asya_cli.progress import step

INSTALL_TIMEOUT_S = 1800.0
POLL_S = 0.05
SHOWN_LINES = 8  # of what failed


def prepare(project: Path, state: Path, make: bool = True) -> Path | None:
    """The interpreter of the project's environment, made when requirements.txt is new; None without that file.

    Without ``make`` it only says where the interpreter will be.
    """
    requirements = project / "requirements.txt"
    if not requirements.exists():
        return None
    base = base_python()
    try:
        wanted = requirements.read_bytes()
    except OSError as error:
        raise Failure(f"{requirements}: {error.strerror}", "make it a file that can be read") from error
    key = hashlib.sha256(wanted + base.encode()).hexdigest()[:12]
    folder = state / f"python-{key}"
    python = folder / "bin" / "python"
    if not make or (folder / ".complete").exists():
        return python
    with alone(state) as lock:
        # The one that was waited for may have made it.
        if not (folder / ".complete").exists():
            make_environment(folder, base, requirements, lock)
    return python


@contextlib.contextmanager
def alone(state: Path) -> Iterator[int]:
    """While nobody else makes environments in the folder; gives the lock.

    Steps inherit it: one that has outlived its command, as when a terminal was closed, still writes.
    """
    deadline = time.monotonic() + INSTALL_TIMEOUT_S
    told = False
    with opened(state / "python.lock") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    note("another asya is installing requirements.txt here; waiting for it …")
                told = True
            if time.monotonic() > deadline:
                raise Failure(f"another asya has not installed requirements.txt within {INSTALL_TIMEOUT_S:g} s",
                              f"end what has {lock.name} open")  # fmt: skip
            time.sleep(POLL_S)
        yield lock.fileno()


def opened(path: Path) -> BinaryIO:
    """A file to lock."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", "make the folder writable, or copy the project") from error


def make_environment(folder: Path, base: str, requirements: Path, lock: int) -> None:
    """Install the requirements; nothing is left of what fails."""
    shutil.rmtree(folder, ignore_errors=True)
    started = time.monotonic()
    deadline = started + INSTALL_TIMEOUT_S
    project = requirements.parent
    try:
        with step(f"installing {requirements.name}") as tell:

            def told(line: str) -> None:
                if line.startswith(("Collecting ", "Processing ", "Installing ")):
                    tell(line)

            run([base, "-m", "venv", str(folder)], project, deadline, told, lock)
            run([str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check",
                 "--progress-bar", "off", "-r", str(requirements)], project, deadline, told, lock)  # fmt: skip
        (folder / ".complete").touch()
    except BaseException:
        # Half an environment, also of who pressed Ctrl-C, would only take room.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    note(f"installed {requirements.name} into a private environment in {time.monotonic() - started:.0f} s")


def is_made(python: str) -> bool:
    """Whether an interpreter is that of an environment made here, also where the project's folder was moved since."""
    parts = Path(python).parts
    return parts[-5:-3] == (".asya", "local") and parts[-3].startswith("python-") and parts[-2:] == ("bin", "python")


def remove_others(state: Path, used: set[Path]) -> list[Path]:
    """Take away the environments whose interpreter is not among ``used``; gives what was taken away."""
    unused = [folder for folder in state.glob("python-*") if folder / "bin" / "python" not in used]
    for folder in unused:
        shutil.rmtree(folder, ignore_errors=True)
    return unused


def base_python() -> str:
    """The interpreter of handlers without an environment: python3 of the PATH, not our own environment's."""
    return shutil.which("python3") or sys.executable


def run(command: list[str], folder: Path, deadline: float, tell: Callable[[str], None], *inherited: int) -> None:
    """Run one step in the folder, to which paths of a requirements.txt are relative; failing, tell its last lines."""
    lines: list[str] = []
    try:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace",
                                   start_new_session=True, pass_fds=inherited)  # fmt: skip
    except OSError as error:
        raise Failure(f"{command[0]}: {error.strerror}; the environment could not be made") from error
    # The lines end only with the process, and with all that it started: so a timer has to end those.
    overdue = threading.Event()

    def end() -> None:
        overdue.set()
        end_group(process.pid)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), end)
    timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            tell(line.strip())
        code = process.wait()
    except BaseException:
        end_group(process.pid)
        process.wait()
        raise
    finally:
        timer.cancel()
    if overdue.is_set():
        raise Failure(f"the environment was not made within {INSTALL_TIMEOUT_S:g} s", told_of(lines))
    if code != 0:
        raise Failure("the environment could not be made:\n  " + "\n  ".join(lines[-SHOWN_LINES:]),
                      "mend requirements.txt")  # fmt: skip


def end_group(group: int) -> None:
    """Kill a process and all that it started; they may just have ended by themselves."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def told_of(lines: list[str]) -> str:
    """What an installation that takes too long was at."""
    return f"again, or mend requirements.txt; it was at: {lines[-1]}" if lines else "again"
