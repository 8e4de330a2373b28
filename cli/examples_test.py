"""What `asya up` prints to type next for each example can be typed as it stands, or shows what to put in."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest

from asya_cli import manifests
from asya_cli.project import installation
from asya_cli.up import TRY

FILES = sorted((installation() / "examples").rglob("*.yaml"))
PLACEHOLDER = re.compile(r"[A-Z_]+")


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_file_to_send_is_there_or_plainly_to_be_named(file: Path) -> None:
    """A name like page.png is typed, and then missed."""
    for manifest in manifests.read_file(file, file.name):
        words = shlex.split((manifest["metadata"].get("annotations") or {}).get(TRY, ""))
        for option, word in itertools.pairwise(words):
            if option == "--file":
                path = word.partition("=")[2]
                assert PLACEHOLDER.fullmatch(path) or (file.parent / path).is_file(), word
