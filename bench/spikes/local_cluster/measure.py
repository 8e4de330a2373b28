"""How soon is a pod that is only processes ready, what does it weigh, and does it end with its parent?

A parent starts a packed Python runtime (supervisor and worker) as the local cluster does. Once ready, the parent is
killed with SIGKILL; the processes must be gone soon after, because the pipe in ASYA_CONTROL_FD closes.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = 10
LIMIT_S = 20.0
HANDLER = "def echo(payload):\n    return payload\n"
PARENT = """
import os, subprocess, sys, time
read, write = os.pipe()
os.set_inheritable(read, True)
child = subprocess.Popen(sys.argv[1:], close_fds=False, env=dict(os.environ, ASYA_CONTROL_FD=str(read)),
                         start_new_session=True, pass_fds=[read])
os.close(read)
print(child.pid, flush=True)
child.wait()
"""


def ready(path: Path) -> bool:
    """Whether the supervisor at a Unix socket says that its handler is loaded."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.sock.connect(str(path))
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def session_members(session: int) -> list[int]:
    """The processes of one session that are alive."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = (Path("/proc") / name / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(name))
    return found


def until(condition: object, what: str) -> float:
    """Seconds until a condition (a function) holds."""
    assert callable(condition)
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > LIMIT_S:
            raise SystemExit(f"not within {LIMIT_S} s: {what}")
        time.sleep(0.001)
    return time.monotonic() - began


def pss_kb(pid: int) -> int:
    """Proportional memory of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def one_round(zipapp: Path) -> tuple[float, float, float, int]:
    """(ready, gone, memory, processes) of one pod."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "handlers.py").write_text(HANDLER)
        environment = dict(os.environ, ASYA_HANDLER="handlers.echo", ASYA_SOCKET_DIR=folder, PYTHONPATH=folder,
                           ASYA_ACTOR_NAME="echo", ASYA_NAMESPACE="default")  # fmt: skip
        began = time.monotonic()
        command = [sys.executable, "-c", PARENT, sys.executable, str(zipapp)]
        parent = subprocess.Popen(command, cwd=folder, env=environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        assert parent.stdout is not None
        session = int(parent.stdout.readline())
        until(lambda: ready(Path(folder) / "asya-runtime-health.sock"), "ready")
        ready_s = time.monotonic() - began
        members = session_members(session)
        memory_mb = sum(pss_kb(pid) for pid in members) / 1024
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        gone_s = until(lambda: not session_members(session), "gone")
        return ready_s, gone_s, memory_mb, len(members)


def main() -> None:
    """Prints medians with min-max."""
    with tempfile.TemporaryDirectory() as folder:
        zipapp = Path(folder) / "asya_runtime.pyz"
        subprocess.run([sys.executable, str(ROOT / "runtime/build.py"), str(zipapp)], check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        rounds = [one_round(zipapp) for _ in range(ROUNDS)]
    for name, column, scale, unit in (("start to ready", 0, 1000, "ms"), ("parent killed to all gone", 1, 1000, "ms"),
                                      ("memory (PSS)", 2, 1, "MB"), ("processes", 3, 1, "")):  # fmt: skip
        values = sorted(row[column] * scale for row in rounds)
        print(f"{name}: median {statistics.median(values):.1f} ({values[0]:.1f}-{values[-1]:.1f}) {unit}")


if __name__ == "__main__":
    main()
