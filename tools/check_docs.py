#!/usr/bin/env python3
"""Checks the documents where a machine can: named functions and files exist, records and changelog keep their form."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import source_tree

FUNCTION = re.compile(r"`([\w./-]+\.(?:cc|h|py)):([\w:~.]+)`")
FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:cc|h|py|txt|md|json|yaml|sh))`")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"`make ([a-z0-9-]+)")
ADR_NAME = re.compile(r"^docs/adr/(\d{4})-[a-z0-9-]+\.md$")
ADR_PARTS = ("## Context", "## Decision", "## Consequences", "## Measurement")
CHANGE_KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def check(root: Path) -> list[str]:
    """All problems of the documents under `root`, as path:line: text."""
    names = source_tree.tracked(root)
    problems: list[str] = []
    for name in names:
        if name.endswith(".md"):
            text = (root / name).read_text()
            problems += _named(root, name, text)
            if name.startswith("docs/adr/"):
                problems += _adr(name, text)
    numbers = [match.group(1) for name in names if (match := ADR_NAME.match(name))]
    doubled = sorted({number for number in numbers if numbers.count(number) > 1})
    problems += [f"docs/adr:1: two records are numbered {number}" for number in doubled]
    if (root / "CHANGELOG.md").exists():
        problems += _changelog((root / "CHANGELOG.md").read_text())
    return problems


def _named(root: Path, name: str, text: str) -> list[str]:
    problems = []
    makefile = (root / "Makefile").read_text() if (root / "Makefile").exists() else ""
    for number, line in enumerate(text.split("\n"), 1):
        for path, function in FUNCTION.findall(line):
            if not (root / path).is_file():
                problems.append(f"{name}:{number}: names {path}, which does not exist")
            elif not has_function((root / path).read_text(), path, function):
                problems.append(f"{name}:{number}: names {function} in {path}, which is not there")
        for path in FILE.findall(line):
            # A path that does not begin with a folder of ours is about somebody else's tree.
            if (root / path.split("/")[0]).is_dir() and not (root / path).exists():
                problems.append(f"{name}:{number}: names {path}, which does not exist")
        for target in LINK.findall(line):
            if not (root / name).parent.joinpath(target).exists():
                problems.append(f"{name}:{number}: links to {target}, which does not exist")
        for command in COMMAND.findall(line):
            if makefile and not re.search(rf"^{command}:", makefile, re.MULTILINE):
                problems.append(f"{name}:{number}: names `make {command}`, which the Makefile does not have")
    return problems


def has_function(text: str, path: str, name: str) -> bool:
    """Whether C++ or Python text defines a function, method or class of that (possibly qualified) name.

    `Suite.Name` is a test of GoogleTest.
    """
    if path.endswith(".py"):
        last = name.replace("::", ".").split(".")[-1]
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return any(isinstance(node, kinds) and node.name == last for node in ast.walk(ast.parse(text)))
    code = source_tree.cpp_code_only(text)
    if "." in name:
        suite, _, test = name.partition(".")
        return bool(re.search(rf"^TEST(?:_F|_P)?\(\s*{re.escape(suite)},\s*{re.escape(test)}\)", code, re.MULTILINE))
    # A declaration or definition: something stands before the name that is not a call's context.
    last = re.escape(name.split("::")[-1])
    qualified = re.escape(name)
    defined = re.search(rf"^[\w:<>,&*\s\[\]~]*?(?<![\w.>])(\w+::)*({qualified})\s*\(", code, re.MULTILINE)
    return bool(defined) or bool(re.search(rf"\b(class|struct|enum class)\s+(\[\[\w+\]\]\s*)?{last}\b", code))


def _adr(name: str, text: str) -> list[str]:
    problems = []
    if not ADR_NAME.match(name):
        problems.append(f"{name}:1: a record is called NNNN-title.md")
    number = name.rsplit("/", 1)[-1][:4]
    if not re.match(rf"# {number}\. \S", text):
        problems.append(f"{name}:1: begins with '# {number}. Title'")
    if not re.search(r"^Status: (accepted|proposed|superseded by \d{4}|out of date)", text, re.MULTILINE):
        problems.append(f"{name}:1: has no line 'Status: accepted' (proposed, superseded by NNNN, out of date)")
    places = [text.find(f"\n{part}\n") for part in ADR_PARTS]
    for part, place in zip(ADR_PARTS, places, strict=True):
        if place < 0:
            problems.append(f"{name}:1: has no part '{part}'")
        elif not text[place + len(part) + 2 :].split("\n## ")[0].strip():
            problems.append(f"{name}:1: the part '{part}' is empty")
    if min(places) >= 0 and places != sorted(places):
        problems.append(f"{name}:1: the parts stand in the order {', '.join(ADR_PARTS)}")
    return problems


def _changelog(text: str) -> list[str]:
    problems = []
    if not text.startswith("# Changelog\n"):
        problems.append("CHANGELOG.md:1: begins with '# Changelog'")
    version = r"## (\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2})$"
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("## ") and not re.match(version, line):
            problems.append(f"CHANGELOG.md:{number}: a version is '## [Unreleased]' or '## [1.2.3] - 2026-01-31'")
        if line.startswith("### ") and line[4:] not in CHANGE_KINDS:
            problems.append(f"CHANGELOG.md:{number}: a kind of change is one of {', '.join(CHANGE_KINDS)}")
    if "## [Unreleased]" not in text:
        problems.append("CHANGELOG.md:1: has no '## [Unreleased]'")
    return problems


def main() -> int:
    """Prints the problems; the exit code says whether there are any."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root)
    for problem in problems:
        print(problem)
    print(f"check_docs: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
