"""What the private servers of tests share: they end with their starter, and commands are run beside them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

LOOK_PAUSE_S = 0.02
PR_SET_PDEATHSIG = 1


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """For a child between fork and exec: it gets the signal when the thread that started it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


class PrivateServer(ABC):
    """One server for as long as a ``with`` lasts. `addresses` has what a test's environment needs."""

    name = "the server"

    @property
    @abstractmethod
    def addresses(self) -> dict[str, str]:
        """Names and values for the environment of whoever uses the server."""

    @property
    @abstractmethod
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process, while it runs."""

    @abstractmethod
    def start(self) -> object:
        """Starts it, on its earlier data if there are any; returns once it answers."""

    @abstractmethod
    def kill(self) -> None:
        """Ends it at once, as kill -9 does; `start` brings it back."""

    @abstractmethod
    def stop(self) -> None:
        """Ends it and removes its data. May be called twice."""

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return ""

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self.process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self.process.pid

    @property
    def greeting(self) -> list[str]:
        """What `serve` prints once it answers."""
        return [*(f"{name}={value}" for name, value in self.addresses.items()), ""]

    def wait_until(self, answers: Callable[[], bool], limit_s: float) -> None:
        """Waits until it answers; RuntimeError with the end of its log when it ended, or when the time is over."""
        deadline = time.monotonic() + limit_s
        while not answers():
            if self.process is None or self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at start:\n{self.log[-2000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not answer within {limit_s:g} s:\n{self.log[-2000:]}")
            time.sleep(LOOK_PAUSE_S)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def serve(server: PrivateServer) -> int:
    """Prints the greeting, then obeys `kill` and `restart` on stdin until it closes or SIGTERM comes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with server:
        print(*server.greeting, sep="\n", flush=True)
        try:
            for line in sys.stdin:
                if line.strip() in ("kill", "restart"):
                    server.kill()
                if line.strip() == "restart":
                    server.start()
                print("done", flush=True)
        except KeyboardInterrupt:
            pass
    return 0


def run(server: PrivateServer, command: list[str]) -> int:
    """Runs the command with the addresses in its environment; its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with server:
        return run_beside(command, {**os.environ, **server.addresses})


def run_beside(command: list[str], environment: dict[str, str]) -> int:
    """The exit code of a command beside servers. Who is told to end meanwhile tells the command, and waits for it."""
    with subprocess.Popen(command, env=environment) as child:
        try:
            return child.wait()
        except SystemExit:
            child.terminate()  # it may have a server of its own to end
            raise
