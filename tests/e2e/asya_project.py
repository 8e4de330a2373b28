"""A project in a temporary folder, worked on with the asya command as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asya_cli.client import Client
from asya_cli.project import Server, read_server_file, state_of

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
POLL_S = 0.05
ACTORS = "/apis/asya.sh/v1alpha1/namespaces/default/asyncactors"


def until(look: Callable[[], Any], what: str) -> Any:
    """What `look` gives as soon as it gives something; fails after PATIENCE_S, saying what did not come."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(POLL_S)


def actor(name: str, handler: str, more: str = "", scaling: str = "minReplicaCount: 0") -> str:
    """A manifest of one actor that goes back to zero soon."""
    return f"""\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {{name: {name}}}
spec:
  image: test:latest
  handler: {handler}
  scaling: {{{scaling}, maxReplicaCount: 2, cooldownPeriod: 1}}
{more}---
"""


def as_anybody() -> str:
    """A program under which the modes of files count, for root too."""
    return "" if os.geteuid() else "setpriv --bounding-set -dac_override,-dac_read_search --"


class Done:
    """What a command printed and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    def rows(self) -> list[dict[str, str]]:
        """The first table that was printed, by its headings; cells hold no two spaces."""
        first = self.out.split("\n\n", maxsplit=1)[0]
        lines = [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in first.splitlines()]
        return [dict(zip(lines[0], row, strict=False)) for row in lines[1:]]

    def json(self) -> Any:
        """The JSON that was printed."""
        return json.loads(self.out)


class Project:
    """A folder of manifests and handlers, its server, and the commands on it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "PYTHONPATH": str(ROOT / "cli"),
            "ASYA_BIN": os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin")),
        }

    def write(self, **files: str) -> None:
        """Write files; a double underscore in a name stands for the dot."""
        for name, text in files.items():
            (self.folder / name.replace("__", ".")).write_text(text)

    def run(self, *arguments: str, code: int | None = 0, stdin: str = "", under: str = "", **environment: str) -> Done:
        """Run `asya` with the arguments in the project's folder, `under` a program; it has to exit with `code`."""
        done = subprocess.run(
            [*under.split(), sys.executable, "-m", "asya_cli", *arguments],
            cwd=self.folder if self.folder.is_dir() else self.folder.parent,
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )
        assert code is None or done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run `asya` in the background, with its output to be read."""
        return subprocess.Popen(
            [sys.executable, "-m", "asya_cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def state(self) -> Path:
        """Where store, logs and server.json lie."""
        return state_of(self.folder)

    def server(self) -> Server:
        """The server that runs for this folder."""
        found = read_server_file(self.state)
        assert found is not None
        return found

    def get(self, path: str, **params: str) -> Any:
        """Read from the server's HTTP API; quicker than a command where a test looks often."""
        return Client(self.server()).json("GET", path, params=params)

    def post(self, path: str, body: Any, **params: str) -> Any:
        """Write to the server's HTTP API."""
        return Client(self.server()).json("POST", path, body, params=params)

    def condition(self, name: str, kind: str) -> dict[str, Any]:
        """A condition of an actor; empty when it has none of that type."""
        conditions = self.get(f"{ACTORS}/{name}").get("status", {}).get("conditions", [])
        found: dict[str, Any] = next((c for c in conditions if c["type"] == kind), {})
        return found

    def row(self, name: str) -> dict[str, str]:
        """The actor's row of `asya get actors`."""
        return next(row for row in self.run("get", "actors").rows() if row["NAME"] == name)

    def down(self) -> None:
        """Stop the server if one runs; for a failing test its tasks and the ends of all logs are printed."""
        if read_server_file(self.state) is not None:
            print(self.run("tasks", code=None).out)
        for log in sorted((self.state / "logs").rglob("*.log")):
            print(f"--- {log.relative_to(self.state)}\n{log.read_text(errors='replace')[-4000:]}")
        if read_server_file(self.state) is not None:
            self.run("down", code=None)
