"""One worker process as its supervisor sees it: start, messages, cancelled calls, kill."""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import signal
import socket
from collections import deque
from typing import Any

from .link import DRAIN, FAILED, MAX_MESSAGE_BYTES, OPENED, READY

# How long a handler may go on after its caller has left.
CANCEL_GRACE_S = 1.0
# How long a worker that is to leave may stay when no call runs there, and how often it is looked at.
LEAVE_GRACE_S = 2.0
LEAVE_LOOK_S = 0.5


class Child:
    """A started worker. `line` carries its messages; `watched` are copies of its connections."""

    def __init__(self, pid: int, line: socket.socket, board: memoryview, poll: select.epoll, now: float) -> None:
        self.pid, self.line, self.board, self.poll = pid, line, board, poll
        self.started_at = now
        self.ready_at: float | None = None
        self.error: dict[str, Any] | None = None
        self.draining = False
        self.idle_at: float | None = None
        self.look_at: float | None = None
        self.overran = False  # killed because a cancelled call went on
        self.silent = False
        self.watched: dict[int, tuple[int, int]] = {}
        self.left: deque[tuple[float, int, int]] = deque()
        line.setblocking(False)
        poll.register(line, select.EPOLLIN)

    def receive(self, now: float) -> bool:
        """Handles one message; False when there is none."""
        try:
            data, ancillary, _, _ = self.line.recvmsg(MAX_MESSAGE_BYTES, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        except OSError:
            data, ancillary = b"", []  # reset: the worker was killed with messages of ours unread
        kind = data[:1]
        if kind == OPENED:
            self._watch(data, ancillary)
        elif kind == READY:
            self.ready_at = now
        elif kind == FAILED:
            self.error = json.loads(data[1:])
        elif not data and not self.silent:
            # The worker has closed its end; what is left to learn comes with its exit status.
            self.silent = True
            self.poll.unregister(self.line)
        return bool(data)

    def _watch(self, data: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        numbers = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        slot, idle = int.from_bytes(data[1:5], "little"), int.from_bytes(data[5:13], "little")
        for number in numbers:
            self.watched[number] = (slot, idle)
            # Nothing is asked for, so only the end of the connection is reported, and once.
            self.poll.register(number, select.EPOLLET)

    def ended(self, number: int, now: float) -> None:
        """One of the watched connections has ended on one side; a call that still runs there has been cancelled."""
        slot, idle = self.watched.pop(number)
        self.poll.unregister(number)
        os.close(number)
        if self.board[slot] in (idle, idle + 1):
            self.left.append((now + CANCEL_GRACE_S, slot, idle))

    def overdue(self, now: float) -> bool:
        """True when a cancelled call is still running after its grace."""
        while self.left and self.left[0][0] <= now:
            _, slot, idle = self.left.popleft()
            if self.board[slot] == idle + 1:
                return True
        return False

    def lingers(self, now: float) -> bool:
        """True, once, when a worker that is to leave stays although its calls have ended."""
        if self.look_at is None or now < self.look_at:
            return False
        if any(mark & 1 for mark in self.board):
            self.idle_at = None
        elif self.idle_at is None:
            self.idle_at = now
        over = self.idle_at is not None and now - self.idle_at >= LEAVE_GRACE_S
        self.look_at = None if over else now + LEAVE_LOOK_S
        return over

    def next_check(self) -> float | None:
        """When `overdue` or `lingers` is to be asked next."""
        moments = [moment for moment in (self.left[0][0] if self.left else None, self.look_at) if moment is not None]
        return min(moments) if moments else None

    def drain(self, now: float) -> None:
        """Asks the worker to finish what runs and leave."""
        self.draining = True
        self.look_at = now
        try:
            self.line.send(DRAIN)
        except OSError:
            self.kill()

    def kill(self) -> None:
        """Ends the worker and the processes that its handler started, at once."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Lets go of everything, so that the peers of a dead worker see their connections end."""
        for number in self.watched:
            with contextlib.suppress(OSError):
                self.poll.unregister(number)
            os.close(number)
        self.watched.clear()
        self.line.close()
