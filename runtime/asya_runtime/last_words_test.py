"""What a kubelet finds when a container has ended."""

from __future__ import annotations

from pathlib import Path

from .last_words import BYTES_MAX, leave, of_error


def test_one_line_stands_there_or_none(tmp_path: Path) -> None:
    """The last one; it is not made where no kubelet has made it."""
    place = tmp_path / "log"
    leave("lost", str(place))
    assert not place.exists()
    place.touch()
    leave("first and long", str(place))
    leave("two\nlines\n", str(place))
    assert place.read_text() == "two lines"
    leave("é" * BYTES_MAX, str(place))
    assert place.read_text() == "é" * (BYTES_MAX // 2)
    leave("", str(place))
    assert place.read_text() == ""


def test_an_error_is_told_with_its_place() -> None:
    """Where there is one."""
    error: dict[str, object] = {
        "type": "ModuleNotFoundError",
        "message": "No module named 'x'",
        "file": "h.py",
        "line": 3,
    }
    assert of_error(error) == "ModuleNotFoundError: No module named 'x' (h.py:3)"
    assert of_error({"type": "WorkerEnded", "message": "killed", "file": None}) == "WorkerEnded: killed"
