"""Private environments of projects: made from requirements.txt without a network, bounded in time, taken away again."""

from __future__ import annotations

import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from asya_cli import environment
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
    assert [p for p in state.iterdir()] == [python.parents[1]], "half an environment is left"
    assert environment.remove_others(state, {python}) == []
    assert environment.remove_others(state, set()) == [python.parents[1]]
    assert not python.exists()


def test_a_step_that_never_ends_is_ended(tmp_path: Path) -> None:
    """With what it started, which holds its output open."""
    begun = time.monotonic()
    with pytest.raises(Failure, match="not made within") as refusal:
        environment.run(["sh", "-c", "echo Collecting scales; sleep 1000 & wait"], tmp_path, begun + 0.5, print)
    assert time.monotonic() - begun < 60
    assert "Collecting scales" in refusal.value.fix
