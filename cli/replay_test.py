"""asya replay of many dead letters, against a server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from asya_cli.main import main

LETTERS = "/apis/asya.sh/v1alpha1/namespaces/default/deadletters"
REFUSED_ID = "e2"


class FakeServer:
    """Letters e0, e1, … of which every other one failed alike; e2 cannot be replayed."""

    def __init__(self, count: int) -> None:
        self.replayed_as: dict[str, str] = {}
        self.posted: list[tuple[str, float]] = []
        self.now_s = 0.0
        self.before_post: Callable[[], None] = lambda: None
        self.letters: list[dict[str, Any]] = [
            {"id": f"e{n}", "actor": "a" if n % 2 else "b", "reason": "R", "at": "2026-11-29T08:00:00Z",
             "signature": "odd" if n % 2 else "even", "error": {"type": "m.Bad", "message": f"no {n}"}}
            for n in range(count)
        ]  # fmt: skip

    def shown(self, letter: dict[str, Any]) -> dict[str, Any]:
        """As the server tells of it."""
        task = self.replayed_as.get(letter["id"])
        return letter | ({"replayedAs": task} if task else {})

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The list, newest first; one letter; or a replay."""
        path = request.url.path.removeprefix(LETTERS)
        if not path:
            actor = request.url.params.get("actor")
            found = [self.shown(one) for one in reversed(self.letters) if actor in (None, one["actor"])]
            groups = [
                {"signature": kind, "count": sum(one["signature"] == kind for one in found), "actor": "a",
                 "reason": "R", "errorType": "m.Bad", "latestMessage": "no"}
                for kind in ("even", "odd")
            ]  # fmt: skip
            return httpx.Response(200, json={"items": found, "groups": groups, "nextCursor": ""})
        letter = next((one for one in self.letters if one["id"] == path.split("/")[1]), None)
        if letter is None:
            return httpx.Response(404, json={"detail": f"no dead letter {path.split('/')[1]}"})
        if request.method == "GET":
            return httpx.Response(200, json=self.shown(letter))
        self.before_post()
        self.posted.append((letter["id"], self.now_s))
        if letter["id"] == REFUSED_ID:
            return httpx.Response(404, json={"detail": "no actor b"})
        task, once = self.replayed_as.get(letter["id"]), request.url.params.get("unlessReplayed") == "true"
        if once and task:
            return httpx.Response(200, json={"id": task, "replay_of": letter["id"], "replayedBefore": True})
        self.replayed_as[letter["id"]] = "task-" + letter["id"]
        return httpx.Response(201, json={"id": "task-" + letter["id"], "replay_of": letter["id"]})

    def ids(self) -> list[str]:
        """What was to be replayed, in that order."""
        return [letter_id for letter_id, _ in self.posted]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """What the command talks to, in a time of its own."""
    made, fake = httpx.Client, FakeServer(6)
    monkeypatch.setattr(httpx, "Client", lambda **more: made(**more, transport=httpx.MockTransport(fake.answer)))

    def sleep(seconds: float) -> None:
        fake.now_s += seconds

    monkeypatch.setattr("time.monotonic", lambda: fake.now_s)
    monkeypatch.setattr("time.sleep", sleep)
    return fake


def run(*words: str, code: int = 0) -> Result:
    """Replay."""
    done = CliRunner().invoke(main, ["replay", "--server", "http://server.test", *words])
    assert done.exit_code == code, done.output
    return done


def test_the_letters_of_an_actor_are_replayed_once(server: FakeServer) -> None:
    """The oldest first, and each once however often that is asked for."""
    assert run("--actor", "a").stdout == "3 replayed\n"
    assert server.ids() == ["e1", "e3", "e5"]
    assert run("--actor", "a").stdout == "0 replayed, 3 replayed before\n"
    assert len(server.posted) == 3


def test_what_somebody_else_has_replayed_meanwhile_is_left_alone(server: FakeServer) -> None:
    """Two who replay the same letters at once send each of them once."""

    def another() -> None:
        server.replayed_as["e3"] = "task-of-another"

    server.before_post = another
    answer = json.loads(run("--actor", "a", "-o", "json").stdout)
    assert [one["id"] for one in answer["replayed"]] == ["task-e1", "task-e5"]
    assert answer["replayedBefore"] == [{"id": "task-of-another", "replay_of": "e3"}]


def test_one_that_is_refused_keeps_no_other_back(server: FakeServer) -> None:
    """It is named with its reason, in what programs read too, and the exit code tells of it."""
    done = run("--signature", "even", code=1)
    assert done.stdout == "2 replayed, 1 failed\n"
    assert "e2: no actor b" in done.stderr
    assert server.ids() == ["e0", "e2", "e4"]
    answer = json.loads(run("--all", "-o", "json", code=1).stdout)
    assert [one["replay_of"] for one in answer["replayed"]] == ["e1", "e3", "e5"]
    assert answer["replayed"][0]["id"] == "task-e1"
    assert answer["failed"] == [{"replay_of": "e2", "error": "no actor b"}]
    assert [one["replay_of"] for one in answer["replayedBefore"]] == ["e0", "e4"]
    assert answer["left"] == []


def test_several_ids_are_looked_at_first(server: FakeServer) -> None:
    """One that was replayed is left alone there; by itself it is sent again."""
    assert run("e1").stdout == "task-e1\n"
    done = run("e3", "none", "e1", "e3", code=1)
    assert done.stdout == "1 replayed, 1 failed, 1 replayed before\n"
    assert "none: no dead letter none" in done.stderr
    assert run("e1").stdout == "task-e1\n"
    assert server.ids() == ["e1", "e3", "e1"]


def test_no_more_are_sent_than_the_rate_says(server: FakeServer) -> None:
    """Ten a second by default; the time that a slow answer took is not made up for."""
    run("--actor", "a")
    assert [at for _, at in server.posted] == pytest.approx([0.0, 0.1, 0.2])
    server.posted.clear()
    server.replayed_as.clear()
    begin_s = server.now_s
    slow = iter((5.0, 0.0, 0.0))

    def answer_late() -> None:
        server.now_s += next(slow)

    server.before_post = answer_late
    run("--actor", "a", "--rate", "0.5")
    assert [at - begin_s for _, at in server.posted] == pytest.approx([5.0, 5.0, 7.0])
    for wrong in ("0", "-1", "1001", "x"):
        run("--actor", "a", "--rate", wrong, code=2)


def test_who_has_had_enough_may_go_on_later(server: FakeServer) -> None:
    """What was sent is told, and the same command sends the rest."""

    def interrupt() -> None:
        if len(server.posted) == 1:
            raise KeyboardInterrupt

    server.before_post = interrupt
    done = run("--actor", "a", code=130)
    assert done.stdout == "1 replayed, 2 left\n"
    assert "goes on" in done.stderr
    server.before_post = lambda: None
    assert run("--actor", "a").stdout == "2 replayed, 1 replayed before\n"
    assert server.ids() == ["e1", "e3", "e5"]


def test_a_server_that_is_gone_is_not_asked_for_each(server: FakeServer) -> None:
    """What was done by then is told all the same."""

    def go_away() -> None:
        if len(server.posted) == 1:
            raise httpx.ConnectError("refused")

    server.before_post = go_away
    answer = run("--actor", "a", "-o", "json", code=4)
    assert json.loads(answer.stdout)["left"] == ["e3", "e5"]
    assert "no server answers" in answer.stderr


@pytest.mark.parametrize("words", [
    (), ("e1", "--all"), ("e1", "--actor", "a"), ("--all", "--signature", "odd"), ("e1", "e3", "--edit"),
    ("--all", "--payload", "{}"), ("e1", "e3", "--wait"), ("--all", "--wait"),
])  # fmt: skip
def test_what_is_to_be_replayed_is_said_in_one_way(server: FakeServer, words: tuple[str, ...]) -> None:
    """Nothing is sent where it is not clear what is meant."""
    run(*words, code=2)
    assert server.posted == []


def test_groups_tell_the_signature_to_replay_by(server: FakeServer) -> None:
    """With how many there are of each."""
    done = CliRunner().invoke(main, ["dead-letters", "--groups", "--server", "http://server.test"])
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [["even", "3"], ["odd", "3"]]
    assert "asya replay --signature even" in done.stderr


def test_nothing_to_replay_is_no_failure(server: FakeServer) -> None:
    """As for a list of none."""
    assert run("--signature", "other").stdout == "0 replayed\n"
