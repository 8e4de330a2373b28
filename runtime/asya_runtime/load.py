"""Finds the user's handler, loads it, and says in one line with file and line why it cannot be loaded."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Callable

from .errors import full_name, user_trace

# Flags of code objects (the same in every Python from 3.9 on); the `inspect` module would cost memory for this.
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR, _ITERABLE_COROUTINE = 0x20, 0x80, 0x200, 0x100
_MAX_CAUSE_CHARS = 1000


class LoadError(Exception):
    """The handler cannot be used; `file` and `line` say where, as far as known."""

    def __init__(self, kind: str, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.file, self.line = kind, message, file, line

    def one_line(self) -> str:
        """The cause as one line for people."""
        place = "" if self.file is None else " ({}{})".format(self.file, f":{self.line}" if self.line else "")
        return f"{self.kind}: {self.message}{place}"

    def as_json(self) -> dict[str, Any]:
        """The cause as the `error` of a health answer."""
        return {"type": self.kind, "message": self.message, "file": self.file, "line": self.line}


class Handler:
    """A loaded handler and how it has to be called."""

    def __init__(self, call: Callable[[Any], Any], is_async: bool) -> None:
        self.call = call
        self.is_async = is_async


def load_handler(name: str, ignored_decorators: Sequence[str] = ()) -> Handler:
    """Imports what ASYA_HANDLER names and picks the callable out of it; raises LoadError."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    path, colon, attributes = name.rpartition(":")
    names: Sequence[str]
    if colon:
        module = _import_file(path, ignored_decorators)
        names = attributes.split(".")
    else:
        module, names = _import_dotted(name, ignored_decorators)
    call = _pick(module, names, name)
    return Handler(call, _is_async(call))


def _import_file(path: str, ignored: Sequence[str]) -> ModuleType:
    full = os.path.abspath(path)
    if not os.path.isfile(full):
        raise LoadError("FileNotFoundError", f"the handler file {path} does not exist", full)
    folder, file = os.path.split(full)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module_name = file[:-3] if file[:-3].isidentifier() and file[:-3] not in sys.modules else "_asya_handler"
    spec = importlib.util.spec_from_file_location(module_name, full)
    assert spec is not None
    return _execute(spec, ignored)


def _import_dotted(name: str, ignored: Sequence[str]) -> tuple[ModuleType, Sequence[str]]:
    """Imports the module part of a dotted name: all but the last part, or all but the last two."""
    parts = name.split(".")
    for size in (len(parts) - 1, len(parts) - 2):
        if size < 1:
            continue
        module_name = ".".join(parts[:size])
        spec = _find(module_name)
        if spec is not None:
            return _execute(spec, ignored), parts[size:]
    missing = ".".join(parts[:-1])
    hint = "it is searched in {}".format(", ".join(part for part in sys.path[:2] if part))
    raise LoadError("ModuleNotFoundError", f"there is no module {missing!r}; {hint}")


def _find(module_name: str) -> Any:
    """The spec of a module, or None when it or a package above it does not exist."""
    parent = module_name.rpartition(".")[0]
    if parent:
        above = _find(parent)
        if above is None or above.submodule_search_locations is None:
            return None
    try:
        return _guarded(lambda: importlib.util.find_spec(module_name))
    except LoadError as error:
        raise error from None


def _execute(spec: Any, ignored: Sequence[str]) -> ModuleType:
    if not ignored:
        if spec.name in sys.modules:
            return sys.modules[spec.name]
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        _guarded(lambda: spec.loader.exec_module(module))
    else:
        from .decorators import execute_without

        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        _guarded(lambda: execute_without(module, spec, ignored))
    # A package knows its modules as attributes; the import statement would have set this one.
    parent, _, last = spec.name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)
    return module


def _guarded(action: Callable[[], Any]) -> Any:
    """Runs user code at load; whatever it raises becomes a LoadError with its place."""
    try:
        return action()
    except LoadError:
        raise
    except SyntaxError as error:
        raise LoadError(type(error).__name__, error.msg or "invalid syntax", error.filename, error.lineno) from None
    except BaseException as error:
        file, line = _place(error)
        text = " ".join(str(error).split())[:_MAX_CAUSE_CHARS]
        kind = type(error)
        short = kind.__name__ if kind.__module__ == "builtins" else full_name(kind)
        raise LoadError(short, text or "no message", file, line) from None


def _place(error: BaseException) -> tuple[str | None, int | None]:
    """The innermost line outside of the import machinery and this package."""
    trace = user_trace(error)
    place: tuple[str | None, int | None] = (None, None)
    own = os.path.dirname(__file__)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<frozen") and os.path.dirname(file) != own:
            place = (file, trace.tb_lineno)
        trace = trace.tb_next
    return place


def _pick(module: ModuleType, names: Sequence[str], name: str) -> Callable[[Any], Any]:
    found: Any = module
    file = getattr(module, "__file__", None)
    for index, part in enumerate(names):
        if not hasattr(found, part):
            raise LoadError("AttributeError", _not_there(found, part, name), file)
        owner, found = found, getattr(found, part)
        if index == 1 and isinstance(owner, type):
            instance = _guarded(owner)
            found = getattr(instance, part)
    if isinstance(found, type) or not callable(found):
        what = "a class; name its method too" if isinstance(found, type) else "not a function"
        raise LoadError("TypeError", f"{name} is {what}", file)
    return found  # type: ignore[no-any-return]


def _not_there(owner: Any, part: str, name: str) -> str:
    kind = "class" if isinstance(owner, type) else "module"
    offered = [key for key, value in vars(owner).items() if callable(value) and not key.startswith("_")]
    hint = "it has " + ", ".join(sorted(offered)[:8]) if offered else "it has no functions"
    return "{} {} has no {!r} (for {}); {}".format(kind, getattr(owner, "__name__", "?"), part, name, hint)


def _is_async(call: Any) -> bool:
    """True when calling it gives something to await or to iterate asynchronously."""
    for _ in range(100):  # a chain of wrappers that is longer than this is a cycle
        code = getattr(call, "__code__", None)
        if code is not None and code.co_flags & (_COROUTINE | _ASYNC_GENERATOR | _ITERABLE_COROUTINE):
            return True
        inner = getattr(call, "__wrapped__", None) or getattr(call, "__func__", None) or getattr(call, "func", None)
        if inner is None and code is None and not isinstance(call, type):
            inner = type(call).__call__
        if inner is None or inner is call:
            return False
        call = inner
    return False
