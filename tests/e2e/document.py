"""Commands of a document and what it says that they print, to be run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

ELLIPSIS = "…"


def steps(document: Path) -> list[tuple[str, list[str]]]:
    """The commands of the document's console blocks, each with the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", document.read_text(), re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found[-1][0].endswith("\\"):
                found[-1] = (found[-1][0] + "\n" + line.removeprefix("> "), [])
            else:
                found[-1][1].append(line)
    return found


def matches(said: list[str], printed: str) -> bool:
    """Whether the output is as said; a line that is only an ellipsis stands for any number of lines."""
    pattern = ""
    for line in said:
        if line == ELLIPSIS:
            pattern += r"(?:.*\n)*"
        else:
            words = [".+?".join(re.escape(part) for part in word.split(ELLIPSIS)) for word in line.split()]
            pattern += r"[ ]*" + r"\s+".join(words) + r"[ ]*\n"
    return re.fullmatch(pattern, printed + ("" if printed.endswith("\n") or not printed else "\n")) is not None
