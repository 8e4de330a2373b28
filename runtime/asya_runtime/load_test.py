"""Which handlers load, how they are called, and what is said when they do not load."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from running import PYTHON, Start


def check(archive: Path, folder: Path, handler: str, **environment: str) -> tuple[int, str, str]:
    """Runs `asya_runtime.pyz check HANDLER` in a folder; returns status, output and errors."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ASYA_")}
    done = subprocess.run(
        [PYTHON, str(archive), "check", handler],
        cwd=folder, env={**own, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


CLASSES = """
import functools
class Model:
    made = 0
    def __init__(self, path="/m"):
        Model.made += 1
        self.path = path
    def run(self, p): return [self.path, Model.made]
    async def arun(self, p): return "async"
    def stream(self, p): yield "stream"
    @staticmethod
    def static(p): return "static"
    @classmethod
    def of_class(cls, p): return cls.__name__
class Callable:
    def __call__(self, p): return "called"
class AsyncCallable:
    async def __call__(self, p): return "awaited"
def plain(p): return "plain"
async def coroutine(p): return "coroutine"
def wrap(inner):
    @functools.wraps(inner)
    def outer(p): return inner(p)
    return outer
wrapped = wrap(coroutine)
partial = functools.partial(lambda a, p: a, "partial")
async_partial = functools.partial(coroutine)
instance = Callable()
async_instance = AsyncCallable()
"""


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("Model.run", ["/m", 1]),
        ("Model.arun", "async"),
        ("Model.static", "static"),
        ("Model.of_class", "Model"),
        ("plain", "plain"),
        ("coroutine", "coroutine"),
        ("wrapped", "coroutine"),
        ("partial", "partial"),
        ("async_partial", "coroutine"),
        ("instance", "called"),
        ("async_instance", "awaited"),
    ],
)
def test_kinds_of_handlers(start: Start, handler: str, expected: object) -> None:
    client = start(CLASSES, handler).client()
    for _ in range(2):
        assert client.invoke({"route": {"prev": [], "curr": "a", "next": []}, "payload": 1}).payload() == expected


def test_a_method_that_yields_streams(start: Start) -> None:
    assert [name for name, _ in start(CLASSES, "Model.stream").invoke().events()] == ["downstream", "done"]


def test_a_sync_function_that_gives_a_coroutine_says_what_to_write(start: Start) -> None:
    source = "async def inner(p): return 1\ndef handle(p): return inner(p)"
    details = start(source).invoke().json()["details"]
    assert details["type"] == "builtins.TypeError"
    assert "async def" in details["message"]


def test_handlers_by_file_and_in_packages(start: Start) -> None:
    source = "import beside\ndef handle(p): return beside.NAME"
    runtime = start(source, wait=False, ASYA_HANDLER="code-dir/my-file.py:handle")
    (runtime.folder / "code-dir").mkdir()
    runtime.write("NAME = 'beside'", "code-dir/beside.py")
    runtime.write(source, "code-dir/my-file.py")
    runtime.until_ready()
    assert runtime.invoke().payload() == "beside"
    packaged = start("", wait=False, ASYA_HANDLER="pack.sub.mod.Thing.run")
    (packaged.folder / "pack/sub").mkdir(parents=True)
    packaged.write("", "pack/__init__.py")
    packaged.write("from .mod import Thing", "pack/sub/__init__.py")
    packaged.write("class Thing:\n    def run(self, p): return __name__", "pack/sub/mod.py")
    packaged.until_ready()
    assert packaged.invoke().payload() == "pack.sub.mod"


def test_models_load_once_and_prints_reach_the_log_at_once(start: Start) -> None:
    runtime = start("print('loading the model')\ndef handle(p):\n    print('line of the handler')\n    return 1")
    runtime.invoke()
    runtime.invoke()
    assert runtime.output().count("loading the model") == 1
    assert runtime.output().count("line of the handler") == 2


BROKEN = {
    "def handle(p):\n  return (\n": ("SyntaxError", 2),
    "def handle(p):\nreturn 1\n": ("IndentationError", 2),
    "import no_such_module\n": ("ModuleNotFoundError: No module named 'no_such_module'", 1),
    "x = 1\n\nraise ValueError('two\\nlines')\n": ("ValueError: two lines", 3),
    "import sys\nsys.exit(4)\n": ("SystemExit: 4", 2),
    "import helper_code\n": ("ZeroDivisionError: division by zero", 2),
}


@pytest.mark.parametrize("source", BROKEN)
def test_what_breaks_at_import_is_one_line_with_file_and_line(archive: Path, tmp_path: Path, source: str) -> None:
    (tmp_path / "user_code.py").write_text(source)
    (tmp_path / "helper_code.py").write_text("x = 0\nx = 1 / x\n")
    status, output, _ = check(archive, tmp_path, "user_code.handle")
    text, line = BROKEN[source]
    name = "helper_code.py" if "helper_code" in source else "user_code.py"
    assert status == 1
    assert output.startswith(text)
    assert output.endswith(f"({tmp_path / name}:{line})\n")
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        ("user_code.absent", "AttributeError: module user_code has no 'absent' (for user_code.absent); it has Needs"),
        ("user_code.Thing.absent", "AttributeError: class Thing has no 'absent'"),
        ("user_code.Thing", "TypeError: user_code.Thing is a class; name its method too"),
        ("user_code.NUMBER", "TypeError: user_code.NUMBER is not a function"),
        ("user_code.Needs.run", "TypeError: "),
        ("no_module.handle", "ModuleNotFoundError: there is no module 'no_module'"),
        ("no_package.module.handle", "ModuleNotFoundError: there is no module 'no_package.module'"),
        ("no_file.py:handle", "FileNotFoundError: the handler file no_file.py does not exist"),
        ("handle", "handler 'handle' must be module.function, module.Class.method or path/file.py:function"),
        ("a b.c", "handler 'a b.c' must be"),
        ("file.txt:f", "handler 'file.txt:f' must be"),
    ],
)
def test_handlers_that_are_not_there(archive: Path, tmp_path: Path, handler: str, text: str) -> None:
    source = (
        "NUMBER = 1\nclass Thing: pass\nclass Needs:\n    def __init__(self, x): pass\n    def run(self, p): pass\n"
    )
    (tmp_path / "user_code.py").write_text(source)
    status, output, _ = check(archive, tmp_path, handler)
    assert status == 1
    assert output.startswith(text)
    assert output.count("\n") == 1


def test_check_says_ok_and_nothing_else(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "user_code.py").write_text("print('noise')\ndef handle(p): return p\n")
    assert check(archive, tmp_path, "user_code.handle") == (0, "ok\n", "noise\n")
    assert not (tmp_path / "__pycache__").exists()


DECORATED = """
import functools
def shout(inner):
    raise RuntimeError("this decorator must not run")
class tools:
    retry = staticmethod(lambda **_: shout)
    @staticmethod
    def keep(inner):
        return lambda p: [inner(p)]
@tools.keep
@shout
@tools.retry(times=3)
def handle(p): return p
class Model:
    @tools.retry()
    def run(self, p): return p
"""


@pytest.mark.parametrize(("names", "works"), [("shout,retry", True), (" @shout , tools.retry", True), ("", False)])
def test_decorators_can_be_ignored(start: Start, archive: Path, tmp_path: Path, names: str, works: bool) -> None:
    if works:
        assert start(DECORATED, ASYA_IGNORE_DECORATORS=names).invoke(5).payload() == [5]
        assert start(DECORATED, "Model.run", ASYA_IGNORE_DECORATORS=names).invoke(5).payload() == 5
    else:
        (tmp_path / "user_code.py").write_text(DECORATED)
        assert "must not run" in check(archive, tmp_path, "user_code.handle", ASYA_IGNORE_DECORATORS=names)[1]


def test_lines_stay_right_when_decorators_are_ignored(start: Start) -> None:
    source = "from x import shout\n@shout\ndef handle(p):\n    return 1 / 0\n".replace("from x import shout", "")
    traceback = start(source, ASYA_IGNORE_DECORATORS="shout").invoke().json()["details"]["traceback"]
    assert 'user_code.py", line 4, in handle' in traceback
