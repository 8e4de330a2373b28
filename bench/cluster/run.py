"""Our controllers on a real kube-apiserver without nodes: how soon an actor's children are written, many at once, what
a restart writes, and what the server needs at rest.

The programs are those of ASYA_BIN; etcd syncs to disk; the database is the PostgreSQL of ASYA_TEST_POSTGRES, or a
file. Prints a table, and one line a bar: `bar NAME value=… limit<=… ok|short`. With --strict a short one is a
failure.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.extend(str(Path(__file__).resolve().parents[2] / folder) for folder in ("bench", "tests/e2e", "tools", "cli"))

from aggregated_cluster import NAMESPACE
from asya_project import until
from cluster.children import Children
from controlled_cluster import TEAM, Broker, actor
from local.stack import bar
from resting_cluster import OF_THE_CLUSTER, RestingCluster, kinds_of_keda

from free_ports import free_ports

ACTORS_PATH = f"/apis/asya.sh/v1alpha1/namespaces/{TEAM}/asyncactors"
KINDS_OF_CHILDREN = {"configmaps", "deployments", "scaledobjects", "triggerauthentications"}
SENDERS = 8  # of applies, at once
LIMIT_S = 300.0
QUIET_S = 5.0
# Crossplane looks at each composed resource once a minute; what it takes for less is not documented.
CROSSPLANE_POLL_S = 60.0


class MeasuredCluster(RestingCluster):
    """On a disk that is synced to, and with a database as in production where there is one; queues are looked at."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kubernetes.durable = True
        scaler = ("--scaler-tls=none", f"--scaler-listen=127.0.0.1:{free_ports(1)[0]}")
        self.server_flags = (*RestingCluster.server_flags, *scaler)

    def start_server(self, folder: str = "server", database: str = "") -> None:
        """On the PostgreSQL that the environment names."""
        super().start_server(folder, database or os.environ.get("ASYA_TEST_POSTGRES", ""))

    def processor_seconds(self) -> float:
        """Of the server, since it was started."""
        fields = Path(f"/proc/{self.server.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def versions(self) -> dict[str, str]:
        """Of each child, which a write changes."""
        kinds = ",".join(sorted(KINDS_OF_CHILDREN))
        form = r'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}'
        text = self.run("get", kinds, "-n", TEAM, "-l", "asya.sh/owner-uid", "-o", form)
        return dict(line.split(" ") for line in text.splitlines())

    def holder(self) -> str:
        """The server that leads."""
        path = "jsonpath={.spec.holderIdentity}"
        return self.run("get", "lease", "asya-controllers", "-n", NAMESPACE, "-o", path)

    def phases(self) -> list[str]:
        """Of all actors."""
        return self.run("get", "asya", "-n", TEAM, "-o", "jsonpath={.items[*].status.phase}").split()


class Appliers:
    """Server-side applies of actors through kube-apiserver."""

    def __init__(self, cluster: MeasuredCluster) -> None:
        self._clients = [cluster.client("root", url=cluster.kubernetes.url) for _ in range(SENDERS)]

    def one(self, name: str, client: int = 0) -> None:
        """At zero replicas."""
        body = json.dumps(actor(name, scaling={"minReplicaCount": 0}))
        for client_try in range(5):
            answer = self._clients[client].patch(
                f"{ACTORS_PATH}/{name}", params={"fieldManager": "bench", "force": "true"}, content=body,
                headers={"Content-Type": "application/apply-patch+yaml"},
            )  # fmt: skip
            if answer.status_code != 429 or client_try == 4:
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        answer.raise_for_status()

    def all(self, names: list[str]) -> None:
        """As fast as they are taken."""
        with ThreadPoolExecutor(SENDERS) as pool:
            jobs = [pool.submit(self._share, names[number::SENDERS], number) for number in range(SENDERS)]
            for job in jobs:
                job.result()

    def _share(self, names: list[str], client: int) -> None:
        for name in names:
            self.one(name, client)


def row(what: str, value: str) -> None:
    """Prints one."""
    print(f"{what:66} {value:>28}", flush=True)


def settled(cluster: MeasuredCluster) -> None:
    """Waits until nothing but the cluster's own has been written for a while."""
    deadline = time.monotonic() + LIMIT_S
    before = cluster.revision()
    while set(cluster.written(QUIET_S)) - OF_THE_CLUSTER or cluster.revision() != before:
        before = cluster.revision()
        if time.monotonic() > deadline:
            raise TimeoutError("something goes on writing")


def measure_single(appliers: Appliers, children: Children, samples: int) -> None:
    """One actor after the other."""
    took = []
    for number in range(samples):
        begun = time.monotonic()
        appliers.one(f"one-{number}")
        took.append((children.complete_at([f"one-{number}"], LIMIT_S) - begun) * 1000)
    percentiles = statistics.quantiles(took, n=100, method="inclusive")
    row(f"apply of one actor -> all {children.least} children written, {samples} samples",
        f"p50 {percentiles[49]:.0f} ms, p99 {percentiles[98]:.0f} ms")  # fmt: skip
    row("  Crossplane's documented poll, once a minute, over that", f"{CROSSPLANE_POLL_S * 1000 / percentiles[49]:.0f}")


def measure_many(cluster: MeasuredCluster, appliers: Appliers, children: Children, count: int) -> None:
    """All at once, into the cluster as it is."""
    names = [f"many-{count}-{number}" for number in range(count)]
    cpu, begun = cluster.processor_seconds(), time.monotonic()
    appliers.all(names)
    applied = time.monotonic() - begun
    complete = children.complete_at(names, LIMIT_S) - begun
    row(f"{count} actors at once -> the last is applied, all children written", f"{applied:.1f} s, {complete:.1f} s")
    row("  processor time of the server meanwhile", f"{cluster.processor_seconds() - cpu:.1f} s")


def measure_rest(cluster: MeasuredCluster, count: int, rest_s: float) -> bool:
    """What the server needs while nothing happens, and what it writes."""
    settled(cluster)
    revision, cpu, begun = cluster.revision(), cluster.processor_seconds(), time.monotonic()
    written = cluster.written(rest_s)
    used = (cluster.processor_seconds() - cpu) / (time.monotonic() - begun)
    ours = {name: times for name, times in written.items() if name not in OF_THE_CLUSTER}
    row(f"at rest with {count} actors: resident memory of the server", f"{cluster.memory()} MiB")
    row(f"  processor time, over {rest_s:.0f} s", f"{used * 100:.2f} % of one core")
    moved = int(cluster.revision() != revision)
    row("  writes but the Lease's", str(sum(ours.values()) + moved))
    return bar(f"writes-at-rest-{count}", sum(ours.values()) + moved, "<=", 0)


def measure_restart(cluster: MeasuredCluster, count: int) -> list[bool]:
    """The server is killed, and another one looks at everything."""
    versions, revision, holder = cluster.versions(), cluster.revision(), cluster.holder()
    cluster.server.process.send_signal(signal.SIGKILL)
    cluster.server.process.wait()
    begun = time.monotonic()
    cluster.start_server()
    until(lambda: cluster.holder() != holder, "another one leads")
    leads = time.monotonic() - begun
    asked, last = cluster.writes(), begun + leads
    deadline = time.monotonic() + LIMIT_S
    before = asked
    while time.monotonic() - last < QUIET_S:
        now = cluster.writes()
        if any(now.get(name, 0) != before.get(name, 0) for name in KINDS_OF_CHILDREN):
            before, last = now, time.monotonic()
        if time.monotonic() > deadline:
            raise TimeoutError("the new server goes on applying")
        time.sleep(0.25)
    after = cluster.versions()
    changed = len(dict(after.items() ^ versions.items()))
    others = {name for name, times in before.items() if times != asked.get(name, 0)}
    changed += len(others - OF_THE_CLUSTER - KINDS_OF_CHILDREN) + int(cluster.revision() != revision)
    applies = sum(before.get(name, 0) - asked.get(name, 0) for name in KINDS_OF_CHILDREN)
    row(f"killed and started again with {count} actors: the new one leads after", f"{leads:.1f} s")
    row("  all children are looked at after", f"{last - begun:.1f} s")
    row("  applies of it that changed nothing; writes but the Lease's", f"{applies}; {changed}")
    return [bar(f"writes-of-a-restart-{count}", changed, "<=", 0), bar("another-leads-s", leads, "<=", 15)]


def measure(cluster: MeasuredCluster, options: argparse.Namespace) -> list[bool]:
    """All of it."""
    appliers, children = Appliers(cluster), Children(cluster)
    row("before the first actor: resident memory of the server", f"{cluster.memory()} MiB")
    # With it come x-sink and x-sump, the connection to the broker and all that is done once.
    appliers.one("first")
    children.learn("first", QUIET_S, LIMIT_S)
    measure_single(appliers, children, options.samples)
    count = 1 + options.samples
    for many in options.many:
        settled(cluster)
        measure_many(cluster, appliers, children, many)
        count += many
    until(lambda: cluster.phases().count("Napping") >= count, "all actors are at rest")
    bars = [measure_rest(cluster, count, options.rest)]
    return bars + measure_restart(cluster, count)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=30, help="of one actor")
    parser.add_argument("--many", type=int, nargs="*", default=[100, 1000], help="actors at once")
    parser.add_argument("--rest", type=float, default=60, help="seconds of rest")
    parser.add_argument("--strict", action="store_true", help="a bar that is short is a failure")
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
    broker = Broker()
    bars: list[bool] = []
    try:
        with tempfile.TemporaryDirectory() as folder, MeasuredCluster(Path(folder)) as cluster:
            cluster.run("create", "namespace", TEAM)
            cluster.apply(kinds_of_keda())
            transport: dict[str, Any] = broker.transport()
            cluster.apply([transport])
            bars = measure(cluster, options)
    finally:
        broker.node.stop()
    print(f"load average {os.getloadavg()[0]:.1f} at the end")
    return 0 if all(bars) or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main())
