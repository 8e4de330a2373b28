"""One connection on the event loop: takes requests apart, knows when its peer has left."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from concurrent.futures import Future
from typing import Any

from . import wire
from .answer import PeerGone, other_reply, parsing_answer, peer_left
from .incoming import Incoming

# Bytes of further requests that are taken in while one is being answered.
MAX_AHEAD_BYTES = 64 * 1024


class Connection(asyncio.Protocol):
    """Reads requests and hands invocations to `server`, one at a time and in order."""

    def __init__(self, server: Any, slot: int, idle: int, accepted: socket.socket) -> None:
        self.server, self.slot, self.idle, self.socket = server, slot, idle, accepted
        self.incoming = Incoming()
        self.task: asyncio.Task[None] | None = None
        self.jobs: set[Future[Any]] = set()  # what the running call has in threads
        self.transport: asyncio.Transport | None = None
        self.busy = False
        self.gone = False
        self.slot_open = True
        self.half_closed = False
        self.writable: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has taken over the socket."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """More bytes of this or the next request."""
        self.incoming.feed(data)
        if not self.busy:
            self._advance()
        elif len(self.incoming) > MAX_AHEAD_BYTES and self.transport is not None:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The peer sends no more. If it is gone, its call is cancelled; if it still reads, it gets its reply."""
        if self.busy and not peer_left(self.socket.fileno()):
            self.half_closed = True
            return True
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over, by whichever side."""
        self.gone = True
        if self.task is not None:
            self.task.cancel()
        if self.writable is not None and not self.writable.done():
            self.writable.set_exception(PeerGone())
        # The supervisor holds a copy of the descriptor, so closing alone would not end it for the peer.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.task is None:
            self._release()

    def pause_writing(self) -> None:
        """The peer reads too slowly."""
        self.writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if self.writable is not None and not self.writable.done():
            self.writable.set_result(None)
        self.writable = None

    def refuse_more(self) -> None:
        """Ends the receiving side: the peer's next send fails before anything is sent, replies still go out."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RD)

    async def send(self, data: bytes) -> None:
        """Sends a part of a reply, at the pace of the peer. Raises PeerGone."""
        if self.transport is None or self.transport_closing():
            raise PeerGone()
        self.transport.write(data)
        if self.writable is not None:
            await self.writable

    def answer(self, data: bytes, stay: bool) -> None:
        """Ends the running request with these bytes, then goes on with the next or closes."""
        self.busy = False
        if self.gone or self.transport is None:
            self._release()
            return
        if data:
            self.transport.write(data)
        if not stay:
            self.transport.close()
            return
        if len(self.incoming) <= MAX_AHEAD_BYTES and not self.half_closed:
            self.transport.resume_reading()
        self._advance()
        if self.half_closed and not self.busy:
            self.transport.close()

    def _release(self) -> None:
        if self.slot_open:
            self.slot_open = False
            self.server.closed(self)

    def _advance(self) -> None:
        """Takes complete requests off the buffer until one of them runs."""
        try:
            while not self.busy and self.incoming and not self.transport_closing():
                if not self._take():
                    return
        except wire.BadRequest as error:
            self.answer(wire.reply(error.status, parsing_answer(str(error))[1], None), False)

    def _take(self) -> bool:
        """Takes one request off what has arrived; False when it is not whole yet."""
        assert self.transport is not None
        taken = self.incoming.take()
        if taken is None:
            if self.incoming.must_continue:
                self.incoming.must_continue = False
                self.transport.write(wire.CONTINUE)
            return False
        request, body = taken
        if request.target == "/invoke" and request.method == "POST":
            self.busy = True
            self.server.invoke(self, request, body)
        else:
            self.transport.write(other_reply(request))
            if not request.keep_alive:
                self.transport.close()
        return True

    def transport_closing(self) -> bool:
        """True when nothing more is to be served here."""
        return self.gone or self.transport is None or self.transport.is_closing()
