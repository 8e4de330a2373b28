"""The private RabbitMQ starts, keeps what was confirmed over a kill, and leaves nothing behind."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from private_rabbitmq import PrivateRabbitmq

SCRIPT = Path(__file__).resolve().parent / "rabbitmq"


def ask(addresses: dict[str, str], method: str, path: str, body: object = None) -> object:
    """One call of the management API."""
    request = urllib.request.Request(
        addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(),
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def processes_of(folder: Path) -> list[str]:
    """Command lines of what runs with something of `folder` in its environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_keeps_a_durable_queue_over_a_kill_and_leaves_neither_folder_nor_process(tmp_path: Path) -> None:
    server = PrivateRabbitmq(tmp_path)
    with server:
        ask(server.addresses, "PUT", "/api/queues/%2F/kept", {"durable": True, "arguments": {"x-queue-type": "quorum"}})
        first = server.pid
        server.kill()
        server.start()
        assert server.pid != first
        found = ask(server.addresses, "GET", "/api/queues/%2F/kept")
        assert isinstance(found, dict) and found["type"] == "quorum"
        folder = Path(server.addresses["ASYA_TEST_RABBITMQ_CA"]).parent
        assert folder.exists()
    assert not folder.exists()
    deadline = time.monotonic() + 10
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)  # what the node had started ends when it sees that the node is gone
    assert left == []


def test_run_hands_the_addresses_and_the_exit_code() -> None:
    script = 'echo "$ASYA_TEST_RABBITMQ" && test -n "$ASYA_TEST_RABBITMQ_MANAGEMENT" && exit 3'
    done = subprocess.run([sys.executable, str(SCRIPT), "run", "bash", "-c", script], capture_output=True, text=True,
                          check=False, env=dict(os.environ))  # fmt: skip
    assert (done.returncode, done.stdout[:7]) == (3, "amqp://")


def test_a_wrong_command_line_says_what_is_accepted() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "restart"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "serve [FOLDER]" in done.stderr
