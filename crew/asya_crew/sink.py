"""x-sink: the first end of every envelope. Stores the result, runs hooks, passes failures on to x-sump."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

from asya_crew import metadata, record


def x_sink(payload: Any) -> Generator[Any, Any, None]:
    """The handler. Its relay reports the final status; a route that is empty afterwards is the end."""
    envelope = yield from metadata.read()
    phase = str(envelope.get("status", {}).get("phase", ""))
    # Hooks are actors too, and their route ends here again. What they made is not the result.
    is_first_visit = _own_name(envelope) not in envelope.get("route", {}).get("prev", [])
    # A slice whose group is not complete has no result of its own.
    is_partial = phase == "succeeded" and "x-asya-fan-in" in envelope.get("headers", {})
    following: list[str] = []
    if is_first_visit and not is_partial:
        mount = os.environ.get("ASYA_PERSISTENCE_MOUNT", "")
        if mount:
            record.store(mount, phase, metadata.name_of(envelope), metadata.record_of(envelope, payload))
        if phase != "paused" and ("parent_id" not in envelope or _is_true("ASYA_SINK_FANOUT_HOOKS")):
            following += _hooks()
    if phase == "failed":
        following.append(os.environ.get("ASYA_ACTOR_SUMP") or "x-sump")
    yield "SET", ".route.next", following
    yield metadata.emitted(payload)


def _own_name(envelope: dict[str, Any]) -> str:
    return str(envelope.get("route", {}).get("curr") or "x-sink")


def _hooks() -> list[str]:
    return [name.strip() for name in os.environ.get("ASYA_SINK_HOOKS", "").split(",") if name.strip()]


def _is_true(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in ("true", "1", "yes", "on")
