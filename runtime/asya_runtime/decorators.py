"""Runs a module without the decorators that ASYA_IGNORE_DECORATORS names."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import ModuleType
from typing import Any


def execute_without(module: ModuleType, spec: Any, ignored: Sequence[str]) -> None:
    """Executes the module's source after taking these decorators off its functions and classes."""
    source = getattr(spec.loader, "get_source", lambda name: None)(spec.name)
    if source is None:
        spec.loader.exec_module(module)
        return
    tree = ast.parse(source, spec.origin)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            node.decorator_list = [item for item in node.decorator_list if not _is_named(item, ignored)]
    code = compile(tree, spec.origin, "exec", dont_inherit=True)
    exec(code, module.__dict__)


def _is_named(decorator: ast.expr, names: Sequence[str]) -> bool:
    """`retry` matches @retry, @retry(…) and @lib.retry(…); `lib.retry` matches only the dotted forms."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    parts = []
    while isinstance(decorator, ast.Attribute):
        parts.append(decorator.attr)
        decorator = decorator.value
    if not isinstance(decorator, ast.Name):
        return False
    parts.append(decorator.id)
    dotted = ".".join(reversed(parts))
    return any(dotted == name or dotted.endswith("." + name) for name in names)
