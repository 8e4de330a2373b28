"""Commands of a document and what it says that they print, to be run as they stand."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

from free_ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
SERVER_PORT = "6443"  # that documents name

ELLIPSIS = "…"


def steps(document: Path) -> list[tuple[str, list[str]]]:
    """The commands of the document's console blocks, each with the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", document.read_text(), re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found[-1][0].endswith("\\"):
                found[-1] = (found[-1][0] + "\n" + line.removeprefix("> "), [])
            else:
                found[-1][1].append(line)
    return found


def matches(said: list[str], printed: str) -> bool:
    """Whether the output is as said; a line that is only an ellipsis stands for any number of lines."""
    pattern = ""
    for line in said:
        if line == ELLIPSIS:
            pattern += r"(?:.*\n)*"
        else:
            words = [".+?".join(re.escape(part) for part in word.split(ELLIPSIS)) for word in line.split()]
            pattern += r"[ ]*" + r"\s+".join(words) + r"[ ]*\n"
    return re.fullmatch(pattern, printed + ("" if printed.endswith("\n") or not printed else "\n")) is not None


def run_server_document(document: Path, home: Path, timeout_s: int, **variables: str) -> None:
    """Each command in an empty folder, with kubectl and asya-server, on a free port; its server is ended at the end."""
    port = str(free_ports(1)[0])
    kubectl = subprocess.run([ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True)
    programs = os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin"))
    (home / "bin").mkdir()
    (home / "bin" / "kubectl").symlink_to(kubectl.stdout.strip().splitlines()[-1])
    environment = {"PATH": f"{home / 'bin'}:{programs}:{os.environ['PATH']}", "HOME": str(home), **variables}
    folder = home / "work"
    folder.mkdir()
    try:
        for command, said in steps(document):
            command = command.replace(SERVER_PORT, port)
            done = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s
            )
            printed = (done.stdout + done.stderr).replace(port, SERVER_PORT)
            assert matches(said, printed), f"$ {command}\nsaid:\n{said}\nprinted:\n{printed}"
    finally:
        pid = folder / "server.pid"
        if pid.exists():
            with contextlib.suppress(ProcessLookupError):  # the document has ended it
                os.kill(int(pid.read_text()), signal.SIGKILL)
