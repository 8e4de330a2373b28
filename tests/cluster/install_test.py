"""docs/install.md: every command in it is run on the cluster, and what it prints is compared. Nothing is left."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chart_cluster import built
from document import matches, steps

from free_ports import free_ports
from private_cluster.kubectl import Kubectl
from private_rabbitmq import PrivateRabbitmq

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "install.md"
STEP_LIMIT_S = 600
# What lies in no namespace, or in one that is not ours.
KINDS = "clusterroles,clusterrolebindings,apiservices"
OURS = "app.kubernetes.io/part-of=asya"
QUEUES = "queues"
# Now and then helm tells of a watch that it has ended itself.
HELM_WATCHES = re.compile(r"^[IWE][0-9]{4} \S+ +[0-9]+ reflector\.go:.*\n", re.MULTILINE)


@pytest.fixture
def broker() -> Iterator[int]:
    """The port of a RabbitMQ on the machine's end of the link."""
    machine = os.environ["ASYA_TEST_CLUSTER_MACHINE"]
    (port,) = free_ports(1)
    node = PrivateRabbitmq(None, {"listeners.tcp.2": f"{machine}:{port}", "loopback_users.guest": "false"})
    node.start()
    yield port
    node.stop()


@pytest.fixture
def queues(broker: int) -> Iterator[str]:
    """A namespace with the Service that the document names, in front of that broker."""
    kubectl = Kubectl(os.environ["KUBECONFIG"], QUEUES)
    kubectl("create", "namespace", QUEUES)
    ports = [{"name": "amqp", "port": 5672, "targetPort": broker}]
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "rabbitmq"}, "spec": {"ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "rabbitmq", "labels": {"kubernetes.io/service-name": "rabbitmq"}},
            "addressType": "IPv4",
            "ports": [{"name": "amqp", "port": broker}],
            "endpoints": [{"addresses": [os.environ["ASYA_TEST_CLUSTER_MACHINE"]]}],
        },
    )
    yield QUEUES
    kubectl("delete", "namespace", QUEUES, "--wait=false")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with the chart, kubectl and helm; whatever happens, the release does not stay."""
    (tmp_path / "bin").mkdir()
    for name in ("kubectl", "helm"):
        (tmp_path / "bin" / name).symlink_to(built(name))
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    # Of an earlier test, whose pods may take their time.
    shell(tmp_path, "kubectl delete namespace asya-system vision --ignore-not-found --wait")
    yield tmp_path
    for command in ("helm uninstall asya --namespace asya-system --no-hooks --ignore-not-found",
                    "kubectl delete namespace asya-system vision --ignore-not-found --wait=false"):  # fmt: skip
        shell(tmp_path, command)


def shell(place: Path, command: str) -> str:
    """What it printed, whether it succeeded or not: a document shows refusals too."""
    environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "HOME": str(place)}
    done = subprocess.run(["bash", "-c", command], cwd=place, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=STEP_LIMIT_S, check=False)  # fmt: skip
    return HELM_WATCHES.sub("", done.stdout)


@pytest.mark.timeout(3600)
def test_every_command_prints_what_the_document_says(place: Path, queues: str, images: dict[str, str]) -> None:
    for command, said in steps(DOCUMENT):
        printed = shell(place, command)
        assert matches(said, printed), f"$ {command}\nsaid:\n{said}\nprinted:\n{printed}"
    assert shell(place, f"kubectl get {KINDS} --selector {OURS} --output name") == ""
    assert shell(place, "kubectl get rolebindings --all-namespaces --output name | grep asya") == ""
    assert '"asya.sh"' not in shell(place, "kubectl get --raw /apis")
