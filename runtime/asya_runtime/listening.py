"""Opens listening Unix sockets that are never seen before they can be connected to."""

from __future__ import annotations

import contextlib
import fcntl
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


def claim(folder: str) -> int:
    """Makes the folder and claims its sockets for this process; OSError where another one has them.

    The descriptor holds the claim: it ends with the process, however that ends, and leaves no file behind.
    """
    os.makedirs(folder, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise OSError("another runtime has its sockets there; give each its own folder") from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def remove(path: str) -> None:
    """Removes a file or socket if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
