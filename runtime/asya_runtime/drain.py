"""Asks the relay of this pod to finish its work; what a pod runs before it stops."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from .log import Log
from .settings import RELAY_SOCKET_NAME

_REQUEST = b"POST /drain HTTP/1.1\r\nHost: relay\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def drain(environment: Mapping[str, str]) -> int:
    """Blocks until the relay is idle. A relay that is gone is idle. Returns the exit status."""
    directory = environment.get("ASYA_SOCKET_DIR") or "/var/run/asya"
    path = os.path.join(directory, RELAY_SOCKET_NAME)
    log = Log(source="drain")
    reply = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        # Who ends a pod has set a limit, after its longest call. With one of our own, shorter than that, the runtime
        # would be told to end while it works.
        connection.settimeout(None)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            log.write("INFO", "no relay is running, nothing to drain")
            return 0
        except OSError as error:
            log.write("ERROR", f"the relay cannot be reached: {error}")
            return 1
        try:
            connection.sendall(_REQUEST)
            while b"\r\n" not in reply and len(reply) < 4096:
                part = connection.recv(4096)
                if not part:
                    break
                reply += part
        except OSError as error:
            log.write("ERROR", f"the relay did not finish: {error}")
            return 1
    if reply.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
        return 0
    log.write("ERROR", "the relay refused to drain: {}".format(reply.split(b"\r\n")[0].decode("latin-1")))
    return 1
