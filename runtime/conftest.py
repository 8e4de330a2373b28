"""Fixtures that run the packed runtime as a real process in a temporary folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from build import build
from running import Running


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime as it is shipped, packed once for the whole run."""
    target = tmp_path_factory.mktemp("pyz") / "asya_runtime.pyz"
    build(target)
    return target


@pytest.fixture
def start(archive: Path) -> Iterator[Callable[..., Running]]:
    """Starts runtimes: `start(source, handler="echo", **environment)`; each is stopped after the test."""
    started = []

    def begin(source: str, handler: str = "handle", wait: bool = True, **environment: str) -> Running:
        runtime = Running(archive, source, handler, environment)
        started.append(runtime)
        if wait:
            runtime.until_ready()
        return runtime

    yield begin
    for runtime in started:
        runtime.close()
