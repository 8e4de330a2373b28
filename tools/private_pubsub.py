"""A private fake of Google Pub/Sub (pstest) for tests and measurements: keeps all in memory, ends with its starter."""

from __future__ import annotations

import selectors
import subprocess
import sys
from pathlib import Path

from private_server import PrivateServer, die_with_parent, run, serve

START_LIMIT_S = 240
STOP_LIMIT_S = 10
BUILD = Path(__file__).resolve().parent / "build-go"


class PrivatePubsub(PrivateServer):
    """One server on a free port of the loopback; a restart keeps the port and nothing else."""

    name = "pstest"

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._address = "127.0.0.1:0"
        self.telling = ""  # URL at which it tells what was put into it and what is left: pstest/main.go

    @property
    def addresses(self) -> dict[str, str]:
        """Names and values for the environment of whoever uses the server."""
        return {"ASYA_TEST_PUBSUB": self._address}

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The server."""
        return self._process

    def start(self) -> dict[str, str]:
        """Starts the server; returns the addresses once it listens."""
        program = subprocess.run([BUILD, "pstest"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self._process = subprocess.Popen(
            [program, self._address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )  # fmt: skip
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(START_LIMIT_S):
                raise RuntimeError(f"pstest did not listen within {START_LIMIT_S} s")
        self._address = self._process.stdout.readline().decode().strip()
        self.telling = self._process.stdout.readline().decode().strip()
        if not self.telling:
            raise RuntimeError("pstest ended at start")
        return self.addresses

    def kill(self) -> None:
        """Ends the server at once; `start` brings it back empty, on the same port."""
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate(timeout=STOP_LIMIT_S)
        self._process = None

    def stop(self) -> None:
        """Ends the server; it keeps nothing."""
        self.kill()


def main(arguments: list[str]) -> int:
    """The command line of tools/pubsub."""
    if arguments == ["serve"]:
        return serve(PrivatePubsub())
    if arguments[:1] == ["run"] and len(arguments) >= 2:
        return run(PrivatePubsub(), arguments[1:])
    print("usage: tools/pubsub serve | run COMMAND...", file=sys.stderr)
    return 2
