"""Crash, hang, cancellation, reload, stop: what happens to the worker, to callers, and to what is said about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from running import DEADLINE_S, Client, Start, envelope

HANDLERS = {
    "sync": """
import os, signal, time
while os.path.exists("hold"): time.sleep(0.002)
def handle(p):
    open(f"begun-{p}", "w").close()
    if p == "exit": os._exit(3)
    if p == "segv": os.kill(os.getpid(), signal.SIGSEGV); time.sleep(60)  # the signal may reach another thread first
    while p and p.startswith("wait") and not os.path.exists(f"go-{p}"): time.sleep(0.002)
    return os.getpid()
""",
    "async": """
import asyncio, os, signal, time
async def handle(p):
    open(f"begun-{p}", "w").close()
    if p == "exit": os._exit(3)
    if p == "segv": os.kill(os.getpid(), signal.SIGSEGV); time.sleep(60)  # the signal may reach another thread first
    if p == "wait-blocking":
        while not os.path.exists(f"go-{p}"): time.sleep(0.002)
    try:
        while p and p.startswith("wait") and not os.path.exists(f"go-{p}"): await asyncio.sleep(0.002)
    except asyncio.CancelledError:
        open(f"cancelled-{p}", "w").close()
        raise
    return os.getpid()
""",
}
HANDLERS["threaded"] = HANDLERS["sync"].replace("def handle", "def work") + """
import asyncio
async def handle(p):
    return (await asyncio.gather(asyncio.to_thread(work, p)))[0]
"""


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both servers."""
    return str(request.param)


def is_running(pid: int) -> bool:
    """True while a process of this id exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until_gone(pid: int) -> None:
    """Waits for the end of a process."""
    deadline = time.monotonic() + DEADLINE_S
    while is_running(pid):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_ready_file_and_socket_exist_exactly_while_a_worker_serves(start: Start, kind: str) -> None:
    runtime = start(HANDLERS[kind])
    ready = runtime.sockets / "runtime-ready"
    assert ready.exists()
    states = runtime.states()
    assert next(states) == {"status": "ready"}
    (runtime.folder / "hold").touch()  # the next worker stays at loading
    runtime.begin("wait").close()  # a handler that goes on after its caller has left
    if kind == "sync":
        assert next(states) == {"status": "loading"}
        assert not ready.exists()
        (runtime.folder / "hold").unlink()
        assert next(states) == {"status": "ready"}
    assert ready.exists()
    runtime.signal(signal.SIGTERM)
    assert runtime.process.wait(DEADLINE_S) == 0
    assert list(runtime.sockets.iterdir()) == []


@pytest.mark.parametrize("how", ["exit", "segv"])
def test_a_crash_ends_the_connections_without_reply_and_a_new_worker_comes(start: Start, kind: str, how: str) -> None:
    runtime = start(HANDLERS[kind], ASYA_CONCURRENCY="2")
    first = runtime.invoke("x").payload()
    states = runtime.states()
    assert next(states) == {"status": "ready"}
    shared = runtime.begin("wait")
    client = runtime.client()
    client.start(envelope(how))
    for lost in (client, shared):
        with pytest.raises(ConnectionError):
            lost.receive()
    ending = "exit status 3" if how == "exit" else "killed by SIGSEGV"
    assert next(states) == {"status": "loading", "last_end": ending}
    assert next(states) == {"status": "ready"}
    assert runtime.invoke("x").payload() != first
    (runtime.folder / "go-wait").touch()
    assert runtime.invoke("wait").status == 200  # run again, as the relay does
    assert ending in runtime.output()


def test_a_crash_in_a_stream_ends_it_without_done(start: Start, kind: str) -> None:
    head = "async def" if kind == "async" else "def"
    runtime = start(f"import os\n{head} handle(p):\n    yield 'FLY', 1\n    yield 2\n    os._exit(9)")
    client = runtime.client()
    client.start(envelope(None))
    with pytest.raises(ConnectionError):
        client.receive()
    runtime.until("ready")


@pytest.mark.parametrize("kind", ["sync", "threaded"])
def test_a_cancelled_handler_that_goes_on_is_killed_after_its_grace(start: Start, kind: str) -> None:
    runtime = start(HANDLERS[kind], ASYA_CONCURRENCY="2")
    states = runtime.states()
    next(states)
    first = runtime.invoke("x").payload()
    shared = runtime.begin("wait-shared")
    hung = runtime.begin("wait-hung")
    left_at = time.monotonic()
    hung.close()
    with pytest.raises(ConnectionError):
        shared.receive()
    assert time.monotonic() - left_at >= 1.0
    assert next(states) == {"status": "loading"}
    assert next(states) == {"status": "ready"}
    assert runtime.invoke("x").payload() != first
    assert "a cancelled call was still running" in runtime.output()


@pytest.mark.parametrize("kind", HANDLERS)
def test_a_cancelled_handler_that_ends_in_time_harms_nobody(start: Start, kind: str) -> None:
    runtime = start(HANDLERS[kind], ASYA_CONCURRENCY="2")
    first = runtime.invoke("x").payload()
    shared = runtime.begin("wait-shared")
    cancelled = runtime.begin("wait-cancelled")
    cancelled.close()
    (runtime.folder / "go-wait-cancelled").touch()
    # Its slot is used again, by a call that lasts longer than the grace: the cancelled one is not confused with it.
    later = runtime.begin("wait-later")
    watch = runtime.states()
    assert next(watch) == {"status": "ready"}
    # Another worker's hang is the clock: when a call that is cancelled now is killed, the grace of the first is over.
    other = start(HANDLERS["sync"])
    other_states = other.states()
    next(other_states)
    other.begin("wait").close()
    assert next(other_states) == {"status": "loading"}
    for client, name in ((shared, "wait-shared"), (later, "wait-later")):
        (runtime.folder / f"go-{name}").touch()
        assert client.receive().payload() == first


def test_an_async_handler_is_told_of_its_cancellation(start: Start) -> None:
    runtime = start(HANDLERS["async"], ASYA_CONCURRENCY="2")
    first = runtime.invoke("x").payload()
    shared = runtime.begin("wait-shared")
    runtime.begin("wait-cancelled").close()
    runtime.until_exists("cancelled-wait-cancelled")
    (runtime.folder / "go-wait-shared").touch()
    assert shared.receive().payload() == first


HELD = """
import re
def handle(p):
    if p is None: return "quick"
    open("begun-" + p, "w").close()
    return bool(re.match(r"(a+)+$", "a" * 60 + "b"))  # one call of C code that never lets another thread run
"""


def test_a_handler_that_keeps_the_whole_interpreter_is_killed_too(start: Start) -> None:
    runtime = start(HELD, ASYA_CONCURRENCY="2")
    states = runtime.states()
    assert next(states) == {"status": "ready"}
    hung = runtime.begin("hold")
    assert runtime.health().json() == {"status": "ready"}  # asked of the supervisor, so it is answered
    hung.close()
    assert next(states) == {"status": "loading"}
    assert next(states) == {"status": "ready"}
    assert runtime.invoke(None).payload() == "quick"


def test_a_blocked_event_loop_is_killed_too(start: Start) -> None:
    runtime = start(HANDLERS["async"])
    states = runtime.states()
    next(states)
    runtime.begin("wait-blocking").close()
    assert next(states) == {"status": "loading"}
    assert next(states) == {"status": "ready"}
    assert runtime.invoke("x").status == 200


def test_a_call_that_waited_for_its_turn_is_killed_in_its_thread(start: Start) -> None:
    runtime = start(HANDLERS["threaded"])
    states = runtime.states()
    next(states)
    first, second = runtime.begin("wait-first"), runtime.client()
    second.start(envelope("wait-second"))
    (runtime.folder / "go-wait-first").touch()
    assert first.receive().status == 200
    runtime.until_exists("begun-wait-second")
    second.close()
    assert next(states) == {"status": "loading"}
    assert next(states) == {"status": "ready"}


LEFT_STREAM = """
import asyncio, os, time
def work():
    while not os.path.exists("end"): time.sleep(0.002)
async def handle(p):
    if p is None:
        yield os.getpid()
        return
    asyncio.get_running_loop().run_in_executor(None, work)
    open("begun-" + p, "w").close()
    while not os.path.exists("left"): time.sleep(0.002)  # the loop hears of nothing meanwhile
    for _ in range(1000): yield "x"
"""


def test_a_stream_whose_writes_find_the_peer_gone_harms_nobody(start: Start) -> None:
    """A write finds it before the loop is told of it, and the call is cancelled while it waits for its thread."""
    runtime = start(LEFT_STREAM)
    first = runtime.invoke(None).events()
    runtime.begin("stream").close()
    (runtime.folder / "left").touch()
    (runtime.folder / "end").touch()
    assert runtime.invoke(None).events() == first


CHILDREN = """
import os, subprocess
def handle(p):
    child = subprocess.Popen(["sleep", "1000"])
    with open("child~", "w") as file: file.write(str(child.pid))
    os.rename("child~", "child")
    if p == "hang": child.wait()
    return os.getpid()
"""


@pytest.mark.parametrize("how", ["cancel", "stop", "kill", "control"])
def test_what_a_handler_has_started_does_not_outlive_it(start: Start, how: str) -> None:
    runtime = start(CHILDREN)
    client = runtime.client()
    client.start(envelope("hang" if how == "cancel" else "x"))
    runtime.until_exists("child")
    child = int((runtime.folder / "child").read_text())
    assert is_running(child)
    if how == "cancel":
        client.close()
    else:
        worker = client.receive().payload()
        if how == "stop":
            runtime.signal(signal.SIGTERM)
        elif how == "kill":
            runtime.signal(signal.SIGKILL)
        else:
            runtime.release_control()
        until_gone(worker)
    until_gone(child)


@pytest.mark.parametrize("payload", ["wait", "hold"])
def test_the_worker_dies_with_its_supervisor_even_in_a_call(start: Start, payload: str) -> None:
    runtime = start(
        HANDLERS["sync"] if payload == "wait" else HELD + "import os\nopen('pid','w').write(str(os.getpid()))"
    )
    if payload == "wait":
        (runtime.folder / "pid").write_text(str(runtime.invoke("x").payload()))
    worker = int((runtime.folder / "pid").read_text())
    client = runtime.begin(payload)
    runtime.signal(signal.SIGKILL)
    until_gone(worker)
    with pytest.raises(ConnectionError):
        client.receive()


def test_the_end_of_the_control_pipe_ends_everything_at_once(start: Start) -> None:
    runtime = start(HANDLERS["sync"])
    worker = runtime.invoke("x").payload()
    runtime.begin("wait")
    runtime.release_control()
    assert runtime.process.wait(DEADLINE_S) == 0
    until_gone(worker)
    assert list(runtime.sockets.iterdir()) == []


def test_stop_finishes_running_calls_and_takes_no_more(start: Start, kind: str) -> None:
    runtime = start(HANDLERS[kind])
    idle = runtime.client()
    assert idle.invoke(envelope("x")).status == 200
    client = runtime.begin("wait")
    runtime.signal(signal.SIGTERM)
    assert idle.ended()
    assert not (runtime.sockets / "runtime-ready").exists()
    with pytest.raises(FileNotFoundError):
        runtime.client()
    (runtime.folder / "go-wait").touch()
    assert client.receive().status == 200
    assert client.ended()
    assert runtime.process.wait(DEADLINE_S) == 0


def test_a_second_stop_does_not_wait(start: Start) -> None:
    runtime = start(HANDLERS["sync"])
    idle = runtime.client()
    idle.invoke(envelope("x"))
    client = runtime.begin("wait")
    runtime.signal(signal.SIGTERM)
    assert idle.ended()
    runtime.signal(signal.SIGTERM)
    assert runtime.process.wait(DEADLINE_S) == 0
    with pytest.raises(ConnectionError):
        client.receive()


def test_requests_of_watchers_and_others_on_the_health_socket(start: Start) -> None:
    runtime = start(HANDLERS["sync"])
    client = Client(runtime.health_path())
    assert client.ask("GET", "/healthz").json() == {"status": "ready"}
    assert client.ask("GET", "/elsewhere").status == 404
    client.send("GET", "/healthz/watch")
    assert client.file.readline().startswith(b"HTTP/1.1 200")
    headers = iter(client.file.readline, b"\r\n")
    assert {b"Content-Type: application/x-ndjson\r\n", b"Connection: close\r\n"} <= set(headers)
    assert client.file.readline() == b'{"status":"ready"}\n'
    many = []
    for _ in range(80):  # more than it keeps: the oldest go
        many.append(Client(runtime.health_path()))
        assert many[-1].ask("GET", "/healthz").json() == {"status": "ready"}
    assert many[0].ended()
    for other in many:
        other.close()


def test_two_runtimes_beside_each_other_share_nothing(start: Start) -> None:
    one, two = start("def handle(p): return 1"), start("def handle(p): return 2")
    assert (one.invoke().payload(), two.invoke().payload()) == (1, 2)


def test_an_idle_runtime_uses_no_processor_time(start: Start) -> None:
    runtime = start(HANDLERS["sync"])
    worker = runtime.invoke("x").payload()
    waited = start("def handle(p): return p")  # enough time for the watch over the leader to rest
    waited.invoke()

    def used() -> int:
        total = 0
        for pid in (runtime.process.pid, worker):
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total

    before = used()
    hung = start(HANDLERS["sync"])
    states = hung.states()
    next(states)
    hung.begin("wait").close()
    next(states)  # a second later
    assert used() - before <= 1


def test_a_second_runtime_on_one_folder_is_refused_and_the_first_serves_on(start: Start, archive: Path) -> None:
    runtime = start(HANDLERS["sync"])
    environment = {"ASYA_SOCKET_DIR": str(runtime.sockets), "ASYA_HANDLER": "user_code.handle"}
    command = [sys.executable, str(archive)]
    second = subprocess.run(command, cwd=runtime.folder, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    output = second.stdout + second.stderr
    assert "another runtime has its sockets there" in output
    assert str(runtime.sockets) in output
    assert (runtime.sockets / "runtime-ready").exists()
    worker = runtime.invoke("x").payload()
    # Killed without a chance to clean up: the folder is free at once, whatever a worker that ends later holds.
    runtime.process.kill()
    runtime.process.wait(DEADLINE_S)
    third = subprocess.Popen(command, cwd=runtime.folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert third.stderr is not None
        assert "worker started" in third.stderr.readline()
    finally:
        third.kill()
        third.communicate()
    until_gone(int(worker))
