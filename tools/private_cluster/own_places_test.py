"""What a node covers of the machine, it does not change."""

from __future__ import annotations

from pathlib import Path

import pytest

from private_cluster import own_places
from private_cluster.layout import ClusterError, Place


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Those that are run, which are told and not run."""
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(own_places, "command", lambda *words: told.append(tuple(map(str, words))))
    return told


def test_a_machine_without_resolv_conf_gets_none(tmp_path: Path, commands: list[tuple[str, ...]]) -> None:
    resolv = tmp_path / "etc" / "resolv.conf"
    with pytest.raises(ClusterError, match=f"{resolv} is not there"):
        own_places._cover_resolv(Place("one", tmp_path), resolv)
    assert not resolv.parent.exists()
    assert commands == []


def test_a_resolv_conf_that_lies_in_a_folder_of_the_node_is_made_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: list[tuple[str, ...]]
) -> None:
    """As /run/systemd/resolve/stub-resolv.conf, to which /etc/resolv.conf leads: the node's own /run begins empty."""
    monkeypatch.setattr(own_places, "FOLDERS", (str(tmp_path / "run"),))
    resolv = tmp_path / "run" / "resolve" / "resolv.conf"
    own_places._cover_resolv(Place("one", tmp_path), resolv)
    assert resolv.exists()
    assert commands == [("mount", "--bind", f"{tmp_path}/resolv.conf", str(resolv))]


@pytest.mark.parametrize(
    ("there", "on", "written"),
    [
        ("cpuset cpu io memory hugetlb pids rdma misc", "cpu memory", "+cpuset +hugetlb +pids"),
        ("cpu memory pids", "", "+cpu +memory +pids"),
        ("cpuset cpu io memory pids", "cpuset cpu memory pids", "cpuset cpu memory pids"),
        ("", "", ""),
    ],
)
def test_only_controllers_that_are_missing_and_needed_are_turned_on(
    there: str, on: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that takes what is written, in place of the kernel's, which would add it."""
    (tmp_path / "cgroup.controllers").write_text(there)
    (tmp_path / "cgroup.subtree_control").write_text(on)
    monkeypatch.setattr(own_places, "cgroup_mounts", lambda: [tmp_path])
    own_places.make_cgroups("group")
    assert (tmp_path / "cgroup.subtree_control").read_text() == written
    assert (tmp_path / "group").is_dir()
