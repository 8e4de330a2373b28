"""The private Pub/Sub fake starts, answers again after a kill, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from private_pubsub import PrivatePubsub

SCRIPT = Path(__file__).resolve().parent / "pubsub"


def connects(address: str) -> bool:
    """Whether somebody listens."""
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def test_listens_again_on_its_port_after_a_kill_and_ends_with_its_owner() -> None:
    with PrivatePubsub() as server:
        address = server.addresses["ASYA_TEST_PUBSUB"]
        first = server.pid
        assert connects(address)
        server.kill()
        assert not connects(address)
        server.start()
        assert (server.addresses["ASYA_TEST_PUBSUB"], connects(address)) == (address, True)
        assert server.pid != first
    assert not connects(address)


def test_tells_what_was_put_into_it_and_what_is_left() -> None:
    with PrivatePubsub() as server:
        for question, wanted in (("/put?from=0", b"[]\n"), ("/left", b"0\n")):
            with urllib.request.urlopen(server.telling + question, timeout=30) as answer:
                assert answer.read() == wanted


def test_run_hands_the_address_and_the_exit_code() -> None:
    script = 'echo "$ASYA_TEST_PUBSUB" && exit 3'
    done = subprocess.run([sys.executable, str(SCRIPT), "run", "bash", "-c", script], capture_output=True, text=True,
                          check=False, env=dict(os.environ))  # fmt: skip
    assert (done.returncode, done.stdout[:10]) == (3, "127.0.0.1:")


def test_a_wrong_command_line_says_what_is_accepted() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "restart"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "run COMMAND" in done.stderr
