"""A private Python environment for a project with a requirements.txt."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

from asya_cli.failure import Failure
from asya_cli.output import note

INSTALL_TIMEOUT_S = 1800


def prepare(project: Path, state: Path, make: bool = True) -> Path | None:
    """The interpreter of the project's environment, made when requirements.txt is new; None without that file.

    Without ``make`` it only says where the interpreter will be.
    """
    requirements = project / "requirements.txt"
    if not requirements.exists():
        return None
    base = base_python()
    key = hashlib.sha256(requirements.read_bytes() + base.encode()).hexdigest()[:12]
    folder = state / f"python-{key}"
    python = folder / "bin" / "python"
    if not make or (folder / ".complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    note(f"installing {requirements.name} into a private environment …")
    started = time.monotonic()
    run([base, "-m", "venv", str(folder)], folder)
    run([str(python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off",
         "-r", str(requirements)], folder)  # fmt: skip
    (folder / ".complete").touch()
    note(f"installed in {time.monotonic() - started:.0f} s")
    return python


def base_python() -> str:
    """The interpreter of handlers without an environment: python3 of the PATH, not our own environment's."""
    return shutil.which("python3") or sys.executable


def run(command: list[str], folder: Path) -> None:
    """Run one step, showing a line of progress for each package; on failure tell the last lines."""
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith(("Collecting ", "Installing ")):
                note("  " + line.strip()[:110])
        code = process.wait(timeout=INSTALL_TIMEOUT_S)
    if code != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise Failure("the environment could not be made:\n  " + "\n  ".join(lines[-8:]), "mend requirements.txt")
