"""What the tests on a real cluster share; without one (`make test-cluster` makes it) none of them is collected."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from private_cluster.kubectl import Kubectl

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
