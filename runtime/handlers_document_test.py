"""docs/handlers.md: every snippet is run by the packed runtime, and what comes out is compared with what it says."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from document import matches, steps

from running import Reply, Running

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "handlers.md"
SNIPPET = re.compile(r"```python\n# (\S+), handler: (\S+)\n(.*?)```\n(?:```text\n(.*?)```)?", re.S)
ROUTE = ["b", "c"]
HEADERS = {"customer": "ada"}
OUTPUTS = ("=> ", "~> ", "!> ", "metric ")


class Snippet(NamedTuple):
    """A file of the document, its handler, and what is said of it: each payload with the lines that follow it."""

    file: str
    handler: str
    source: str
    said: list[tuple[str, list[str]]]


def snippets() -> list[Snippet]:
    """All of the document."""
    found = []
    for file, handler, source, text in SNIPPET.findall(DOCUMENT.read_text()):
        said: list[tuple[str, list[str]]] = []
        for line in text.splitlines():
            if line.startswith(OUTPUTS):
                said[-1][1].append(line)
            else:
                said.append((line, []))
        found.append(Snippet(file, handler, source, said))
    return found


def told(line: str) -> list[Any]:
    """A line of the document taken apart: words stay, JSON becomes values, so that white space does not count."""
    kind, _, rest = line.partition(" ")
    if kind == "!>" or rest == "nothing":
        return [kind, rest]
    parts: list[Any] = [kind]
    decoder = json.JSONDecoder()
    for piece in re.split(r" (by|with) (?=[\[{])", rest):
        parts.append(piece if piece in ("by", "with") else decoder.decode(piece))
    return parts


def frame(parts: dict[str, Any], in_full: bool) -> list[Any]:
    """A frame as the document tells it; in full with its route and headers."""
    route = [parts["route"]["curr"], *parts["route"]["next"]]
    headers = parts.get("headers", HEADERS)
    if not in_full:
        assert (route, headers) == (ROUTE, HEADERS), "the document has to tell of a changed route or header"
        return ["=>", parts["payload"]]
    return ["=>", parts["payload"], "by", route, "with", headers]


def failure(body: dict[str, Any], in_full: bool) -> list[Any]:
    """An error as the document tells it; in full with the ancestors of its type."""
    details = body["details"]
    ancestors = " ({})".format(", ".join(details["mro"])) if in_full else ""
    return ["!>", f"{details['type']}{ancestors}: {details['message']}"]


def came(reply: Reply, said: list[str]) -> Iterator[list[Any]]:
    """What the runtime answered, in the words of the document."""
    in_full = any(" by [" in line or re.match(r"!> \S+ \(", line) for line in said)
    if reply.status == 204:
        yield ["=>", "nothing"]
    elif reply.headers["content-type"].startswith("application/json"):
        body = reply.json()
        yield from [failure(body, in_full)] if "error" in body else [frame(one, in_full) for one in body["frames"]]
    else:
        events = reply.events()
        for name, data in events:
            if name == "downstream":
                yield frame(data, in_full)
            elif name == "upstream":
                yield ["~>", data["payload"]]
            elif name == "metric":
                yield ["metric", data]
            elif name == "error":
                yield failure(data, in_full)
        if all(name == "done" for name, _ in events):
            yield ["=>", "nothing"]


def test_the_document_has_snippets() -> None:
    """As many as blocks of Python, none without what comes out of it: else what follows would prove nothing."""
    found = snippets()
    assert len(found) == DOCUMENT.read_text().count("```python") >= 10
    assert all(said and all(lines for _, lines in said) for *_, said in found)


@pytest.mark.parametrize("snippet", snippets(), ids=lambda snippet: snippet.handler)
def test_a_snippet_does_what_the_document_says(snippet: Snippet, tmp_path: Path, start: Callable[..., Running]) -> None:
    """By the runtime as it is shipped, from the payload to what leaves."""
    (tmp_path / snippet.file).write_text(snippet.source)
    runtime = start("", PYTHONPATH=str(tmp_path), ASYA_HANDLER=snippet.handler)
    for payload, said in snippet.said:
        reply = runtime.invoke(json.loads(payload), route={"prev": ["p"], "curr": "a", "next": ROUTE}, headers=HEADERS)
        assert list(came(reply, said)) == [told(line) for line in said], runtime.output()


def test_handlers_are_checked_as_the_document_says(tmp_path: Path, archive: Path) -> None:
    """The command `check` on the first snippet."""
    first = snippets()[0]
    (tmp_path / first.file).write_text(first.source)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "asya_runtime.pyz").symlink_to(archive)
    commands = steps(DOCUMENT)
    assert commands
    for command, said in commands:
        done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert matches(said, done.stdout), f"$ {command}\nsaid:\n{said}\nprinted:\n{done.stdout}{done.stderr}"
