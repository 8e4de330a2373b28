"""The supervisor: keeps one good worker running, says how it is, and reloads or stops it when told."""

from __future__ import annotations

import gc
import mmap
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from .child import Child
from .health import Health
from .last_words import leave, of_error
from .link import Link
from .listening import claim, remove
from .log import Log
from .settings import Settings
from .worker import run_worker

# Waits between attempts to start a worker that does not come up or does not stay up.
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 30.0
# A worker that has served this long starts again at once when it dies.
STEADY_S = 1.0
# How long SIGTERM waits for running calls.
STOP_GRACE_S = 25.0
SPARE_SLOTS = 32
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Supervisor:
    """Owns the worker process, the health socket and the ready file. It has no threads, so that forking is safe."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self.settings, self.log = settings, log
        self.slots = settings.concurrency + SPARE_SLOTS
        self.memory = mmap.mmap(-1, self.slots * 8)
        self.board = memoryview(self.memory).cast("Q")
        self.child: Child | None = None
        self.failures = 0
        self.start_at: float | None = 0.0
        self.stop_at: float | None = None
        self.poll = select.epoll()
        self.life, self.life_of_workers = os.pipe()[::-1]
        self.wake_out, self.wake_in = os.pipe()
        for number in (self.wake_out, self.wake_in):
            os.set_blocking(number, False)
        self.claim = claim(settings.socket_dir)
        for path in (settings.ready_path, settings.socket_path):
            remove(path)  # what a killed process has left
        self.health = Health(settings.health_path, settings.socket_mode, self.poll)

    def run(self) -> int:
        """Serves until stopped; returns the exit status."""
        for code in _SIGNALS:
            signal.signal(code, lambda *_: None)
        signal.set_wakeup_fd(self.wake_in)
        self.poll.register(self.wake_out, select.EPOLLIN)
        if self.settings.control_fd is not None:
            self.poll.register(self.settings.control_fd, select.EPOLLIN)
        while True:
            now = time.monotonic()
            self._act(now)
            if self.stop_at is not None and self.child is None:
                break
            for number, events in self.poll.poll(self._wait(now)):
                if not self._handle(number, events):
                    self._abandon()
                    return 0
        self.health.close()
        return 0

    def _act(self, now: float) -> None:
        """Does what is due."""
        self.health.beat(now)
        child = self.child
        if child is not None:
            if child.overdue(now):
                self.log.write("WARNING", "worker killed: a cancelled call was still running", pid=child.pid)
                child.overran = True
                child.kill()
            if child.lingers(now) and self.stop_at is None:
                self.log.write("WARNING", "worker killed: it had ended its calls and stayed", pid=child.pid)
                child.kill()
            if self.stop_at is not None and now >= self.stop_at:
                child.kill()
        elif self.stop_at is None and self.start_at is not None and now >= self.start_at:
            self._start(now)

    def _wait(self, now: float) -> float:
        """Seconds until something is due, -1 for ever."""
        due = [self.health.beat_at]
        if self.child is None:
            due.append(self.start_at)
        else:
            due += [self.child.next_check(), self.stop_at]
        known = [moment for moment in due if moment is not None]
        # Rounded up to the next millisecond, which is what the kernel counts in: waking early would spin.
        return max(0.0, min(known) - now + 0.001) if known else -1

    def _handle(self, number: int, events: int) -> bool:
        """Handles one event; False when this process has to end at once."""
        if self.health.owns(number):
            self.health.handle(number)
        elif number == self.wake_out:
            for code in os.read(self.wake_out, 4096):
                self._signalled(code)
        elif number == self.settings.control_fd:
            return self._control_open()
        elif self.child is not None and number == self.child.line.fileno():
            was_ready = self.child.ready_at is not None
            self.child.receive(time.monotonic())
            if self.child.ready_at is not None and not was_ready:
                self._became_ready()
        elif self.child is not None and number in self.child.watched:
            self.child.ended(number, time.monotonic())
        return True

    def _control_open(self) -> bool:
        assert self.settings.control_fd is not None
        try:
            return os.read(self.settings.control_fd, 4096) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _signalled(self, code: int) -> None:
        if code == signal.SIGCHLD:
            self._reap()
        elif code == signal.SIGHUP:
            self._reload()
        elif code in (signal.SIGTERM, signal.SIGINT):
            self._stop()

    def _start(self, now: float) -> None:
        self.start_at = None
        for slot in range(self.slots):
            self.board[slot] = 0
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        # Everything made so far is kept out of the collector, so that the worker's share of these pages stays shared.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            self._become_child(ours)
            run_worker(self.settings, Link(theirs, self.board), self.life_of_workers, self.slots)
        theirs.close()
        self.child = Child(pid, ours, self.board, self.poll, now)
        self.log.write("INFO", "worker started", pid=pid, handler=self.settings.handler)

    def _become_child(self, line: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for connection in [line, *self.health.descriptors()]:
            connection.close()
        self.poll.close()
        # The claim too: a worker that outlives its supervisor for a moment keeps nobody out.
        numbers: list[int | None] = [self.claim, self.life, self.wake_out, self.wake_in, self.settings.control_fd]
        for descriptor in numbers:
            if descriptor is not None:
                os.close(descriptor)

    def _became_ready(self) -> None:
        if self.child is None or self.child.draining:
            return
        temporary = self.settings.ready_path + "~"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write("ready\n")
        os.replace(temporary, self.settings.ready_path)
        leave("")
        self.log.write("INFO", "worker ready", pid=self.child.pid)
        self.health.change("ready")

    def _not_ready(self, status: str, error: dict[str, Any] | None = None, last_end: str = "") -> None:
        """Withdraws readiness before anybody could be sent to a worker that is not there."""
        for path in (self.settings.ready_path, self.settings.socket_path):
            remove(path)
        self.health.change(status, error, last_end)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            # Others are orphans of handlers, adopted where this process is the first of its container.
            if self.child is not None and pid == self.child.pid:
                self._worker_ended(self.child, status)

    def _worker_ended(self, child: Child, status: int) -> None:
        now = time.monotonic()
        while child.receive(now):
            pass
        self.child = None
        child.kill()  # what its handler had started does not outlive it
        child.close()
        if child.draining:
            self._not_ready("loading")
            self.start_at, self.failures = now, 0
            return
        how = _ending(status)
        if child.error is None and child.ready_at is not None:
            self.log.write("ERROR", "worker ended: " + how, pid=child.pid)
            steady = now - child.ready_at >= STEADY_S
            self.failures = 0 if steady else self.failures + 1
            # Of a death that nobody wanted: its call may be the cause, and whoever reads of that wants to know how.
            self._not_ready("loading", last_end="" if child.overran else how)
        else:
            self.failures += 1
            error = child.error or {
                "type": "WorkerEnded",
                "message": f"the worker ended while loading {self.settings.handler}: {how}",
                "file": None,
                "line": None,
            }
            if self.health.state.get("error") != error:
                self.log.write("ERROR", "handler cannot be loaded", **error)
            leave(of_error(error))
            self._not_ready("failed", error)
        self.start_at = now + self._pause(child.ready_at is not None)

    def _pause(self, was_ready: bool) -> float:
        """A first death of a worker that had been ready costs no wait: its call was the cause, not its code."""
        if self.failures == 0 or (was_ready and self.failures == 1):
            return 0.0
        return float(min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(self.failures - 1, 20)))

    def _reload(self) -> None:
        if self.stop_at is not None:
            return
        self.log.write("INFO", "reload")
        child = self.child
        if child is None:
            self.start_at, self.failures = time.monotonic(), 0
            return
        if child.draining:
            return
        self._not_ready("loading")
        if child.ready_at is None:
            child.kill()  # it loads code that has changed meanwhile
        child.drain(time.monotonic())

    def _stop(self) -> None:
        if self.stop_at is not None:
            self.stop_at = 0.0
            return
        self.log.write("INFO", "stop")
        self.stop_at = time.monotonic() + STOP_GRACE_S
        self._not_ready("loading")
        if self.child is not None and not self.child.draining:
            if self.child.ready_at is None:
                self.child.kill()
            self.child.drain(time.monotonic())

    def _abandon(self) -> None:
        """The control pipe is closed: whoever started this process is gone."""
        self.log.write("WARNING", "control pipe closed, leaving at once")
        if self.child is not None:
            self.child.kill()
        self._not_ready("loading")
        self.health.close()


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return f"killed by {signal.Signals(number).name}"
        except ValueError:
            return f"killed by signal {number}"
    return f"exit status {os.WEXITSTATUS(status)}"
