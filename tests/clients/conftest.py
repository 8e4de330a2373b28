"""What the tests of clients share."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def client_programs() -> Path:
    """The folder of the programs of the environment that has the clients in Python."""
    made = subprocess.run(
        [ROOT / "tools" / "python-environment", ROOT / "tools" / "requirements-clients.txt"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Path(made.stdout.strip()) / "bin"
