"""Serves synchronous handlers: accepts connections for a team of threads and watches over its leader."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Any, Callable

from .link import Link
from .log import Log
from .team import Connection, Team

# How often the main thread looks at the leader while there is work; a call may hold up others for twice as long.
TICK_S = 0.005
# After so many ticks without work it stops looking, so that an idle worker costs nothing.
TICKS_TO_REST = 20


class ThreadServer:
    """Runs on the main thread until the supervisor says drain and the last call has been answered."""

    def __init__(
        self, call: Callable[[Any], Any], link: Link, log: Log, concurrency: int, slots: int, validate: bool
    ) -> None:
        self.link = link
        self.team = Team(call, link, log, concurrency, validate)
        self.team.on_work = self._wake
        self.team.on_closed = self._closed
        self.slots: list[int] = list(range(slots))
        self.full = self.draining = False
        self.wake_out, self.wake_in = os.pipe()
        os.set_blocking(self.wake_in, False)
        self.seen = self.seen_serial = self.quiet = 0

    def serve(self, listener: socket.socket) -> None:
        """The accept loop."""
        listener.setblocking(False)
        poll = select.poll()
        for source in (listener, self.link.line, self.wake_out):
            poll.register(source, select.POLLIN)
        self.team.start_leader()
        next_tick = 0.0
        while not (self.draining and not self.team.connections):
            watching = not self.team.rested
            for descriptor, _ in poll.poll(TICK_S * 1000 if watching else None):
                if descriptor == self.wake_out:
                    os.read(self.wake_out, 4096)
                elif descriptor == self.link.line.fileno():
                    self.draining |= self.link.told_to_drain()
            self._accept_all(listener)
            if self.full or self.draining:
                poll.register(listener, 0)
            else:
                poll.register(listener, select.POLLIN)
            if self.draining:
                self.team.refuse_more()
            now = time.monotonic()
            if watching and now >= next_tick:
                next_tick = now + TICK_S
                self._look_at_leader()

    def _accept_all(self, listener: socket.socket) -> None:
        """Accepts what waits. While draining too: the path is unlinked, so these were connected before."""
        while True:
            self.full = True  # before looking at the slots: who frees one meanwhile sees it and wakes this thread
            if not self.slots:
                return
            self.full = False
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            accepted.setblocking(True)
            slot = self.slots.pop()
            self.team.add(Connection(accepted, slot, self.link.opened(slot, accepted)))

    def _look_at_leader(self) -> None:
        team = self.team
        busy, serial = team.busy, team.serial
        if busy and busy == self.seen:
            team.replace_leader(busy)
        self.quiet = self.quiet + 1 if not busy and serial == self.seen_serial else 0
        self.seen, self.seen_serial = busy, serial
        if self.quiet >= TICKS_TO_REST:
            team.rested = True
            if team.busy or team.serial != serial:
                team.rested = False

    def _closed(self, connection: Connection) -> None:
        self.slots.append(connection.slot)
        if self.full or self.draining:
            self._wake()

    def _wake(self) -> None:
        try:
            os.write(self.wake_in, b"w")
        except BlockingIOError:
            return  # full of wake-ups already
