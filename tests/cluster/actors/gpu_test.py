"""An actor that asks for what no node has says so, and works as soon as one has it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from asya_cluster import eventually
from kubectl_proxy import proxied
from pipeline import Pipeline, actor, is_scaled

from private_cluster.kubectl import PATIENCE_S, TOOLS, Kubectl

GPU = "nvidia.com/gpu"
CAPACITY = "/status/capacity/nvidia.com~1gpu"  # as JSON patch wants it


def why(server: str, team: str, name: str) -> str:
    """What `asya why` says."""
    command = [sys.executable, "-m", "asya_cli", "why", "actor", name, "-n", team, "--server", server]
    environment = {"PYTHONPATH": str(TOOLS.parent / "cli"), "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    return done.stdout + done.stderr


def patch_node(kubectl: Kubectl, operation: str) -> None:
    """What the node says that it has, as a device plugin would make it say."""
    patch = f'[{{"op": "{operation}", "path": "{CAPACITY}", "value": "1"}}]'
    kubectl("patch", "node", "node", "--subresource=status", "--type=json", "--patch", patch)


@pytest.mark.timeout(4 * PATIENCE_S)
def test_an_actor_waits_for_a_gpu_and_says_so(pipeline: Pipeline) -> None:
    kubectl = pipeline.kubectl
    kubectl.apply(actor("seeing", handler="steps.first", resources={"limits": {GPU: "1"}}))
    eventually(lambda: is_scaled(kubectl, "seeing"), "it has a scaler")
    tasks = pipeline.send(1, route=("seeing",))
    with proxied(kubectl.begin("proxy", "--port=0")) as server:
        eventually(lambda: f"Insufficient {GPU}" in why(server, kubectl.namespace, "seeing"), "asya why says so")
        eventually(lambda: "keda-hpa-seeing: saw" in why(server, kubectl.namespace, "seeing"), "it tells of the HPA")
    patch_node(kubectl, "add")
    try:
        assert pipeline.outcomes(tasks) == []
    finally:
        patch_node(kubectl, "remove")
        kubectl("delete", "asya", "seeing", "--wait=false")
