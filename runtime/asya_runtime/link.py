"""The worker's end of its line to the supervisor: says what happens, hears when to stop."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from typing import Any

# One byte in front of each message on the line between supervisor and worker.
READY = b"R"
FAILED = b"F"
OPENED = b"C"
DRAIN = b"D"
MAX_MESSAGE_BYTES = 32 * 1024


class Link:
    """Wraps the worker's socket to the supervisor and the board of running calls they share."""

    def __init__(self, line: socket.socket, board: memoryview) -> None:
        self.line = line
        self.board = board
        self._last_connection = 0

    def ready(self) -> None:
        """The handler is loaded and the socket is bound."""
        self.line.send(READY)

    def failed(self, error: dict[str, Any]) -> None:
        """The handler could not be loaded."""
        self.line.send(FAILED + json.dumps(error).encode()[: MAX_MESSAGE_BYTES - 1])

    def opened(self, slot: int, connection: socket.socket) -> int:
        """Registers an accepted connection; returns the mark of its idle state, the busy mark is one more.

        The supervisor gets a copy of the descriptor. It sees the peer leave even while a handler keeps this whole
        process from running Python code.
        """
        self._last_connection += 1
        idle = self._last_connection * 2
        self.board[slot] = idle
        message = OPENED + slot.to_bytes(4, "little") + idle.to_bytes(8, "little")
        descriptor = connection.fileno().to_bytes(4, "little")
        self.line.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor)])
        return idle

    def told_to_drain(self) -> bool:
        """Reads one message of the supervisor; call when the line is readable. Ends the process if it is gone."""
        try:
            message = self.line.recv(MAX_MESSAGE_BYTES)
        except OSError:
            message = b""
        if not message:
            # Leaving alone would take this process off the life pipe before the pipe has ended what handlers started.
            os.killpg(os.getpid(), signal.SIGKILL)
        return message == DRAIN


def close_connection(connection: socket.socket) -> None:
    """Ends a connection for the peer, although the supervisor still holds a copy of its descriptor."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
