"""The health socket tells watchers again that it lives."""

from __future__ import annotations

import select
import socket
from pathlib import Path

from asya_runtime.health import BEAT_S, Health

WATCH = b"GET /healthz/watch HTTP/1.1\r\nHost: localhost\r\n\r\n"


def served(health: Health, poll: select.epoll) -> None:
    """Handles all that waits."""
    while ready := poll.poll(0.2):
        for number, _ in ready:
            health.handle(number)


def test_a_watcher_hears_the_state_again_and_again(tmp_path: Path) -> None:
    """Counted from the moment that somebody watches; nothing is due without watchers."""
    with select.epoll() as poll:
        health = Health(str(tmp_path / "health.sock"), 0o600, poll)
        health.beat(0.0)
        assert health.beat_at is None
        watcher = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        watcher.connect(str(tmp_path / "health.sock"))
        watcher.sendall(WATCH)
        served(health, poll)
        assert watcher.recv(4096).endswith(b'{"status":"loading"}\n')
        health.beat(1.0)
        assert health.beat_at == 1.0 + BEAT_S
        health.beat(BEAT_S)  # too early
        health.change("ready")
        health.beat(1.0 + BEAT_S)
        assert watcher.recv(4096) == b'{"status":"ready"}\n{"status":"ready"}\n'
        watcher.close()
        served(health, poll)
        health.beat(1.0 + 2 * BEAT_S)
        assert health.beat_at is None
        health.close()
