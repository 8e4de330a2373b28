"""docs/aggregated-mode.md: every command in it is run against a real kube-apiserver, and what it prints is compared."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from aggregated_cluster import CONTROLLERS
from document import matches, steps

from free_ports import free_ports
from private_kubernetes import PrivateKubernetes

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_prints_what_the_document_says(tmp_path: Path) -> None:
    """The whole document in one go, in an empty folder, with a cluster and a free port of its own."""
    port = str(free_ports(1)[0])
    kubectl = subprocess.run([ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True)
    programs = os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").symlink_to(kubectl.stdout.strip().splitlines()[-1])
    folder = tmp_path / "work"
    folder.mkdir()
    with PrivateKubernetes(controllers=CONTROLLERS) as cluster:
        environment = {"PATH": f"{tmp_path / 'bin'}:{programs}:{os.environ['PATH']}", "HOME": str(tmp_path),
                       "KUBECONFIG": cluster.addresses["KUBECONFIG"]}  # fmt: skip
        try:
            for command, said in steps(ROOT / "docs" / "aggregated-mode.md"):
                done = subprocess.run(["bash", "-c", command.replace("6443", port)], cwd=folder, env=environment,
                                      capture_output=True, text=True, timeout=90)  # fmt: skip
                printed = done.stdout + done.stderr
                assert matches(said, printed.replace(port, "6443")), f"$ {command}\nsaid:\n{said}\nprinted:\n{printed}"
        finally:
            pid = folder / "server.pid"
            if pid.exists():
                with contextlib.suppress(ProcessLookupError):  # the document has ended it
                    os.kill(int(pid.read_text()), signal.SIGKILL)
