"""Threads for what coroutines hand to `asyncio.to_thread`, counted for the call that handed it over."""

from __future__ import annotations

import socket
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, Callable

from .connection import Connection

# Of the loop's own for a call that connects; they end by themselves.
LOOKUPS = (socket.getaddrinfo, socket.getnameinfo)

# The connection whose call runs here, in the tasks that the call starts too.
CALLER: ContextVar[Connection | None] = ContextVar("CALLER", default=None)


class CallThreads(ThreadPoolExecutor):
    """The loop's default executor. A thread cannot be cancelled, so a call may end before what it runs in one."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Called by the loop in the task that hands over the job."""
        job = super().submit(function, *arguments, **named)
        caller = CALLER.get()
        if caller is not None and function not in LOOKUPS:
            caller.jobs.add(job)
            job.add_done_callback(caller.jobs.discard)
        return job
