"""Wires: takes the bytes between a relay and its broker apart into frames, and says what each of them means.

The labels are those of steps.py. Direction: "out" is from the relay, "in" is to it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import ClassVar, Protocol

Frame = tuple[bytes, frozenset[str]]
NOTHING: frozenset[str] = frozenset()


def label(*names: str) -> frozenset[str]:
    """Labels of a frame."""
    return frozenset(names)


class Wire(Protocol):
    """One connection; pieces of any size come in, whole frames with their labels come out."""

    def feed(self, direction: str, piece: bytes) -> Iterator[Frame]:
        """The frames that are whole now."""


class Buffers:
    """Bytes of either direction that are no whole frame yet."""

    def __init__(self) -> None:
        self.waiting = {"out": b"", "in": b""}

    def take(self, direction: str, size: int) -> bytes | None:
        """So many bytes, once they are all there."""
        have = self.waiting[direction]
        if len(have) < size:
            return None
        self.waiting[direction] = have[size:]
        return have[:size]


class SqliteWire(Buffers):
    """Frames of our own: u32 length, u8 type (transports/sqlite/wire.h)."""

    LABELS: ClassVar = {("out", 4): "begin", ("in", 68): "deliver", ("in", 69): "settled"}
    SETTLE = 5
    RETRY = 1  # the action after the tag

    def feed(self, direction: str, piece: bytes) -> Iterator[Frame]:
        """By type, and of a settlement by its action."""
        self.waiting[direction] += piece
        while True:
            have = self.waiting[direction]
            if len(have) < 5:
                return
            frame = self.take(direction, 4 + struct.unpack("<I", have[:4])[0])
            if frame is None:
                return
            kind = frame[4]
            if direction == "out" and kind == self.SETTLE:
                yield frame, label("retry" if frame[13] == self.RETRY else "settle")
            else:
                yield frame, label(*filter(None, [self.LABELS.get((direction, kind))]))


class PostgresWire(Buffers):
    """PostgreSQL's protocol; a relay calls one function with all that it has to say (transports/postgres)."""

    CALL = b"FROM settle_and_take("
    SAYS: ClassVar = {5: "settle", 8: "retry", 12: "begin"}  # by the place of the rows among the parameters
    DONE: ClassVar = {"settle": "settled", "retry": "retried", "begin": "begun", "take": "deliver"}

    def __init__(self) -> None:
        super().__init__()
        self.started = False
        self.calls: set[bytes] = set()  # the names of the prepared statements that are such a call
        self.does: set[str] = set()  # this call

    def feed(self, direction: str, piece: bytes) -> Iterator[Frame]:
        """The answer to a call is labelled by all that it has done."""
        self.waiting[direction] += piece
        while True:
            have = self.waiting[direction]
            head = 0 if direction == "out" and not self.started else 1
            if len(have) < head + 4:
                return
            frame = self.take(direction, head + struct.unpack(">I", have[head : head + 4])[0])
            if frame is None:
                return
            if head == 0:
                self.started = True
                yield frame, NOTHING
            else:
                yield frame, self._out(frame) if direction == "out" else self._in(frame)

    def _out(self, frame: bytes) -> frozenset[str]:
        kind, body = frame[:1], frame[5:]
        if kind == b"P":
            name, _, rest = body.partition(b"\0")
            if self.CALL in rest.partition(b"\0")[0]:
                self.calls.add(name)
        elif kind == b"B":
            name, _, rest = body.partition(b"\0")[2].partition(b"\0")
            self.does.clear()
            if name in self.calls:
                given = self._parameters(rest)
                self.does = {what for place, what in self.SAYS.items() if given[place] != b"{}"}
        return label(*self.does) if kind == b"B" else NOTHING

    @staticmethod
    def _parameters(rest: bytes) -> list[bytes]:
        """Those of a Bind, after its names: the formats, and each with its size in front."""
        at = 2 + 2 * struct.unpack_from(">H", rest)[0]
        count, at = struct.unpack_from(">H", rest, at)[0], at + 2
        values = []
        for _ in range(count):
            size = struct.unpack_from(">i", rest, at)[0]
            values.append(rest[at + 4 : at + 4 + max(0, size)])
            at += 4 + max(0, size)
        return values

    def _in(self, frame: bytes) -> frozenset[str]:
        if frame[:1] == b"D" and frame[11:16] == b"taken":
            self.does.add("take")
        if frame[:1] == b"E":
            self.does.clear()
        if frame[:1] != b"Z":
            return NOTHING
        done = label(*(self.DONE[what] for what in self.does))
        self.does.clear()
        return done


class RabbitmqWire(Buffers):
    """AMQP 0-9-1: u8 type, u16 channel, u32 size, payload, u8 end; a method begins with its class and number."""

    METHODS: ClassVar = {("in", 60, 60): "deliver", ("in", 60, 80): "confirm", ("out", 60, 80): "settle"}
    PUBLISH = (60, 40)
    BETWEEN_RELAYS = 3  # the channel of what relays tell each other: no step of an envelope
    HEADER_BYTES = 8  # "AMQP" and the version

    def __init__(self) -> None:
        super().__init__()
        self.started = False

    def feed(self, direction: str, piece: bytes) -> Iterator[Frame]:
        """By class and method, and of a publish by its exchange."""
        self.waiting[direction] += piece
        if direction == "out" and not self.started:
            header = self.take(direction, self.HEADER_BYTES)
            if header is None:
                return
            self.started = True
            yield header, NOTHING
        while True:
            have = self.waiting[direction]
            if len(have) < 7:
                return
            frame = self.take(direction, 8 + struct.unpack(">I", have[3:7])[0])
            if frame is None:
                return
            yield frame, self._labels(direction, frame)

    def _labels(self, direction: str, frame: bytes) -> frozenset[str]:
        if frame[0] != 1 or struct.unpack(">H", frame[1:3])[0] == self.BETWEEN_RELAYS:
            return NOTHING
        method = struct.unpack(">HH", frame[7:11])
        if direction == "out" and method == self.PUBLISH:
            exchange = frame[14 : 14 + frame[13]]
            return label("retry" if exchange.startswith(b"asya.delay") else "publish")
        return label(*filter(None, [self.METHODS.get((direction, *method))]))


class GatewayWire:
    """HTTP between a relay and the gateway, by pieces: a report is one piece or begins one."""

    def feed(self, direction: str, piece: bytes) -> Iterator[Frame]:
        """A report, and its answer."""
        if direction == "out" and piece.startswith(b"POST "):
            yield piece, label("report")
        elif direction == "in" and piece.startswith(b"HTTP/1.1 2"):
            yield piece, label("reported")
        else:
            yield piece, NOTHING
