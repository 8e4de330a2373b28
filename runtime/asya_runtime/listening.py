"""Opens listening Unix sockets that are never seen before they can be connected to."""

from __future__ import annotations

import contextlib
import os
import socket

# Added to the name while the socket is being made.
SUFFIX = "~"


def listen_at(path: str, mode: int, backlog: int) -> socket.socket:
    """A socket that listens at this path with these permissions; replaces what a dead process left there."""
    temporary = path + SUFFIX
    remove(temporary)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.bind(temporary)
    os.chmod(temporary, mode)
    listener.listen(backlog)
    os.rename(temporary, path)
    return listener


def remove(path: str) -> None:
    """Removes a file or socket if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
