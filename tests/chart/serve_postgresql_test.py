"""deploy/images/serve-postgresql: the trial's PostgreSQL is let into by the passwords it is started with, each time."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from free_ports import free_ports
from private_postgres import binaries

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "images" / "serve-postgresql"
START_LIMIT_S = 120
USER = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root


@pytest.fixture
def data() -> Iterator[Path]:
    """A volume, which outlives the pods that have it."""
    folder = Path(tempfile.mkdtemp(prefix="asya-serve-"))
    if USER:
        shutil.chown(folder, USER)
    yield folder / "data"
    shutil.rmtree(folder)


@contextlib.contextmanager
def served(data: Path, port: int, **environment: str) -> Iterator[None]:
    """By the script, until the end."""
    whole = {
        "PATH": f"{binaries()}:{os.environ['PATH']}", "PGPORT": str(port), "PGDATA": str(data),
        "POSTGRES_USER": "asya", "POSTGRES_DB": "asya", **environment,
    }  # fmt: skip
    process = subprocess.Popen(["sh", SCRIPT], env=whole, user=USER, cwd="/")
    try:
        yield
    finally:
        process.terminate()
        process.wait(START_LIMIT_S)


def says(port: int, user: str, password: str) -> str:
    """What psql prints, by the network, once somebody listens there."""
    command = [str(binaries() / "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", user, "-Atc", "select 'in'", user]
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        done = subprocess.run(command, env={"PGPASSWORD": password}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
        waits = "Connection refused" in done.stdout or "starting up" in done.stdout
        if not waits or time.monotonic() > deadline:
            return done.stdout


def test_a_volume_that_was_kept_takes_the_passwords_of_a_new_release(data: Path) -> None:
    (port,) = free_ports(1)
    with served(data, port, POSTGRES_PASSWORD="first", QUEUES_PASSWORD="one"):
        assert says(port, "asya", "first") == "in\n"
        assert says(port, "queues", "one") == "in\n"
    with served(data, port, POSTGRES_PASSWORD="it's another", QUEUES_PASSWORD="two"):
        assert says(port, "asya", "it's another") == "in\n"
        assert says(port, "queues", "two") == "in\n"
        assert "password authentication failed" in says(port, "asya", "first")
