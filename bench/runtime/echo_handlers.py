"""The handlers that the runtime is measured with."""

from __future__ import annotations

from typing import Any


def echo(payload: Any) -> Any:
    """A function."""
    return payload


async def echo_async(payload: Any) -> Any:
    """An asynchronous function."""
    return payload
