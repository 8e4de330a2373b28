"""Rich results, in every form of reply; what cannot be encoded is named by its key."""

from __future__ import annotations

from typing import Any

import pytest

from running import Running, Start

SOURCE = """
import collections, dataclasses, datetime, decimal, enum, pathlib, uuid

@dataclasses.dataclass
class Point:
    x: int
    y: object = None
    shared = 1

class Pair(collections.namedtuple("Pair", "left right")):
    pass

class Color(enum.Enum):
    RED = "red"

class Level(enum.IntEnum):
    HIGH = 3

class Model2:
    def model_dump(self, mode=None):
        return {"mode": mode, "at": datetime.date(2026, 1, 2)}

class Model1:
    __fields__ = {}
    def dict(self):
        return {"one": decimal.Decimal("1.5")}

class Text(str):
    pass

class Array:
    def tolist(self):
        return [1.5, 2.5]

class Opaque:
    pass

class Breaking:
    def model_dump(self, mode=None):
        raise RuntimeError("cannot dump")

loop = []
loop.append(loop)
deep = []
for _ in range(100000):
    deep = [deep]

VALUES = {
    "dataclass": Point(1, Point(2)),
    "nested": {"list": [Point(1), {"pair": Pair(1, Pair(2, b"x"))}]},
    "namedtuple": Pair(1, 2),
    "tuple": (1, (2,)),
    "datetime": datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
    "date": datetime.date(2026, 1, 2),
    "time": datetime.time(3, 4),
    "delta": datetime.timedelta(seconds=1.5),
    "uuid": uuid.UUID(int=1),
    "decimal": decimal.Decimal("0.10"),
    "set": {3, 1, 2},
    "texts": frozenset(["b", "a"]),
    "mixed": {1, "a"},
    "bytes": b"hello",
    "bytearray": bytearray(b"hello"),
    "enum": [Color.RED, Level.HIGH],
    "path": pathlib.Path("a/b"),
    "model2": Model2(),
    "model1": Model1(),
    "subclass": [Text("t"), collections.OrderedDict(a=1), collections.defaultdict(list, b=[2]), True],
    "array": Array(),
    "keys": {1: "int", None: "null", uuid.UUID(int=1): "uuid", 2.5: "float", datetime.date(2026, 1, 2): 1},
    "bool key": {True: 1},
    "plain": {"ä": "ü\\u2028\\x00", "n": [1, 2.5, None, True], "big": 2 ** 70},
    "opaque": {"a": [0, {"b c": Opaque()}]},
    "function": {"f": print},
    "nan": {"deep": [1, float("nan")]},
    "infinite": [float("-inf")],
    "surrogate": {"s": ["x", "\\ud800"]},
    "surrogate key": {"\\ud800": 1},
    "tuple key": {"m": {(1, 2): 3}},
    "same keys": {"m": {uuid.UUID(int=1): "a", str(uuid.UUID(int=1)): "b"}},
    "circular": loop,
    "deep": deep,
    "breaking": {"model": Breaking()},
    "deep in rich": {"p": Point(1, {"o": Opaque()})},
}
"""

KINDS = {
    "function": "def handle(p): return VALUES[p]",
    "async function": "async def handle(p): return VALUES[p]",
    "generator": "def handle(p): yield VALUES[p]",
    "async generator": "async def handle(p): yield VALUES[p]",
    "fly": "def handle(p): yield 'FLY', VALUES[p]",
}

PLAIN: dict[str, Any] = {
    "dataclass": {"x": 1, "y": {"x": 2, "y": None}},
    "nested": {"list": [{"x": 1, "y": None}, {"pair": {"left": 1, "right": {"left": 2, "right": "eA=="}}}]},
    "namedtuple": {"left": 1, "right": 2},
    "tuple": [1, [2]],
    "datetime": "2026-01-02T03:04:00+00:00",
    "date": "2026-01-02",
    "time": "03:04:00",
    "delta": 1.5,
    "uuid": "00000000-0000-0000-0000-000000000001",
    "decimal": "0.10",
    "set": [1, 2, 3],
    "texts": ["a", "b"],
    "mixed": ["a", 1],
    "bytes": "aGVsbG8=",
    "bytearray": "aGVsbG8=",
    "enum": ["red", 3],
    "path": "a/b",
    "model2": {"mode": "json", "at": "2026-01-02"},
    "model1": {"one": "1.5"},
    "subclass": ["t", {"a": 1}, {"b": [2]}, True],
    "array": [1.5, 2.5],
    "keys": {
        "1": "int", "null": "null", "00000000-0000-0000-0000-000000000001": "uuid", "2.5": "float", "2026-01-02": 1,
    },
    "bool key": {"true": 1},
    "plain": {"ä": "ü\u2028\x00", "n": [1, 2.5, None, True], "big": 2**70},
}  # fmt: skip

REFUSED = {
    "opaque": 'payload.a[1]["b c"] is of type user_code.Opaque',
    "function": "payload.f is of type builtins.builtin_function_or_method",
    "nan": "payload.deep[1] is nan",
    "infinite": "payload[0] is -inf",
    "surrogate": "payload.s[1] holds a lone surrogate",
    "surrogate key": "a key of payload holds a lone surrogate",
    "tuple key": "payload.m has a key of type builtins.tuple",
    "same keys": "payload.m has two keys that both become '00000000-",
    "circular": "payload contains itself or is nested too deeply",
    "deep": "payload contains itself or is nested too deeply",
    "breaking": "payload.model (user_code.Breaking) cannot be encoded: cannot dump",
    "deep in rich": "payload.p.y.o is of type user_code.Opaque",
}


@pytest.fixture(params=KINDS)
def rich(start: Start, request: pytest.FixtureRequest) -> tuple[str, Running]:
    """A handler of each kind that gives the value named by its payload."""
    return request.param, start(SOURCE + KINDS[request.param])


def test_rich_types_become_json_in_every_form_of_reply(rich: tuple[str, Running]) -> None:
    kind, runtime = rich
    client = runtime.client()
    for name, expected in PLAIN.items():
        if name == "tuple" and "generator" in kind:
            continue  # a plain tuple that is yielded is a command
        client.start({"id": "1", "route": {"prev": [], "curr": "a", "next": []}, "payload": name})
        reply = client.receive()
        if "function" in kind:
            value = reply.payload()
        else:
            (event, data), done = reply.events()
            assert (event, done) == ("upstream" if kind == "fly" else "downstream", ("done", {}))
            value = data["payload"]
        assert value == expected, name


def test_a_result_that_cannot_be_encoded_names_the_key(rich: tuple[str, Running]) -> None:
    kind, runtime = rich
    client = runtime.client()
    for name, text in REFUSED.items():
        client.start({"id": "1", "route": {"prev": [], "curr": "a", "next": []}, "payload": name})
        reply = client.receive()
        if "function" in kind:
            assert reply.status == 500
            error = reply.json()
        else:
            (event, error), done = reply.events()
            assert (event, done) == ("error", ("done", {})), name
        assert error["error"] == "processing_error"
        assert text in error["details"]["message"], name
        assert error["details"]["type"] == "asya_runtime.errors.EncodingError"
