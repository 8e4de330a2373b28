"""Private environments of projects: made from requirements.txt without a network, bounded in time, taken away again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from asya_cli import environment, manifests, up
from asya_cli.client import TIMEOUT_S, Client
from asya_cli.failure import Failure

WHEEL = "scales-1.0-py3-none-any.whl"


def make_wheel(folder: Path) -> None:
    """A package of one module."""
    files = {
        "scales.py": "WEIGHT = 42\n",
        "scales-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: scales\nVersion: 1.0\n",
        "scales-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr("scales-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in files))


@pytest.mark.timeout(1200)  # two environments: seconds each, but minutes on a machine that does much else
def test_an_environment_is_made_once_and_again_when_its_requirements_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paths in requirements.txt are those of the project, wherever the command was typed."""
    folder, state, elsewhere = tmp_path / "project", tmp_path / "state", tmp_path / "elsewhere"
    for made in (folder, state, elsewhere):
        made.mkdir()
    monkeypatch.chdir(elsewhere)
    assert environment.prepare(folder, state) is None
    make_wheel(folder)
    (folder / "requirements.txt").write_text(f"--no-index\n./{WHEEL}\n")
    python = environment.prepare(folder, state)
    assert python is not None
    told = capsys.readouterr().err
    assert told.startswith("installing requirements.txt …\n")
    assert "installed requirements.txt into a private environment in " in told
    assert "Processing" in told
    weight = subprocess.run([python, "-c", "import scales; print(scales.WEIGHT)"], capture_output=True, check=True)
    assert weight.stdout == b"42\n"
    assert environment.prepare(folder, state) == python
    assert capsys.readouterr().err == ""
    (folder / "requirements.txt").write_text("--no-index\nno-such-scales\n")
    with pytest.raises(Failure, match="No matching distribution found for no-such-scales") as refusal:
        environment.prepare(folder, state)
    assert refusal.value.fix == "mend requirements.txt"
    assert [p for p in state.iterdir() if p.is_dir()] == [python.parents[1]], "half an environment is left"
    assert environment.remove_others(state, {python}) == []
    assert environment.remove_others(state, set()) == [python.parents[1]]
    assert not python.exists()


PREPARE = "import sys, pathlib; from asya_cli import environment; environment.prepare(*map(pathlib.Path, sys.argv[1:]))"
# The first interpreter is held until somebody opens and closes the pipe; those after it are not.
HELD_PYTHON = """#!/bin/sh
[ -e "$GO" ] || cat "$PIPE"
exec "$PYTHON" "$@"
"""


class Preparing:
    """A folder whose environment several processes make, the first of them held at its first step."""

    def __init__(self, home: Path) -> None:
        self.folder, self.state, self.go, self.pipe = (home / name for name in ("project", "state", "go", "pipe"))
        self.folder.mkdir()
        make_wheel(self.folder)
        (self.folder / "requirements.txt").write_text(f"--no-index\n./{WHEEL}\n")
        os.mkfifo(self.pipe)
        programs = home / "programs"
        programs.mkdir()
        (programs / "python3").write_text(HELD_PYTHON)
        (programs / "python3").chmod(0o755)
        self.variables = os.environ | {
            "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(Path(environment.__file__).parents[1]),
            "GO": str(self.go), "PIPE": str(self.pipe), "PYTHON": sys.executable,
        }  # fmt: skip

    def begin(self) -> subprocess.Popen[str]:
        """One more `asya`."""
        command = [sys.executable, "-c", PREPARE, str(self.folder), str(self.state)]
        return subprocess.Popen(command, env=self.variables, stderr=subprocess.PIPE, text=True)

    def installed(self) -> str:
        """What the environment has of the package."""
        (python,) = self.state.glob("python-*/bin/python")
        command = [str(python), "-c", "import scales; print(scales.WEIGHT)"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("killed", [False, True])
def test_an_environment_is_made_by_one_at_a_time(killed: bool, tmp_path: Path) -> None:
    """Also where the first was killed, as with its terminal, and left the installation to itself."""
    preparing = Preparing(tmp_path)
    first = preparing.begin()
    assert first.stderr is not None
    assert first.stderr.readline() == "installing requirements.txt …\n"
    with preparing.pipe.open("w"):
        if killed:
            first.kill()
            first.wait()
        second = preparing.begin()
        assert second.stderr is not None
        told = second.stderr.readline()
        preparing.go.touch()
    first.communicate()
    _, more = second.communicate()
    assert told == "another asya is installing requirements.txt here; waiting for it …\n"
    assert ("installed requirements.txt" in more) == killed
    assert (first.returncode == 0, second.returncode) == (not killed, 0)
    assert preparing.installed() == "42\n"


def test_a_project_that_came_up_while_its_environment_was_waited_for_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server.json was taken away, and a second server failed on the files of the first."""
    (tmp_path / "asya.yaml").write_text(json.dumps(actor()))
    file = tmp_path / ".asya" / "local" / "server.json"

    def waited(*_: Path) -> None:
        file.write_text(json.dumps({"url": "http://up", "token": "", "tlsUrl": "", "ca": "", "pid": os.getpid()}))

    monkeypatch.setattr(environment, "prepare", waited)
    monkeypatch.setattr(up, "serves", lambda _: True)
    with pytest.raises(Failure, match="is up already at http://up"):
        up.start_project(tmp_path, 0, "default", "")
    assert file.exists()


def test_a_step_that_never_ends_is_ended(tmp_path: Path) -> None:
    """With what it started, which holds its output open."""
    begun = time.monotonic()
    with pytest.raises(Failure, match="not made within") as refusal:
        environment.run(["sh", "-c", "echo Collecting scales; sleep 1000 & wait"], tmp_path, begun + 3, print)
    assert time.monotonic() - begun < 60
    assert "Collecting scales" in refusal.value.fix


def test_an_interruption_just_after_the_end_of_a_step_is_no_other_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C when the process is gone already, and its group with it."""
    wait = subprocess.Popen.wait

    def interrupted(process: subprocess.Popen[str], timeout: float | None = None) -> int:
        known = process.returncode is not None
        code = wait(process, timeout)
        if not known:
            raise KeyboardInterrupt
        return code

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environment.run(["true"], tmp_path, time.monotonic() + 60, print)


class Holder(Client):
    """A server of one actor, to which merge patches are applied."""

    def __init__(self, live: Any) -> None:
        self.live = live

    def json(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None, **more: Any) -> Any:
        """The actor, after it was patched."""
        if method == "PATCH":
            self.call(method, path, body)
        return self.live

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> httpx.Response:
        """Annotations are all that changes here."""
        assert method == "PATCH"
        annotations = self.live["metadata"]["annotations"] | json.loads(body)["metadata"]["annotations"]
        self.live["metadata"]["annotations"] = {key: value for key, value in annotations.items() if value is not None}
        return httpx.Response(200)


def actor(**annotations: str) -> Any:
    """The smallest that is sent."""
    metadata = {"name": "a", "annotations": annotations}
    return {"apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": metadata, "spec": {}}


def applied(live: Any, wanted: Any, folder: Path | None = None, python: Path | None = None) -> tuple[str, str]:
    """What became of the actor, and the interpreter that it names then; with a folder as a local apply does it."""
    if folder is not None:
        manifests.annotate_local(wanted, folder, python)
    verb = manifests.apply_one(Holder(live), wanted, "default").verb
    return verb, live["metadata"]["annotations"].get(manifests.PYTHON, "")


def test_a_requirements_file_that_was_deleted_takes_its_environment_along(tmp_path: Path) -> None:
    """Handlers went on in the old environment, and `asya down` kept it for good."""
    python = tmp_path / ".asya" / "local" / "python-0123456789ab" / "bin" / "python"
    live = actor()
    assert applied(live, actor(), tmp_path, python) == ("configured", str(python))
    assert applied(live, actor(), tmp_path, python) == ("unchanged", str(python))
    assert applied(live, actor()) == ("unchanged", str(python))
    assert applied(live, actor(), tmp_path) == ("configured", "")
    assert applied(live, actor(), tmp_path) == ("unchanged", "")
    # That of a folder that was moved since.
    live["metadata"]["annotations"][manifests.PYTHON] = f"/before{python}"
    assert applied(live, actor(), tmp_path) == ("configured", "")


@pytest.mark.parametrize("python", ["/usr/bin/python3", "/p/.venv/bin/python", "a", "/p/.asya/local/own/bin/python"])
def test_an_interpreter_that_a_person_has_chosen_stays(tmp_path: Path, python: str) -> None:
    """In the manifest, or by kubectl annotate."""
    live = actor()
    assert applied(live, actor(**{manifests.PYTHON: python}), tmp_path) == ("configured", python)
    assert applied(live, actor(), tmp_path) == ("unchanged", python)
