"""Our images run as the restricted Pod Security Standard wants it, on a root that is read-only."""

from __future__ import annotations

from typing import Any

import pytest

from private_cluster.kubectl import Kubectl

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
IMPORT = "import os; from asya_crew.sink import x_sink; print(os.getuid(), os.access('/usr', os.W_OK))"


def pod(name: str, image: str, **container: Any) -> dict[str, Any]:
    main = {"name": "main", "image": image, "securityContext": RESTRICTED, **container}
    spec = {"containers": [main], "restartPolicy": "Never", "automountServiceAccountToken": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def ended(found: Any) -> bool:
    return found["status"]["phase"] in ("Succeeded", "Failed")


@pytest.fixture
def restricted(kubectl: Kubectl) -> Kubectl:
    kubectl("label", "namespace", kubectl.namespace, "pod-security.kubernetes.io/enforce=restricted")
    return kubectl


def test_each_image_runs_without_root_on_a_read_only_root(restricted: Kubectl, images: dict[str, str]) -> None:
    restricted.apply(
        pod("server", images["server"], args=["version"]),
        pod("relay", images["relay"], env=[{"name": "ASYA_TRANSPORT", "value": "smoke"}]),
        pod("crew", images["crew"], command=["python3", "-c", IMPORT]),
        pod("postgresql", images["postgresql"]),
    )
    names = ("server", "relay", "crew", "postgresql")
    phases = [restricted.until("pod", name, holds=ended)["status"]["phase"] for name in names]
    assert phases == ["Succeeded", "Failed", "Succeeded", "Failed"]
    assert restricted("logs", "server") == images["server"].rpartition(":")[2] + "\n"
    assert "ASYA_TRANSPORT" in restricted("logs", "relay")
    assert "POSTGRES_USER" in restricted("logs", "postgresql")
    assert restricted("logs", "crew") == "65532 False\n"
