"""docs/reference/metrics.md as tables: which families there are, with types and labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "metrics.md"
RELAY = "\n## Relay\n"
API = "\n## `asya-server api` alone\n"
# Of the format itself, not of a family.
FORMAT_LABELS = frozenset({"le"})


@dataclass(frozen=True)
class Family:
    """What is known of the series of one name."""

    kind: str
    labels: frozenset[str]


def part(name: str) -> str:
    """`local`: what a server of a laptop exports, `relay`, or `api`: what a server of a cluster has beside that."""
    local, _, rest = DOCUMENT.read_text().partition(RELAY)
    relay, _, api = rest.partition(API)
    return {"local": local, "relay": relay, "api": api}[name]


def documented(*names: str) -> dict[str, Family]:
    """Name to type and labels, by the tables of those parts."""
    text = "".join(part(name) for name in names or ("local", "relay", "api"))
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) ?\| ", text, re.M)
    return {name: Family(kind, frozenset(re.findall(r"\w+", labels))) for name, kind, labels in rows}


def exported(text: str) -> dict[str, Family]:
    """The same of an exposition."""
    found: dict[str, Family] = {}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M):
        suffix = r"(?:_bucket|_sum|_count)" if kind == "histogram" else ""
        labels: set[str] = set()
        for series in re.findall(rf"^{name}{suffix}(?:{{(.*)}})? ", text, re.M):
            labels |= set(re.findall(r'(\w+)="', series))
        found[name] = Family(kind, frozenset(labels - FORMAT_LABELS))
    return found
