"""Builds frames: the payload that goes on, with the route already shifted."""

from __future__ import annotations

from typing import Any

from .encode import encode_around


def frame(envelope: dict[str, Any], payload: Any, had_headers: bool) -> bytes:
    """JSON of the frame that carries this payload to the next actor; raises EncodingError.

    `had_headers`: the envelope came with some. Without the last of them the frame says that there are none, since a
    frame that does not speak of headers keeps them.
    """
    return encode_around(payload, lambda plain: _around(envelope, plain, had_headers))


def frames(envelope: dict[str, Any], payload: Any) -> bytes:
    """JSON of the body that holds a function's one frame; raises EncodingError.

    A function sees its payload only, so it cannot have changed headers or status: the peer has them, and a frame
    without them keeps them.
    """
    return encode_around(payload, lambda plain: {"frames": [{"payload": plain, "route": shift(envelope["route"])}]})


def _around(envelope: dict[str, Any], payload: Any, had_headers: bool) -> dict[str, Any]:
    whole = {"payload": payload, "route": shift(envelope["route"])}
    for key, needed in (("headers", had_headers), ("status", False)):
        value = envelope.get(key)
        if value or needed:
            whole[key] = value
    return whole


def shift(route: dict[str, Any]) -> dict[str, Any]:
    """The route one step further: prev + curr, next[0], the rest; at the end curr is empty."""
    curr, following = route["curr"], route["next"]
    return {
        "prev": [*route["prev"], curr] if curr else route["prev"],
        "curr": following[0] if following else "",
        "next": following[1:],
    }
