"""The two servers that are compared, each durable, with TLS and client certificates, and a server that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "bench")]

from local.stack import listens, processor_seconds_by_program, pss_mib, until  # noqa: E402

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
    """One of them; `roots` gives the ids of its processes, none below another, whose children belong to it as well."""

    name: str
    address: str
    ca: str
    certificate: str
    key: str
    roots: Callable[[], list[int]]  # the server first, then its database
    # Of another replica on the same database, while the block runs; only ours has it.
    replica: Callable[[], AbstractContextManager[str]] | None = None

    def processor_seconds(self) -> float:
        """User and system time so far, also of its children that have ended."""
        return sum(sum(processor_seconds_by_program(root).values()) for root in self.roots())

    def pss_mib(self) -> list[float]:
        """Proportional set size of each of them, in the order of the roots."""
        return [pss_mib(root) for root in self.roots()]


@dataclass(frozen=True)
class _Keys:
    """Certificates and keys of a server on the loopback and of its client, and who has signed them."""

    ca: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]


def _keys(folder: Path) -> _Keys:
    folder.mkdir()
    authority = Authority(folder, "ca")
    return _Keys(
        authority.certificate,
        authority.sign("server", "/CN=server", ("IP:127.0.0.1",)),
        authority.sign("client", "/CN=bench"),
    )


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
    keys = _keys(folder)
    with _running([PROGRAMS / "bench_null_server", *keys.server, folder]) as pid:
        address = folder / "address"
        until("starting the server that does nothing", address.exists)
        certificate, key = map(str, keys.client)
        yield Server("nothing", address.read_text(), str(keys.ca), certificate, key, lambda: [pid])


@contextmanager
def _api(keys: _Keys, roles: Path, dsn: str) -> Iterator[tuple[str, int]]:
    """One replica of ours on that database: its address and its process."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    arguments: list[str | Path] = [
        PROGRAMS / "asya-server", "api", "--listen", address, "--tls-cert-file", keys.server[0],
        "--tls-private-key-file", keys.server[1], "--client-ca-file", keys.ca, "--roles-file", roles,
    ]  # fmt: skip
    with _running(arguments, {"ASYA_DATABASE_URL": dsn}) as pid:
        until("starting asya-server", lambda: listens(int(address.rpartition(":")[2])))
        yield address, pid


@contextmanager
def _ours(folder: Path) -> Iterator[Server]:
    folder = folder / "asya"
    keys = _keys(folder)
    roles = folder / "roles.yaml"
    roles.write_text(ROLES)
    with PrivatePostgres(durable=True) as database, _api(keys, roles, database.dsn) as (address, pid):

        @contextmanager
        def replica() -> Iterator[str]:
            with _api(keys, roles, database.dsn) as (other, _):
                yield other

        certificate, key = map(str, keys.client)
        yield Server(
            "asya-server, PostgreSQL", address, str(keys.ca), certificate, key, lambda: [pid, database.pid], replica
        )


@contextmanager
def _theirs() -> Iterator[Server]:
    with PrivateKubernetes(durable=True) as cluster:
        _define_kinds(cluster)
        folder = cluster.folder
        yield Server(
            "kube-apiserver, etcd", urlparse(cluster.url).netloc, str(folder / "ca.crt"), str(folder / "admin.crt"),
            str(folder / "admin.key"), lambda: [cluster.pids["kube-apiserver"], cluster.pids["etcd"]],
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
