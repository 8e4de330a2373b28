"""Builds frames: the payload that goes on, with the route already shifted."""

from __future__ import annotations

from typing import Any

from .encode import encode


def frame(envelope: dict[str, Any], payload: Any) -> bytes:
    """JSON of the frame that carries this payload to the next actor; raises EncodingError."""
    parts = [b'{"payload":', encode(payload), b',"route":', encode(shift(envelope["route"]), "route")]
    headers = envelope.get("headers")
    if headers:
        parts += (b',"headers":', encode(headers, "headers"))
    status = envelope.get("status")
    if status:
        parts += (b',"status":', encode(status, "status"))
    parts.append(b"}")
    return b"".join(parts)


def shift(route: dict[str, Any]) -> dict[str, Any]:
    """The route one step further: prev + curr, next[0], the rest; at the end curr is empty."""
    curr, following = route["curr"], route["next"]
    return {
        "prev": route["prev"] + [curr] if curr else list(route["prev"]),
        "curr": following[0] if following else "",
        "next": following[1:],
    }
