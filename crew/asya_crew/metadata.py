"""Reads an envelope's metadata with the commands that a generator handler yields."""

from __future__ import annotations

import enum
from collections.abc import Generator
from typing import Any

FIELDS = ("id", "parent_id", "route", "headers", "status")


def read() -> Generator[Any, Any, dict[str, Any]]:
    """Everything but the payload, for `yield from`; absent fields are left out."""
    metadata = {}
    for field in FIELDS:
        value = yield "GET", "." + field
        if value is not None:
            metadata[field] = value
    return metadata


class _Empty(enum.Enum):
    NULL = None


def emitted(payload: Any) -> Any:
    """What to yield for a payload: a bare None would emit nothing, this member is encoded as null."""
    return _Empty.NULL if payload is None else payload


def record_of(metadata: dict[str, Any], payload: Any) -> dict[str, Any]:
    """What is stored: the whole envelope, so that it can be understood and sent again."""
    return {**metadata, "payload": payload}


def name_of(metadata: dict[str, Any]) -> str:
    """What the record is filed under: the id of the task, also where a fan-in has gone on with another id."""
    origin = metadata.get("headers", {}).get("x-asya-origin-id")
    return str(origin or metadata.get("id") or "")
