"""Finds functions and their length: by braces in C++, by the syntax tree in Python."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

import source_tree


class Function(NamedTuple):
    """A function: the line of its opening brace (def in Python), its lines from there to its end."""

    line: int
    lines: int
    name: str


_NOT_A_FUNCTION = re.compile(r"^\s*(namespace|class|struct|union|enum|extern\s*\"\")\b(?!.*\)\s*\{?$)")
_NAME = re.compile(r"([~\w:<>,&*\[\]=!+-]*[\w\])>=!+-])\s*\($")
_MEMBER_INITIALISER = re.compile(r"\)\s*(noexcept\s*)?:(?!:)[\s\S]*[\w>]\s*$")


def in_cpp(text: str) -> list[Function]:
    """Functions of C++ text; a lambda or local class counts as part of the function around it."""
    code = "\n".join("" if line.lstrip().startswith("#") else line for line in
                     source_tree.cpp_code_only(text).replace("\\\n", " \n").split("\n"))  # fmt: skip
    found: list[Function] = []
    head = 0  # where the declaration before the next brace begins
    position = 0
    parentheses = 0
    while position < len(code):
        letter = code[position]
        if letter in "()":
            parentheses += 1 if letter == "(" else -1
        elif letter == "{" and parentheses > 0:
            position = _matching(code, position)
        elif letter == "{":
            position, head = _at_brace(code, head, position, found)
            continue
        elif letter in "};":
            head = position + 1
            parentheses = 0
        position += 1
    return found


def _at_brace(code: str, head: int, brace: int, found: list[Function]) -> tuple[int, int]:
    """Where to read on after an opening brace outside any function, and where the next declaration begins."""
    declaration = code[head:brace]
    if _MEMBER_INITIALISER.search(declaration):
        return _matching(code, brace) + 1, head
    if not _is_function(declaration):
        if re.search(r"(=|\breturn|\w)\s*$", declaration) and not _opens_scope(declaration):
            return _matching(code, brace) + 1, head  # an initialiser in braces
        return brace + 1, brace + 1
    end = _matching(code, brace)
    first = code.count("\n", 0, brace) + 1
    found.append(Function(first, code.count("\n", brace, end) + 1, _name_of(declaration)))
    return end + 1, end + 1


def _opens_scope(declaration: str) -> bool:
    return bool(re.search(r"\b(namespace|class|struct|union|enum|extern)\b", declaration))


def _is_function(declaration: str) -> bool:
    if _NOT_A_FUNCTION.match(re.sub(r"^\s*template\s*<[^{;]*?>\s*(?=(class|struct|union)\b)", "", declaration)):
        return False
    return bool(re.search(r"\)\s*(const|noexcept|override|final|mutable|try|&|\s)*(->[^;{}]*)?(:(?!:)[\s\S]*)?$",
                          declaration)) and not re.search(r"=\s*$", declaration)  # fmt: skip


def _name_of(declaration: str) -> str:
    opening = declaration.find("(")
    match = _NAME.search(declaration[: opening + 1])
    return match.group(1) if match else "?"


def _matching(code: str, brace: int) -> int:
    depth = 0
    for position in range(brace, len(code)):
        if code[position] == "{":
            depth += 1
        elif code[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return len(code) - 1


def in_python(text: str) -> list[Function]:
    """Functions of Python text, nested ones too."""
    return [
        Function(node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1, node.name)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
