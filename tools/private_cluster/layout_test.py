"""Names of clusters, and of what they have on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from private_cluster.layout import ClusterError, Place

LINK_NAME_BYTES = 15  # IFNAMSIZ without its end


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "-a", "a-", "a" * 33, "a b", ".links"])
def test_names_that_will_not_do(name: str) -> None:
    with pytest.raises(ClusterError, match="no name of a cluster"):
        Place.of(name)


def test_two_clusters_share_no_name_on_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYA_TEST_CLUSTERS", str(tmp_path))
    one, other = Place.of("one"), Place.of("x" * 32)
    # The same name of another user, whose clusters lie elsewhere.
    same = Place("one", tmp_path / "elsewhere" / "one")
    assert len({one.link, other.link, same.link}) == 3
    assert len({one.cgroup, other.cgroup, same.cgroup}) == 3
    assert max(len(place.link) for place in (one, other, same)) <= LINK_NAME_BYTES
