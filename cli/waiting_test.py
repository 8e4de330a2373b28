"""What a person who waits for a task is told when an actor keeps it waiting."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from asya_cli import objects, waiting
from asya_cli.client import Client
from asya_cli.failure import NOT_FOUND, UNREACHABLE, Failure
from asya_cli.main import main
from asya_cli.project import Server

READY: dict[str, Any] = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
BROKEN: dict[str, Any] = {
    "status": {
        "conditions": [{"type": "Ready", "status": "False", "message": "shout-1: SyntaxError: bad (x.py, line 5)"}]
    }
}
PAUSED: dict[str, Any] = {"spec": {"paused": True}, **READY}
FLOW = {"spec": {"entrypoint": "greet", "routeNext": ["shout", "tell"]}}


class Waiting(Client):
    """A server whose task ends after as many looks as it has states."""

    def __init__(self, states: list[dict[str, Any]], actors: dict[str, dict[str, Any]]) -> None:
        self.states = states
        self.actors = actors
        self.waits: list[str] = []

    def json(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None, **more: Any) -> Any:
        """The next state, a flow or an actor."""
        if path.startswith("/apis/asya.sh/v1alpha1/namespaces/default/tasks/"):
            self.waits.append((params or {})["wait"])
            return self.states.pop(0)
        if path.endswith("/flows/hello"):
            return FLOW
        name = path.rpartition("/")[2]
        if name not in self.actors:
            raise Failure("not found", exit_code=NOT_FOUND)
        return self.actors[name]


def task(status: str, at: str = "", flow: str = "") -> dict[str, Any]:
    """A task as the server shows it."""
    return {"id": "t", "namespace": "default", "status": status, **({"currentActor": at} if at else {}),
            **({"flow": flow} if flow else {"actor": "greet"})}  # fmt: skip


def test_an_actor_that_cannot_load_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    """After a few seconds, not after the whole wait; of a flow it may be the next one."""
    server = Waiting([task("running", "greet", "hello")] * 3 + [task("succeeded")], {"greet": READY, "shout": BROKEN})
    assert waiting.wait_for(server, "default", "t")["status"] == "succeeded"
    assert server.waits == ["3s", "30s", "30s", "30s"]
    assert capsys.readouterr().err == "shout is not ready: shout-1: SyntaxError: bad (x.py, line 5); waiting\n"


def test_a_paused_actor_comes_with_the_way_to_resume_it(capsys: pytest.CaptureFixture[str]) -> None:
    """And what ends in time is told nothing of."""
    waiting.wait_for(Waiting([task("pending"), task("failed")], {"greet": PAUSED}), "default", "t")
    assert capsys.readouterr().err == "greet is paused; waiting: asya resume actor greet\n"
    waiting.wait_for(Waiting([task("succeeded")], {"greet": PAUSED}), "default", "t")
    assert capsys.readouterr().err == ""


def test_what_starts_is_looked_at_again_soon(capsys: pytest.CaptureFixture[str]) -> None:
    """It may turn out not to load."""
    starting = {"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Starting", "message": "m"}]}}
    server = Waiting([task("pending")] * 2 + [task("succeeded")], {"greet": starting})
    waiting.wait_for(server, "default", "t")
    assert server.waits == ["3s", "3s", "3s"]
    assert capsys.readouterr().err == "greet is starting: m; waiting\n"


def test_an_actor_that_is_gone_is_left_to_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends as unroutable, and says so itself."""
    waiting.wait_for(Waiting([task("running"), task("failed")], {}), "default", "t")
    assert capsys.readouterr().err == ""


class Cut(Client):
    """A server whose streams are cut without an event, each after so many seconds, but for the last one."""

    def __init__(self, clock: list[float], lasted_s: list[float]) -> None:
        self.clock = clock
        self.lasted_s = lasted_s

    def json(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None, **more: Any) -> Any:
        """It answers for the task."""
        return task("running")

    def lines(self, path: str, params: dict[str, str] | None = None, accept: str = "*/*",
              headers: dict[str, str] | None = None, silence_s: float | None = None) -> Iterator[str]:  # fmt: skip
        """What is said at the beginning, then nothing."""
        yield ":connected"
        yield ""
        if not self.lasted_s:
            yield from ("event: task", 'data: {"status": "succeeded"}', "")
            return
        self.clock[0] += self.lasted_s.pop(0)
        raise Failure("the connection ended", exit_code=UNREACHABLE)


def test_a_stream_without_an_event_for_a_minute_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As kube-apiserver cuts it; one that is cut at once is a failure."""
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    assert waiting.events(Cut(clock, [60.0, 60.0]), "default", "t") == {"status": "succeeded"}
    with pytest.raises(Failure, match="ended"):
        waiting.events(Cut(clock, [60.0, 0.1]), "default", "t")


class Dropped(BaseHTTPRequestHandler):
    """A server whose first stream ends for nobody, as where a firewall has forgotten it; the next one goes on."""

    def do_GET(self) -> None:
        """The task, or its events."""
        server = self.server
        assert isinstance(server, Forgetful)
        self.send_response(200)
        self.end_headers()
        if not self.path.endswith("/events"):
            self.wfile.write(json.dumps(task("running")).encode())
            return
        server.last_ids.append(self.headers.get("Last-Event-ID"))
        if len(server.last_ids) == 1:
            self.wfile.write(b':connected\n\nid: 7\nevent: status\ndata: {"status": "running"}\n\n')
            server.over.wait()
            return
        self.wfile.write(b'event: task\ndata: {"status": "succeeded"}\n\n')

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


class Forgetful(ThreadingHTTPServer):
    """It keeps the ids that streams were asked for after."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Dropped)
        self.last_ids: list[str | None] = []
        self.over = threading.Event()


@pytest.fixture
def forgetful() -> Iterator[Forgetful]:
    """One that serves."""
    with Forgetful() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.mark.timeout(30)
def test_a_stream_that_falls_silent_is_asked_for_again(
    forgetful: Forgetful, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the event that came last; the server says every 15 s that it is there."""
    monkeypatch.setattr(waiting, "SILENCE_S", 2.0)
    client = Client(Server(f"http://127.0.0.1:{forgetful.server_port}"))
    assert waiting.events(client, "default", "t") == {"status": "succeeded"}
    assert forgetful.last_ids[0] is None
    assert set(forgetful.last_ids[1:]) == {"7"}
    assert "running" in capsys.readouterr().err


class Pieces(httpx.SyncByteStream):
    """The body of an answer as it comes off the wire."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        """One after the other."""
        yield from self.pieces


def served(body: httpx.SyncByteStream) -> Client:
    """A client whose server answers everything with that."""
    client = Client(Server("http://127.0.0.1:1"))
    client._http = httpx.Client(
        base_url="http://127.0.0.1:1", transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    )
    return client


def test_a_line_of_a_stream_ends_only_where_the_server_ends_it() -> None:
    """JSON text holds the line ends of Unicode as they are; a piece may end within a character."""
    result = "one\u2028two\u2029three\x85four"
    text = json.dumps({"status": "succeeded", "result": result}, ensure_ascii=False).encode()
    middle = text.index("\u2028".encode()) + 1
    client = served(Pieces(b"event: task\r\nda", b"ta: " + text[:middle], text[middle:], b"\n\n"))
    assert waiting.events(client, "default", "t") == {"status": "succeeded", "result": result}
    assert list(served(Pieces(b"a\n\nb", b"c\r", b"\nd")).lines("/")) == ["a", "", "bc", "d"]


def test_an_upload_is_whole_with_a_bar_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the body is sent in pieces, with its length said before."""
    seen: list[tuple[str | None, bytes]] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers.get("content-length"), request.read()))
        return httpx.Response(200, json={})

    client = Client(Server("http://127.0.0.1:1"))
    client._http = httpx.Client(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(take))
    body = bytes(range(256)) * 8192
    client.call("POST", "/api/v1/tasks", body)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    client.call("POST", "/api/v1/tasks", body)
    assert seen == [(str(len(body)), body)] * 2


@pytest.mark.parametrize(("kind", "silence_s"), [("actors", objects.SILENCE_S), ("events", None)])
def test_a_watch_asks_for_signs_of_life(kind: str, silence_s: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet watch and one whose connection was dropped look the same without them."""
    asked: list[tuple[str, float | None]] = []

    class Watched(Client):
        def json(self, method: str, path: str, body: Any = None, params: Any = None, **more: Any) -> Any:
            return {"metadata": {"resourceVersion": "5"}, "columnDefinitions": []}

        def lines(self, path: str, params: dict[str, str] | None = None, accept: str = "*/*",
                  headers: dict[str, str] | None = None, silence_s: float | None = None) -> Iterator[str]:  # fmt: skip
            asked.append(((params or {})["allowWatchBookmarks"], silence_s))
            yield '{"type": "BOOKMARK", "object": {}}'

    monkeypatch.setattr(objects, "Client", Watched)
    done = CliRunner().invoke(main, ["get", kind, "-w", "--server", "http://127.0.0.1:1"])
    assert done.exit_code == 0, done.output
    assert asked == [("1", silence_s)]
