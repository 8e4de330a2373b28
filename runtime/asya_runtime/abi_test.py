"""The commands of generators on the envelope's metadata."""

from __future__ import annotations

from typing import Any

import pytest

from running import Running, Start, envelope

# The payload is a list of commands; what GET gives is collected and emitted at the end.
SOURCE = """
def handle(p):
    got = []
    for command in p:
        got.append((yield tuple(command)))
    yield {"got": got}
"""
ASYNC = SOURCE.replace("def handle", "async def handle")


@pytest.fixture(params=[SOURCE, ASYNC], ids=["sync", "async"])
def runtime(start: Start, request: pytest.FixtureRequest) -> Running:
    """A handler that yields the commands of its payload."""
    return start(request.param)


def run(runtime: Running, *commands: Any, **more: Any) -> dict[str, Any]:
    """Runs the commands; returns the only frame."""
    events = runtime.invoke(list(commands), **more).events()
    assert [name for name, _ in events] == ["downstream", "done"], events
    frame: dict[str, Any] = events[0][1]
    return frame


def refused(runtime: Running, *commands: Any) -> str:
    """Runs commands of which the last breaks a rule; returns the message."""
    events = runtime.invoke(list(commands)).events()
    assert [name for name, _ in events] == ["error", "done"], events
    details = events[0][1]["details"]
    assert details["type"] == "asya_runtime.errors.ProtocolError"
    assert "user_code.py" in details["traceback"]
    return str(details["message"])


def test_get_reads_metadata(runtime: Running) -> None:
    headers = {"a.b": 1, "x-asya-y": {"deep": [1, 2, 3]}, 'quo"te': 5}
    paths = [".id", ".parent_id", ".route.next", ".route.next[0]", ".route.next[-1]", ".headers", '.headers["a.b"]',
             ".headers.x-asya-y.deep[2]", '.headers["quo\\"te"]', ".headers.absent", ".headers.absent.more",
             ".status.phase", ".route.prev", ".route.curr"]  # fmt: skip
    frame = run(runtime, *(("GET", path) for path in paths), headers=headers, status={"phase": "x"}, parent_id="p")
    expected = ["e1", "p", ["b", "c"], "b", "c", headers, 1, 3, 5, None, None, "x", ["p"], "a"]
    assert frame["payload"]["got"] == expected


def test_set_and_del_shape_the_frame(runtime: Running) -> None:
    frame = run(
        runtime,
        ("SET", ".route.next[:0]", ["x", "y"]),
        ("SET", ".route.next[999:]", ["z"]),
        ("SET", ".route.next[1:3]", ["w"]),
        ("SET", ".route.next[-1]", "last"),
        ("SET", ".headers.made.on.the.way", 1),
        ("SET", '.headers["a.b"]', [1]),
        ("SET", '.headers["a.b"][0]', 2),
        ("SET", '.headers["a.b"][5:]', [3]),
        ("SET", ".status.note", "n"),
        ("DEL", ".headers.gone"),
        ("DEL", ".headers.never.there"),
        headers={"gone": 1, "kept": 2},
    )
    assert frame["route"] == {"prev": ["p", "a"], "curr": "x", "next": ["w", "c", "last"]}
    assert frame["headers"] == {"kept": 2, "made": {"on": {"the": {"way": 1}}}, "a.b": [2, 3]}
    assert frame["status"] == {"note": "n"}


def test_the_last_header_can_be_deleted(runtime: Running) -> None:
    # A frame that does not speak of headers keeps those of the input.
    assert run(runtime, ("DEL", '.headers["a"]'), headers={"a": 1})["headers"] == {}
    assert "headers" not in run(runtime, headers={})
    assert "headers" not in run(runtime)


def test_route_next_can_be_replaced_shortened_and_emptied(runtime: Running) -> None:
    assert run(runtime, ("SET", ".route.next", ["only"]))["route"]["curr"] == "only"
    assert run(runtime, ("SET", ".route.next", []))["route"] == {"prev": ["p", "a"], "curr": "", "next": []}
    assert run(runtime, ("DEL", ".route.next[0]"))["route"]["curr"] == "c"
    assert run(runtime, ("DEL", ".route.next"))["route"]["curr"] == ""


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        (("SET", ".payload", 1), [".payload", "writable are"]),
        (("SET", ".id", "x"), ["'.id'", "writable are"]),
        (("SET", ".route.prev", []), ["writable are"]),
        (("SET", ".route.curr", "x"), ["writable are"]),
        (("SET", ".route", {}), ["writable are"]),
        (("SET", ".headers", {}), ["writable are .route.next, .headers.* and .status"]),
        (("DEL", ".headers"), ["writable are"]),
        (("DEL", ".status"), [".status can be set but not deleted"]),
        (("DEL", ".status.phase"), [".status can be set but not deleted"]),
        (("GET", ".payload"), ["readable are .id"]),
        (("GET", ".route.next[:1]"), ["a slice is for SET only"]),
        (("DEL", ".route.next[:1]"), ["a slice is for SET only"]),
        (("GET", ".route.next[7]"), ["index 7 is outside of a list of 2"]),
        (("SET", ".route.next[7]", "x"), ["index 7 is outside"]),
        (("SET", ".route.next", "x"), ["must stay a list of actor names"]),
        (("SET", ".route.next", [1]), ["must stay a list of actor names"]),
        (("SET", ".route.next", [""]), ["must stay a list of actor names"]),
        (("SET", ".route.next[0].x", "y"), ["must stay a list of actor names"]),
        (("SET", ".route.next[:0]", "x"), ["a slice takes a list"]),
        (("SET", ".status", []), [".status must stay an object"]),
        (("SET", ".route.next[:0][0]", "x"), ["a slice must be the last step"]),
        (("GET", ".headers.a b"), ["cannot be read at position 10"]),
        (("GET", "route"), ["position 0"]),
        (("GET", ""), ["position 0"]),
        (("GET", '["id"]'), ["position 0"]),
        (("GET", 7), ["a path must be a string"]),
        (("GET", "." + "x" * 2000), ["may have 1024 characters"]),
        (("GET", ".id.x"), ["needs an object, but there is a string"]),
        (("GET", ".route.curr[0]"), ["needs a list, but there is a string"]),
        (("GET", ".id", 1), ["GET takes 1 values"]),
        (("SET", ".headers.x"), ["SET takes 2 values"]),
        (("FLY", 1, 2), ["FLY takes 1 values"]),
        (("PUT", 1), ["must start with GET, SET, DEL, FLY or METRIC, not 'PUT'"]),
        ((1, 2), ["not 'int'"]),
        (("METRIC", {"name": "", "type": "counter", "value": 1}), ["METRIC takes"]),
        (("METRIC", {"name": "n", "type": "timer", "value": 1}), ["METRIC takes"]),
        (("METRIC", {"name": "n", "type": "gauge", "value": "1"}), ["METRIC takes"]),
        (("METRIC", {"name": "n", "type": "gauge", "value": 1, "labels": {"a": 1}}), ["METRIC takes"]),
        (("METRIC", {"name": "n", "type": "gauge", "value": 1, "more": 1}), ["METRIC takes"]),
    ],
)
def test_what_breaks_a_rule_names_the_path_and_the_rule(
    sync_commands: Running, command: tuple[Any, ...], parts: list[str]
) -> None:
    message = refused(sync_commands, command)
    for part in parts:
        assert part in message


@pytest.fixture(scope="module")
def sync_commands(request: pytest.FixtureRequest) -> Any:
    """One runtime for the many refusals."""
    archive = request.getfixturevalue("archive")
    runtime = Running(archive, SOURCE, "handle", {}).until_ready()
    yield runtime
    runtime.close()


def test_values_go_in_and_out_as_copies(start: Start) -> None:
    runtime = start("""
    def handle(p):
        value = {"a": [1]}
        yield "SET", ".headers.mine", value
        value["a"].append(2)
        got = yield "GET", ".headers.mine"
        got["a"].append(3)
        route = yield "GET", ".route"
        route["next"].clear()
        yield (yield "GET", ".headers.mine")
    """)
    frame = runtime.invoke().events()[0][1]
    assert frame["payload"] == frame["headers"]["mine"] == {"a": [1]}
    assert frame["route"]["curr"] == "b"


def test_a_broken_rule_ends_the_invocation_even_if_the_handler_swallows_it(start: Start) -> None:
    runtime = start("""
    def handle(p):
        try:
            yield "SET", ".id", 1
        except BaseException:
            pass
        yield "not emitted"
        yield "nor this"
    """)
    assert [name for name, _ in runtime.invoke().events()] == ["error", "done"]


def test_the_envelope_of_one_call_is_not_seen_by_the_next(start: Start) -> None:
    client = start("def handle(p):\n    yield 'SET', '.headers.x', p\n    yield p").client()
    assert client.invoke(envelope(1)).events()[0][1]["headers"] == {"x": 1}
    assert client.invoke(envelope(2, headers={"y": 0})).events()[0][1]["headers"] == {"y": 0, "x": 2}
