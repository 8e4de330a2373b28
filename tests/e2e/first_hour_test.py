"""docs/first-hour.md, docs/tasks.md and docs/cli.md: every command is run, and what it prints is compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from document import ROOT, run_local_document


@pytest.mark.parametrize("name", ["first-hour.md", "tasks.md", "cli.md"])
def test_every_command_prints_what_the_document_says(name: str, tmp_path: Path) -> None:
    """The whole document in one go, beside a copy of the example."""
    run_local_document(ROOT / "docs" / name, tmp_path)
