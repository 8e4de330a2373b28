"""docs/aggregated-mode.md: every command in it is run against a real kube-apiserver, and what it prints is compared."""

from __future__ import annotations

from pathlib import Path

from aggregated_cluster import CONTROLLERS
from document import ROOT, run_server_document

from private_kubernetes import PrivateKubernetes


def test_every_command_prints_what_the_document_says(tmp_path: Path) -> None:
    """The whole document in one go, in an empty folder, with a cluster and a free port of its own."""
    with PrivateKubernetes(controllers=CONTROLLERS) as cluster:
        kubeconfig = cluster.addresses["KUBECONFIG"]
        run_server_document(ROOT / "docs" / "aggregated-mode.md", tmp_path, 90, KUBECONFIG=kubeconfig)
