"""Reload: new code after the running calls, never the old code beside a broken file, and failures at load."""

from __future__ import annotations

import os
import signal

import pytest

from running import Start, envelope

VERSION = """
import os, time
def handle(p):
    open(f"begun-{{p}}", "w").close()
    while p == "wait" and not os.path.exists("go"): time.sleep(0.002)
    return {version}
"""


def test_reload_runs_the_new_code_after_the_running_calls(start: Start) -> None:
    runtime = start(VERSION.format(version=1))
    idle = runtime.client()
    assert idle.invoke(envelope("x")).payload() == 1
    client = runtime.begin("wait")
    states = runtime.states()
    assert next(states) == {"status": "ready"}
    runtime.write(VERSION.format(version=2))
    runtime.signal(signal.SIGHUP)
    assert next(states) == {"status": "loading"}
    assert idle.ended()
    (runtime.folder / "go").touch()
    assert client.receive().payload() == 1
    assert next(states) == {"status": "ready"}
    assert runtime.invoke("x").payload() == 2


LINGERING = {
    "thread": """
import asyncio, threading
async def handle(p):
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
""",
    "task": """
import asyncio
kept = []
async def stay():
    while True:
        try: await asyncio.Event().wait()
        except asyncio.CancelledError: pass
async def handle(p):
    kept.append(asyncio.create_task(stay()))
""",
    "exit hook": """
import atexit, threading
atexit.register(threading.Event().wait)
def handle(p): pass
""",
}


@pytest.mark.parametrize("what", LINGERING)
def test_reload_waits_for_running_calls_only(start: Start, what: str) -> None:
    running = start(VERSION.format(version=1))
    client = running.begin("wait")
    running.signal(signal.SIGHUP)
    runtime = start(LINGERING[what])
    assert runtime.invoke("x").status == 204
    states = runtime.states()
    assert next(states) == {"status": "ready"}
    runtime.write(VERSION.format(version=2))
    runtime.signal(signal.SIGHUP)
    assert next(states) == {"status": "loading"}
    assert next(states) == {"status": "ready"}
    assert runtime.invoke("x").payload() == 2
    assert "it had ended its calls" in runtime.output()
    # The grace of that one is over, and the running call of the other, which was told to reload before, goes on.
    (running.folder / "go").touch()
    assert client.receive().payload() == 1


def test_a_file_saved_twice_in_a_second_is_not_taken_from_a_cache(start: Start) -> None:
    runtime = start("import sys\nsys.path.append('parts')\ndef handle(p):\n    import part\n    return part.VALUE")
    (runtime.folder / "parts").mkdir()
    states = runtime.states()
    assert next(states) == {"status": "ready"}
    for value in range(1, 5):
        runtime.write(f"VALUE = {value}", "parts/part.py")
        os.utime(runtime.folder / "parts/part.py", (1_000_000_000, 1_000_000_000))
        runtime.signal(signal.SIGHUP)
        assert next(states) == {"status": "loading"}
        assert next(states) == {"status": "ready"}
        assert runtime.invoke().payload() == value


def test_reload_of_broken_code_fails_with_file_and_line_and_nothing_serves(start: Start) -> None:
    runtime = start(VERSION.format(version=1))
    states = runtime.states()
    assert next(states) == {"status": "ready"}
    runtime.write("import os\ndef handle(p):\n    return (1,\n")
    runtime.signal(signal.SIGHUP)
    assert next(states) == {"status": "loading"}
    failed = next(states)
    assert failed["status"] == "failed"
    assert failed["error"]["type"] == "SyntaxError"
    assert failed["error"]["file"] == str(runtime.folder / "user_code.py")
    assert failed["error"]["line"] == 3
    reply = runtime.health()
    assert (reply.status, reply.json()) == (503, failed)
    assert not (runtime.sockets / "runtime-ready").exists()
    with pytest.raises(FileNotFoundError):
        runtime.client()
    runtime.write(VERSION.format(version=3))
    runtime.signal(signal.SIGHUP)
    assert next(states) == {"status": "ready"}
    assert runtime.invoke("x").payload() == 3


def test_code_that_breaks_while_loading_is_tried_again_without_words(start: Start) -> None:
    runtime = start("raise RuntimeError('not yet')", wait=False)
    state = runtime.until("failed")
    assert state["error"] == {
        "type": "RuntimeError",
        "message": "not yet",
        "file": str(runtime.folder / "user_code.py"),
        "line": 1,
    }
    runtime.write("def handle(p): return 1")
    runtime.until("ready")  # by itself, without a signal
    assert runtime.output().count("handler cannot be loaded") == 1


def test_a_worker_that_dies_while_loading_is_a_failure_with_its_status(start: Start) -> None:
    runtime = start("import os\nos._exit(7)", wait=False)
    error = runtime.until("failed")["error"]
    assert (error["type"], error["line"]) == ("WorkerEnded", None)
    assert "exit status 7" in error["message"]


def test_reload_while_loading_starts_over(start: Start) -> None:
    runtime = start("import time\nopen('begun-load', 'w').close()\nwhile True: time.sleep(0.01)", wait=False)
    runtime.until_exists("begun-load")
    assert runtime.health().json() == {"status": "loading"}
    assert not (runtime.sockets / "asya-runtime.sock").exists()
    runtime.write("def handle(p): return 1")
    runtime.signal(signal.SIGHUP)
    runtime.until("ready")
