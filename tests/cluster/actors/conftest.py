"""The server, and actors on each broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asya_cluster import AsyaCluster
from pipeline import MANAGED, Pipeline


@pytest.fixture(scope="package")
def asya(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsyaCluster]:
    """asya-server with all that it needs, one for all tests: its start takes a minute."""
    with AsyaCluster(tmp_path_factory.mktemp("asya")) as made:
        yield made


@pytest.fixture(scope="package")
def pipeline(asya: AsyaCluster) -> Pipeline:
    """Three actors on RabbitMQ, scaled by KEDA's own trigger."""
    return Pipeline(asya, asya.kubectl)


@pytest.fixture(scope="package")
def managed(asya: AsyaCluster) -> Pipeline:
    """The same, sized by our scaler."""
    return Pipeline(asya, asya.make_team("managed"), scaling=MANAGED)


@pytest.fixture(scope="package")
def ledger(asya: AsyaCluster) -> Pipeline:
    """Three actors on PostgreSQL."""
    return Pipeline(asya, asya.make_team("ledger"), transport="ledger")
