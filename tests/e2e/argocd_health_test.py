"""The health script of docs/argo-cd.md, run as Argo CD does: in Lua 5.1, with the object and base functions alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from asya_project import ROOT
from direct_place import DirectPlace
from direct_server import GROUP, DirectServer, thing

ACTORS = f"{GROUP}/namespaces/default/asyncactors"
KEY = "resource.customizations.health.asya.sh_AsyncActor"
HARNESS = """\
local chunk = assert(loadstring(io.read("*a"), "health"))
setfenv(chunk, {obj = %s, ipairs = ipairs, pairs = pairs, tostring = tostring, type = type, string = string})
local health = chunk()
print(health.status)
print(health.message)
"""


def script() -> str:
    """As it stands in the document."""
    block = (ROOT / "docs" / "argo-cd.md").read_text().split("```yaml\n")[1].split("```")[0]
    found: str = yaml.safe_load(block)["data"][KEY]
    return found


def literal(value: Any) -> str:
    """A value of JSON in Lua."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{literal(key)}] = {literal(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(literal(one) for one in value) + "}"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'
    return {None: "nil", True: "true", False: "false"}.get(value) or repr(value)


def health(item: dict[str, Any]) -> tuple[str, str]:
    """Status and message."""
    done = subprocess.run(["lua5.1", "-e", HARNESS % literal(item)], input=script(), capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    status, message = done.stdout.splitlines()
    return status, message


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    """Of a server that keeps actors and acts on none: the test writes their status."""
    place = DirectPlace(tmp_path / "place")
    with DirectServer(tmp_path / "server", place.authority.certificate, *place.arguments) as server:
        yield server.client(certificate=place.root)


def told(client: httpx.Client, phase: str, ready: str, message: str, generation: int) -> dict[str, Any]:
    """The actor after the control plane has said so."""
    condition = {"type": "Ready", "status": ready, "reason": "Because", "message": message,
                 "lastTransitionTime": "2026-01-01T00:00:00Z"}  # fmt: skip
    synced = condition | {"type": "Synced", "status": "True", "message": "another condition"}
    status = {"phase": phase, "observedGeneration": generation, "conditions": [condition, synced]}
    answer = client.patch(f"{ACTORS}/a/status", json={"status": status},
                          headers={"Content-Type": "application/merge-patch+json"})  # fmt: skip
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_actor_is_healthy_once_its_present_generation_is_ready(client: httpx.Client) -> None:
    """Nobody is to go on by what was said of an earlier one."""
    made = client.post(ACTORS, json=thing("AsyncActor", "a", image="i:1", handler="m.f")).json()
    assert health(made)[0] == "Progressing"
    assert health({"metadata": {"generation": 1}})[0] == "Progressing"
    assert health(told(client, "Creating", "False", "starts", 1)) == ("Progressing", "starts")
    assert health(told(client, "Ready", "True", "1 of 1", 1)) == ("Healthy", "1 of 1")
    changed = client.patch(f"{ACTORS}/a", json={"spec": {"image": "i:2"}},
                           headers={"Content-Type": "application/merge-patch+json"}).json()  # fmt: skip
    status, message = health(changed)
    assert status == "Progressing" and "generation 2" in message
    broken = told(client, "Degraded", "False", "flavor gpu does not exist", 2)
    assert health(broken) == ("Degraded", "flavor gpu does not exist")
    assert health(told(client, "Napping", "True", "no work", 2)) == ("Healthy", "no work")
    assert health(told(client, "Creating", "Unknown", "nobody knows", 2)) == ("Progressing", "nobody knows")
