"""`asya up --cluster` as a person types it, and then what it prints as next."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from private_cluster.kubectl import LOOK_PAUSE_S, PATIENCE_S, TOOLS

ROOT = TOOLS.parent
LIMIT_S = 900


def asya(clusters: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ASYA_TEST_CLUSTERS": str(clusters), "PYTHONPATH": str(ROOT / "cli")}
    environment.pop("KUBECONFIG", None)
    return subprocess.run([sys.executable, "-m", "asya_cli", *words], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S, check=False)  # fmt: skip


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[Path]:
    """A folder for the cluster, which is taken down whatever happens."""
    yield tmp_path
    asya(tmp_path, "down", "--cluster")


@pytest.mark.timeout(2 * LIMIT_S)
def test_what_it_prints_as_next_works(clusters: Path) -> None:
    """From nothing to the answer of an actor that had no pod."""
    up = asya(clusters, "up", "--cluster")
    assert up.returncode == 0, up.stdout
    commands = [line.strip() for line in up.stdout.partition("next:\n")[2].splitlines()]
    assert commands[-1].endswith("down --cluster")
    (send,) = (line for line in commands if " send copy " in line)
    before = commands[: commands.index(send)]
    after = commands[commands.index(send) + 1 : -1]
    (port,) = re.findall(r"kubectl proxy --port (\d+) &", "\n".join(before))
    wait = f"until curl -s -o proxied http://127.0.0.1:{port}/version; do sleep {LOOK_PAUSE_S}; done"
    script = "\n".join([*before, wait, send, *after, "kill %1"])
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    started = time.monotonic()
    typed = subprocess.run(["bash", "-c", script], cwd=clusters, env=environment, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S, check=False)  # fmt: skip
    print(up.stdout, f"\nfrom the manifest to the answer {time.monotonic() - started:.1f} s:\n", typed.stdout)
    assert json.loads(re.findall(r"^\{.*?^\}", typed.stdout, re.M | re.S)[0]) == {"text": "hi"}
    assert re.search(r"^copy +\w+ +\w+ +1 ", typed.stdout, re.M), "it has a replica"
