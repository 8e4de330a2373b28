"""Whether the code of actors can be loaded, as far as its text tells: nothing of it is run for this."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

from asya_cli.environment import base_python
from asya_cli.failure import Failure
from asya_cli.manifests import PYTHON, SOURCE_DIR, Manifest
from asya_cli.project import installation

LOOK_TIMEOUT_S = 60.0
# The server's children get no more of the environment either.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def runtime_archive() -> Path:
    """The packed runtime of this installation."""
    places = [Path(os.environ["ASYA_RUNTIME"])] if "ASYA_RUNTIME" in os.environ else []
    places += [installation() / "build" / "asya_runtime.pyz"]
    for place in places:
        if place.is_file():
            return place
    raise Failure("the runtime is not packed", "make build")


def faults(manifests: list[Manifest]) -> list[str]:
    """What is seen to be wrong with the handlers of annotated actors, with the actors that it concerns."""
    asked: dict[tuple[str, str, str], dict[str, list[str]]] = defaultdict(dict)
    for manifest in manifests:
        spec = manifest.get("spec")
        if manifest["kind"] != "AsyncActor" or not isinstance(spec, dict) or not isinstance(spec.get("handler"), str):
            continue
        annotations = manifest["metadata"]["annotations"]
        place = (annotations.get(PYTHON) or base_python(), annotations[SOURCE_DIR], python_path(spec))
        asked[place].setdefault(spec["handler"], []).append(str(manifest["metadata"]["name"]))
    told: dict[str, list[str]] = defaultdict(list)
    for place, actors in asked.items():
        for handler, line in look(*place, list(actors)).items():
            told[line] += actors[handler]
    return [f"{', '.join(actors)}: {line}" for line, actors in told.items()]


def python_path(spec: dict[str, Any]) -> str:
    """Where the actor's own environment has its modules searched, too."""
    entries = spec.get("env") if isinstance(spec.get("env"), list) else []
    found = [str(e.get("value", "")) for e in entries or [] if isinstance(e, dict) and e.get("name") == "PYTHONPATH"]
    return found[-1] if found else ""


def look(python: str, folder: str, path: str, handlers: list[str]) -> dict[str, str]:
    """The faulty ones of the handlers, each with one line; a look that fails itself says nothing about them."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = ":".join(part for part in (folder, path, str(installation() / "crew")) if part)
    try:
        done = subprocess.run([python, str(runtime_archive()), "look", *handlers], cwd=folder, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=LOOK_TIMEOUT_S, check=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = done.stdout.splitlines()
    if len(lines) != len(handlers):
        return {}
    return {handler: line for handler, line in zip(handlers, lines, strict=True) if line != "ok"}


def refuse_faulty(manifests: list[Manifest]) -> None:
    """Fail if a handler cannot be loaded; the objects stay as they are, and their work waits for the code."""
    found = faults(manifests)
    if found:
        raise Failure("\n".join(found), "mend the code and save it: it is loaded anew; work waits until then")
