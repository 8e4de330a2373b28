"""docs/direct-mode.md: every command in it is run, and what it prints is compared with what the document says."""

from __future__ import annotations

from pathlib import Path

from document import ROOT, run_server_document


def test_every_command_prints_what_the_document_says(tmp_path: Path) -> None:
    """The whole document in one go, in an empty folder and on a free port."""
    run_server_document(ROOT / "docs" / "direct-mode.md", tmp_path, 60)
