"""Leaves one line where a kubelet reads what a container said last; nothing where there is no such place."""

from __future__ import annotations

import contextlib
import os

# Made by the kubelet; never by us.
PLACE = "/dev/termination-log"
BYTES_MAX = 500


def leave(line: str, place: str = PLACE) -> None:
    """Replaces what was left before; empty: nothing is wrong any more. Never a payload."""
    text = " ".join(line.split()).encode("utf-8", "backslashreplace")[:BYTES_MAX].decode("utf-8", "ignore")
    with contextlib.suppress(OSError):
        file = os.open(place, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def of_error(error: dict[str, object]) -> str:
    """An error of loading as one line, with its place."""
    place = f" ({error['file']}:{error['line']})" if error.get("file") else ""
    return f"{error.get('type')}: {error.get('message')}{place}"
