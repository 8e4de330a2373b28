"""`asya_runtime.pyz look`: what can be seen of a handler's source, without running any of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "good.py": "print('loaded')\ndef f(payload): return payload\nclass C:\n    def m(self, payload): return payload\n",
    "pack/__init__.py": "raise RuntimeError('imported')\n",
    "pack/inner.py": "def f(payload): return payload\n",
    "broken.py": "def f(payload):\n    return payload\n\ndef g(:\n",
    "outside.py": "def f(payload): return payload\nreturn 1\n",
    "needs.py": "import json\nfrom no_such_package.deep import x\ndef f(payload): return payload\n",
    "bends.py": "import sys\nsys.path.append('lib')\nimport found_there\ndef f(payload): return payload\n",
    "perhaps.py": "try:\n    import no_such_package\nexcept ImportError:\n    f = len\nelse:\n    f = print\n",
    "bound.py": "a = b = print\nif a:\n    def g(p): return p\nwith open('x') as h: pass\nfrom os import path as q\n",
    "made.py": "globals()['f'] = print\n",
    "late.py": "def setup():\n    global f\n    f = print\nsetup()\n",
    "stars.py": "from os.path import *\n",
    "derived.py": "from good import C\nclass D(C): pass\n",
}
FINE = (
    "good.f good.C.m good.py:f good.py:C.m pack.inner.f bends.f perhaps.f bound.a bound.b bound.g bound.h bound.q"
    " made.f late.f stars.join derived.D.m json.dumps time.sleep"
).split()
WRONG = {
    "broken.f": "broken.py, line 4: SyntaxError: ",
    "outside.f": "outside.py, line 2: SyntaxError: 'return' outside function",
    "needs.f": "needs.py, line 2: ModuleNotFoundError: No module named 'no_such_package'",
    "good.g": "good.py: AttributeError: the module has no 'g' (for good.g); it has C, f",
    "good.C": "good.py, line 3: TypeError: good.C is a class; name its method too",
    "good.C.n": "good.py, line 3: AttributeError: class C has no 'n' (for good.C.n); it has m",
    "nowhere.f": "ModuleNotFoundError: there is no module 'nowhere'; it is searched in ",
    "pack.missing.f": "pack/__init__.py: AttributeError: the module has no 'missing' (for pack.missing.f); it has no",
    "missing/x.py:f": "FileNotFoundError: the handler file missing/x.py does not exist",
    "nodots": "handler 'nodots' must be module.function",
}


def look(archive: Path, folder: Path, *handlers: str) -> tuple[int, list[str]]:
    """Status and lines of one look."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ASYA_")}
    done = subprocess.run([sys.executable, str(archive), "look", *handlers], cwd=folder, env=own, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # fmt: skip
    return done.returncode, done.stdout.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources."""
    made = tmp_path_factory.mktemp("sources")
    (made / "pack").mkdir()
    for name, text in FILES.items():
        (made / name).write_text(text)
    return made


def test_what_may_load_is_let_pass(archive: Path, folder: Path) -> None:
    """In doubt a handler is good: only its import shows the rest. Nothing of it is run."""
    status, lines = look(archive, folder, *FINE)
    assert lines == ["ok"] * len(FINE)
    assert status == 0


def test_what_cannot_load_is_told_with_its_line(archive: Path, folder: Path) -> None:
    """One line each, in the order of the handlers, also beside good ones."""
    status, lines = look(archive, folder, "good.f", *WRONG, "good.f")
    assert status == 1
    assert len(lines) == len(WRONG) + 2
    assert lines[0] == lines[-1] == "ok"
    for line, told in zip(lines[1:], WRONG.values()):
        assert line.startswith(told)
