"""schemathesis makes requests, right and wrong ones, out of our own OpenAPI v3; none may be answered 5xx."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from direct_place import DirectPlace

HERE = Path(__file__).resolve().parent
REQUESTS_PER_OPERATION = 3
PATIENCE_S = 250


@pytest.mark.parametrize("document", ["apis/asya.sh/v1alpha1", "api/v1"])
def test_no_request_fails_in_the_server(client_programs: Path, tmp_path: Path, document: str) -> None:
    """Of every operation some, by a fixed seed."""
    place = DirectPlace(tmp_path)
    with place.start() as server:
        command = [
            str(client_programs / "st"), "run", f"{server.url}/openapi/v3/{document}",
            "--url", server.url, "--tls-verify", server.ca,
            "--request-cert", place.root[0], "--request-cert-key", place.root[1], "--checks", "not_a_server_error",
            "--phases", "fuzzing", "--max-examples", str(REQUESTS_PER_OPERATION), "--seed", "1", "--workers", "2",
            "--generation-database", "none", "--no-color", "--warnings", "off",
        ]  # fmt: skip
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)  # fmt: skip
        assert server.process.poll() is None, done.stdout
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    made = re.search(r"(\d+) generated, \1 passed", done.stdout)
    assert made and int(made.group(1)) > 0, done.stdout
