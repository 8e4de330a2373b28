"""The files of the repository that the checks look at: what git tracks or would track."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

CPP = (".cc", ".h")


def tracked(root: Path) -> list[str]:
    """Paths relative to `root`, sorted; a folder without git is walked instead."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and (root / ".git").exists():
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    return sorted(name for name in names if (root / name).is_file())


def text_of(root: Path, name: str) -> str | None:
    """The text of a file, None when it is not text."""
    data = (root / name).read_bytes()
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def is_test(name: str) -> bool:
    """Whether a file is only built into tests or benchmarks."""
    parts = name.split("/")
    stem = parts[-1].rsplit(".", 1)[0]
    return (
        parts[0] in ("tests", "bench")
        or "conformance" in parts[:-1]
        or stem.endswith("_test")
        or stem.startswith(("test_", "conftest"))
        or "tests" in parts[:-1]
    )


_PATTERNS = (
    r'R"(?P<delimiter>[^()\\ ]{0,16})\((?:.|\n)*?\)(?P=delimiter)"',
    r'"(?:\\.|[^"\\\n])*"',
    r"(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'",
    r"//[^\n]*",
    r"/\*(?:.|\n)*?\*/",
)
_NOT_CODE = re.compile("|".join(_PATTERNS))


def cpp_code_only(text: str) -> str:
    """C++ text with comments and literals blanked; lines stay where they are."""

    def blank(match: re.Match[str]) -> str:
        found = match.group(0)
        kept = "".join("\n" if letter == "\n" else " " for letter in found)
        return '""' + kept[2:] if found[0] in 'R"' and len(kept) > 1 else kept

    return _NOT_CODE.sub(blank, text)
