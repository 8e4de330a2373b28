"""`make fmt` formats what was changed, whatever its language, and leaves nothing behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(folder: Path, *command: str) -> None:
    """Run a command in the folder; it has to succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def checkout(folder: Path) -> None:
    """A repository with our Makefile, all of it committed."""
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "tools").mkdir()
    environment = folder / "tools" / "python-environment"
    environment.write_text("#!/bin/sh\necho /nowhere\n")
    environment.chmod(0o755)
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "first")


def test_only_cpp_was_changed(tmp_path: Path) -> None:
    """No Python file is among the changes, and a name has a space in it."""
    checkout(tmp_path)
    (tmp_path / "a b.cc").write_text("int   x;\n")
    run(tmp_path, "make", "fmt")
    assert (tmp_path / "a b.cc").read_text() == "int x;\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "Makefile", "a b.cc", "tools"]


def test_nothing_was_changed(tmp_path: Path) -> None:
    """As right after a commit."""
    checkout(tmp_path)
    run(tmp_path, "make", "fmt")
