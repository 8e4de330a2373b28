"""Printing: tables for people, JSON and YAML for programs; colours only on a terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
import yaml

PHASE_COLOURS = {
    "Ready": "green", "Napping": "cyan", "Paused": "yellow", "Creating": "yellow", "Degraded": "red",
    "Terminating": "magenta", "succeeded": "green", "failed": "red", "running": "cyan", "canceled": "yellow",
}  # fmt: skip


# Control characters that JSON leaves as they are and terminals obey, and halves of characters that no file can hold.
UNSEEN = re.compile("[\x7f-\x9f\ud800-\udfff]")

Command = TypeVar("Command", bound=Callable[..., Any])


def output_option(*extra: str) -> Callable[[Command], Command]:
    """The ``--output`` option that every reading command has."""
    return click.option(
        "-o", "--output", type=click.Choice(["table", "json", "yaml", *extra]), default="table", show_default=True,
        help="How to print.",
    )  # fmt: skip


def data(value: Any, form: str) -> None:
    """Print a value as JSON or YAML."""
    if form == "yaml":
        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    else:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        click.echo(UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text))


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]], before: Sequence[int] = ()) -> list[int]:
    """Print aligned columns as kubectl does; gives their widths. With those of a table printed before: rows only."""
    cells = [[line_of("" if c is None else str(c)) for c in row] for row in rows]
    least = before or [len(h) for h in headers]
    widths = [max([least[i]] + [len(row[i]) for row in cells]) for i in range(len(headers))]
    if not before:
        click.echo("   ".join(h.upper().ljust(w) for h, w in zip(headers, widths, strict=True)).rstrip())
    for row in cells:
        line = "   ".join(paint(c.ljust(w)) for c, w in zip(row, widths, strict=True))
        click.echo(line.rstrip())
    return widths


def line_of(text: str) -> str:
    """Text of others on one line, without the control characters that would move the cursor or change colours."""
    return "".join(c if c.isprintable() else " " for c in text)


def plain(text: str) -> str:
    """Text of others on as many lines as it has, without what would move the cursor or change colours."""
    return "\n".join("\t".join(line_of(part) for part in line.split("\t")) for line in text.split("\n"))


def paint(cell: str) -> str:
    """Colour the words of a status, on a terminal."""
    colour = PHASE_COLOURS.get(cell.strip())
    return click.style(cell, fg=colour) if colour and sys.stdout.isatty() else cell


def note(message: str) -> None:
    """Progress and hints go to stderr, so that stdout stays data."""
    click.echo(plain(message), err=True)


def age(timestamp: str | None) -> str:
    """Kubernetes style age of an RFC 3339 time: 5s, 3m, 2h, 4d."""
    if not timestamp:
        return ""
    moment = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
