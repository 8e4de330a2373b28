"""What history, diff and restore print, without a server."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from asya_cli import history
from asya_cli.client import Client
from asya_cli.failure import NOT_FOUND, Failure


def entry(verb: str, changes: list[dict[str, Any]] | None, deleted: bool = False, **more: Any) -> dict[str, Any]:
    """One write, as the server tells it."""
    told = {} if changes is None else {"changes": changes}
    return {"verb": verb, "deleted": deleted, **told, **more}


def test_a_line_tells_what_a_write_changed() -> None:
    """Scalars with both values, what came and went with a sign, the rest by its place."""
    changes: list[dict[str, Any]] = [
        {"path": "spec.image", "old": "i:1", "new": "i:2"},
        {"path": "spec.paused", "new": True},
        {"path": "spec.scaling", "old": {"minReplicaCount": 1}},
    ]
    assert history.changed(entry("patch", changes)) == "spec.image i:1 -> i:2, spec.paused = true, - spec.scaling"
    more = [*changes, {"path": "spec.env", "old": [], "new": [1]}]
    assert history.changed(entry("patch", more, changesLeftOut=7)).endswith("- spec.scaling, 8 more")
    assert history.one_change({"path": "spec.env", "old": [], "new": [1]}) == "spec.env"
    assert history.one_change({"path": "spec.env[name=A]", "new": {"name": "A"}}) == "+ spec.env[name=A]"
    assert history.changed(entry("create", None)) == "created"
    assert history.changed(entry("patch", None)) == "(nothing older is kept)"
    assert history.changed(entry("delete", [], deleted=True)) == "deleted"
    assert history.changed(entry("patch", [])) == "nothing that people write"


def test_values_of_others_cannot_move_the_cursor() -> None:
    """They are cut as well."""
    assert history.short("a\x1b[2Jb") == "a [2Jb"
    assert len(history.short("x" * 1000)) == history.VALUE_SHOWN
    assert history.short("") == "''"
    assert history.short(None) == "null"
    lines = list(history.unified({"a": "\x1b[31m"}, {"a": "one\ntwo\n"}, "old", "new"))
    assert "\x1b" not in "".join(lines)
    assert lines[-3:] == ["+a: |", "+  one", "+  two"]


def test_a_time_may_be_typed_in_three_ways() -> None:
    """Anything else is named with what is accepted."""
    assert history.moment("2026-11-28T21:45:00Z") == "2026-11-28T21:45:00Z"
    assert history.moment("2026-11-28T23:45:00+02:00") == "2026-11-28T21:45:00Z"
    here = datetime(2026, 11, 28, 21, 45).astimezone(UTC)
    assert history.moment("2026-11-28 21:45") == here.isoformat().replace("+00:00", "Z")
    ago = datetime.now(UTC) - datetime.fromisoformat(history.moment("2h").replace("Z", "+00:00"))
    assert abs(ago - timedelta(hours=2)) < timedelta(minutes=1)
    with pytest.raises(click.BadParameter, match="'yesterday' is no time; 2026"):
        history.moment("yesterday")


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is piped on stays plain."""
    lines = ["--- a", "+++ b", "@@ -1 +1 @@", "-old", "+new", " same"]
    history.print_lines(iter(lines))
    assert capsys.readouterr().out.splitlines() == lines
    styled: list[str] = []
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "echo", styled.append)
    history.print_lines(iter(lines))
    assert styled[3] == click.style("-old", fg="red", bold=False)
    assert styled[4] == click.style("+new", fg="green", bold=False)
    assert styled[0] == click.style("--- a", fg=None, bold=True)


class Nothing(Client):
    """A server that finds nothing."""

    def __init__(self) -> None:
        pass

    def json(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None, **more: Any) -> Any:
        """The object, or its revision, is missing."""
        raise Failure("has no revision 3", exit_code=NOT_FOUND)


def test_what_is_not_found_names_the_command_that_lists_what_is() -> None:
    """A refusal of another kind stays as it is."""
    with pytest.raises(Failure) as missing:
        history.fetch(Nothing(), "/x", {}, "asya history actor a")
    assert missing.value.fix == "asya history actor a"
    assert history.with_fix(Failure("no", "other"), "fix").fix == "other"


def test_what_is_compared_is_what_people_write() -> None:
    """As on the server: no status, no metadata of the server or of kubectl."""
    item = {
        "kind": "AsyncActor",
        "metadata": {"name": "a", "uid": "u", "finalizers": ["f"], "annotations": {history.LAST_APPLIED: "{}"}},
        "spec": {"image": "i"},
        "status": {"phase": "Ready"},
    }
    assert history.content(item) == {"kind": "AsyncActor", "metadata": {"name": "a"}, "spec": {"image": "i"}}
    assert history.content(None) is None
