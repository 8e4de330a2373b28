"""asya-server on this machine behind the API of a cluster of tests, with real pods, PostgreSQL and RabbitMQ."""

from __future__ import annotations

import base64
import os
import secrets
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import httpx
import yaml
from direct_server import PROGRAMS, DirectServer
from server_kubeconfig import write_server_kubeconfig

from free_ports import free_ports
from private_cluster.api import condition
from private_cluster.kubectl import LOOK_PAUSE_S, PATIENCE_S, TOOLS, Kubectl
from private_cluster.program_image import write_program_image
from private_postgres import DATABASE, PrivatePostgres
from private_rabbitmq import PrivateRabbitmq

NAMESPACE = "asya-system"
TEAM = "vision"
HOST = f"asya-server.{NAMESPACE}.svc"
API_SERVICE = ("apiservice", "v1alpha1.asya.sh")
RELAY_IMAGE = "localhost/asya-relay:test"
PYTHON_IMAGE = "localhost/python:1"
REPORTS_PORT, SCALER_PORT = 6444, 6000
USER = "asya"
CREDENTIALS = "broker"  # the Secret that the Transports name, in the namespace of the servers
TRANSPORTS = ("rabbit", "ledger")  # the first is the default; the other one is PostgreSQL
RUNTIME = TOOLS.parent / "build" / "asya_runtime.pyz"


class OutsideServer:
    """One asya-server on the machine, as an endpoint of the Service by which the cluster calls it."""

    def __init__(self, cluster: AsyaCluster, number: int) -> None:
        self.cluster, self.number = cluster, number
        self.machine = os.environ["ASYA_TEST_CLUSTER_MACHINE"]
        self.port, self.reports_port, self.scaler_port = free_ports(3)
        self.lives = 0
        self.start()
        cluster.system.apply(self._endpoints())

    def start(self) -> None:
        """Anew after an end of it, on the same ports."""
        self.lives += 1
        cluster = self.cluster
        self.process = DirectServer(
            cluster.folder / f"server-{self.number}-{self.lives}", "", f"--aggregated={cluster.folder / 'kubeconfig'}",
            "--controllers=all", f"--runtime={RUNTIME}", f"--relay-image={RELAY_IMAGE}",
            f"--crew-image={RELAY_IMAGE}", f"--reports-listen={self.machine}:{self.reports_port}",
            f"--scaler-listen={self.machine}:{self.scaler_port}", f"--scaler-address={HOST}:{SCALER_PORT}",
            listen=f"{self.machine}:{self.port}", database=cluster.postgres.dsn,
        )  # fmt: skip

    def is_called(self, holder: str) -> bool:
        """Whether it has led under that name."""
        return any(line.get("holder") == holder for line in self.process.lines())

    def _endpoints(self) -> dict[str, Any]:
        ports = [{"name": "https", "port": self.port}, {"name": "reports", "port": self.reports_port},
                 {"name": "scaler", "port": self.scaler_port}]  # fmt: skip
        labels = {"kubernetes.io/service-name": "asya-server"}
        return {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": ports,
            "metadata": {"name": f"asya-server-{self.number}", "labels": labels},
            "endpoints": [{"addresses": [self.machine], "conditions": {"ready": True}}],
        }  # fmt: skip


class AsyaCluster:
    """The servers, what they need, and a namespace of a team whose pods have to be restricted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = os.environ["ASYA_TEST_CLUSTER_MACHINE"]
        self.password = secrets.token_urlsafe(24)
        self.admin = Kubectl(os.environ["KUBECONFIG"], "")
        self.system = Kubectl(os.environ["KUBECONFIG"], NAMESPACE)
        self.kubectl = Kubectl(os.environ["KUBECONFIG"], TEAM)
        # Pods reach the address of this end of the link, and nobody beyond the machine does.
        self.postgres = PrivatePostgres(address=self.machine, password=self.password)
        self.rabbitmq = PrivateRabbitmq(address=self.machine, user=USER, password=self.password)
        self.servers: list[OutsideServer] = []
        self.teams: list[str] = []

    def __enter__(self) -> Self:
        try:
            self.postgres.start()
            self.rabbitmq.start()
            self._install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._uninstall()
        finally:
            for server in self.servers:
                server.process.__exit__()
            self.rabbitmq.stop()
            self.postgres.stop()

    def _uninstall(self) -> None:
        """As long as there is somebody who takes the finalizers away."""
        if self.servers and self.teams:
            self.admin("delete", "namespace", *self.teams, "--timeout=90s", "--ignore-not-found")
        self.admin("delete", *API_SERVICE, "--ignore-not-found")
        self.admin.delete(*rendered())
        self.admin("delete", "namespace", NAMESPACE, "--wait=false", "--ignore-not-found")

    def _install(self) -> None:
        load_relay(self.folder)
        self.admin("delete", "namespace", NAMESPACE, "--wait", "--ignore-not-found")
        self.admin("create", "namespace", NAMESPACE)
        objects = [self._without_selector(one) for one in rendered()]
        api = next(one for one in objects if one["kind"] == "APIService")
        self.admin.apply(*(one for one in objects if one is not api))
        url = f"postgresql://{USER}:{self.password}@{self.machine}:{self.postgres.port}/{DATABASE}?sslmode=disable"
        self.system("create", "secret", "generic", CREDENTIALS, f"--from-literal=username={USER}",
                    f"--from-literal=password={self.password}", f"--from-literal=url={url}")  # fmt: skip
        write_server_kubeconfig(self.folder, self.system, NAMESPACE)
        self.servers.append(OutsideServer(self, 1))
        self.system.apply(api)
        self.system.until(*API_SERVICE, holds=lambda api: condition(api, "Available"))
        eventually(lambda: "asyncactors" in self.admin("api-resources", "--api-group=asya.sh"), "it is in discovery")
        eventually(lambda: "apis/asya.sh/v1alpha1" in self.admin("get", "--raw=/openapi/v3"), "it is in OpenAPI")
        self.make_team(TEAM)
        self.kubectl.apply(*self._transports())

    @staticmethod
    def _without_selector(thing: dict[str, Any]) -> dict[str, Any]:
        """Our server is no pod: the Service has the EndpointSlices that tests make."""
        if thing["kind"] == "Service":
            ports = [{"name": "https", "port": 443}, {"name": "reports", "port": REPORTS_PORT},
                     {"name": "scaler", "port": SCALER_PORT}]  # fmt: skip
            return {**thing, "spec": {"ports": ports}}
        return thing

    def make_team(self, name: str) -> Kubectl:
        """A namespace whose pods have to be restricted, and somebody who may send there."""
        self.teams.append(name)
        kubectl = Kubectl(os.environ["KUBECONFIG"], name)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        kubectl("create", "serviceaccount", "sender")
        kubectl("create", "rolebinding", "sender", "--clusterrole=edit", f"--serviceaccount={name}:sender")
        return kubectl

    def _transports(self) -> list[dict[str, Any]]:
        addresses = self.rabbitmq.addresses
        port = int(addresses["ASYA_TEST_RABBITMQ"].rstrip("/").rpartition(":")[2])
        secret = {"credentialsSecretRef": {"name": CREDENTIALS}}
        rabbitmq = {"host": self.machine, "port": port, "managementUrl": addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"]}
        postgres = {"host": self.machine, "port": self.postgres.port, "database": DATABASE, "sslMode": "disable"}
        specs = [{"type": "rabbitmq", "default": True, "rabbitmq": rabbitmq | secret},
                 {"type": "postgres", "postgres": postgres | secret}]  # fmt: skip
        return [{"apiVersion": "asya.sh/v1alpha1", "kind": "Transport", "metadata": {"name": name}, "spec": spec}
                for name, spec in zip(TRANSPORTS, specs, strict=True)]  # fmt: skip

    def client(self, kubectl: Kubectl, server: OutsideServer | None = None) -> httpx.Client:
        """Of the task API, as somebody who may edit in the namespace of a team."""
        server = server or self.servers[0]
        bundle = self.system.get(*API_SERVICE)["spec"]["caBundle"]
        context = ssl.create_default_context(cadata=base64.b64decode(bundle).decode())
        token = kubectl("create", "token", "sender").strip()
        return httpx.Client(
            base_url=f"https://{self.machine}:{server.port}/api/v1", verify=context, timeout=PATIENCE_S,
            headers={"Authorization": f"Bearer {token}"}, params={"namespace": kubectl.namespace},
        )  # fmt: skip

    def leader(self) -> OutsideServer | None:
        """The server that holds the Lease; None while none of those that live has it."""
        holder = self.system.get("lease", "asya-controllers")["spec"].get("holderIdentity") or "nobody"
        return next((one for one in self.servers if one.is_called(holder)), None)

    def queues(self) -> dict[str, int]:
        """Messages of each actor's queue, waiting or in work."""
        url = self.rabbitmq.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"] + "/api/queues"
        answer = httpx.get(url, auth=(USER, self.password), timeout=PATIENCE_S).raise_for_status()
        return {one["name"]: one.get("messages", 0) for one in answer.json() if one["name"].startswith("asya-")}


def load_relay(folder: Path) -> None:
    """The image of the relay for the transports above, made of the programs that were built here."""
    archive = folder / "relay.tar"
    programs = (PROGRAMS / name for name in ("asya-relay", "asya-relay-rabbitmq", "asya-relay-postgres"))
    write_program_image(archive, RELAY_IMAGE, *programs)
    name = os.environ["ASYA_TEST_CLUSTER"]
    subprocess.run([TOOLS / "testcluster", "load-image", "--name", name, archive], check=True)
    archive.unlink()


def rendered() -> list[dict[str, Any]]:
    """What the server says that a cluster needs to take it as an API."""
    command = [str(PROGRAMS / "asya-server"), "render", "apiservice", "--controllers", "all"]
    for name in TRANSPORTS:
        command += ["--credentials", f"{name}={CREDENTIALS}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return list(yaml.safe_load_all(done.stdout))


def eventually(look: Any, what: str, limit_s: float = PATIENCE_S) -> Any:
    """What `look` gives as soon as it gives something."""
    deadline = time.monotonic() + limit_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
        time.sleep(LOOK_PAUSE_S)
    return seen
