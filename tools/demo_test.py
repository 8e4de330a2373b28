"""What `make demo` leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import demo


def test_the_examples_own_server_is_not_the_demonstrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks and results of a person who tries the example are not deleted."""
    assert not demo.PROJECT.is_relative_to(demo.ROOT / "examples")
    example, copy = tmp_path / "example", tmp_path / "copy"
    for folder in (example, copy):
        (folder / ".asya" / "local").mkdir(parents=True)
        (folder / ".asya" / "local" / "asya.db").write_text(folder.name)
    (example / "asya.yaml").write_text("new")
    (copy / "gone.yaml").write_text("of an earlier version")
    monkeypatch.setattr(demo, "EXAMPLE", example)
    monkeypatch.setattr(demo, "PROJECT", copy)
    demo.copy_example()
    assert sorted(p.name for p in copy.iterdir()) == [".asya", "asya.yaml"]
    assert (copy / ".asya" / "local" / "asya.db").read_text() == "copy"
