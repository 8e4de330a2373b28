"""Actors whose work a model server does: a real OpenAI-compatible one, without weights, from PyPI."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from asya_project import ROOT, Project, until

sys.path.insert(0, str(ROOT / "tools"))

from free_ports import free_ports
from private_server import die_with_parent

KEY = "sk-of-the-test-0123456789"


class Models:
    """llm-katan with its echo model `m`; refuses every key but KEY."""

    def __init__(self, python: Path, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self.command: list[str | Path] = [
            python / "bin" / "llm-katan", "--backend", "echo", "--model", "m", "--host", "127.0.0.1",
            "--port", str(self.port), "--disable-dashboard", "--stats-file", str(folder / "stats.json"),
            "--validate-keys", "--api-keys", f"openai={KEY}",
        ]  # fmt: skip
        self.log = folder / "models.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns once it answers."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, preexec_fn=die_with_parent)
        until(self.answers, f"the model server answers: {self.log.read_text()}")

    def answers(self) -> bool:
        """Whether it does."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def python() -> Path:
    """The environment that the model server is installed in."""
    made = subprocess.run(
        [ROOT / "tools" / "python-environment", ROOT / "tools" / "requirements-models.txt"],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return Path(made.stdout.strip())


@pytest.fixture
def models(python: Path, tmp_path: Path) -> Iterator[Models]:
    """A model server that does not run yet."""
    server = Models(python, tmp_path)
    yield server
    server.stop()


def chat(project: Project, models: Models) -> None:
    """The files of examples/chat, for this server and with its key."""
    folder = ROOT / "examples" / "chat"
    text = (folder / "asya.yaml").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{models.port}")
    project.write(asya__yaml=text.replace("# headers:", "headers:").replace("# secretRefs:", "secretRefs:"))
    project.write(chat__py=(folder / "chat.py").read_text())
    secret = project.folder / ".asya" / "local" / "secrets" / "llm"
    secret.mkdir(parents=True)
    (secret / "key").write_text(KEY + "\n")


def test_a_chat_is_answered_and_its_stream_is_seen(project: Project, models: Models) -> None:
    """What a client of the example sees, and what an unknown key or model means."""
    models.start()
    chat(project, models)
    project.run("up", ".")
    done = project.run("send", "chat", '{"question": "What is a queue?", "model": "m"}', "--stream")
    answer = done.json()
    assert answer["question"] == "What is a queue?"
    assert "What is a queue?" in answer["answer"]
    pieces = [json.loads(line) for line in done.err.splitlines() if line.strip().startswith("{")]
    assert len(pieces) > 1, done.err
    told = "".join(c["delta"].get("content") or "" for p in pieces for c in p["payload"]["choices"])
    assert told == answer["answer"]
    refused = project.run("send", "llm", '{"request": {"messages": []}}', "--wait", "--actor", code=1)
    assert "http.BadRequest" in refused.err
    logs = "".join(log.read_text(errors="replace") for log in (project.state / "logs").rglob("*.log"))
    assert KEY not in logs
    assert "What is a queue?" not in logs


def test_an_actor_waits_for_its_model_server(project: Project, models: Models) -> None:
    """Until the server is there the actor says so, and no attempt is counted."""
    chat(project, models)
    project.run("up", ".")
    task = project.run("send", "chat", '{"question": "Why?", "model": "m"}', "-o", "json").json()["id"]
    ready = until(
        lambda: (
            message if "cannot connect" in (message := project.condition("llm", "Ready").get("message", "")) else None
        ),
        "the actor says that its model server is away",
    )
    assert str(models.port) in ready
    models.start()
    answer = project.run("task", task, "--wait", "-o", "json").json()
    assert "Why?" in json.dumps(answer)
