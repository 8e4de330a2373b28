"""The command line: settings, drain, version, and the archive itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from asya_runtime.drain import drain
from build import build


def run(archive: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Runs the archive; returns status and everything that it printed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ASYA_")}
    done = subprocess.run(
        [sys.executable, str(archive), *arguments],
        env={**own, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_all_wrong_settings_are_named_at_once(archive: Path, tmp_path: Path) -> None:
    status, output = run(
        archive,
        ASYA_HANDLER="nodots",
        ASYA_CONCURRENCY="many",
        ASYA_SOCKET_CHMOD="999",
        ASYA_ENABLE_VALIDATION="perhaps",
        ASYA_LOG_LEVEL="LOUD",
        ASYA_SOCKET_NAME="a/b",
        ASYA_SOCKET_DIR="/" + "x" * 200,
        ASYA_STATE_PROXY_MOUNTS="a:/b:write=buffered",
        ASYA_CONTROL_FD="-4",
    )
    assert status == 2
    for text in (
        "ASYA_HANDLER='nodots': must be module.function",
        "ASYA_CONCURRENCY='many': must be a whole number from 1 to 1024",
        "ASYA_SOCKET_CHMOD='999': must be an octal file mode",
        "ASYA_ENABLE_VALIDATION='perhaps': must be true or false",
        "ASYA_LOG_LEVEL='LOUD': must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
        "ASYA_SOCKET_NAME='a/b': must be a plain file name",
        "is too long: a socket path may have",
        "ASYA_STATE_PROXY_MOUNTS: this runtime serves no state mounts yet",
        "ASYA_CONTROL_FD='-4': must be a whole number from 0",
    ):
        assert text in output
    assert len(output.splitlines()) == 9


@pytest.mark.parametrize("value", ["0", "1025", "1.5"])
def test_concurrency_has_bounds(archive: Path, value: str) -> None:
    assert run(archive, ASYA_HANDLER="a.b", ASYA_CONCURRENCY=value)[0] == 2


def test_a_missing_handler_and_a_folder_that_cannot_be_made(archive: Path, tmp_path: Path) -> None:
    status, output = run(archive, ASYA_SOCKET_DIR=str(tmp_path))
    assert (status, output.count("\n")) == (2, 1)
    assert "ASYA_HANDLER is not set" in output
    (tmp_path / "file").touch()
    status, output = run(archive, ASYA_HANDLER="a.b", ASYA_SOCKET_DIR=str(tmp_path / "file"))
    assert (status, output.count("\n")) == (2, 1)
    assert "ASYA_SOCKET_DIR=" in output
    assert "cannot be used" in output


def test_unknown_arguments_and_version(archive: Path) -> None:
    assert run(archive, "nonsense")[0] == 2
    assert run(archive, "check")[0] == 2
    assert run(archive, "version") == (0, "0.1.0\n")


class Relay:
    """A relay that hears one request and answers when told."""

    def __init__(self, folder: Path, answer: bytes) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "relay.sock"))
        self.listener.listen(1)
        self.heard = threading.Event()
        self.idle = threading.Event()
        self.request = b""
        self.answer = answer
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        self.request = connection.recv(4096)
        self.heard.set()
        self.idle.wait(20)
        connection.sendall(self.answer)
        connection.close()
        self.listener.close()


def test_drain_waits_for_the_relay(archive: Path, tmp_path: Path) -> None:
    relay = Relay(tmp_path, b"HTTP/1.1 204 No Content\r\n\r\n")
    own = {**os.environ, "ASYA_SOCKET_DIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, str(archive), "drain"], env=own)
    assert relay.heard.wait(20)
    assert relay.request.startswith(b"POST /drain HTTP/1.1\r\n")
    assert process.poll() is None
    relay.idle.set()
    assert process.wait(20) == 0
    relay.thread.join()


def test_drain_waits_for_as_long_as_the_pod_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[float | None] = []

    class Watched(socket.socket):
        def recv(self, *arguments: Any) -> bytes:
            patience.append(self.gettimeout())
            return super().recv(*arguments)

    relay = Relay(tmp_path, b"HTTP/1.1 204 No Content\r\n\r\n")
    relay.idle.set()
    monkeypatch.setattr("asya_runtime.drain.socket.socket", Watched)
    assert drain({"ASYA_SOCKET_DIR": str(tmp_path)}) == 0
    relay.thread.join()
    assert set(patience) == {None}, "the relay of this test has none either"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b""])
def test_drain_fails_when_the_relay_does_not_do_it(archive: Path, tmp_path: Path, answer: bytes) -> None:
    relay = Relay(tmp_path, answer)
    relay.idle.set()
    status, output = run(archive, "drain", ASYA_SOCKET_DIR=str(tmp_path))
    relay.thread.join()
    assert status == 1
    assert "refused to drain" in output


def test_a_relay_that_is_gone_is_idle(archive: Path, tmp_path: Path) -> None:
    assert run(archive, "drain", ASYA_SOCKET_DIR=str(tmp_path))[0] == 0
    leftover = socket.socket(socket.AF_UNIX)
    leftover.bind(str(tmp_path / "relay.sock"))
    leftover.close()
    assert run(archive, "drain", ASYA_SOCKET_DIR=str(tmp_path))[0] == 0


def test_the_archive_has_the_same_bytes_every_time_and_no_tests(tmp_path: Path) -> None:
    one, two = tmp_path / "one.pyz", tmp_path / "two.pyz"
    build(one)
    build(two)
    assert one.read_bytes() == two.read_bytes()
    assert b"_test.py" not in one.read_bytes()
    assert one.stat().st_mode & 0o111
