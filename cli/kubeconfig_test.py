"""The kubeconfig of a local server holds its whole token: who else is on the machine must not read it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from asya_cli.project import installation

SERVER = {"url": "http://127.0.0.1:1", "token": "secret", "tlsUrl": "https://127.0.0.1:2", "ca": "CA", "pid": 1}


def printed_to(file: int, folder: Path) -> None:
    """What `asya kubeconfig > kc` does in the folder of a project that is up."""
    state = folder / ".asya" / "local"
    state.mkdir(parents=True)
    (state / "server.json").write_text(json.dumps(SERVER))
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(installation() / "cli")}
    command = [sys.executable, "-m", "asya_cli", "kubeconfig"]
    subprocess.run(command, cwd=folder, env=variables, stdout=file, check=True)


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o600])
def test_a_file_that_gets_the_token_is_its_owners_alone(tmp_path: Path, mode: int) -> None:
    """The shell has made it for everybody to read; in server.json the token is not."""
    kc = tmp_path / "kc"
    file = os.open(kc, os.O_WRONLY | os.O_CREAT)
    try:
        os.fchmod(file, mode)
        printed_to(file, tmp_path)
    finally:
        os.close(file)
    assert stat.S_IMODE(kc.stat().st_mode) == 0o600
    assert yaml.safe_load(kc.read_text())["users"][0]["user"] == {"token": "secret"}


def test_what_is_no_file_stays_as_it_is(tmp_path: Path) -> None:
    """As a pipe to another program, or /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o644)
    file = os.open(pipe, os.O_RDWR)
    try:
        printed_to(file, tmp_path)
        assert b"token: secret" in os.read(file, 4096)
    finally:
        os.close(file)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o644
