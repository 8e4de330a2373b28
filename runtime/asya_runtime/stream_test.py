"""Generator handlers: events in order, sent when they happen, done last."""

from __future__ import annotations

import json
from typing import Any

import pytest

from running import Client, Running, Start, envelope

SOURCE = """
{kind} handle(p):
    yield "FLY", {{"n": 1}}
    yield {{"frame": p}}
    yield
    yield "METRIC", {{"name": "pages", "type": "counter", "value": 2, "labels": {{"lang": "en"}}}}
    yield [1, 2]
    yield "text"
    if p == "fail":
        raise ValueError("after frames")
"""


@pytest.fixture(params=["def", "async def"])
def kind(request: pytest.FixtureRequest) -> str:
    """Sync and async."""
    return str(request.param)


def test_events_come_in_order_and_done_is_last(start: Start, kind: str) -> None:
    reply = start(SOURCE.format(kind=kind)).invoke(1, headers={"h": 1})
    assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream")
    assert reply.headers["cache-control"] == "no-cache"
    rest: dict[str, Any] = {"route": {"prev": ["p", "a"], "curr": "b", "next": ["c"]}, "headers": {"h": 1}}
    assert reply.events() == [
        ("upstream", {"payload": {"n": 1}}),
        ("downstream", {"payload": {"frame": 1}, **rest}),
        ("metric", {"name": "pages", "type": "counter", "value": 2, "labels": {"lang": "en"}}),
        ("downstream", {"payload": [1, 2], **rest}),
        ("downstream", {"payload": "text", **rest}),
        ("done", {}),
    ]


def test_an_error_after_frames_is_an_event_and_done_is_still_last(start: Start, kind: str) -> None:
    events = start(SOURCE.format(kind=kind)).invoke("fail").events()
    assert [name for name, _ in events][-3:] == ["downstream", "error", "done"]
    error = events[-2][1]
    assert error["error"] == "processing_error"
    assert (error["details"]["type"], error["details"]["message"]) == ("builtins.ValueError", "after frames")
    assert "user_code.py" in error["details"]["traceback"]


def test_no_frames_is_only_done(start: Start, kind: str) -> None:
    assert start(f"{kind} handle(p):\n    if p: yield p").invoke().events() == [("done", {})]


def test_a_stream_leaves_the_connection_for_the_next_request(start: Start, kind: str) -> None:
    client = start(SOURCE.format(kind=kind)).client()
    for payload in (1, "fail", 2):
        reply = client.invoke(envelope(payload))
        assert reply.headers["transfer-encoding"] == "chunked"
        assert reply.events()[-1] == ("done", {})


def test_a_peer_of_http_1_0_gets_the_stream_up_to_the_end_of_the_connection(start: Start, kind: str) -> None:
    client = start(SOURCE.format(kind=kind)).client()
    reply = client.invoke(envelope(1), version="1.0")
    assert reply.headers["connection"] == "close"
    assert "transfer-encoding" not in reply.headers
    assert reply.events()[-1] == ("done", {})
    assert client.ended()


def test_a_peer_that_says_close_gets_closed(start: Start, kind: str) -> None:
    client = start(SOURCE.format(kind=kind)).client()
    body = json.dumps(envelope(1)).encode()
    reply = client.ask("POST", "/invoke", body, extra="Connection: close\r\n")
    assert reply.events()[-1] == ("done", {})
    assert client.ended()


def next_event(client: Client) -> str:
    """Reads one chunk of a stream, which is one event here."""
    size = int(client.file.readline(), 16)
    text = client.file.read(size + 2).decode()
    return text.split("\n")[0]


WAITING = """
import os, time
{sleep}
{kind} handle(p):
    for name in ("one", "two"):
        yield "FLY", name
        while not os.path.exists(name):
            {wait}
    yield p
"""


def test_an_event_is_sent_before_the_handler_goes_on(start: Start, kind: str) -> None:
    is_async = kind != "def"
    wait = "await sleep(0.005)" if is_async else "time.sleep(0.005)"
    sleep = "from asyncio import sleep" if is_async else ""
    runtime = start(WAITING.format(kind=kind, wait=wait, sleep=sleep))
    client = runtime.client()
    client.start(envelope(1))
    while client.file.readline() != b"\r\n":
        pass
    for name in ("one", "two"):
        assert next_event(client) == "event: upstream"
        (runtime.folder / name).touch()
    assert next_event(client) == "event: downstream"
    assert next_event(client) == "event: done"


CLEANUP = """
{head}
{kind} handle(p):
    try:
        for n in range(100000):
            yield "FLY", "x" * 1000
            {wait}
    finally:
        open("closed", "w").close()
"""


def test_a_generator_whose_peer_has_left_is_closed(start: Start, kind: str) -> None:
    is_async = kind != "def"
    wait, head = ("await asyncio.sleep(0)", "import asyncio") if is_async else ("pass", "")
    runtime = start(CLEANUP.format(kind=kind, wait=wait, head=head))
    client = runtime.client()
    client.start(envelope(1))
    assert client.file.readline().startswith(b"HTTP/1.1 200")
    client.close()
    # One at a time: the next call can only be answered when the first has been given up.
    next_client = runtime.client()
    next_client.start(envelope(2))
    assert next_client.file.readline().startswith(b"HTTP/1.1 200")
    assert (runtime.folder / "closed").exists()
    next_client.close()


def test_a_slow_reader_holds_up_the_generator_not_the_memory(start: Start, kind: str) -> None:
    runtime = start(f"{kind} handle(p):\n    for n in range(p):\n        yield 'FLY', 'x' * 100000")
    client = runtime.client()
    client.start(envelope(100))
    events = client.receive().events()
    assert len(events) == 101
    assert events[-1] == ("done", {})


def test_delegation_is_seen_through(start: Start) -> None:
    runtime = start("""
    def inner():
        yield "SET", ".headers.x", 1
        return (yield "GET", ".id")

    def handle(p):
        found = yield from inner()
        yield found
    """)
    frame = runtime.invoke().events()[0][1]
    assert (frame["payload"], frame["headers"]) == ("e1", {"x": 1})


def test_a_function_that_returns_a_generator_streams(start: Start) -> None:
    runtime: Running = start("def inner(p):\n    yield p\ndef handle(p): return inner(p)")
    assert [name for name, _ in runtime.invoke(5).events()] == ["downstream", "done"]
