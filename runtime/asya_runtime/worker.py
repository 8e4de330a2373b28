"""The worker process: loads the handler, binds the socket, serves, and ends when told."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import sys
from typing import NoReturn

from .link import Link
from .listening import listen_at
from .load import LoadError, load_handler
from .log import Log
from .settings import Settings

BACKLOG = 128


def run_worker(settings: Settings, link: Link, life: int, slots: int) -> NoReturn:
    """Everything the worker does, after the fork. Never returns into the supervisor's code."""
    code = 1
    log = Log(settings.log_level, "worker")
    try:
        _become_worker(life)
        code = _work(settings, link, log, slots)
        import atexit

        # This process leaves by _exit, because the code below it on the stack is the supervisor's.
        atexit._run_exitfuncs()
    except BaseException as error:
        log.write("CRITICAL", "worker ended", error=f"{type(error).__name__}: {error}")
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)


def _become_worker(life: int) -> None:
    os.setpgid(0, 0)
    # Only the supervisor holds the writing side of this pipe. When it is gone, however it ended, the kernel kills this
    # process group. No Python code has to run here for that, which a hung handler may prevent.
    fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpid())
    fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(life, fcntl.F_SETFL, os.O_RDONLY | os.O_NONBLOCK | os.O_ASYNC)
    try:
        gone = os.read(life, 1) == b""
    except BlockingIOError:
        gone = False
    if gone:
        os._exit(0)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    # A file saved twice within a second and with the same size would be taken from the cache of the first.
    sys.dont_write_bytecode = True


def _work(settings: Settings, link: Link, log: Log, slots: int) -> int:
    try:
        handler = load_handler(settings.handler, settings.ignore_decorators)
    except LoadError as error:
        link.failed(error.as_json())
        return 3
    gc.collect()
    gc.freeze()
    listener = listen_at(settings.socket_path, settings.socket_mode, BACKLOG)
    if handler.is_async:
        from .loop import LoopServer

        loop_server = LoopServer(handler.call, link, log, settings.concurrency, slots, settings.validate)
        loop_server.serve(listener)
    else:
        from .threads import ThreadServer

        server = ThreadServer(handler.call, link, log, settings.concurrency, slots, settings.validate)
        link.ready()
        server.serve(listener)
    return 0
