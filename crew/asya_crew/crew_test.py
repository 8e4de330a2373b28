"""x-sink and x-sump under the runtime that runs them in a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asya_crew.record import MAX_NAME_CHARS, safe_name, store
from build import build
from running import Running

CREW = str(Path(__file__).resolve().parent.parent)


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Any]:
    """Starts a crew handler; `crew("sink.x_sink", ASYA_SINK_HOOKS=…)`."""
    archive = tmp_path / "asya_runtime.pyz"
    build(archive)
    started: list[Running] = []

    def begin(handler: str, **environment: str) -> Running:
        environment.setdefault("ASYA_PERSISTENCE_MOUNT", str(tmp_path / "mount"))
        environment.update(ASYA_HANDLER="asya_crew." + handler, PYTHONPATH=CREW)
        started.append(Running(archive, "", "", environment))
        return started[-1].until_ready()

    yield begin
    for runtime in started:
        runtime.close()


def send(runtime: Running, phase: str, **more: Any) -> tuple[list[str], str]:
    """Sends an envelope to the actor; returns the route that goes on and its current actor."""
    message = {
        "id": "t1",
        "route": {"prev": ["a"], "curr": "x-sink", "next": ["left-over"]},
        "headers": {"traceparent": "00"},
        "status": {"phase": phase, "updated_at": "2026-11-18T12:00:00Z"},
        "payload": {"n": 1},
        **more,
    }
    client = runtime.client()
    events = client.invoke(message).events()
    client.close()
    assert [name for name, _ in events] == ["downstream", "done"]
    frame = events[0][1]
    assert frame["payload"] == message["payload"]
    return frame["route"]["next"], frame["route"]["curr"]


def test_a_result_is_stored_and_ends(crew: Any, tmp_path: Path) -> None:
    sink = crew("sink.x_sink")
    assert send(sink, "succeeded") == ([], "")
    stored = json.loads((tmp_path / "mount/succeeded/2026-11-18/t1.json").read_text())
    assert stored["payload"] == {"n": 1}
    assert stored["id"] == "t1"
    assert stored["headers"] == {"traceparent": "00"}
    assert send(sink, "succeeded", payload="again") == ([], "")
    assert [path.name for path in (tmp_path / "mount/succeeded/2026-11-18").iterdir()] == ["t1.json"]
    assert json.loads((tmp_path / "mount/succeeded/2026-11-18/t1.json").read_text())["payload"] == "again"


def test_a_failure_is_stored_and_goes_to_the_sump_after_the_hooks(crew: Any, tmp_path: Path) -> None:
    sink = crew("sink.x_sink", ASYA_SINK_HOOKS="notify, audit")
    assert send(sink, "failed") == (["audit", "x-sump"], "notify")
    assert (tmp_path / "mount/failed/2026-11-18/t1.json").exists()
    assert send(sink, "succeeded") == (["audit"], "notify")
    assert send(sink, "failed", payload=None) == (["audit", "x-sump"], "notify")
    assert send(sink, "paused") == ([], "")
    assert (tmp_path / "mount/paused/2026-11-18/t1.json").exists()


def test_children_of_a_fan_out_skip_hooks_unless_told(crew: Any) -> None:
    sink = crew("sink.x_sink", ASYA_SINK_HOOKS="notify")
    assert send(sink, "succeeded", parent_id="t0") == ([], "")
    assert send(sink, "failed", parent_id="t0") == ([], "x-sump")
    told = crew("sink.x_sink", ASYA_SINK_HOOKS="notify", ASYA_SINK_FANOUT_HOOKS="true")
    assert send(told, "succeeded", parent_id="t0") == ([], "notify")


def test_the_end_of_the_hooks_is_the_end_and_a_failed_hook_is_a_dead_letter(crew: Any, tmp_path: Path) -> None:
    sink = crew("sink.x_sink", ASYA_SINK_HOOKS="notify")
    after = {"prev": ["a", "x-sink", "notify"], "curr": "x-sink", "next": []}
    assert send(sink, "succeeded", route=after) == ([], "")
    assert send(sink, "failed", route=after) == ([], "x-sump")
    assert not (tmp_path / "mount").exists()


def test_an_incomplete_slice_leaves_no_trace(crew: Any, tmp_path: Path) -> None:
    sink = crew("sink.x_sink", ASYA_SINK_HOOKS="notify")
    assert send(sink, "succeeded", headers={"x-asya-fan-in": {"slice_index": 0}}) == ([], "")
    assert not (tmp_path / "mount").exists()
    assert send(sink, "failed", headers={"x-asya-fan-in": {"slice_index": 0}}) == (["x-sump"], "notify")


def test_without_a_mount_nothing_is_written(crew: Any, tmp_path: Path) -> None:
    assert send(crew("sink.x_sink", ASYA_PERSISTENCE_MOUNT=""), "succeeded") == ([], "")
    assert not (tmp_path / "mount").exists()


def test_a_store_that_cannot_be_written_is_an_error_not_a_success(crew: Any, tmp_path: Path) -> None:
    (tmp_path / "mount").write_text("a file where the folder should be")
    client = crew("sink.x_sink").client()
    events = client.invoke({"id": "1", "route": {"prev": [], "curr": "x-sink", "next": []}, "payload": 1}).events()
    assert [name for name, _ in events] == ["error", "done"]
    assert "builtins.OSError" in events[0][1]["details"]["mro"]


def test_the_sump_takes_anything_and_ends_it(crew: Any, tmp_path: Path) -> None:
    sump = crew("sump.x_sump")
    failure = {"phase": "failed", "reason": "RuntimeError", "error": {"type": "builtins.KeyError", "message": "secret"}}
    for payload in (None, 0, "text", [1], {"error": "old form"}):
        message = {"id": "t2", "route": {"prev": [], "curr": "x-sump", "next": ["more"]}, "payload": payload}
        client = sump.client()
        frame = client.invoke({**message, "status": {**failure, "created_at": "2026-01-02T03:04:05Z"}}).events()[0][1]
        client.close()
        assert (frame["route"]["curr"], frame["route"]["next"], frame["payload"]) == ("", [], payload)
        stored = json.loads((tmp_path / "mount/failed/2026-01-02/t2.json").read_text())
        assert stored["payload"] == payload
        assert stored["status"]["error"]["type"] == "builtins.KeyError"
    assert "dead letter id=t2 actor=None reason=RuntimeError error=builtins.KeyError" in sump.output()
    assert "secret" not in sump.output()


def test_no_id_leaves_its_folder(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "/abs", "..", ".", "", "a\0b", "a/b", "ä", "x" * 5000, "x" * 5001, ".hidden", "\ud800"]
    paths = {store(str(tmp_path), "succeeded", name, {"payload": 1}) for name in names}
    assert len(paths) == len(names)
    folders = {path.parent for path in paths}
    assert len(folders) == 1
    assert all(len(path.name) <= MAX_NAME_CHARS + 5 for path in paths)
    assert safe_name("6f1c-a.b_C") == "6f1c-a.b_C"
