"""Labels of tasks: what is sent for what a person types, and what is refused before anything is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from asya_cli.failure import REFUSED
from asya_cli.main import main

Invoke = Callable[..., Result]
SEEN: list[httpx.Request] = []
TASK: dict[str, Any] = {
    "id": "t1", "status": "running", "progress": 0, "actor": "greet", "createdAt": "2026-11-29T08:00:00Z",
    "labels": {"team": "x", "order": "17"},
}  # fmt: skip


def answer(request: httpx.Request) -> httpx.Response:
    """A server without flows and with one task."""
    SEEN.append(request)
    if "/flows/" in request.url.path:
        return httpx.Response(404, json={})
    if request.method == "POST":
        return httpx.Response(201, json={"id": "t1"})
    return httpx.Response(200, json=TASK if request.url.path.endswith("/t1") else {"items": [TASK]})


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run a command against that server."""
    made = httpx.Client
    SEEN.clear()
    monkeypatch.setattr(httpx, "Client", lambda **more: made(**more, transport=httpx.MockTransport(answer)))
    return lambda *words: CliRunner().invoke(main, [*words, "--server", "http://server.test"])


def test_a_task_is_sent_with_its_labels(invoke: Invoke) -> None:
    """As an object of texts; none where none is given."""
    assert invoke("send", "greet", "{}", "--label", "team=x", "--label", "order=17").exit_code == 0
    assert json.loads(SEEN[-1].content)["labels"] == {"team": "x", "order": "17"}
    invoke("send", "greet", "{}")
    assert "labels" not in json.loads(SEEN[-1].content)


def test_tasks_are_asked_for_by_all_labels_at_once(invoke: Invoke) -> None:
    """In one parameter, as the API takes it."""
    assert invoke("tasks", "--label", "team=x", "--label", "order=17").exit_code == 0
    assert SEEN[-1].url.params["label"] == "team=x,order=17"
    assert invoke("tasks", "--label", "team=x,order=17").exit_code == 0
    assert SEEN[-1].url.params["label"] == "team=x,order=17"
    invoke("tasks")
    assert "label" not in SEEN[-1].url.params


def test_a_task_shows_its_labels(invoke: Invoke) -> None:
    """On one line."""
    assert "labels:       team=x, order=17\n" in invoke("task", "t1").stdout


@pytest.mark.parametrize("words", [["--label", "team"], ["--label", "=x"], ["--label", "a=1", "--label", "a=2"]])
def test_what_is_no_label_is_refused_before_it_is_sent(invoke: Invoke, words: list[str]) -> None:
    """With the words that were typed."""
    for command in (["send", "greet", "{}"], ["tasks"]):
        refused = invoke(*command, *words)
        assert refused.exit_code == REFUSED
        assert f"--label {words[-1]}" in refused.stderr
    assert not [one for one in SEEN if one.method == "POST" or one.url.path.endswith("/tasks")]
