"""Says what can be seen to be wrong with handlers without running any of their code: no model is loaded for it."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .load import LoadError
from .settings import handler_mistake

# A module that names one of these finds its imports in its own way.
_OWN_SEARCH = ("sys.path", "addsitedir", "meta_path", "path_hooks")
_SHOWN_NAMES = 8


def look(handlers: Sequence[str]) -> int:
    """Prints a line for each handler, `ok` or the cause with its place; returns 1 if one cannot be loaded.

    `ok` says little: what a module does when it is imported is not known before.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    status = 0
    for name in handlers:
        mistake = handler_mistake(name)
        text = f"handler {name!r} {mistake}" if mistake else _fault(name)
        status = 1 if text else status
        print(text or "ok")
    return status


def _fault(name: str) -> str:
    try:
        _examine(name)
    except LoadError as error:
        where = "" if error.file is None else os.path.relpath(error.file)
        place = f"{where}, line {error.line}: " if error.line else f"{where}: " if where else ""
        return f"{place}{error.kind}: {error.message}"
    return ""


def _examine(name: str) -> None:
    path, colon, attributes = name.rpartition(":")
    if colon:
        full = os.path.abspath(path)
        if not os.path.isfile(full):
            raise LoadError("FileNotFoundError", f"the handler file {path} does not exist")
        sys.path.insert(0, os.path.dirname(full))
        file: str | None = full
        names: Sequence[str] = attributes.split(".")
    else:
        file, names = _module_file(name)
    if file is None or not file.endswith(".py"):
        return  # compiled, or of the interpreter itself
    tree = _parsed(file)
    _check_name(tree, names, name, file)
    _check_imports(tree, file)


def _module_file(name: str) -> tuple[str | None, Sequence[str]]:
    """The file of the module part of a dotted name, found as the import would find it, but importing nothing."""
    parts = name.split(".")
    for size in (len(parts) - 1, len(parts) - 2):
        spec = _find(parts[:size]) if size else None
        if spec is not None:
            return spec.origin, parts[size:]
    missing = ".".join(parts[:-1])
    hint = "it is searched in {}".format(", ".join(part for part in sys.path[:2] if part))
    raise LoadError("ModuleNotFoundError", f"there is no module {missing!r}; {hint}")


def _find(parts: Sequence[str]) -> Any:
    try:
        spec = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):
        return None
    for index in range(1, len(parts)):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[: index + 1]), spec.submodule_search_locations)
    return spec


def _parsed(file: str) -> ast.Module:
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read(), file)
        compile(tree, file, "exec", dont_inherit=True)  # finds a `return` outside a function, too
    except OSError as error:
        raise LoadError(type(error).__name__, str(error.strerror), file) from None
    except SyntaxError as error:
        raise LoadError(type(error).__name__, error.msg or "invalid syntax", file, error.lineno) from None
    except ValueError as error:  # a zero byte
        raise LoadError("SyntaxError", str(error), file) from None
    return tree


def _check_name(tree: ast.Module, names: Sequence[str], name: str, file: str) -> None:
    defined = dict(_defined(tree.body))
    if names[0] not in defined:
        if "*" in defined or "__getattr__" in defined or _bound_elsewhere(tree, names[0]):
            return
        offered = [key for key, node in defined.items() if isinstance(node, _CALLED) and not key.startswith("_")]
        raise LoadError("AttributeError", _not_there("the module", names[0], name, offered), file)
    found = defined[names[0]]
    if not isinstance(found, ast.ClassDef):
        return
    if len(names) == 1:
        raise LoadError("TypeError", f"{name} is a class; name its method too", file, found.lineno)
    inside = dict(_defined(found.body))
    plain = not found.bases and not found.keywords and not found.decorator_list
    if plain and names[1] not in inside and "__getattr__" not in inside and "*" not in inside:
        offered = [key for key, node in inside.items() if isinstance(node, _CALLED) and not key.startswith("_")]
        raise LoadError("AttributeError", _not_there(f"class {names[0]}", names[1], name, offered), file, found.lineno)


_CALLED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _not_there(owner: str, part: str, name: str, offered: Sequence[str]) -> str:
    hint = "it has " + ", ".join(sorted(offered)[:_SHOWN_NAMES]) if offered else "it has no functions"
    return f"{owner} has no {part!r} (for {name}); {hint}"


def _defined(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """The names that statements bind in their own scope, with what binds them; `*` where that is not known."""
    for statement in body:
        if isinstance(statement, _CALLED):
            yield statement.name, statement
            continue
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                yield alias.asname or alias.name.partition(".")[0], statement
            continue
        for node in ast.iter_child_nodes(statement):
            if isinstance(node, ast.stmt):
                yield from _defined([node])
            elif isinstance(node, ast.ExceptHandler):
                yield from _defined(node.body)
            else:
                yield from _bound(node, statement)


def _bound(node: ast.AST, statement: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """What an expression binds; `globals()` and its like may bind anything."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.stmt):
            yield from _defined([inner])  # of a `match`
        elif isinstance(inner, ast.Name):
            if isinstance(inner.ctx, ast.Store):
                yield inner.id, statement
            elif inner.id in ("globals", "vars", "locals", "setattr", "exec"):
                yield "*", statement


def _bound_elsewhere(tree: ast.Module, name: str) -> bool:
    """Whether a function may bind the module's name: by `global`, or through `sys.modules`."""
    return any(
        (isinstance(node, ast.Global) and name in node.names)
        or (isinstance(node, ast.Attribute) and node.attr == "modules")
        for node in ast.walk(tree)
    )


def _check_imports(tree: ast.Module, file: str) -> None:
    """Packages that are imported without a condition and are not there."""
    if any(word in ast.unparse(tree) for word in _OWN_SEARCH):
        return
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            wanted = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.level == 0 and statement.module:
            wanted = [statement.module]
        else:
            continue
        for module in wanted:
            package = module.partition(".")[0]
            if package not in sys.modules and _find([package]) is None:
                raise LoadError("ModuleNotFoundError", f"No module named {package!r}", file, statement.lineno)
