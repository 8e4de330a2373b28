"""The programs of a node under the first process of its namespace, which starts anew those that end."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from private_cluster.layout import ClusterError

LOOK_PAUSE_S = 0.05
RESTART_PAUSE_S = 1.0
MAX_RESTARTS_OF_EACH = 100
LOG_TAIL_BYTES = 600


@dataclass
class Program:
    """One of them, with its log."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = field(default=0)

    def start(self) -> None:
        """Its output goes to the end of its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            env={**os.environ, **self.environment}, start_new_session=True)  # fmt: skip

    @property
    def last_words(self) -> str:
        """The end of its log, and where it lies."""
        return f"look at {self.log}\n" + self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").rstrip()


class Programs:
    """All of one node."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._programs: list[Program] = []

    def start(self, name: str, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> None:
        """Starts one and goes on at once."""
        words = [str(argument) for argument in arguments]
        program = Program(name, words, environment or {}, self._logs / f"{name}.log")
        try:
            program.start()
        except FileNotFoundError as error:
            raise ClusterError(
                f"{words[0]} is not there: `make install-cluster` installs what a cluster needs"
            ) from error
        self._programs.append(program)

    def process(self, name: str) -> subprocess.Popen[bytes]:
        """That of a program that has been started."""
        process = next(program.process for program in self._programs if program.name == name)
        assert process is not None
        return process

    def wait_until(self, name: str, answers: Callable[[], bool], limit_s: float) -> None:
        """Waits for what one program does; ClusterError when any has ended, or when the time is over."""
        deadline = time.monotonic() + limit_s
        while not answers():
            for program in self._programs:
                if program.process is not None and program.process.poll() is not None:
                    raise ClusterError(f"{program.name} ended with {program.process.returncode}: {program.last_words}")
            if time.monotonic() > deadline:
                program = next(program for program in self._programs if program.name == name)
                raise ClusterError(f"{name} was not ready within {limit_s:g} s: {program.last_words}")
            time.sleep(LOOK_PAUSE_S)

    def watch(self) -> NoReturn:
        """As the first process: takes in every process that ends, and starts anew what is ours."""
        while True:
            pid, code = os.waitpid(-1, 0)
            for program in self._programs:
                if program.process is not None and program.process.pid == pid:
                    program.process.returncode = os.waitstatus_to_exitcode(code)
                    self._ended(program)

    def _ended(self, program: Program) -> None:
        assert program.process is not None
        again = program.restarts < MAX_RESTARTS_OF_EACH
        ends = f"{program.name} ended with {program.process.returncode}"
        print(f"{time.strftime('%H:%M:%S')} {ends}, {'starting it anew' if again else 'left alone'}", flush=True)
        program.process = None
        if again:
            program.restarts += 1
            time.sleep(RESTART_PAUSE_S)
            program.start()
