"""KEDA's operator and metrics server on the loopback, beside a private control plane; they end with their starter."""

from __future__ import annotations

import subprocess
from pathlib import Path

from free_ports import free_ports
from private_cluster.api import Api, condition
from private_cluster.keda_programs import (
    METRICS_API_PATH,
    KedaPrograms,
    make_keda_keys,
    register_kinds,
    register_metrics_api,
)
from private_kubernetes import PrivateKubernetes
from private_server import PrivateServer, die_with_parent

START_LIMIT_S = 120
STOP_LIMIT_S = 20
LOOPBACK = "127.0.0.1"
BUILD = Path(__file__).resolve().parent / "keda" / "build"


class PrivateKeda(PrivateServer):
    """Both on free ports; their keys and logs lie in the folder of the control plane, which has to run."""

    name = "KEDA"

    def __init__(self, kubernetes: PrivateKubernetes) -> None:
        self._kubernetes = kubernetes
        self._ports = free_ports(5)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def addresses(self) -> dict[str, str]:
        """Nothing: it is reached by the API alone."""
        return {}

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The operator, or the metrics server where that has ended."""
        ended = [process for process in self._processes if process.poll() is not None]
        return next(iter(ended or self._processes), None)

    @property
    def log(self) -> str:
        """Of both."""
        return "\n".join(log.read_text(errors="replace") for log in sorted(self._kubernetes.folder.glob("keda-*.log")))

    def start(self) -> None:
        """Its kinds, its programs and its metrics API; returns once the API passes calls for metrics on."""
        folder = self._kubernetes.folder
        if not (folder / "keda").exists():
            make_keda_keys(self._kubernetes.users)
        built = Path(subprocess.run([BUILD], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
        api = Api(folder, self._kubernetes.url)
        kinds = register_kinds(api, built)
        # An address of the loopback may not stand in an EndpointSlice, but a Service may have its name.
        port, *inner = self._ports
        register_metrics_api(api, {"type": "ExternalName", "externalName": "localhost"}, port)
        self._kubernetes.wait_until(
            lambda: all(condition(api.get(path), "Established") for path in kinds), START_LIMIT_S
        )
        numbers, metrics, health, others = inner
        keda = KedaPrograms(built, folder, folder / "admin.kubeconfig", LOOPBACK, port,
                            (numbers, metrics, health, others))  # fmt: skip
        self._processes = [self._spawn(command, keda.environment) for command in (keda.operator, keda.adapter)]
        self.wait_until(lambda: condition(api.get(METRICS_API_PATH), "Available"), START_LIMIT_S)

    def kill(self) -> None:
        """Both at once."""
        for process in self._processes:
            process.kill()
            process.wait(STOP_LIMIT_S)
        self._processes = []

    def stop(self) -> None:
        """Both; what they have of data is in the cluster."""
        self.kill()

    def _spawn(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        folder = self._kubernetes.folder
        with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                    env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
                                    preexec_fn=die_with_parent)  # fmt: skip
