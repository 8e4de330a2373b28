"""The chart in a cluster of tests, with its webhooks, as somebody installs it who has read docs/install.md."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from typing import Any, Self

from asya_cluster import API_SERVICE, NAMESPACE, TEAM, eventually
from pipeline import AGAIN
from scaled_cluster import Api

from private_cluster.kubectl import TOOLS, Kubectl
from private_cluster.layout import ClusterError

CHART = TOOLS.parent / "deploy" / "chart"
INSTALL_LIMIT_S = 600
WAIT_S = 100  # less than a call of kubectl may take
CONFIGURATIONS = ("mutatingwebhookconfiguration/asya-injection", "validatingwebhookconfiguration/asya-validation")
# A trial without a broker of its own, and relays for pods of others.
VALUES = ("postgresql.enabled=true", "postgresql.broker=true", "webhooks.enabled=true")
TASKS = f"/apis/asya.sh/v1alpha1/namespaces/{TEAM}/tasks"


def built(name: str) -> Path:
    """A program of others, from the tool cache."""
    done = subprocess.run([TOOLS / "build-go", name], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


class ChartCluster:
    """A release `asya`, and a namespace of a team; pods of both have to be restricted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = built("helm")
        self.admin = Kubectl(os.environ["KUBECONFIG"], "")
        self.system = Kubectl(os.environ["KUBECONFIG"], NAMESPACE)
        self.team = Kubectl(os.environ["KUBECONFIG"], TEAM)
        self.api = Api(Path(os.environ["KUBECONFIG"]))

    def __enter__(self) -> Self:
        try:
            self._install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.team("delete", "deployments", "--all", "--ignore-not-found", "--wait=false")
        self.helm("uninstall", "asya", "--no-hooks", "--ignore-not-found")
        self.admin("delete", "namespace", NAMESPACE, TEAM, "--ignore-not-found", "--wait=false")

    def _install(self) -> None:
        # Whoever was here before may still be going.
        self.admin("delete", "namespace", NAMESPACE, TEAM, "--ignore-not-found", "--wait")
        for kubectl in (self.system, self.team):
            kubectl("create", "namespace", kubectl.namespace)
            kubectl("label", "namespace", kubectl.namespace, "pod-security.kubernetes.io/enforce=restricted")
        self.helm("install", "asya", CHART, *(f"--set={value}" for value in VALUES), "--timeout=10m")
        self.system("wait", "--for=condition=Available", "/".join(API_SERVICE), f"--timeout={WAIT_S}s")
        self.system("rollout", "status", "deployment/asya-server", f"--timeout={WAIT_S}s")
        eventually(lambda: "asyncactors" in self.admin("api-resources", "--api-group=asya.sh"), "it is in discovery")

    def helm(self, *words: str | Path) -> str:
        """What it printed; ClusterError with all of that when it failed."""
        environment = {**os.environ, "HOME": str(self.folder)}
        command = [self.program, *words, "--namespace", NAMESPACE]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=INSTALL_LIMIT_S, check=False)  # fmt: skip
        if done.returncode != 0:
            raise ClusterError(f"helm {' '.join(map(str, words))}: {done.stdout}")
        return done.stdout

    def secret(self) -> dict[str, str]:
        """What the servers keep of their certificates."""
        data = self.system.get("secret", "asya-serving")["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def bundles(self) -> list[str]:
        """Whom kube-apiserver believes of each webhook."""
        webhooks = [one for name in CONFIGURATIONS for one in self.admin.get(name)["webhooks"]]
        return [base64.b64decode(one["clientConfig"].get("caBundle", "")).decode() for one in webhooks]

    def send(self, count: int, *route: str) -> dict[int, str]:
        """Tasks by their numbers, which their payloads have."""

        def sent(number: int) -> Any:
            body = {"payload": {"number": number}, "next": list(route[1:]), "idempotencyKey": f"{route[0]}-{number}"}
            answer = self.api.post(f"{TASKS}?actor={route[0]}", body)
            assert answer.status_code in (200, 201, *AGAIN), answer.text
            return answer.json()["id"] if answer.status_code not in AGAIN else None

        return {number: eventually(lambda number=number: sent(number), f"task {number} is taken")
                for number in range(count)}  # fmt: skip

    def results(self, tasks: dict[int, str]) -> dict[int, Any]:
        """Of tasks, once all have ended: what came out, or why nothing did."""

        def end(task: str) -> Any:
            found = self.api.get(f"{TASKS}/{task}?wait=30s")
            return found if found["status"] not in ("pending", "running") else None

        ends = {number: eventually(lambda task=task: end(task), f"task {number} has ended")
                for number, task in tasks.items()}  # fmt: skip
        return {number: one["result"] if one["status"] == "succeeded" else one for number, one in ends.items()}
