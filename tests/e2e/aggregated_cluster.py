"""A real kube-apiserver with `asya-server api --aggregated` behind it, and kubectl as several users of the cluster."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from pathlib import Path
from typing import Any, Self

import httpx
import yaml
from asya_project import PATIENCE_S, ROOT, until
from direct_server import DirectServer

from free_ports import free_ports
from private_kubernetes import PrivateKubernetes

NAMESPACE = "asya-system"
HOSTS = (f"DNS:asya-server.{NAMESPACE}.svc", "IP:127.0.0.1")
CONTROLLERS = ("namespace-controller", "clusterrole-aggregation-controller", "garbage-collector-controller")
USERS = {"eve": ("vision",), "bob": (), "root": ("system:masters",)}
API_SERVICE = "apiservice/v1alpha1.asya.sh"


class AggregatedCluster:
    """The control plane, our server in it as its own ServiceAccount, and users by client certificates."""

    controllers: tuple[str, ...] = CONTROLLERS
    """Of kube-controller-manager."""
    render_flags: tuple[str, ...] = ()
    server_flags: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = subprocess.run(
            [ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()
        self.kubernetes = PrivateKubernetes(controllers=self.controllers)
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.server: DirectServer

    def __enter__(self) -> Self:
        self.kubernetes.start()
        try:
            self._install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "server"):
            self.server.__exit__()
        self.kubernetes.stop()

    def _install(self) -> None:
        authority = self.kubernetes.users
        self.certificates = {
            name: authority.sign(f"user-{name}", "".join(f"/O={group}" for group in groups) + f"/CN={name}")
            for name, groups in USERS.items()
        }
        self.serving = authority.sign("asya-server", "/CN=asya-server", HOSTS)
        self.ca = authority.certificate
        self.serving_ca = self.folder / "serving-ca.crt"
        self.serving_ca.write_bytes(self.ca.read_bytes())
        self.run("create", "namespace", NAMESPACE)
        until(lambda: "default" in self.run("get", "namespaces", "-o", "name"), "the cluster is there")
        objects = self.rendered()
        service = next(one for one in objects if one["kind"] == "APIService")
        self.apply([one for one in objects if one is not service])
        self.write_kubeconfig()
        self.start_server()
        self.apply([service])
        until(lambda: self.condition() == "True", "the API is available")
        until(lambda: "asyncactors" in self.run("api-resources", "--api-group=asya.sh"), "it is in discovery")
        until(lambda: self.answers("/openapi/v3/apis/asya.sh/v1alpha1"), "it is in OpenAPI")

    def rendered(self) -> list[dict[str, Any]]:
        """What `render apiservice` prints for a process of this machine."""
        port = self.address.rpartition(":")[2]
        done = subprocess.run(
            [self.programs() / "asya-server", "render", "apiservice", *self.authority_flags(), "--external-name",
             "localhost", "--port", port, *self.render_flags], check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return list(yaml.safe_load_all(done.stdout))

    def authority_flags(self) -> list[str]:
        """By which kube-apiserver is told whom to believe."""
        return ["--ca-file", str(self.ca)]

    def write_kubeconfig(self) -> None:
        """Of the server, with a token of its ServiceAccount in a file of its own."""
        token = self.run("create", "token", "asya-server", "--namespace", NAMESPACE)
        (self.folder / "token").write_text(token)
        named = {"name": "here"}
        config = {
            "current-context": "here",
            "contexts": [named | {"context": {"cluster": "here", "user": "here", "namespace": NAMESPACE}}],
            "clusters": [named | {"cluster": {"server": self.kubernetes.url, "certificate-authority": str(self.ca)}}],
            "users": [named | {"user": {"tokenFile": "token"}}],
        }
        (self.folder / "kubeconfig").write_text(json.dumps(config))

    @staticmethod
    def programs() -> Path:
        """Where asya-server lies."""
        return Path(os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin")))

    def start_server(self, folder: str = "server", database: str = "") -> None:
        """Ours, at the address that the APIService names; its database is a file in `folder`, or this PostgreSQL."""
        certificate, key = self.serving
        self.server = DirectServer(
            self.folder / folder, self.ca, f"--aggregated={self.folder / 'kubeconfig'}",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
            f"--serving-ca-file={self.serving_ca}", *self.server_flags, listen=self.address, database=database,
        )  # fmt: skip

    def command(self, *arguments: str, user: str = "root") -> list[str]:
        """A whole command line of kubectl."""
        certificate, key = self.certificates[user]
        return [self.program, "--kubeconfig=/dev/null", f"--server={self.kubernetes.url}",
                f"--certificate-authority={self.ca}", f"--client-certificate={certificate}", f"--client-key={key}",
                f"--cache-dir={self.folder / 'cache' / user}", *arguments]  # fmt: skip

    def run(self, *arguments: str, user: str = "root", stdin: str = "", code: int = 0, **environment: str) -> str:
        """What kubectl prints to both streams; it has to exit with `code`."""
        done = subprocess.run(
            self.command(*arguments, user=user), input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=PATIENCE_S, check=False, env={**os.environ, **environment},
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}: {done.stdout}"
        return done.stdout

    def apply(self, objects: list[dict[str, Any]]) -> None:
        """All of them, as root."""
        self.run("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def condition(self) -> str:
        """Whether kube-apiserver takes the API for available: True, False, or nothing."""
        return self.run("get", API_SERVICE, "-o", "jsonpath={.status.conditions[?(@.type=='Available')].status}")

    def answers(self, path: str) -> bool:
        """Whether kube-apiserver answers with success."""
        with self.client("root", url=self.kubernetes.url) as client:
            return client.get(path).status_code == 200

    def client(self, user: str = "", *, url: str = "", certificate: tuple[Path, Path] | None = None,
               token: str = "") -> httpx.Client:  # fmt: skip
        """HTTP straight to our server (or to `url`), past kube-apiserver."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_verify_locations(str(self.serving_ca))
        shown = certificate or (self.certificates[user] if user else None)
        if shown:
            context.load_cert_chain(*shown)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=url or f"https://{self.address}", verify=context, headers=headers,
                            timeout=PATIENCE_S)  # fmt: skip
