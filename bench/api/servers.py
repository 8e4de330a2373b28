"""The two servers that are compared, each durable, with TLS and client certificates, and a server that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "bench")]

from local.stack import family, listens, until  # noqa: E402

from free_ports import free_ports  # noqa: E402
from private_kubernetes import PrivateKubernetes  # noqa: E402
from private_pki import Authority  # noqa: E402
from private_postgres import PrivatePostgres  # noqa: E402

PROGRAMS = ROOT / "build" / "release" / "bin"
ESTABLISHED_S = 30.0
ROLES = """bindings:
- {role: admin, users: [bench], namespaces: ['*']}
"""


@dataclass(frozen=True)
class Server:
    """One of them; `roots` gives the ids of its processes, whose children belong to it as well."""

    name: str
    address: str
    ca: str
    certificate: str
    key: str
    roots: Callable[[], list[int]]

    def pids(self) -> set[int]:
        """All its processes."""
        return {pid for root in self.roots() for pid in family(root)}

    def processor_seconds(self) -> float:
        """User and system time so far, also of its children that have ended."""
        ticks = 0
        for pid in self.pids():
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(int(field) for field in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def pss_mib(self) -> float:
        """Proportional set size: shared memory counts once."""
        total = 0
        for pid in self.pids():
            with suppress(OSError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return total / 1024


@contextmanager
def _running(arguments: list[str | Path], environment: dict[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(arguments, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def null_server(folder: Path) -> Iterator[Server]:
    """Answers everything with the same 1 KiB."""
    folder = folder / "null"
    folder.mkdir()
    authority = Authority(folder, "ca")
    certificate, key = authority.sign("server", "/CN=null", ("IP:127.0.0.1",))
    with _running([PROGRAMS / "bench_null_server", certificate, key, folder]) as pid:
        address = folder / "address"
        until("starting the server that does nothing", address.exists)
        client = authority.sign("client", "/CN=bench")
        yield Server(
            "nothing", address.read_text(), str(authority.certificate), str(client[0]), str(client[1]), lambda: [pid]
        )


@contextmanager
def _ours(folder: Path) -> Iterator[Server]:
    folder = folder / "asya"
    folder.mkdir()
    authority = Authority(folder, "ca")
    certificate, key = authority.sign("server", "/CN=asya", ("IP:127.0.0.1",))
    client = authority.sign("client", "/CN=bench")
    (folder / "roles.yaml").write_text(ROLES)
    port = free_ports(1)[0]
    with PrivatePostgres(durable=True) as database:
        arguments: list[str | Path] = [
            PROGRAMS / "asya-server", "api", "--listen", f"127.0.0.1:{port}", "--tls-cert-file", certificate,
            "--tls-private-key-file", key, "--client-ca-file", authority.certificate,
            "--roles-file", folder / "roles.yaml",
        ]  # fmt: skip
        with _running(arguments, {"ASYA_DATABASE_URL": database.dsn}) as pid:
            until("starting asya-server", lambda: listens(port))
            yield Server(
                "asya-server, PostgreSQL", f"127.0.0.1:{port}", str(authority.certificate), str(client[0]),
                str(client[1]), lambda: [pid, database.pid],
            )  # fmt: skip


@contextmanager
def _theirs() -> Iterator[Server]:
    with PrivateKubernetes(durable=True) as cluster:
        _define_kinds(cluster)
        folder = cluster.folder
        yield Server(
            "kube-apiserver, etcd", urlparse(cluster.url).netloc, str(folder / "ca.crt"), str(folder / "admin.crt"),
            str(folder / "admin.key"), lambda: list(cluster.pids.values()),
        )  # fmt: skip


def _define_kinds(cluster: PrivateKubernetes) -> None:
    """Our kinds as CustomResourceDefinitions of the same schema."""
    kubectl = subprocess.run(
        [ROOT / "tools" / "build-go", "kubectl"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    crds = subprocess.run(
        [PROGRAMS / "asya-server", "render", "crds"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    environment = {**os.environ, **cluster.addresses}
    subprocess.run([kubectl, "create", "-f", "-"], input=crds, text=True, check=True, env=environment,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    # `kubectl wait` fails on a definition whose status is still empty.
    deadline = time.monotonic() + ESTABLISHED_S
    while subprocess.run([kubectl, "get", "asyncactors.asya.sh"], env=environment, check=False,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:  # fmt: skip
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: the definitions were not established within {ESTABLISHED_S:g} s")
        time.sleep(0.2)


@contextmanager
def both(folder: Path) -> Iterator[tuple[Server, Server]]:
    """Ours and theirs, side by side, empty."""
    with _ours(folder) as ours, _theirs() as theirs:
        yield ours, theirs
