"""Drives generator handlers: takes what they yield and emits the events that it means."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Generator
from typing import Any, Callable

from .abi import Exchange


def drive(generator: Generator[Any, Any, Any], exchange: Exchange, emit: Callable[[bytes], None]) -> None:
    """Runs a generator to its end. A broken rule is thrown into it: the traceback then names the yield."""
    value: Any = None
    while True:
        try:
            item = generator.send(value)
        except StopIteration:
            return
        try:
            data, value = exchange.take(item)
        except Exception as error:
            _throw(generator, error)
            raise error  # by name: Python 3.9 would re-raise it without the lines of the generator
        if data:
            try:
                emit(data)
            except OSError:
                generator.close()
                raise


def _throw(generator: Generator[Any, Any, Any], error: Exception) -> None:
    """Lets the generator clean up. Whatever it makes of the error, the invocation has failed with it."""
    try:
        generator.throw(error)
    except BaseException:
        return
    generator.close()


async def drive_async(
    generator: AsyncGenerator[Any, Any], exchange: Exchange, emit: Callable[[bytes], Awaitable[None]]
) -> None:
    """The same for an asynchronous generator."""
    value: Any = None
    while True:
        try:
            item = await generator.asend(value)
        except StopAsyncIteration:
            return
        try:
            data, value = exchange.take(item)
        except Exception as error:
            await _throw_async(generator, error)
            raise error
        if data:
            try:
                await emit(data)
            except OSError:
                await generator.aclose()
                raise


async def _throw_async(generator: AsyncGenerator[Any, Any], error: Exception) -> None:
    try:
        await generator.athrow(error)
    except BaseException:
        return
    await generator.aclose()
