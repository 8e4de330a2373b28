"""Parses ABI paths such as `.headers["a.b"]`, `.route.next[-1]` and `.route.next[:0]`."""

from __future__ import annotations

import re
from typing import Union

from .errors import ProtocolError

Step = Union[str, int, slice]
MAX_PATH_CHARS = 1024

_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z0-9_\-]+)
      | \["(?P<key>(?:[^"\\]|\\.)*)"\]
      | \[(?P<index>-?[0-9]{1,9})\]
      | \[(?P<start>-?[0-9]{1,9})?:(?P<stop>-?[0-9]{1,9})?\]""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse_path(path: object) -> tuple[Step, ...]:
    """The steps of a path: names, list indexes and at most one slice, at the end. Raises ProtocolError."""
    if type(path) is not str:
        raise ProtocolError(f"path {path!r}: a path must be a string")
    if len(path) > MAX_PATH_CHARS:
        raise ProtocolError(f"path {path[:80]!r}…: a path may have {MAX_PATH_CHARS} characters")
    steps: list[Step] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or (not steps and match.group("name") is None):
            break
        steps.append(_step(match))
        position = match.end()
    if position < len(path) or not steps:
        rule = 'a path is .name followed by .name, ["key"], [index] or a final [start:stop]'
        raise ProtocolError(f"path {path!r}: cannot be read at position {position}; {rule}")
    if any(isinstance(step, slice) for step in steps[:-1]):
        raise ProtocolError(f"path {path!r}: a slice must be the last step")
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match.group("name") is not None:
        return match.group("name")
    if match.group("key") is not None:
        return _ESCAPE.sub(r"\1", match.group("key"))
    if match.group("index") is not None:
        return int(match.group("index"))
    start, stop = match.group("start"), match.group("stop")
    return slice(int(start) if start else None, int(stop) if stop else None)
