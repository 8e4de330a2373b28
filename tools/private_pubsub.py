"""A private fake of Google Pub/Sub (pstest) for tests and measurements: keeps all in memory, ends with its starter."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

START_LIMIT_S = 30
STOP_LIMIT_S = 10
PR_SET_PDEATHSIG = 1
BUILD = Path(__file__).resolve().parent / "build-pstest"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class PrivatePubsub:
    """One server on a free port of the loopback; a restart keeps the port and nothing else."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._address = "127.0.0.1:0"

    @property
    def addresses(self) -> dict[str, str]:
        """Names and values for the environment of whoever uses the server."""
        return {"ASYA_TEST_PUBSUB": self._address}

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def start(self) -> dict[str, str]:
        """Starts the server; returns the addresses once it listens."""
        program = subprocess.run([BUILD], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self._process = subprocess.Popen(
            [program, self._address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(START_LIMIT_S):
                raise RuntimeError(f"pstest did not listen within {START_LIMIT_S} s")
        self._address = self._process.stdout.readline().strip()
        if not self._address:
            raise RuntimeError("pstest ended at start")
        return self.addresses

    def kill(self) -> None:
        """Ends the server at once; `start` brings it back empty, on the same port."""
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate(timeout=STOP_LIMIT_S)
        self._process = None

    def __enter__(self) -> PrivatePubsub:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()


def main(arguments: list[str]) -> int:
    """The command line of tools/pubsub."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments == ["serve"]:
        with PrivatePubsub() as server:
            for name, value in server.addresses.items():
                print(f"{name}={value}")
            print(flush=True)
            for _ in sys.stdin:
                pass
        return 0
    if arguments[:1] == ["run"] and len(arguments) >= 2:
        with PrivatePubsub() as server:
            return subprocess.run(arguments[1:], env={**os.environ, **server.addresses}, check=False).returncode
    print("usage: tools/pubsub serve | run COMMAND...", file=sys.stderr)
    return 2
