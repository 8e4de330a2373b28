"""docs/direct-mode.md: every command in it is run, and what it prints is compared with what the document says."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from document import matches, steps

from free_ports import free_ports

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_prints_what_the_document_says(tmp_path: Path) -> None:
    """The whole document in one go, in an empty folder and on a free port."""
    port = str(free_ports(1)[0])
    kubectl = subprocess.run([ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True)
    programs = os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").symlink_to(kubectl.stdout.strip().splitlines()[-1])
    environment = {"PATH": f"{tmp_path / 'bin'}:{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    folder = tmp_path / "work"
    folder.mkdir()
    try:
        for command, said in steps(ROOT / "docs" / "direct-mode.md"):
            command = command.replace("6443", port)
            done = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
            )
            printed = done.stdout + done.stderr
            assert matches(said, printed.replace(port, "6443")), f"$ {command}\nsaid:\n{said}\nprinted:\n{printed}"
    finally:
        pid = folder / "server.pid"
        if pid.exists():
            with contextlib.suppress(ProcessLookupError):  # the document has ended it
                os.kill(int(pid.read_text()), signal.SIGKILL)
