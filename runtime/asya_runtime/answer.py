"""Turns the outcome of a function handler into a whole reply, and knows the tokens of running calls."""

from __future__ import annotations

import json
import select
from types import CoroutineType, GeneratorType
from typing import Any

from . import wire
from .abi import event
from .errors import parsing_body, place_of, processing_body
from .frames import frames
from .log import Log

DONE = event(b"done", b"{}")
STREAMS = (GeneratorType,)


def function_answer(envelope: dict[str, Any], result: Any) -> tuple[int, bytes]:
    """Status and body for what a function returned; raises EncodingError."""
    if result is None:
        return 204, b""
    if type(result) is CoroutineType:
        result.close()
        raise TypeError("the handler returned a coroutine; declare it with async def so that it is awaited")
    return 200, frames(envelope, result)


def parsing_answer(message: str) -> tuple[int, bytes]:
    """The 400 for a body that is no envelope."""
    return 400, json.dumps(parsing_body(message)).encode()


def failure_body(error: BaseException, envelope: dict[str, Any], log: Log) -> bytes:
    """The body that reports a failed handler, which it also logs: type and place, never the text of the error."""
    body = processing_body(error)
    log.write("ERROR", "handler failed", type=body["details"]["type"], at=place_of(error), id=envelope.get("id"))
    return json.dumps(body).encode()


class PeerGone(OSError):
    """The peer closed its connection before it had the whole reply."""


def peer_left(descriptor: int) -> bool:
    """True when the peer has closed the connection altogether (it may have ended only its sending side)."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))


def other_reply(request: wire.Request) -> bytes:
    """The reply to everything but an invocation."""
    known = {"/healthz": "GET", "/invoke": "POST"}.get(request.target)
    if known == request.method:
        return wire.reply(200, wire.READY, request)
    if known is None:
        return wire.reply(404, b'{"error":"not_found","details":{"message":"POST /invoke or GET /healthz"}}', request)
    body = b'{"error":"method_not_allowed","details":{"message":"use %b"}}' % known.encode()
    return wire.reply(405, body, request)
