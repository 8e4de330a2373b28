"""Fixtures: a project in a temporary folder whose server never outlives its tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asya_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project for one test."""
    made = Project(tmp_path / "project", tmp_path)
    yield made
    made.down()
