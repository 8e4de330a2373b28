"""What a killed run has left is found by what it wrote down, and nobody else's things are touched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from private_cluster.layout import ClusterError, Place
from private_cluster.machine import end, started_ticks
from private_cluster.state import (
    MARK,
    State,
    addresses_in_use,
    locked,
    make_folder,
    remove,
    remove_killed,
    require_ours,
)

END_LIMIT_S = 10


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ASYA_TEST_CLUSTERS", str(tmp_path))
    made = Place.of("one")
    make_folder(made)
    made.logs.mkdir()
    return made


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def state_of(place: Place, pid: int) -> State:
    return State(place.link, place.cgroup, "10.99.0.1", "10.99.0.2").with_process(pid)


def test_what_was_written_is_read(place: Place, sleeper: subprocess.Popen[bytes]) -> None:
    state = state_of(place, sleeper.pid)
    state.write(place)
    assert State.read(place) == state
    assert state.alive
    assert addresses_in_use() == ["10.99.0.1"]


def test_a_cluster_that_runs_is_ended_with_its_folder(place: Place, sleeper: subprocess.Popen[bytes]) -> None:
    state_of(place, sleeper.pid).write(place)
    remove(place)
    assert sleeper.wait(END_LIMIT_S) == -9
    assert not place.folder.exists()


def test_an_id_that_has_gone_to_another_process_is_left_alone(place: Place, sleeper: subprocess.Popen[bytes]) -> None:
    ticks = started_ticks(sleeper.pid)
    assert ticks is not None
    end(sleeper.pid, ticks + 1, END_LIMIT_S)
    assert sleeper.poll() is None


def test_only_killed_runs_are_removed_by_others(place: Place, sleeper: subprocess.Popen[bytes]) -> None:
    state_of(place, sleeper.pid).write(place)
    assert remove_killed() == []
    sleeper.kill()
    sleeper.wait(END_LIMIT_S)
    with locked(place):
        assert remove_killed() == []  # somebody is starting it anew
    assert remove_killed() == ["one"]
    assert not place.folder.exists()


def test_a_run_that_was_killed_before_its_first_process_is_removed(place: Place) -> None:
    State(place.link, place.cgroup, "10.99.0.1", "10.99.0.2").write(place)
    assert remove_killed() == ["one"]


def test_a_damaged_state_names_what_to_remove(place: Place) -> None:
    place.state.write_text("{")
    with pytest.raises(ClusterError, match=f"remove {place.folder} by hand"):
        State.read(place)


def test_a_lock_lets_one_in_and_goes_with_the_cluster(place: Place) -> None:
    with locked(place) as held:
        assert held
        with locked(place, wait=False) as again:
            assert not again
        remove(place)
    assert list(place.folder.parent.iterdir()) == []


def test_a_folder_of_somebody_else_is_left_alone(place: Place) -> None:
    """Whatever state it holds: a root's /srv/data may have a state.json too."""
    data = Place.of("data")
    data.folder.mkdir()
    for name in ("precious", "state.json"):
        (data.folder / name).write_text("{}")
        with pytest.raises(ClusterError, match=f"^{data.folder} was not made for a cluster"):
            remove(data)
    assert addresses_in_use() == []
    assert remove_killed() == []
    assert sorted(path.name for path in data.folder.iterdir()) == ["precious", "state.json"]
    (place.folder.parent / "link").symlink_to(place.folder)
    (place.folder.parent / "file").write_text("precious")
    for name in ("link", "file"):
        with pytest.raises(ClusterError, match=f"{name} was not made for a cluster"):
            require_ours(Place.of(name))


def test_a_folder_that_is_removed_halfway_is_still_ours(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    (place.folder / "kubeconfig").write_text("")
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", killed)
        with pytest.raises(Killed):
            remove(place)
    assert (place.folder / MARK).exists()
    remove(place)
    assert not place.folder.exists()


def test_an_empty_folder_is_of_a_start_that_was_killed_at_once(place: Place) -> None:
    (place.folder.parent / "empty").mkdir()
    remove(Place.of("empty"))
    assert [path.name for path in place.folder.parent.iterdir()] == ["one"]
