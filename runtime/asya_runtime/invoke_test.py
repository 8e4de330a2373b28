"""Function handlers: frames, nothing, errors; the same for sync and async ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from running import Running, Start, envelope

KINDS = ["def", "async def"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_answers_with_one_frame_whose_route_is_shifted(start: Start, kind: str) -> None:
    runtime = start(f"{kind} handle(p): return {{'got': p}}")
    reply = runtime.invoke({"x": "ä"}, headers={"trace": "t"}, status={"phase": "processing", "deadline_at": "z"})
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    # Headers and status, which a function cannot change, stay with the relay.
    assert reply.json() == {
        "frames": [{"payload": {"got": {"x": "ä"}}, "route": {"prev": ["p", "a"], "curr": "b", "next": ["c"]}}]
    }


def test_at_the_end_of_the_route_curr_is_empty(start: Start) -> None:
    client = start("def handle(p): return p").client()
    reply = client.invoke({"id": "1", "route": {"prev": [], "curr": "z", "next": []}, "payload": [1]})
    assert reply.json() == {"frames": [{"payload": [1], "route": {"prev": ["z"], "curr": "", "next": []}}]}


@pytest.mark.parametrize("kind", KINDS)
def test_none_is_204_and_the_connection_stays(start: Start, kind: str) -> None:
    client = start(f"{kind} handle(p): return p").client()
    for payload, status in ((None, 204), (0, 200), (False, 200), ("", 200), (None, 204)):
        reply = client.invoke(envelope(payload))
        assert (reply.status, reply.body == b"") == (status, status == 204)


def test_a_returned_list_is_one_payload(start: Start) -> None:
    assert start("def handle(p): return [1, [2], ()]").invoke().payload() == [1, [2], []]


ERRORS = """
class Own(KeyError, RuntimeError): pass
{kind} handle(p):
    if p == "own": raise Own("k")
    if p == "exit": raise SystemExit(3)
    if p == "interrupt": raise KeyboardInterrupt()
    if p == "silent":
        class Odd(Exception):
            def __str__(self): raise ValueError
        raise Odd()
    if p == "surrogate": raise ValueError("bad \\ud800")
    return 1 / p
"""


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_500_with_type_ancestors_and_the_users_lines_only(start: Start, kind: str) -> None:
    runtime = start(ERRORS.format(kind=kind))
    client = runtime.client()
    reply = client.invoke(envelope(0))
    assert (reply.status, reply.headers["content-type"]) == (500, "application/json")
    body = reply.json()
    assert body["error"] == "processing_error"
    details = body["details"]
    assert set(details) == {"message", "type", "mro", "traceback"}
    assert details["type"] == "builtins.ZeroDivisionError"
    assert details["mro"] == ["builtins.ArithmeticError", "builtins.Exception"]
    assert details["message"] == "division by zero"
    assert "return 1 / p" in details["traceback"]
    assert "asya_runtime" not in details["traceback"]
    own = client.invoke(envelope("own")).json()["details"]
    assert own["type"] == "user_code.Own"
    assert own["mro"] == ["builtins.KeyError", "builtins.LookupError", "builtins.RuntimeError", "builtins.Exception"]
    assert client.invoke(envelope(1)).payload() == 1.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("payload", ["exit", "interrupt", "silent", "surrogate"])
def test_odd_errors_are_answered_and_leave_the_worker_alone(start: Start, kind: str, payload: str) -> None:
    client = start(ERRORS.format(kind=kind)).client()
    reply = client.invoke(envelope(payload))
    assert (reply.status, reply.json()["error"]) == (500, "processing_error")
    assert client.invoke(envelope(1)).status == 200


def test_a_huge_message_is_cut(start: Start) -> None:
    details = start("def handle(p): raise ValueError('x' * 1000000)").invoke().json()["details"]
    assert len(details["message"]) < 20_000
    assert len(details["traceback"]) < 70_000


def test_a_failure_is_logged_with_its_place_but_without_its_text(start: Start) -> None:
    runtime = start("def handle(p):\n    raise ValueError('the secret ' + p)")
    runtime.invoke("payload-secret")
    assert "type=builtins.ValueError" in runtime.output()
    assert "user_code.py:2 in handle id=e1" in runtime.output()
    assert "secret" not in runtime.output()


def test_at_debug_level_no_payload_is_logged_either(start: Start) -> None:
    runtime = start("def handle(p): return p", ASYA_LOG_LEVEL="DEBUG")
    runtime.invoke("payload-secret", headers={"h": "payload-secret"})
    assert "secret" not in runtime.output()


def test_a_quiet_level_writes_nothing(start: Start) -> None:
    runtime = start("def handle(p): raise ValueError(p)", ASYA_LOG_LEVEL="CRITICAL")
    assert runtime.invoke("x").status == 500
    assert runtime.output() == ""


GOOD: dict[str, Any] = envelope({"x": 1})
ROUTE = GOOD["route"]
BAD = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"\xff{}", "not UTF-8"),
    (b"[1]", "must be a JSON object"),
    (b'"text"', "must be a JSON object"),
    (b'{"payload": NaN}', "NaN is not a JSON value"),
    (b"[" * 100_000, "nested too deeply"),
    (json.dumps(GOOD).encode() + b"x", "not JSON"),
    ({"route": ROUTE}, "payload is missing"),
    ({"payload": 1}, "route is missing"),
    ({**GOOD, "route": []}, "route must be an object"),
    ({**GOOD, "route": {"prev": [], "curr": "a"}}, "route.next is missing"),
    ({**GOOD, "route": {**ROUTE, "prev": "x"}}, "route.prev must be a list"),
    ({**GOOD, "route": {**ROUTE, "curr": None}}, "route.curr must be a string"),
    ({**GOOD, "route": {**ROUTE, "next": [1]}}, "route.next must hold strings only"),
    ({**GOOD, "headers": []}, "headers must be an object"),
    ({**GOOD, "status": 1}, "status must be an object"),
    ({**GOOD, "id": 7}, "id must be a string"),
    ({**GOOD, "parent_id": 7}, "parent_id must be a string"),
    ({"headers": 1, "id": 2}, "payload is missing; route is missing; id must be a string; headers must be an object"),
]


@pytest.fixture(params=["def", "async def", "yield"])
def echo(start: Start, request: pytest.FixtureRequest) -> Running:
    """An echo of each kind."""
    kind = request.param
    return start("def handle(p): yield p" if kind == "yield" else f"{kind} handle(p): return p")


def test_what_is_no_envelope_is_400_and_says_why(echo: Running) -> None:
    client = echo.client()
    for body, text in BAD:
        reply = client.ask("POST", "/invoke", body if isinstance(body, bytes) else json.dumps(body).encode())
        assert (reply.status, reply.headers["content-type"]) == (400, "application/json"), text
        assert reply.json()["error"] == "msg_parsing_error"
        assert set(reply.json()["details"]) == {"message"}
        assert text in reply.json()["details"]["message"]
    assert client.invoke(GOOD).status == 200


def test_white_space_around_the_envelope_is_json_too(echo: Running) -> None:
    assert echo.client().ask("POST", "/invoke", b"\n " + json.dumps(GOOD).encode() + b" \n").status == 200


def test_validation_can_be_switched_off(start: Start) -> None:
    client = start("def handle(p): return {'p': p}", ASYA_ENABLE_VALIDATION="false").client()
    reply = client.ask("POST", "/invoke", b'{"headers": 3, "route": {"next": 4}}')
    assert reply.json() == {"frames": [{"payload": {"p": None}, "route": {"prev": [], "curr": "", "next": []}}]}
    assert client.ask("POST", "/invoke", b"[]").status == 400
