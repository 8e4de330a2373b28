"""The kubeconfig of a server that runs on the machine, outside of the cluster that it serves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import yaml

from private_cluster.kubectl import Kubectl


def write_server_kubeconfig(folder: Path, system: Kubectl, namespace: str) -> None:
    """As `kubeconfig`, with a token of the ServiceAccount asya-server in `namespace`, which is that of `system`."""
    whole = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    (folder / "token").write_text(system("create", "token", "asya-server", "--duration=4h"))
    named = {"name": "here"}
    config = {
        "current-context": "here",
        "contexts": [named | {"context": {"cluster": "here", "user": "here", "namespace": namespace}}],
        "clusters": [named | {"cluster": whole["clusters"][0]["cluster"]}],
        "users": [named | {"user": {"tokenFile": "token"}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
