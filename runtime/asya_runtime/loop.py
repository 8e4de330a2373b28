"""Serves asynchronous handlers: one event loop, at most `concurrency` handlers at once."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import socket
from collections import deque
from typing import Any, Callable

from . import wire
from .abi import Exchange, event
from .answer import DONE, PeerGone, failure_body, function_answer, parsing_answer
from .call_threads import CALLER, CallThreads
from .connection import Connection
from .drive import drive_async
from .envelope import parse_envelope
from .errors import ParsingError
from .link import Link
from .log import Log


class LoopServer:
    """Accepts connections until the supervisor says drain, then returns when the last call has been answered."""

    def __init__(
        self, call: Callable[[Any], Any], link: Link, log: Log, concurrency: int, slots: int, validate: bool
    ) -> None:
        self.call, self.link, self.log, self.validate = call, link, log, validate
        self.slots: list[int] = list(range(slots))
        self.turns = concurrency
        self.waiting: deque[Callable[[], None]] = deque()
        self.open: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.draining = False
        self.ended: asyncio.Future[None] | None = None
        self.listener: socket.socket | None = None

    def serve(self, listener: socket.socket) -> None:
        """Runs the loop, on the main thread."""
        asyncio.run(self._main(listener))

    async def _main(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        self.listener, self.ended = listener, loop.create_future()
        loop.set_default_executor(CallThreads(thread_name_prefix="asyncio"))
        loop.add_reader(listener, self._accept_all)
        loop.add_reader(self.link.line, self._hear)
        self.link.ready()
        await self.ended
        loop.remove_reader(self.link.line)

    def _accept_all(self) -> None:
        assert self.listener is not None
        loop = asyncio.get_running_loop()
        while True:
            if not self.slots:
                loop.remove_reader(self.listener)  # until a connection ends
                return
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            accepted.setblocking(False)
            slot = self.slots.pop()
            connection = Connection(self, slot, self.link.opened(slot, accepted), accepted)
            self.open.add(connection)
            self._keep(loop.create_task(self._connect(connection, accepted)))

    async def _connect(self, connection: Connection, accepted: socket.socket) -> None:
        CALLER.set(connection)  # once: what the loop calls for this connection, and tasks from there, run in copies
        await asyncio.get_running_loop().create_unix_connection(lambda: connection, sock=accepted)

    def _keep(self, task: asyncio.Task[None]) -> None:
        """The loop itself holds tasks weakly."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _hear(self) -> None:
        if not self.link.told_to_drain() or self.draining:
            return
        assert self.listener is not None
        self.draining = True
        # The path is unlinked by now: what waits in the backlog was connected before, and is still served.
        self._accept_all()
        asyncio.get_running_loop().remove_reader(self.listener)
        if self.slots:
            self.listener.close()
        for connection in self.open:
            connection.refuse_more()
        self._end_when_idle()

    def closed(self, connection: Connection) -> None:
        """A connection has ended; its slot is free again."""
        assert self.listener is not None
        self.link.board[connection.slot] = 0
        self.open.discard(connection)
        self.slots.append(connection.slot)
        if len(self.slots) == 1 and self.listener.fileno() >= 0:
            if self.draining:
                self._accept_all()
                for late in self.open:
                    late.refuse_more()
            else:
                asyncio.get_running_loop().add_reader(self.listener, self._accept_all)
        self._end_when_idle()

    def _end_when_idle(self) -> None:
        if self.draining and not self.open and self.ended is not None and not self.ended.done():
            self.ended.set_result(None)

    def invoke(self, connection: Connection, request: wire.Request, body: bytes) -> None:
        """Answers a bad body at once; starts the handler now or when it is this call's turn."""
        try:
            envelope = parse_envelope(body, self.validate)
        except ParsingError as error:
            connection.answer(wire.reply(*parsing_answer(str(error)), request), request.keep_alive)
            return
        if self.turns:
            self._start(connection, request, envelope)
        else:
            # Another call's end will start it, in that one's context.
            context = contextvars.copy_context()
            self.waiting.append(lambda: context.run(self._start, connection, request, envelope))

    def _start(self, connection: Connection, request: wire.Request, envelope: dict[str, Any]) -> None:
        if connection.gone:
            self._next_turn()
            return
        self.turns -= 1
        connection.task = asyncio.get_running_loop().create_task(self._run(connection, request, envelope))
        self.link.board[connection.slot] = connection.idle + 1

    def _next_turn(self) -> None:
        if self.waiting and self.turns:
            self.waiting.popleft()()

    async def _run(self, connection: Connection, request: wire.Request, envelope: dict[str, Any]) -> None:
        reply = b""
        stay = request.keep_alive
        try:
            result = self.call(envelope["payload"])
            if hasattr(result, "__aiter__"):
                stay = await self._stream(connection, request, envelope, result)
            else:
                if hasattr(result, "__await__"):
                    result = await result
                reply = wire.reply(*function_answer(envelope, result), request)
        except PeerGone:
            pass
        except BaseException as error:
            if not connection.gone:
                reply = wire.reply(500, failure_body(error, envelope, self.log), request)
        finally:
            # A cancelled call goes on while threads work for it: so the supervisor sees one that hangs.
            while connection.jobs and connection.transport_closing():
                # The peer may be found to be gone first by a write, and cancel the call only here.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.gather(*map(asyncio.wrap_future, tuple(connection.jobs)), return_exceptions=True)
            connection.jobs.clear()  # what an answered call has left in threads is no part of the next
            connection.task = None
            if connection.slot_open:
                self.link.board[connection.slot] = connection.idle
            self.turns += 1
            connection.answer(reply, stay)
            self._next_turn()

    async def _stream(
        self, connection: Connection, request: wire.Request, envelope: dict[str, Any], result: Any
    ) -> bool:
        chunked = wire.is_chunked(request)
        head = wire.stream_head(request)

        async def emit(data: bytes, last: bytes = b"") -> None:
            nonlocal head
            data = head + (wire.chunk(data) + last if chunked else data)
            head = b""
            await connection.send(data)

        ending = DONE
        try:
            await drive_async(result, Exchange(envelope), emit)
        except PeerGone:
            raise
        except BaseException as error:
            if connection.gone:
                raise
            ending = event(b"error", failure_body(error, envelope, self.log)) + DONE
        await emit(ending, wire.LAST_CHUNK)
        return chunked
