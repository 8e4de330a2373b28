"""Wires of the services of a cloud: HTTP/1.1 with JSON to SQS, gRPC over HTTP/2 to Pub/Sub; both frame by frame.

A frame of SQS is a whole request or answer; one of Pub/Sub is a frame of HTTP/2. What a call does is read off its
message, so that the compressed headers of HTTP/2 need not be understood.
"""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator
from typing import ClassVar

from wires import NOTHING, Buffers, Frame, label

# What the answer to a call with this label is.
ANSWERS = {"publish": "confirm", "retry": "retried", "settle": "settled", "pull": "deliver"}


class SqsWire(Buffers):
    """Requests and answers, which come in the order of the requests of their connection."""

    LENGTH: ClassVar = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
    TARGET: ClassVar = re.compile(rb"\r\nx-amz-target: *AmazonSQS\.(\w+)", re.IGNORECASE)
    CALLS: ClassVar = {b"DeleteMessageBatch": "settle", b"ReceiveMessage": "pull"}
    HEAD_END = b"\r\n\r\n"

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []  # labels of the calls that were not answered yet

    def feed(self, direction: str, piece: bytes) -> Iterator[Frame]:
        """By action, and of what is sent by its delay."""
        self.waiting[direction] += piece
        while True:
            have = self.waiting[direction]
            end = have.find(self.HEAD_END)
            if end < 0:
                return
            length = self.LENGTH.search(have, 0, end)
            frame = self.take(direction, end + len(self.HEAD_END) + (int(length[1]) if length else 0))
            if frame is None:
                return
            yield frame, self._request(frame) if direction == "out" else self._answer(frame, end)

    def _request(self, frame: bytes) -> frozenset[str]:
        target = self.TARGET.search(frame)
        action = target[1] if target else b""
        name = self.CALLS.get(action, "")
        # What is due but not delayed is a copy of what was given back.
        if action == b"SendMessageBatch":
            name = "retry" if b'"DelaySeconds"' in frame else "" if b'"asya.due"' in frame else "publish"
        self.open.append(name)
        return label(name) if name in ("publish", "retry", "settle") else NOTHING

    def _answer(self, frame: bytes, head_end: int) -> frozenset[str]:
        if frame.startswith(b"HTTP/1.1 100"):
            return NOTHING
        name = ANSWERS.get(self.open.pop(0) if self.open else "", "")
        if not frame.startswith(b"HTTP/1.1 200") or (name == "deliver" and b'"Messages"' not in frame[head_end:]):
            return NOTHING
        return label(name) if name else NOTHING


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Numbers and values of a protobuf message of the two kinds that Pub/Sub's have: bytes and whole numbers."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        value, at = _number(message, at)
        if key & 7 == 2:
            yield key >> 3, message[at : at + value]
            at += value
        else:
            yield key >> 3, value


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (message[at] & 0x7F) << shift
        at += 1
        shift += 7
        if message[at - 1] < 0x80:
            return value, at


class PubsubWire(Buffers):
    """HTTP/2: u24 size, u8 type, u8 flags, u32 stream; in the DATA of a stream u8 compressed, u32 size, a message."""

    PREFACE_BYTES = 24
    HEAD_BYTES = 9
    DATA = 0
    PREFIX_BYTES = 5
    LEDGER = b"/topics/asya-ledger"
    LATE_S = 5.0  # what a retry takes to get here on a busy machine
    DUE: ClassVar = re.compile(rb"asya-visible-at\x12.(\d+)", re.DOTALL)

    def __init__(self) -> None:
        super().__init__()
        self.started = False
        self.calls: dict[int, str] = {}  # labels of the calls of the streams
        self.messages: dict[tuple[str, int], bytes] = {}  # so far, with their prefix

    def feed(self, direction: str, piece: bytes) -> Iterator[Frame]:
        """The frame with the end of a message has its label."""
        self.waiting[direction] += piece
        if direction == "out" and not self.started:
            preface = self.take(direction, self.PREFACE_BYTES)
            if preface is None:
                return
            self.started = True
            yield preface, NOTHING
        while True:
            have = self.waiting[direction]
            if len(have) < self.HEAD_BYTES:
                return
            frame = self.take(direction, self.HEAD_BYTES + int.from_bytes(have[:3], "big"))
            if frame is None:
                return
            yield frame, self._data(direction, frame) if frame[3] == self.DATA else NOTHING

    def _data(self, direction: str, frame: bytes) -> frozenset[str]:
        stream = struct.unpack(">I", frame[5:9])[0] & 0x7FFFFFFF
        message = self.messages.pop((direction, stream), b"") + frame[self.HEAD_BYTES :]
        if len(message) < self.PREFIX_BYTES or len(message) - self.PREFIX_BYTES < int.from_bytes(message[1:5], "big"):
            self.messages[direction, stream] = message
            return NOTHING
        message = message[self.PREFIX_BYTES :]
        if direction == "out":
            name = self.calls[stream] = self._call(message)
            return label(name) if name in ("publish", "retry", "settle") else NOTHING
        name = ANSWERS.get(self.calls.pop(stream, ""), "")
        return label(name) if name and (name != "deliver" or message) else NOTHING

    def _call(self, message: bytes) -> str:
        fields = list(_fields(message))
        name = fields[0][1] if fields else b""
        numbers = {number for number, _ in fields}
        assert isinstance(name, bytes)
        if b"/subscriptions/" in name:
            if any(number == 2 and isinstance(value, bytes) for number, value in fields):
                return "settle"
            return "pull" if 3 in numbers and 4 not in numbers else ""
        if b"/topics/" not in name or name.endswith(self.LEDGER) or 2 not in numbers:
            return ""
        due = self.DUE.search(message)
        # What was due long ago is a copy of what was given back.
        return "publish" if due is None else "retry" if int(due[1]) / 1e6 > time.time() - self.LATE_S else ""
