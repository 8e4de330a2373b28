"""docs/injection.md: every command in it is run against a real kube-apiserver, and what it prints is compared."""

from __future__ import annotations

from pathlib import Path

from document import ROOT, run_server_document
from injected_cluster import InjectedCluster

from private_kubernetes import PrivateKubernetes


def test_every_command_prints_what_the_document_says(tmp_path: Path) -> None:
    """The whole document in one go, in an empty folder, with a cluster and a free port of its own."""
    with PrivateKubernetes(controllers=InjectedCluster.controllers) as cluster:
        kubeconfig = cluster.addresses["KUBECONFIG"]
        runtime = str(ROOT / "build" / "asya_runtime.pyz")
        run_server_document(ROOT / "docs" / "injection.md", tmp_path, 90, KUBECONFIG=kubeconfig, RUNTIME=runtime)
