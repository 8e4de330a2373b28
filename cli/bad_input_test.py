"""What a person gets wrong, without a server: each is a Failure that names the cause, and nothing is written."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner

from asya_cli import dead_letters, manifests, output, render, tasks, up, waiting
from asya_cli.client import TIMEOUT_S, Client
from asya_cli.failure import INTERRUPTED, NOT_FOUND, REFUSED, UNREACHABLE, Failure
from asya_cli.main import main
from asya_cli.project import Server


class Recorder(Client):
    """A server that has nothing yet and refuses objects named `bad`."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []

    def json(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None, **more: Any) -> Any:
        """Every object is missing; what is written is answered as it came."""
        if method == "GET":
            raise Failure("not found", exit_code=NOT_FOUND)
        return self.call(method, path, body, params).json()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> httpx.Response:
        """Refuse or record a write; a dry run is not recorded."""
        name = body["metadata"]["name"]
        if name == "bad":
            raise Failure("spec.image: Required value", exit_code=REFUSED)
        if "dryRun" not in (params or {}):
            self.written.append((method, name))
        return httpx.Response(200, json=body)


def named(name: str) -> manifests.Manifest:
    """The smallest manifest that is sent."""
    return {"apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": {"name": name}, "spec": {}}


def test_one_refused_object_keeps_all_from_being_applied() -> None:
    """Without the dry run the good object before the bad one would be left behind."""
    server = Recorder()
    with pytest.raises(Failure, match=r"AsyncActor bad: spec\.image") as refusal:
        manifests.apply_all(server, [named("good"), named("bad")], "default")
    assert refusal.value.fix.endswith("nothing was applied")
    assert server.written == []
    manifests.apply_all(server, [named("good"), named("fine")], "default")
    assert server.written == [("POST", "good"), ("POST", "fine")]


def test_objects_that_clash_only_with_each_other_are_refused_before_anything_is_written() -> None:
    """Each alone passes its dry run."""
    server = Recorder()
    with pytest.raises(Failure, match=r"AsyncActor same: metadata\.name: Duplicate value"):
        manifests.apply_all(server, [named("fine"), named("same"), named("same")], "default")
    there = named("c")
    there["metadata"]["namespace"] = "a-b"
    here = named("here") | {"spec": {"actor": "b-c"}}
    with pytest.raises(Failure, match=r'AsyncActor here: spec\.actor: .*"asya-a-b-c" is also that of a-b/c'):
        manifests.apply_all(server, [there, here], "a")
    assert server.written == []
    elsewhere = named("same")
    elsewhere["metadata"]["namespace"] = "other"
    flow = named("same") | {"kind": "Flow"}
    assert [o.verb for o in manifests.apply_all(server, [named("same"), elsewhere, flow], "default", True)] == [
        "created", "created", "created",
    ]  # fmt: skip
    assert server.written == []


def transport(name: str, default: bool) -> manifests.Manifest:
    """One that may be the default."""
    return named(name) | {"kind": "Transport", "spec": {"type": "sqlite", "default": default}}


class OfOneDefault(Recorder):
    """A server whose default Transport is `old`, until that is written without the mark."""

    marked = True

    def call(
        self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None, timeout_s: float = TIMEOUT_S,
    ) -> httpx.Response:  # fmt: skip
        """Refuse another default, also in dry runs, which change nothing."""
        name = body["metadata"]["name"]
        if self.marked and name != "old" and body["spec"].get("default"):
            raise Failure('spec.default: Invalid value: true: Transport "old" is the default', exit_code=REFUSED)
        if name == "old" and "dryRun" not in (params or {}):
            self.marked = bool(body["spec"]["default"])
        return super().call(method, path, body, params, headers, timeout_s)


def test_a_manifest_may_exchange_the_default_transport() -> None:
    """In whatever order; two defaults are refused, and so is one beside that of the server."""
    server = OfOneDefault()
    manifests.apply_all(server, [transport("new", True), named("actor"), transport("old", False)], "default")
    assert [name for _, name in server.written] == ["actor", "old", "new"]
    server = OfOneDefault()
    with pytest.raises(Failure, match=r"Transport b: spec\.default: Invalid value: true: a in the manifest says it"):
        manifests.apply_all(server, [transport("a", True), transport("b", True), transport("old", False)], "default")
    with pytest.raises(Failure, match=r'Transport new: spec\.default: .* Transport "old" is the default'):
        manifests.apply_all(server, [transport("new", True), transport("other", False)], "default")
    assert server.written == []


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """Manifests and payloads alike."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_bytes(b"# \xff")
    with pytest.raises(Failure, match=r"wrong\.yaml: not UTF-8 at byte 2"):
        manifests.read(str(wrong))
    with pytest.raises(Failure, match="not UTF-8 at byte 2"):
        tasks.payload_of("@" + str(wrong), ())
    with pytest.raises(Failure, match="No such file"):
        tasks.payload_of("@" + str(tmp_path / "none"), ())


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # of a locale of UTF-8, and of C
def test_standard_input_that_is_not_utf8_is_told(errors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every command that reads it."""
    piped = io.TextIOWrapper(io.BytesIO(b"# \xff"), encoding="utf-8", errors=errors)
    monkeypatch.setattr("sys.stdin", piped)
    reads: list[Callable[[], Any]] = [
        lambda: manifests.read("-"),
        lambda: tasks.payload_of("-", ()),
        lambda: click.Context(render.render).invoke(render.render, what=None, filename="-"),
    ]
    for read in reads:
        piped.seek(0)
        with pytest.raises(Failure, match="standard input: not UTF-8 at byte 2") as refusal:
            read()
        assert refusal.value.exit_code == REFUSED


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / ".asya").write_text("mine")
    with pytest.raises(Failure, match=r"\.asya.*: Not a directory"):
        up.make_state(tmp_path)
    assert (tmp_path / ".asya").read_text() == "mine"


@pytest.mark.parametrize(
    ("wrote", "fix"),
    [
        ("address 127.0.0.1:8080 is in use by another process", "without --port"),
        ("/p/asya.db: in use by another process (7)", "asya down"),
        ("/p/asya.db: file is not a database (SQLite code 26)", "move it away"),
        ("something else", "server.log"),
    ],
)
def test_a_server_that_did_not_start_comes_with_a_fix(wrote: str, fix: str) -> None:
    """By what the server wrote."""
    assert fix in up.fix_of(wrote, Path("/p"), 8080)


def test_a_list_of_objects_is_read_and_empty_annotations_are_none() -> None:
    """As `kubectl get -o yaml` prints them, and as people leave them."""
    text = """{apiVersion: v1, kind: List, items: [
      {apiVersion: asya.sh/v1alpha1, kind: AsyncActor, metadata: {name: a, annotations: }, spec: {}},
      {apiVersion: v1, kind: Pod, metadata: {name: b}}]}"""
    found = manifests.parse(text, "here")
    assert [m["metadata"]["name"] for m in found] == ["a"]
    manifests.annotate_local(found[0], Path("/p"), None)
    assert found[0]["metadata"]["annotations"] == {manifests.SOURCE_DIR: "/p"}


def test_the_number_of_an_ended_server_is_not_taken_for_it() -> None:
    """After a reboot another program may have it; `asya down` would end that one."""
    assert up.alive(os.getpid())
    assert not up.serves(Server("http://127.0.0.1:1", pid=os.getpid()))


def test_who_stops_waiting_is_told_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise its ID would be lost with the command."""

    def interrupted() -> dict[str, Any]:
        raise KeyboardInterrupt

    def cut_off() -> dict[str, Any]:
        raise Failure("no server answers", exit_code=UNREACHABLE)

    with pytest.raises(click.exceptions.Exit) as left:
        waiting.await_end("t1", "default", interrupted)
    assert left.value.exit_code == INTERRUPTED
    with pytest.raises(Failure, match="no server answers"):
        waiting.await_end("t2", "team", cut_off)
    told = capsys.readouterr().err
    assert "asya task t1 --wait" in told
    assert "asya task t2 -n team --wait" in told


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1), ("canceled", 1)])
@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_a_task_that_was_waited_for_tells_its_end_by_the_exit_code(
    status: str, code: int, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is printed; who only looks is told what there is."""
    ended = {"id": "t1", "namespace": "default", "status": status}
    monkeypatch.setattr(Client, "json", lambda *_, **__: ended)
    command = ["task", "t1", "-o", form, "--server", "http://127.0.0.1:1"]
    for more, wanted in (["--wait"], code), ([], 0):
        done = CliRunner().invoke(main, command + more)
        assert (done.exit_code, status in done.stdout) == (wanted, True), done.output


def test_an_interrupted_look_at_a_task_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of asya send."""

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "json", interrupted)
    done = CliRunner().invoke(main, ["task", "t1", "--wait", "--server", "http://127.0.0.1:1"])
    assert done.exit_code == INTERRUPTED
    assert "the task goes on without this command: asya task t1 --wait" in done.stderr


def test_a_task_that_there_is_not_does_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that may not be looked at."""
    for code in (NOT_FOUND, REFUSED):

        def refused(*_: Any, _code: int = code, **__: Any) -> Any:
            raise Failure("no such task", exit_code=_code)

        monkeypatch.setattr(Client, "json", refused)
        done = CliRunner().invoke(main, ["task", "typo", "--wait", "--server", "http://127.0.0.1:1"])
        assert "goes on" not in done.stderr
        assert done.exit_code != 0


def test_text_of_others_stays_on_its_line_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """An error's message may hold line ends and escape sequences."""
    widths = output.table(["error"], [["a\nb \x1b[31mred"]])
    assert capsys.readouterr().out.splitlines() == ["ERROR", "a b  [31mred"]
    output.table(["error"], [["c"]], widths)
    assert capsys.readouterr().out == "c\n"
    assert dead_letters.brief({"type": "builtins.KeyError", "message": "'x'\nmore"}) == "KeyError: 'x'"


EVIL = "up \x1b[2A\x9b2K\tgone\nnext\rline"
TAMED = "up  [2A 2K\tgone\nnext line"


def test_text_of_payloads_moves_no_cursor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An error often quotes what it could not read; its lines and tabs stay."""
    error = {"type": "ValueError", "message": EVIL, "traceback": f"Traceback:\n  {EVIL}\n"}
    ended = {"id": "t1", "status": "failed", "reason": "x\x1b[31m", "labels": {"a": "\x1b[0m"}, "error": error}
    tasks.show(ended)
    letter = {"id": "t1", "actor": "a\x1b[1m", "error": error}
    dead_letters.show(letter | {"envelope": {"status": {"error": error}, "payload": "\x9b"}})
    with pytest.raises(Failure) as failure:
        tasks.finish(ended, "default", "table")
    failure.value.fix = "\x1b[7m"
    monkeypatch.setattr("click.style", lambda text, **_: text)
    failure.value.show()
    waiting.show("fly", '"\x9b"')
    output.data({"status": "\x9b\ud800 é"}, "json")
    printed = capsys.readouterr()
    assert printed.out.count(TAMED) == 4
    assert printed.err.count(TAMED) == 1
    assert [c for c in printed.out + printed.err if not (c.isprintable() or c in "\n\t")] == []
    assert printed.out.endswith('{\n  "status": "\\u009b\\ud800 é"\n}\n')


def test_an_answer_of_another_program_is_no_traceback() -> None:
    """Whatever listens at that port."""
    client = Client(Server("http://127.0.0.1:1"))
    client._http = httpx.Client(
        base_url="http://127.0.0.1:1", transport=httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    )
    with pytest.raises(Failure, match="no asya server") as refusal:
        client.json("GET", "/api/v1/tasks")
    assert refusal.value.exit_code == UNREACHABLE


# What a killed server looks like while the kernel ends it: without words, or with a first thread that has ended.
WITHOUT_WORDS = ["bash", "-c", "exec -a '' cat"]
WITHOUT_FIRST_THREAD = [sys.executable, "-c", """
import ctypes, os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
ctypes.CDLL(None).pthread_exit(None)
"""]  # fmt: skip


@pytest.mark.parametrize("command", [WITHOUT_WORDS, WITHOUT_FIRST_THREAD], ids=["words", "thread"])
def test_a_killed_server_is_waited_for_until_it_has_let_go_of_its_files(command: list[str]) -> None:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as dying:
        assert dying.stdin is not None
        while up.command_of(dying.pid):
            time.sleep(up.POLL_S)
        waiting = threading.Thread(target=up.wait_while_dying, args=[dying.pid])
        waiting.start()
        waiting.join(10 * up.POLL_S)
        assert waiting.is_alive()
        dying.stdin.close()
        waiting.join(up.DYING_TIMEOUT_S / 2)
        assert not waiting.is_alive()
