"""The gate knows whose connection it has accepted."""

import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gate import peer, tcp_listener

OTHERS = 30


def _connect(listening: socket.socket, port: int) -> tuple[socket.socket, socket.socket]:
    """From this port of the loopback (0: any); both ends."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("127.0.0.1", port))
    client.connect(listening.getsockname())
    return client, listening.accept()[0]


def test_a_port_that_also_served_connections_which_have_ended_has_the_owner_of_the_living_one() -> None:
    """The kernel keeps ended connections for a minute, of no process."""
    with tcp_listener() as listening:
        client, accepted = _connect(listening, 0)
        port = client.getsockname()[1]
        for _ in range(OTHERS):
            with tcp_listener() as other:
                ended, its_other_end = _connect(other, port)
                ended.close()
                its_other_end.close()
        with client, accepted:
            assert peer(accepted) == os.getpid()
