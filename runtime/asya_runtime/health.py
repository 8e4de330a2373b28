"""The supervisor's own health: the state of the worker, told to whoever asks or watches."""

from __future__ import annotations

import json
import select
import socket
from typing import Any

from . import wire
from .listening import listen_at, remove

MAX_CLIENTS = 64
MAX_QUESTION_BYTES = 8 * 1024
BEAT_S = 15.0  # a watcher hears the state at least as often; one that does not knows that the connection is dead
_NDJSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"


class Health:
    """Serves `GET /healthz` and `GET /healthz/watch` without threads, from the supervisor's poll loop."""

    def __init__(self, path: str, mode: int, poll: select.epoll) -> None:
        self.poll = poll
        self.path = path
        self.state: dict[str, Any] = {"status": "loading"}
        self.clients: dict[int, socket.socket] = {}
        self.heard: dict[int, bytes] = {}
        self.watchers: list[int] = []
        self.beat_at: float | None = None  # none while nobody watches
        self.listener = listen_at(path, mode, MAX_CLIENTS)
        self.listener.setblocking(False)
        poll.register(self.listener, select.EPOLLIN)

    def change(self, status: str, error: dict[str, Any] | None = None, last_end: str = "") -> None:
        """Sets the state and tells the watchers when it differs. `last_end`: how the worker before this state died."""
        state: dict[str, Any] = {"status": status}
        if error is not None:
            state["error"] = error
        if last_end:
            state["last_end"] = last_end
        if state == self.state:
            return
        self.state = state
        for number in list(self.watchers):
            self._send(number, self._line())

    def beat(self, now: float) -> None:
        """Tells the state once more when it is time."""
        if not self.watchers:
            self.beat_at = None
        elif self.beat_at is None:
            self.beat_at = now + BEAT_S
        elif now >= self.beat_at:
            self.beat_at = now + BEAT_S
            for number in list(self.watchers):
                self._send(number, self._line())

    def owns(self, number: int) -> bool:
        """True for descriptors that `handle` wants to see."""
        return number == self.listener.fileno() or number in self.clients

    def handle(self, number: int) -> None:
        """Goes on with what is readable on this descriptor."""
        if number != self.listener.fileno():
            self._hear(number)
            return
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        if len(self.clients) >= MAX_CLIENTS:
            self._drop(next(iter(self.clients)))
        client.setblocking(False)
        self.clients[client.fileno()] = client
        self.heard[client.fileno()] = b""
        self.poll.register(client, select.EPOLLIN)

    def descriptors(self) -> list[socket.socket]:
        """Everything a forked worker has to close."""
        return [self.listener, *self.clients.values()]

    def close(self) -> None:
        """Stops answering and removes the socket."""
        for number in list(self.clients):
            self._drop(number)
        self.listener.close()
        remove(self.path)

    def _line(self) -> bytes:
        return json.dumps(self.state, separators=(",", ":")).encode() + b"\n"

    def _hear(self, number: int) -> None:
        try:
            data = self.clients[number].recv(MAX_QUESTION_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or number in self.watchers:
            if not data:
                self._drop(number)
            return
        heard = self.heard[number] + data
        while b"\r\n\r\n" in heard and number in self.clients:
            head, _, heard = heard.partition(b"\r\n\r\n")
            self._answer(number, head)
        if number in self.clients:
            self.heard[number] = heard
            if len(heard) > MAX_QUESTION_BYTES:
                self._drop(number)

    def _answer(self, number: int, head: bytes) -> None:
        try:
            request = wire.parse_head(head)
        except wire.BadRequest:
            self._drop(number)
            return
        if request.method == "GET" and request.target == "/healthz/watch":
            self.watchers.append(number)
            self._send(number, _NDJSON + self._line())
            return
        if request.method == "GET" and request.target == "/healthz":
            status = 200 if self.state["status"] == "ready" else 503
            self._send(number, wire.reply(status, self._line()[:-1], request))
        else:
            body = b'{"error":"not_found","details":{"message":"GET /healthz or GET /healthz/watch"}}'
            self._send(number, wire.reply(404, body, request))
        if not request.keep_alive or request.length:
            self._drop(number)

    def _send(self, number: int, data: bytes) -> None:
        """Sends or drops: a client that does not read must not hold up the supervisor."""
        try:
            if self.clients[number].send(data) == len(data):
                return
        except OSError:
            pass
        self._drop(number)

    def _drop(self, number: int) -> None:
        client = self.clients.pop(number, None)
        if client is None:
            return
        self.heard.pop(number, None)
        if number in self.watchers:
            self.watchers.remove(number)
        self.poll.unregister(client)
        client.close()
