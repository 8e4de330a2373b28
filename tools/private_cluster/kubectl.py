"""kubectl against a cluster of tests, and waiting for what the cluster does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from private_cluster.layout import ClusterError

TOOLS = Path(__file__).resolve().parents[1]
CALL_LIMIT_S = 120
PATIENCE_S = 180
LOOK_PAUSE_S = 0.1


class Kubectl:
    """As the administrator by whose kubeconfig it is, in `namespace`; empty: where the objects themselves say."""

    def __init__(self, kubeconfig: str | Path, namespace: str = "default") -> None:
        build = subprocess.run([TOOLS / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True)
        self._program = build.stdout.strip()
        self._kubeconfig = str(kubeconfig)
        self.namespace = namespace

    def __call__(self, *words: str, stdin: str | None = None) -> str:
        """What it printed; ClusterError with its complaint when it failed."""
        done = subprocess.run(self._command(words), input=stdin, capture_output=True, text=True, timeout=CALL_LIMIT_S,
                              check=False, env=self._environment())  # fmt: skip
        if done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """A command that goes on; what it prints can be read."""
        return subprocess.Popen(self._command(words), stdout=subprocess.PIPE, text=True, env=self._environment())

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [self._program, *(["--namespace", self.namespace] if self.namespace else []), *words]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": self._kubeconfig}

    def apply(self, *manifests: dict[str, Any]) -> None:
        """Applies them."""
        self("apply", "-f", "-", stdin=listed(manifests))

    def delete(self, *manifests: dict[str, Any]) -> None:
        """Deletes them, where they are there; does not wait for their end."""
        self("delete", "-f", "-", "--ignore-not-found", "--wait=false", stdin=listed(manifests))

    def get(self, *words: str) -> Any:
        """An object or a list of them."""
        return json.loads(self("get", *words, "-o", "json"))

    def until(self, *words: str, holds: Callable[[Any], bool], limit_s: float = PATIENCE_S) -> Any:
        """Reads the object until that holds of it; ClusterError with its events when it does not."""
        deadline = time.monotonic() + limit_s
        while not holds(found := self.get(*words)):
            if time.monotonic() > deadline:
                events = self("get", "events", "--sort-by=.lastTimestamp")
                status = json.dumps(found.get("status"), indent=1)
                raise ClusterError(f"{' '.join(words)} was not so within {limit_s:g} s: {status}\n{events}")
            time.sleep(LOOK_PAUSE_S)
        return found


def listed(manifests: tuple[dict[str, Any], ...]) -> str:
    """As one object."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
