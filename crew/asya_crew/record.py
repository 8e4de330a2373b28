"""Stores one record per envelope as a file, whole or not at all, under a name that no id can abuse."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDERS = {"succeeded": "succeeded", "paused": "paused"}
MAX_NAME_CHARS = 180
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?=T)")


def store(mount: str, phase: str, name: str, record: Mapping[str, Any]) -> Path:
    """Writes `{mount}/{succeeded|failed|paused}/{date}/{name}.json` and returns its path. Raises OSError.

    The same envelope gets the same path on every attempt, so that a repeated attempt replaces its own record.
    """
    folder = Path(mount) / FOLDERS.get(phase, "failed") / date_of(record)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (safe_name(name) + ".json")
    temporary = folder / f".{target.name}.{os.getpid()}.part"
    data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(folder)
    return target


def safe_name(name: str) -> str:
    """A file name that stays in its folder: other characters become %XX, long names end in a digest of the whole."""
    safe = _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in _bytes(match.group())), name)
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if len(safe) > MAX_NAME_CHARS:
        safe = safe[: MAX_NAME_CHARS - 33] + "-" + hashlib.sha256(_bytes(name)).hexdigest()[:32]
    return safe or "%"


def date_of(record: Mapping[str, Any]) -> str:
    """The day on which the envelope was last updated, else made, else today (UTC)."""
    status = record.get("status")
    for key in ("updated_at", "created_at"):
        found = _DATE.match(str(status.get(key))) if isinstance(status, dict) else None
        if found:
            return found.group()
    return time.strftime("%Y-%m-%d", time.gmtime())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
