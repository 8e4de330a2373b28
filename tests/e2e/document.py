"""Commands of a document and what it says that they print, to be run as they stand."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from free_ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
SERVER_PORT = "6443"  # that documents name

ELLIPSIS = "…"
EXPORT = re.compile(r"export (\w+)=")
# What only looks, or may be done twice: what it tells of may still be on its way, as a dead letter or changed code.
AGAIN = re.compile(r"asya (get|dead-letters|logs|plan|tasks|why|send) |kubectl --kubeconfig \S+ get ")
ON_ITS_WAY_S = 30.0
COMMAND_TIMEOUT_S = 60


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


def add_kubectl(home: Path) -> None:
    """Put kubectl into the folder bin of this one."""
    kubectl = subprocess.run([ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True)
    (home / "bin").mkdir()
    (home / "bin" / "kubectl").symlink_to(kubectl.stdout.strip().splitlines()[-1])


def run_local_document(document: Path, home: Path) -> None:
    """Each command beside a copy of examples/hello, with asya and kubectl; standard output has to be as said."""
    port = str(free_ports(1)[0])
    shutil.copytree(ROOT / "examples" / "hello", home / "examples" / "hello", ignore=shutil.ignore_patterns(".asya"))
    add_kubectl(home)
    path = f"{home / 'bin'}:{ROOT / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "XDG_STATE_HOME": str(home / "state"), "HOME": str(home)}
    environment.setdefault("ASYA_TOOL_CACHE", str(Path.home() / ".cache" / "asya"))
    variables: dict[str, str] = {}  # exported by the document

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.replace(SERVER_PORT, port)],
            cwd=home, env=environment | variables, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout.replace(port, SERVER_PORT)

    try:
        for command, said in steps(document):
            exported = EXPORT.match(command)
            if exported:
                name = exported[1]
                variables[name] = run(f'{command}; printf %s "${name}"').replace(SERVER_PORT, port)
                continue
            if command.startswith("unset "):
                variables = {name: value for name, value in variables.items() if name not in command.split()}
                continue
            deadline = time.monotonic() + (ON_ITS_WAY_S if AGAIN.match(command) else 0)
            printed = run(command)
            while not matches(said, printed) and time.monotonic() < deadline:
                printed = run(command)
            assert matches(said, printed), f"$ {command}\nsaid:\n{said}\nprinted:\n{printed}"
    finally:
        down = [str(ROOT / "bin" / "asya"), "down", "examples/hello"]
        subprocess.run(down, cwd=home, env=environment, check=False, capture_output=True)


def run_server_document(document: Path, home: Path, timeout_s: int, **variables: str) -> None:
    """Each command in an empty folder, with kubectl and asya-server, on a free port; its server is ended at the end."""
    port = str(free_ports(1)[0])
    programs = os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin"))
    add_kubectl(home)
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
