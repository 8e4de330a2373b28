"""Who cannot have a cluster is told why before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from private_cluster.command import main
from private_cluster.layout import ClusterError, Place
from private_cluster.start import _reserve, require_machine
from private_cluster.state import make_folder


def test_another_user_than_root_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match="needs root"):
        require_machine()


def test_a_machine_without_the_packages_is_told_what_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ASYA_TEST_CLUSTERS", str(tmp_path / "clusters"))
    assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert "containerd, ctr, ip, iptables, nsenter, runc, unshare" in said
    assert "make install-cluster" in said
    assert not (tmp_path / "clusters").exists()


@pytest.mark.parametrize("words", [["up"], ["down"], ["run", "true"], ["kubeconfig"]])
def test_a_folder_that_was_not_made_for_a_cluster_is_told_and_left_alone(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As /srv/data is, where ASYA_TEST_CLUSTERS is /srv and the name is data."""
    monkeypatch.setattr("private_cluster.command.require_machine", lambda: None)
    monkeypatch.setattr("private_cluster.start._reserve", lambda _: pytest.fail("something was made"))
    monkeypatch.setenv("ASYA_TEST_CLUSTERS", str(tmp_path))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious").write_text("kept")
    assert main([words[0], "--name", "data", *words[1:]]) == 1
    assert f"{tmp_path}/data was not made for a cluster" in capsys.readouterr().err
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["data", "data/precious"]


def test_down_tells_which_controllers_stay_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = tmp_path / "groups"
    groups.mkdir()
    control = groups / "cgroup.subtree_control"
    control.write_text("cpu memory\n")
    monkeypatch.setattr("private_cluster.command.require_machine", lambda: None)
    monkeypatch.setattr("private_cluster.start.routed_networks", list)
    monkeypatch.setattr("private_cluster.state.cgroup_mounts", lambda: [tmp_path / "version-1", groups])
    monkeypatch.setenv("ASYA_TEST_CLUSTERS", str(tmp_path))
    place = Place.of("one")
    for turned_on, told in (("cpu io memory pids\n", "left on: io pids\n"), ("cpu io memory pids\n", "")):
        make_folder(place)
        assert _reserve(place).controllers == " ".join(control.read_text().split())
        control.write_text(turned_on)
        assert main(["down", "--name", "one"]) == 0
        said = capsys.readouterr().err
        assert said.endswith(told) and bool(said) == bool(told)
