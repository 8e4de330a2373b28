"""Writes one line per event to standard error; never sees a payload."""

from __future__ import annotations

import contextlib
import os
import time

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


class Log:
    """A line writer with a threshold; ask `enabled` before building an expensive text."""

    def __init__(self, level: str = "INFO", source: str = "runtime") -> None:
        self.threshold = LEVELS[level]
        self.source = source

    def enabled(self, level: str) -> bool:
        """True when lines of this level are written."""
        return LEVELS[level] >= self.threshold

    def write(self, level: str, text: str, **fields: object) -> None:
        """Writes `time LEVEL source: text key=value…` as one line, in one system call."""
        if LEVELS[level] < self.threshold:
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"
        parts = [stamp, level, self.source + ":", text]
        parts.extend(f"{name}={value}" for name, value in fields.items())
        line = " ".join(parts).replace("\n", " | ") + "\n"
        # Where nobody reads standard error any more, there is no better place to say so.
        with contextlib.suppress(OSError):
            os.write(2, line.encode("utf-8", "backslashreplace"))
