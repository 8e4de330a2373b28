"""A private control plane of Kubernetes (etcd and kube-apiserver) on the loopback; ends with its starter."""

from __future__ import annotations

import contextlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from free_ports import free_ports
from private_pki import Authority, make_signing_key
from private_server import PrivateServer, die_with_parent, run, serve

START_LIMIT_S = 240
STOP_LIMIT_S = 20
BUILD = Path(__file__).resolve().parent / "build-go"
SERVICE_ADDRESSES = "10.96.0.0/16"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")

KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{{name: private, cluster: {{server: "{url}", certificate-authority: {ca}}}}}]
users: [{{name: admin, user: {{client-certificate: {certificate}, client-key: {key}}}}}]
contexts: [{{name: private, context: {{cluster: private, user: admin}}}}]
current-context: private
"""


class PrivateKubernetes(PrivateServer):
    """etcd and kube-apiserver on free ports, with keys of their own; no node.

    `durable`: etcd syncs to disk, as it does in production; off for tests. `controllers`: those of
    kube-controller-manager that run, by their names; without any it is not started.
    """

    name = "kube-apiserver"

    def __init__(self, durable: bool = False, controllers: tuple[str, ...] = ()) -> None:
        self.durable = durable
        self.controllers = controllers
        self.folder = Path(tempfile.mkdtemp(prefix="asya-kubernetes-"))
        port, self._etcd_port, self._peer_port = free_ports(3)
        self.url = f"https://127.0.0.1:{port}"
        self._port = port
        self._etcd: subprocess.Popen[bytes] | None = None
        self._apiserver: subprocess.Popen[bytes] | None = None
        self._controllers: subprocess.Popen[bytes] | None = None
        self.users: Authority  # once it has started
        self.front_proxies: Authority

    @property
    def addresses(self) -> dict[str, str]:
        """URL and kubeconfig of the administrator; ca.crt, admin.crt and admin.key lie beside the kubeconfig."""
        return {"ASYA_TEST_KUBERNETES": self.url, "KUBECONFIG": str(self.folder / "admin.kubeconfig")}

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """kube-apiserver."""
        return self._apiserver

    @property
    def log(self) -> str:
        """Of all."""
        texts = [self.folder / f"{name}.log" for name in PROGRAMS]
        return "\n".join(text.read_text(errors="replace") for text in texts if text.exists())

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by program."""
        assert self._etcd is not None
        return {"etcd": self._etcd.pid, "kube-apiserver": self.pid}

    def start(self) -> dict[str, str]:
        """All, on the earlier data if there are any; returns once `/readyz` says ok."""
        self._make_keys()
        programs = self._programs()
        self._etcd = self._spawn(programs / "etcd", self._etcd_arguments())
        self._apiserver = self._spawn(programs / "kube-apiserver", self._apiserver_arguments())
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        context.load_cert_chain(self.folder / "admin.crt", self.folder / "admin.key")

        def answers() -> bool:
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=5, context=context) as answer:
                    return bool(answer.read() == b"ok")
            except OSError:
                return False

        self.wait_until(answers, START_LIMIT_S)
        if self.controllers:
            self._controllers = self._spawn(programs / "kube-controller-manager", self._controllers_arguments())
        return self.addresses

    def kill(self) -> None:
        """All at once; `start` brings them back with what etcd has on disk."""
        for process in (self._controllers, self._apiserver, self._etcd):
            if process is not None:
                process.kill()
                process.wait(STOP_LIMIT_S)
        self._controllers = self._apiserver = self._etcd = None

    def stop(self) -> None:
        """All, and their folder."""
        if self._controllers is not None:
            self._controllers.kill()
        for process in (self._apiserver, self._etcd):
            if process is not None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_LIMIT_S)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _programs(self) -> Path:
        """A folder in which each program is a link to the one binary."""
        binary = subprocess.run([BUILD, "kubebox"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        for name in PROGRAMS:
            if not (folder / name).exists():
                (folder / name).symlink_to(binary)
        return folder

    def _spawn(self, program: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{program.name}.log").open("ab") as log:
            return subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    cwd=self.folder, preexec_fn=die_with_parent)  # fmt: skip

    def _make_keys(self) -> None:
        if (self.folder / "admin.kubeconfig").exists():
            return
        authority = self.users = Authority(self.folder, "ca")
        front = self.front_proxies = Authority(self.folder, "front-proxy-ca")
        authority.sign("apiserver", "/CN=kube-apiserver", ("DNS:localhost", "DNS:kubernetes", "IP:127.0.0.1"))
        certificate, key = authority.sign("admin", "/O=system:masters/CN=admin")
        front.sign("front-proxy-client", "/CN=front-proxy-client")
        make_signing_key(self.folder, "service-accounts")
        text = KUBECONFIG.format(url=self.url, ca=authority.certificate, certificate=certificate, key=key)
        (self.folder / "admin.kubeconfig").write_text(text)

    def _etcd_arguments(self) -> list[str]:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        return [
            "--name=private", f"--data-dir={self.folder / 'etcd'}", "--log-level=warn",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=private={peer}", *([] if self.durable else ["--unsafe-no-fsync"]),
        ]  # fmt: skip

    def _apiserver_arguments(self) -> list[str]:
        files = {
            "client-ca-file": "ca.crt", "tls-cert-file": "apiserver.crt", "tls-private-key-file": "apiserver.key",
            "service-account-key-file": "service-accounts.pub",
            "service-account-signing-key-file": "service-accounts.key",
            "requestheader-client-ca-file": "front-proxy-ca.crt",
            "proxy-client-cert-file": "front-proxy-client.crt", "proxy-client-key-file": "front-proxy-client.key",
        }  # fmt: skip
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1", f"--secure-port={self._port}",
            # An address of the loopback may not stand in Endpoints, so none are written.
            "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            f"--service-cluster-ip-range={SERVICE_ADDRESSES}", "--authorization-mode=RBAC", "--profiling=false",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            *(f"--{name}={self.folder / file}" for name, file in files.items()),
        ]  # fmt: skip

    def _controllers_arguments(self) -> list[str]:
        return [
            f"--kubeconfig={self.folder / 'admin.kubeconfig'}", f"--controllers={','.join(self.controllers)}",
            "--leader-elect=false", "--secure-port=0", f"--root-ca-file={self.folder / 'ca.crt'}",
            f"--service-account-private-key-file={self.folder / 'service-accounts.key'}",
            "--horizontal-pod-autoscaler-sync-period=1s",  # as in tools/private_cluster/control_plane.py
        ]  # fmt: skip


def main(arguments: list[str]) -> int:
    """The command line of tools/kubernetes."""
    durable = arguments[:1] == ["--durable"]
    rest = arguments[1:] if durable else arguments
    if rest == ["serve"]:
        return serve(PrivateKubernetes(durable))
    if rest[:1] == ["run"] and len(rest) >= 2:
        return run(PrivateKubernetes(durable), rest[1:])
    print("usage: tools/kubernetes [--durable] serve | run COMMAND...", file=sys.stderr)
    return 2
