"""Which addresses a cluster takes for its link."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from private_cluster.layout import ClusterError
from private_cluster.network import PAIRS, free_pair


def test_a_name_gets_the_same_addresses_again() -> None:
    assert free_pair("one", []) == free_pair("one", [])


def test_what_is_routed_or_reserved_is_left_alone() -> None:
    first = free_pair("one", [])
    second = free_pair("one", [first])
    assert not first.overlaps(second)
    assert not free_pair("one", [IPv4Network("10.99.0.0/17")]).overlaps(IPv4Network("10.99.0.0/17"))


def test_a_machine_that_routes_all_of_them_is_told() -> None:
    with pytest.raises(ClusterError, match=r"10\.99\.0\.0/16"):
        free_pair("one", [PAIRS])
