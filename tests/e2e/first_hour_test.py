"""docs/first-hour.md: every command in it is run, and what it prints is compared with what the document says."""

import os
import shutil
import subprocess
from pathlib import Path

from document import matches, steps

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_prints_what_the_document_says(tmp_path: Path) -> None:
    """The whole document in one go, in a copy of the example."""
    shutil.copytree(
        ROOT / "examples" / "hello", tmp_path / "examples" / "hello", ignore=shutil.ignore_patterns(".asya")
    )
    kubectl = subprocess.run([ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").symlink_to(kubectl.stdout.strip().splitlines()[-1])
    path = f"{tmp_path / 'bin'}:{ROOT / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    environment.setdefault("ASYA_TOOL_CACHE", str(Path.home() / ".cache" / "asya"))
    try:
        for command, said in steps(ROOT / "docs" / "first-hour.md"):
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
            assert matches(said, done.stdout), f"$ {command}\nsaid:\n{said}\nprinted:\n{done.stdout}"
    finally:
        subprocess.run([ROOT / "bin" / "asya", "down", "examples/hello"], cwd=tmp_path, env=environment, check=False)
