"""What the tests on a real cluster share; without one (`make e2e` makes it) none of them is collected."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from polled_metric import Metric

from private_cluster.kubectl import TOOLS, Kubectl

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("server", "relay", "crew", "postgresql")

collect_ignore_glob = [] if "ASYA_TEST_CLUSTER" in os.environ else ["*_test.py"]


@pytest.fixture
def kubectl() -> Iterator[Kubectl]:
    """In a namespace of the test's own."""
    kubectl = Kubectl(os.environ["KUBECONFIG"], f"test-{uuid.uuid4().hex[:8]}")
    kubectl("create", "namespace", kubectl.namespace)
    account = ("serviceaccounts", "--field-selector=metadata.name=default")
    kubectl.until(*account, holds=lambda found: bool(found["items"]), limit_s=60)
    yield kubectl
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """The names of our images, which the node has; `make e2e` has built them."""
    version = re.search(r"project\(asya VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
    assert version is not None
    for image in IMAGES:
        archive = ROOT / "build" / "images" / f"asya-{image}.tar"
        words = ["load-image", "--name", os.environ["ASYA_TEST_CLUSTER"], str(archive)]
        subprocess.run([TOOLS / "testcluster", *words], check=True, capture_output=True)
    return {image: f"localhost/asya-{image}:{version[1]}" for image in IMAGES}


@pytest.fixture
def metric() -> Iterator[Metric]:
    made = Metric()
    with made.server:
        threading.Thread(target=made.server.serve_forever, daemon=True).start()
        yield made
        made.server.shutdown()
