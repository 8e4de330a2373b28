"""Ports for servers that tests start: never one that the kernel may give to a client meanwhile."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

LOWEST = 10_000
TRIES = 1_000
REMEMBERED = 2_000
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Given out by this process, the last one at the end: who got one may not have bound it yet.
_given: list[int] = []


def free_ports(count: int) -> list[int]:
    """`count` ports of the loopback that nobody listens on, below those of outgoing connections.

    A server that is started again on its port would find one of those taken: by the connection of any client, even by
    one that a client who kept trying has made to itself, which TCP allows when both ends are the same port.
    """
    highest = int(RANGE.read_text().split()[0]) if RANGE.exists() else 32_768
    if highest - LOWEST < count:
        raise RuntimeError(f"no ports between {LOWEST} and the first of outgoing connections, {highest}")
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for _ in range(TRIES):
            probe = held.enter_context(socket.socket())
            port = random.randrange(LOWEST, highest)
            if port in _given:
                continue
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                _given.extend(found)
                # Of few ports half at most, so that some are left.
                del _given[: max(0, len(_given) - min(REMEMBERED, (highest - LOWEST) // 2))]
                return found
    raise RuntimeError(f"no {count} free ports between {LOWEST} and {highest}")
