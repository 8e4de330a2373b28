"""asya dead-letters over several pages of the server."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from asya_cli.main import main

COUNT = 1203


class FakeServer:
    """Has so many letters of two kinds, newest first, in pages of what is asked for; a cursor is a place."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One page."""
        params = dict(request.url.params)
        self.asked.append(params)
        begin = int(params.get("cursor", "0"))
        end = min(begin + int(params["limit"]), COUNT)
        items = [self.letter(place) for place in range(begin, end)]
        groups = [
            {"signature": kind, "count": len(found), "latestMessage": found[0]["error"]["message"]}
            for kind in ("even", "odd") if (found := [i for i in items if i["signature"] == kind])
        ]  # fmt: skip
        cursor = str(end) if end < COUNT else ""
        return httpx.Response(200, json={"items": items, "groups": groups, "nextCursor": cursor})

    @staticmethod
    def letter(place: int) -> dict[str, Any]:
        """One of them."""
        return {
            "id": f"e{place}", "actor": "a", "reason": "R", "at": "2026-11-29T08:00:00Z",
            "signature": "odd" if place % 2 else "even", "error": {"type": "m.Bad", "message": f"no {place}"},
        }  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """What the command talks to."""
    made, fake = httpx.Client, FakeServer()
    monkeypatch.setattr(httpx, "Client", lambda **more: made(**more, transport=httpx.MockTransport(fake.answer)))
    return fake


def run(*words: str) -> Result:
    """List them."""
    done = CliRunner().invoke(main, ["dead-letters", "--server", "http://server.test", *words])
    assert done.exit_code == 0, done.output
    return done


def test_pages_are_followed_to_the_end(server: FakeServer) -> None:
    """Each letter once, in one table, and nothing is said to be missing."""
    done = run("--limit", "5000")
    rows = done.stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == [f"e{place}" for place in range(COUNT)]
    assert "there are more" not in done.stderr
    assert [asked.get("cursor") for asked in server.asked] == [None, "500", "1000"]


def test_no_more_is_asked_for_than_is_shown(server: FakeServer) -> None:
    """A page may be smaller than the server's; what is left is told with the next command."""
    done = run("--limit", "600", "--actor", "a")
    assert len(done.stdout.splitlines()) == 601
    assert [asked["limit"] for asked in server.asked] == ["500", "100"]
    assert all(asked["actor"] == "a" for asked in server.asked)
    assert "there are more: --limit 3000" in done.stderr


def test_without_a_limit_it_is_one_page(server: FakeServer) -> None:
    """As before."""
    assert len(run().stdout.splitlines()) == 501
    assert len(server.asked) == 1


def test_programs_get_one_answer(server: FakeServer) -> None:
    """With the groups of all pages counted together, each by its newest letter."""
    answer = json.loads(run("--limit", "1200", "-o", "json").stdout)
    assert len(answer["items"]) == 1200
    assert answer["nextCursor"] == "1200"
    assert answer["groups"] == [
        {"signature": "even", "count": 600, "latestMessage": "no 0"},
        {"signature": "odd", "count": 600, "latestMessage": "no 1"},
    ]
    assert len(server.asked) == 3
