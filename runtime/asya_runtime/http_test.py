"""The wire: keep-alive, old peers, odd peers, health beside a running handler, concurrency."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest

from running import Running, Start, envelope

ECHO = {"sync": "def handle(p): return p", "async": "async def handle(p): return p"}
# Says that it has begun, then waits for a file.
WAIT = {
    "sync": """
import os, time
def handle(p):
    if p is None: return "quick"
    open(f"begun-{p}", "w").close()
    while not os.path.exists(f"go-{p}"): time.sleep(0.002)
    return p
""",
    "async": """
import os, asyncio
async def handle(p):
    if p is None: return "quick"
    open(f"begun-{p}", "w").close()
    while not os.path.exists(f"go-{p}"): await asyncio.sleep(0.002)
    return p
""",
}


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both servers."""
    return str(request.param)


@pytest.fixture
def echo(start: Start, kind: str) -> Running:
    """An echo."""
    return start(ECHO[kind])


def test_many_requests_on_one_connection(echo: Running) -> None:
    client = echo.client()
    for number in range(200):
        reply = client.invoke(envelope(number))
        assert reply.payload() == number
        assert "connection" not in reply.headers
    assert client.ask("GET", "/healthz").json() == {"status": "ready"}


def test_an_old_peer_is_closed_after_its_reply(echo: Running) -> None:
    for number in range(5):
        client = echo.client()
        reply = client.invoke(envelope(number), version="1.0")
        assert (reply.payload(), reply.headers["connection"]) == (number, "close")
        assert client.ended()
        client.close()


def test_an_old_peer_may_ask_to_stay(echo: Running) -> None:
    client = echo.client()
    body = json.dumps(envelope(1)).encode()
    for _ in range(2):
        reply = client.ask("POST", "/invoke", body, "1.0", "Connection: keep-alive\r\n")
        assert reply.headers["connection"] == "keep-alive"


def test_close_is_honoured(echo: Running) -> None:
    client = echo.client()
    assert client.ask("GET", "/healthz", extra="Connection: close\r\n").status == 200
    assert client.ended()


def test_requests_sent_ahead_are_answered_in_order(echo: Running) -> None:
    client = echo.client()
    for number in range(50):
        client.start(envelope(number))
    assert [client.receive().payload() for _ in range(50)] == list(range(50))


def test_a_request_may_come_in_pieces(echo: Running) -> None:
    client = echo.client()
    body = json.dumps(envelope("pieces")).encode()
    request = b"POST /invoke HTTP/1.1\r\ncontent-length:  %d \r\n\r\n%b" % (len(body), body)
    for piece in (request[:5], request[5:30], request[30:-7], request[-7:-1], request[-1:]):
        client.socket.sendall(piece)
        assert echo.client().ask("GET", "/healthz").status == 200  # the server has been round once
    assert client.receive().payload() == "pieces"


def test_a_large_envelope_goes_through(echo: Running) -> None:
    client = echo.client()
    text = "ä" * 3_000_000
    writer = threading.Thread(target=client.start, args=(envelope(text),))
    writer.start()
    assert client.receive().payload() == text
    writer.join()
    assert client.invoke(envelope(1)).payload() == 1


def test_a_peer_that_waits_for_continue_gets_it(echo: Running) -> None:
    client = echo.client()
    body = json.dumps(envelope(1)).encode()
    head = "POST /invoke HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    client.socket.sendall((head % len(body)).encode())
    assert client.file.readline() == b"HTTP/1.1 100 Continue\r\n"
    assert client.file.readline() == b"\r\n"
    client.socket.sendall(body)
    assert client.receive().payload() == 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"POST /invoke HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /invoke HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /invoke HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /invoke HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST /invoke HTTP/1.1\r\nContent-Length : 1\r\n\r\n", 400),
        (b"POST /invoke HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /invoke HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET /" + b"x" * 70_000, 431),
    ],
)
def test_bytes_that_are_no_request_are_refused_and_closed(
    start: Start, kind: str, request_bytes: bytes, status: int
) -> None:
    runtime = start(ECHO[kind])
    client = runtime.client()
    client.socket.sendall(request_bytes)
    reply = client.receive()
    assert (reply.status, reply.json()["error"]) == (status, "msg_parsing_error")
    assert client.ended()
    assert runtime.invoke(1).payload() == 1


def test_other_targets_and_methods(echo: Running) -> None:
    client = echo.client()
    assert client.ask("GET", "/").status == 404
    assert client.ask("POST", "/nowhere", b"body that is skipped").status == 404
    assert client.ask("GET", "/invoke").status == 405
    assert client.ask("POST", "/healthz", b"x").status == 405
    assert client.ask("GET", "/healthz").status == 200
    assert client.ask("POST", "/invoke").status == 400  # an empty body is no envelope


@pytest.mark.parametrize("concurrency", ["1", "3"])
def test_health_is_answered_while_handlers_run(start: Start, kind: str, concurrency: str) -> None:
    runtime = start(WAIT[kind], ASYA_CONCURRENCY=concurrency)
    clients = [runtime.begin(str(number)) for number in range(int(concurrency))]
    assert runtime.client().ask("GET", "/healthz").json() == {"status": "ready"}
    assert runtime.health().json() == {"status": "ready"}
    for number, client in enumerate(clients):
        (runtime.folder / f"go-{number}").touch()
        assert client.receive().payload() == str(number)


def test_as_many_run_at_once_as_allowed_and_no_more(start: Start, kind: str) -> None:
    runtime = start(WAIT[kind], ASYA_CONCURRENCY="3")
    running = {name: runtime.begin(name) for name in "abc"}
    late = runtime.client()
    late.start(envelope("d"))
    other = runtime.client()
    other.start(envelope(None))
    assert runtime.client().ask("GET", "/healthz").status == 200
    assert not (runtime.folder / "begun-d").exists()
    (runtime.folder / "go-d").touch()
    (runtime.folder / "go-b").touch()
    assert running["b"].receive().payload() == "b"
    assert late.receive().payload() == "d"
    assert other.receive().payload() == "quick"
    for name in "ac":
        (runtime.folder / ("go-" + name)).touch()
        assert running[name].receive().payload() == name


def test_a_call_that_waits_for_its_turn_is_not_made_when_its_peer_leaves(start: Start, kind: str) -> None:
    runtime = start(WAIT[kind])
    first = runtime.begin("first")
    left = runtime.client()
    left.start(envelope("left"))
    left.close()
    for _ in range(2):  # a loop hears of the leaving a turn after it has answered who came with it
        assert runtime.client().ask("GET", "/healthz").status == 200
    (runtime.folder / "go-first").touch()
    assert first.receive().payload() == "first"
    assert runtime.invoke(None).payload() == "quick"
    assert not (runtime.folder / "begun-left").exists()


def test_quick_and_slow_calls_mix(start: Start, kind: str) -> None:
    runtime = start(WAIT[kind], ASYA_CONCURRENCY="4")
    quick = runtime.client()
    for turn in range(30):
        assert quick.invoke(envelope(None)).payload() == "quick"
        if turn % 10 == 0:
            slow = runtime.begin(f"s{turn}")
            assert quick.invoke(envelope(None)).payload() == "quick"
            (runtime.folder / f"go-s{turn}").touch()
            assert slow.receive().payload() == f"s{turn}"


def test_more_connections_than_slots_are_served_in_the_end(start: Start, kind: str) -> None:
    runtime = start(ECHO[kind])
    clients = [runtime.client() for _ in range(60)]
    for client in clients:
        client.start(envelope(1))
    for client in clients:
        assert client.receive().payload() == 1
        client.close()


def test_a_peer_that_ends_its_sending_side_still_gets_its_reply(start: Start, kind: str) -> None:
    runtime = start(WAIT[kind])
    client = runtime.begin("half")
    client.socket.shutdown(socket.SHUT_WR)
    assert runtime.client().ask("GET", "/healthz").status == 200
    (runtime.folder / "go-half").touch()
    assert client.receive().payload() == "half"
    assert client.ended()


def test_many_peers_at_once(start: Start, kind: str) -> None:
    runtime = start(ECHO[kind], ASYA_CONCURRENCY="4")
    wrong: list[Any] = []

    def converse(name: int) -> None:
        client = runtime.client()
        for number in range(100):
            if client.invoke(envelope([name, number])).payload() != [name, number]:
                wrong.append((name, number))
        client.close()

    threads = [threading.Thread(target=converse, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_socket_has_the_mode_asked_for(start: Start) -> None:
    runtime = start(ECHO["sync"], ASYA_SOCKET_CHMOD="0o600", ASYA_SOCKET_NAME="other.sock")
    assert (runtime.sockets / "other.sock").stat().st_mode & 0o777 == 0o600
    assert start(ECHO["sync"]).sockets.joinpath("asya-runtime.sock").stat().st_mode & 0o777 == 0o666
