"""Finding the project of a folder, the files of its local server, and the programs of this installation."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from asya_cli.failure import UNREACHABLE, Failure

GROUP = "asya.sh"


@dataclass(frozen=True)
class Server:
    """Where a server is and how to talk to it."""

    url: str
    token: str = ""
    tls_url: str = ""
    ca_pem: str = ""
    pid: int = 0
    state: Path | None = None


def is_manifest(path: Path) -> bool:
    """Whether the file holds at least one document of group asya.sh."""
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return any(isinstance(d, dict) and str(d.get("apiVersion", "")).startswith(GROUP + "/") for d in documents)


def manifests_of(folder: Path) -> list[Path]:
    """The manifests of a project: YAML files of the folder itself that look like ours, by name."""
    found = [p for p in sorted(folder.iterdir()) if p.suffix in (".yaml", ".yml") and p.is_file()]
    return [p for p in found if GROUP + "/" in p.read_text(encoding="utf-8", errors="replace")]


def project_of(folder: Path) -> Path | None:
    """The folder itself or its nearest parent that has ``.asya/`` or a manifest of ours."""
    for place in (folder, *folder.parents):
        if (place / ".asya").is_dir():
            return place
        if place != Path(place.anchor) and any(is_manifest(p) for p in manifests_of(place)):
            return place
    return None


def state_of(project: Path) -> Path:
    """Folder of store, queues, logs and server.json of a project's local server."""
    return project / ".asya" / "local"


def read_server_file(state: Path) -> Server | None:
    """The local server whose state lies in the folder, as it wrote itself down; None if there is none."""
    try:
        data: dict[str, Any] = json.loads((state / "server.json").read_text(encoding="utf-8"))
        return Server(data["url"], data["token"], data["tlsUrl"], data["ca"], int(data["pid"]), state)
    except (OSError, ValueError, KeyError):
        return None


def _pointer() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "asya" / "current"


def remember(state: Path) -> None:
    """Make this local server the one that commands outside any project talk to."""
    pointer = _pointer()
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.write_text(str(state), encoding="utf-8")


def forget(state: Path) -> None:
    """Undo :func:`remember` if it names this server."""
    pointer = _pointer()
    if pointer.exists() and pointer.read_text(encoding="utf-8") == str(state):
        pointer.unlink()


def find_server(explicit: str | None) -> Server:
    """By ``--server``, then ``ASYA_SERVER``, then the server.json of the project around, then the last ``asya up``."""
    url = explicit or os.environ.get("ASYA_SERVER")
    if url:
        return Server(url.rstrip("/"), os.environ.get("ASYA_TOKEN", ""))
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise Failure("the folder you are in was deleted", "cd into a folder that exists", UNREACHABLE) from error
    project = project_of(here)
    states = [state_of(project)] if project else []
    if _pointer().exists():
        states.append(Path(_pointer().read_text(encoding="utf-8")))
    for state in states:
        server = read_server_file(state)
        if server is not None:
            return server
    raise Failure("no server is running for this folder", "asya up FOLDER", UNREACHABLE)


def installation() -> Path:
    """Root of this installation: the checkout that holds cli/, crew/ and runtime/."""
    return Path(__file__).resolve().parents[2]


def program(name: str) -> Path:
    """A built program by name: ``ASYA_BIN``, then the release and debug builds of this checkout, then the PATH."""
    places = [Path(os.environ["ASYA_BIN"])] if "ASYA_BIN" in os.environ else []
    places += [installation() / "build" / preset / "bin" for preset in ("release", "dev")]
    for place in places:
        if (place / name).is_file():
            return place / name
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    raise Failure(f"the program {name} is not built", "make build")
