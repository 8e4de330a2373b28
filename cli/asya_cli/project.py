"""Finding the project of a folder, the files of its local server, and the programs of this installation."""

from __future__ import annotations

import contextlib
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


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files of a folder itself, by name; none of a folder that cannot be read."""
    try:
        return [p for p in sorted(folder.iterdir()) if p.suffix in (".yaml", ".yml") and p.is_file()]
    except OSError:
        return []


def manifests_of(folder: Path) -> list[Path]:
    """The manifests of a project: YAML files of the folder itself that look like ours, by name.

    One that cannot be read may be ours: who needs it is told by :func:`asya_cli.manifests.read_file`.
    """
    return [p for p in yaml_files(folder) if looks_like_ours(p)]


def looks_like_ours(path: Path) -> bool:
    """Whether the file names our group, or cannot be read."""
    try:
        return GROUP + "/" in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True


def project_of(folder: Path) -> Path | None:
    """The folder itself or its nearest parent that has ``.asya/`` or a manifest of ours."""
    for place in (folder, *folder.parents):
        if is_folder(place / ".asya"):
            return place
        if place != Path(place.anchor) and any(is_manifest(p) for p in manifests_of(place)):
            return place
    return None


def is_folder(path: Path) -> bool:
    """Whether it is a folder, as far as may be seen."""
    try:
        return path.is_dir()
    except OSError:
        return False


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


def remember(state: Path) -> str:
    """Make this local server the one that commands outside any project talk to; gives why that cannot be."""
    pointer = _pointer()
    try:
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.write_text(str(state), encoding="utf-8")
    except OSError as error:
        return f"{error.filename or pointer}: {error.strerror}"
    return ""


def remembered() -> Path | None:
    """The state folder of the last ``asya up`` that is not down."""
    try:
        return Path(_pointer().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def forget(state: Path) -> None:
    """Undo :func:`remember` if it names this server."""
    if remembered() == state:
        with contextlib.suppress(OSError):
            _pointer().unlink()


def find_server(explicit: str | None) -> Server:
    """By ``--server``, then ``ASYA_SERVER``, else the local server of this folder."""
    url = explicit or os.environ.get("ASYA_SERVER")
    if url:
        return Server(url.rstrip("/"), os.environ.get("ASYA_TOKEN", ""))
    return local_server()


def local_server() -> Server:
    """By the server.json of the project around; outside any project, that of the last ``asya up``."""
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise Failure("the folder you are in was deleted", "cd into a folder that exists", UNREACHABLE) from error
    project = project_of(here)
    last = remembered()
    # Inside a project only its own server is meant: what was typed for one must not change another.
    state = state_of(project) if project else last
    server = read_server_file(state) if state else None
    if server is not None:
        return server
    fix = "asya up FOLDER"
    if project and last and last != state and read_server_file(last):
        fix += f"; {last.parents[1]} is up, and its commands are typed there"
    raise Failure("no server is running for this folder", fix, UNREACHABLE)


def installation() -> Path:
    """Root of this installation: the checkout that holds cli/, crew/ and runtime/."""
    return Path(__file__).resolve().parents[2]


def program(name: str) -> Path:
    """A built program by name: ``ASYA_BIN``, then the newer of the builds of this checkout, then the PATH."""
    if "ASYA_BIN" in os.environ:
        own = Path(os.environ["ASYA_BIN"]) / name
        if own.is_file():
            return own
    builds = [installation() / "build" / preset / "bin" for preset in ("release", "dev")]
    # All programs come from one build: they speak to each other.
    builds.sort(key=lambda place: max(modified(place / n) for n in ("asya-server", "asya-relay")), reverse=True)
    for place in builds:
        if (place / name).is_file():
            return place / name
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    raise Failure(f"the program {name} is not built", "make build")


def modified(path: Path) -> float:
    """When the file was written last; 0 for one that is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
