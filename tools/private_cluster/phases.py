"""Tells of the phases of a start: each with the time that it took."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator


@contextlib.contextmanager
def phase(name: str) -> Iterator[None]:
    """Prints the name and the seconds once the block is through; a block that fails is told by who sees its error."""
    started = time.monotonic()
    yield
    print(f"  {name:<36} {time.monotonic() - started:6.1f} s", flush=True)


def say(text: str) -> None:
    """One line beside the phases."""
    print(text, file=sys.stderr, flush=True)
