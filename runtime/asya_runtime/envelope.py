"""Reads an envelope from a request body and checks its shape."""

from __future__ import annotations

import json
from typing import Any

from .errors import ParsingError

_KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a string"}


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON value")


_DECODER = json.JSONDecoder(parse_constant=_reject)
# Reads one value at a position, without the two searches for white space around it, which a relay does not send.
_scan = _DECODER.scan_once  # type: ignore[attr-defined]


def _decode(text: str) -> Any:
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return _DECODER.decode(text)  # white space in front, or an error that it words
    return value if end == len(text) else _DECODER.decode(text)


def parse_envelope(body: bytes, validate: bool) -> dict[str, Any]:
    """The envelope of this body; raises ParsingError that names the field and what it must be."""
    try:
        envelope = _decode(str(body, "utf-8"))
    except UnicodeDecodeError as error:
        raise ParsingError(f"the body is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise ParsingError("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ParsingError(f"the body is not JSON: {error.msg} at byte offset {error.pos}") from None
    except ValueError as error:
        raise ParsingError(f"the body is not JSON: {str(error)[:200]}") from None
    if type(envelope) is not dict:
        raise ParsingError("the envelope must be a JSON object")
    if validate:
        check_envelope(envelope)
    else:
        _complete(envelope)
    return envelope


def check_envelope(envelope: dict[str, Any]) -> None:
    """Raises ParsingError with every wrong field of the envelope."""
    route = envelope.get("route")
    if (
        type(route) is dict
        and "payload" in envelope
        and type(route.get("curr")) is str
        and _names(route.get("prev"))
        and _names(route.get("next"))
        and type(envelope.get("headers", _NO_MAP)) is dict
        and type(envelope.get("status", _NO_MAP)) is dict
        and type(envelope.get("id", "")) is str
        and type(envelope.get("parent_id", "")) in (str, type(None))
    ):
        return
    raise ParsingError("; ".join(_mistakes(envelope)))


_NO_MAP: dict[str, Any] = {}


def _names(value: Any) -> bool:
    if type(value) is not list:
        return False
    return all(type(name) is str for name in value)


def _mistakes(envelope: dict[str, Any]) -> list[str]:
    found = []
    if "payload" not in envelope:
        found.append("payload is missing")
    route = envelope.get("route")
    if type(route) is not dict:
        found.append("route is missing" if "route" not in envelope else "route must be an object")
    else:
        for key, kind in (("prev", list), ("curr", str), ("next", list)):
            if key not in route:
                found.append(f"route.{key} is missing")
            elif type(route[key]) is not kind:
                found.append(f"route.{key} must be {_KINDS[kind]}")
            elif kind is list and not _names(route[key]):
                found.append(f"route.{key} must hold strings only")
    for key, wanted in (("id", str), ("headers", dict), ("status", dict)):
        if key in envelope and type(envelope[key]) is not wanted:
            found.append(f"{key} must be {_KINDS[wanted]}")
    if type(envelope.get("parent_id", "")) not in (str, type(None)):
        found.append("parent_id must be a string")
    return found


def _complete(envelope: dict[str, Any]) -> None:
    """Without validation, fills in what the rest of the runtime relies on."""
    envelope.setdefault("payload", None)
    route = envelope.get("route")
    route = dict(route) if type(route) is dict else {}
    route["prev"] = route["prev"] if _names(route.get("prev")) else []
    route["curr"] = route["curr"] if type(route.get("curr")) is str else ""
    route["next"] = route["next"] if _names(route.get("next")) else []
    envelope["route"] = route
    for key in ("headers", "status"):
        if key in envelope and type(envelope[key]) is not dict:
            del envelope[key]
