#!/usr/bin/env python3
"""Checks the style that a machine can check: sizes, banned calls, headers, names, files that nobody builds."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import banned
import function_length
import source_tree

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_LINE_COLUMNS = 120
CODE = (".cc", ".h", ".py")
EXCEPTIONS = "tools/tidy_exceptions.txt"
GENERATED = re.compile(r"(^|/)(go\.sum|package-lock\.json|LICENSE)$|(^|/)(golden|testdata)/")


class Problem(NamedTuple):
    """One broken rule. `symbol` is what an exception names beside the path; empty for the whole file."""

    path: str
    line: int
    rule: str
    text: str


def check(root: Path) -> list[Problem]:
    """Every problem under `root`, the exceptions already taken off; an exception without use is a problem too."""
    names = source_tree.tracked(root)
    texts = {name: text for name in names if (text := source_tree.text_of(root, name)) is not None}
    found: list[Problem] = []
    for name, text in texts.items():
        found += _any_text(name, text)
        if name.endswith(CODE):
            found += _code(name, text)
        if name.endswith(source_tree.CPP):
            found += _cpp(name, text)
        if name.endswith(".py"):
            found += _python(name, text)
    found += _dead(texts)
    return _without_exceptions(found, texts.get(EXCEPTIONS, ""))


def _any_text(name: str, text: str) -> Iterator[Problem]:
    if GENERATED.search(name):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if banned.MACHINE_PATH.search(line):
            yield Problem(name, number, "machine-path", "names a path of one machine: make it relative or a setting")
        if banned.REGISTRY.search(line):
            yield Problem(name, number, "registry", "the ordinary clients know their registry")
        if name.endswith((*CODE, ".sh", ".cmake", "CMakeLists.txt", "Makefile")) and banned.OPEN_END.search(line):
            yield Problem(name, number, "open-end", "finish it, or write an issue")


def _code(name: str, text: str) -> Iterator[Problem]:
    lines = text.split("\n")
    count = len(lines) - (1 if text.endswith("\n") else 0)
    if count > MAX_FILE_LINES:
        yield Problem(name, 1, "file-length", f"{count} lines, at most {MAX_FILE_LINES}: split it by use")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_COLUMNS:
            yield Problem(name, number, "line-length", f"{len(line)} columns, at most {MAX_LINE_COLUMNS}")
    base = name.rsplit("/", 1)[-1]
    if not banned.FILE_NAME.match(base):
        yield Problem(name, 1, "file-name", "file names are snake_case")
    if banned.EMPTY_WORDS.search(base):
        yield Problem(name, 1, "file-name", "name the one verb or noun that the file is about")
    functions = function_length.in_python(text) if name.endswith(".py") else function_length.in_cpp(text)
    for function in functions:
        if function.lines > MAX_FUNCTION_LINES:
            yield Problem(name, function.line, "function-length",
                          f"{function.name}: {function.lines} lines, at most {MAX_FUNCTION_LINES}")  # fmt: skip
    code = text if name.endswith(".py") else source_tree.cpp_code_only(text)
    yield from _banned(name, code)


def _banned(name: str, code: str) -> Iterator[Problem]:
    if name == "tools/banned.py" or name.startswith("tools/tidy"):
        return  # they have to name what is banned
    test = source_tree.is_test(name)
    for ban in banned.BANNED:
        if not ban.where.search(name) or ban.but.search(name) or (test and not ban.in_tests):
            continue
        for match in ban.pattern.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            yield Problem(name, line, ban.rule, f"{match.group(0).strip()} is banned: {ban.reason}")


def _cpp(name: str, text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.split("\n"), 1):
        if banned.NOLINT.search(line) and not banned.GOOD_NOLINT.search(line):
            yield Problem(name, number, "nolint", "names the check and the reason: NOLINT(check): reason")
    if not name.endswith(".h"):
        return
    opening = re.match(r"(//[^\n]*\n)+", text)
    if not opening or not re.search(r"[.:](\s|$)", opening.group(0)):
        yield Problem(name, 1, "header-sentence", "begins with one sentence (//) that states its one responsibility")
    if not re.search(r"^#pragma once$", text, re.MULTILINE):
        yield Problem(name, 1, "pragma-once", "has no #pragma once")


def _python(name: str, text: str) -> Iterator[Problem]:
    tree = ast.parse(text)
    if text.strip() and ast.get_docstring(tree) is None:
        yield Problem(name, 1, "header-sentence", "begins with a docstring that states its one responsibility")
    if source_tree.is_test(name):
        yield from _sleeps_outside_loops(name, tree, in_loop=False)


def _sleeps_outside_loops(name: str, node: ast.AST, *, in_loop: bool) -> Iterator[Problem]:
    """A sleep in a loop polls for something; one outside hopes that something has happened by then."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        in_loop = False
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep" and not in_loop:
        yield Problem(name, node.lineno, "sleep", "a test waits for the event, not for a time to pass")
    for child in ast.iter_child_nodes(node):
        looping = in_loop or isinstance(node, ast.While | ast.For)
        yield from _sleeps_outside_loops(name, child, in_loop=looping)


def _dead(texts: dict[str, str]) -> Iterator[Problem]:
    lists = ("CMakeLists.txt", ".cmake")
    builds = "\n".join(text for name, text in texts.items() if name.endswith(lists))
    included = set(re.findall(r'#\s*include\s*"([^"]+)"', "\n".join(
        text for name, text in texts.items() if name.endswith(source_tree.CPP))))  # fmt: skip
    for name in texts:
        if name.startswith("bench/spikes/"):
            continue  # bench/spikes/run builds what stands there
        base = re.escape(name.rsplit("/", 1)[-1])
        if name.endswith(".cc") and not re.search(rf"(?<![\w.-]){base}(?![\w.-])", builds):
            yield Problem(name, 1, "dead-file", "no CMakeLists.txt builds it")
        if name.endswith(".h") and name not in included:
            yield Problem(name, 1, "dead-file", "no file includes it")


def _without_exceptions(found: list[Problem], listed: str) -> list[Problem]:
    entries: dict[tuple[str, str], int] = {}
    problems: list[Problem] = []
    for number, line in enumerate(listed.split("\n"), 1):
        words, _, reason = line.partition("#")
        if not words.strip():
            continue
        rule, path, *rest = [*words.split(), ""]
        if rest != [""] or not reason.strip():
            problems.append(Problem(EXCEPTIONS, number, "exception", "form: rule path  # reason"))
            continue
        entries[(rule, path)] = number
    needed = {(problem.rule, problem.path) for problem in found}
    problems += [problem for problem in found if (problem.rule, problem.path) not in entries]
    problems += [
        Problem(EXCEPTIONS, number, "exception", f"{rule} {path} is no longer needed: take the line out")
        for (rule, path), number in entries.items()
        if (rule, path) not in needed
    ]
    return problems


def main() -> int:
    """Prints the problems; the exit code says whether there are any."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root)
    for problem in sorted(problems):
        print(f"{problem.path}:{problem.line}: {problem.rule}: {problem.text}")
    print(f"tidy: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
