"""x-sump: the dead letters. Stores one record per failed envelope, whatever it looks like, and ends its route."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import Any

from asya_crew import metadata, record


def x_sump(payload: Any) -> Generator[Any, Any, None]:
    """The handler. Its relay reports the dead-letter record."""
    envelope = yield from metadata.read()
    status = envelope.get("status", {})
    error = status.get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    print(
        f"dead letter id={envelope.get('id')} actor={status.get('actor')} reason={status.get('reason')} error={kind}",
        file=sys.stderr,
    )
    mount = os.environ.get("ASYA_PERSISTENCE_MOUNT", "")
    if mount:
        record.store(mount, "failed", metadata.name_of(envelope), metadata.record_of(envelope, payload))
    yield "SET", ".route.next", []
    yield metadata.emitted(payload)
