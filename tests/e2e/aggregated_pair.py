"""Two `asya-server api --aggregated` on one PostgreSQL behind one APIService, each of which may be killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from aggregated_cluster import AggregatedCluster
from asya_project import until
from direct_server import DirectServer
from tcp_balancer import TcpBalancer

from free_ports import free_ports
from private_postgres import PrivatePostgres

REPLICAS = 2
AWAY_S = (0.3, 3.0)
QUIET = (0.0, 1 / 60)  # of the whole time, before the next thing happens


class AggregatedPair(AggregatedCluster):
    """A balancer stands where the one server stands else, as kube-proxy does for a Service of two pods."""

    def __init__(self, folder: Path, seed: int, own_certificate: bool = False) -> None:
        super().__init__(folder)
        self.own_certificate = own_certificate  # the servers make it, and nobody gives them one
        self.chance = random.Random(seed)
        self.ports = free_ports(REPLICAS)
        self.database = PrivatePostgres()
        self.replicas: list[DirectServer] = []
        self.done = {"replicas killed": 0, "PostgreSQL restarted": 0, "PostgreSQL killed": 0, "backends killed": 0}
        self.balancer: TcpBalancer

    def __enter__(self) -> AggregatedPair:
        self.database.start()
        super().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for replica in self.replicas:
            replica.__exit__()
        super().__exit__()
        if hasattr(self, "balancer"):
            self.balancer.stop()
        self.database.stop()

    def start_server(self, folder: str = "server", database: str = "") -> None:
        """Both, and the balancer at the address that the APIService names."""
        self.replicas = [self.replica(number) for number in range(REPLICAS)]
        self.balancer = TcpBalancer(int(self.address.rpartition(":")[2]), self.ports, self.chance.randrange(1 << 32))

    def authority_flags(self) -> list[str]:
        """None where they say it themselves."""
        return [] if self.own_certificate else super().authority_flags()

    def replica(self, number: int) -> DirectServer:
        """One of them, started on its own port; its log goes on in a file of its own."""
        certificate, key = self.serving
        given = [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
                 f"--serving-ca-file={self.serving_ca}"]  # fmt: skip
        count = len(list(self.folder.glob(f"replica-{number}-*")))
        return DirectServer(
            self.folder / f"replica-{number}-{count}", self.ca, f"--aggregated={self.folder / 'kubeconfig'}",
            *([] if self.own_certificate else given), listen=f"127.0.0.1:{self.ports[number]}",
            database=self.database.dsn,
        )  # fmt: skip

    def ready(self, number: int) -> bool:
        """Whether one of them says so itself."""
        # Like a kubelet, which believes any certificate.
        with contextlib.suppress(httpx.HTTPError), httpx.Client(verify=False) as client:
            return client.get(f"https://127.0.0.1:{self.ports[number]}/readyz").status_code == 200
        return False

    def all_ready(self) -> bool:
        """Whether both do."""
        return all(self.ready(number) for number in range(REPLICAS))

    def disturb(self, seconds: float, after_each: Callable[[], None]) -> None:
        """Kill one of them or the database, now and then, each time until both are ready; one of them at the least."""
        deadline = time.monotonic() + seconds
        deeds = [self.kill_replica, self.kill_replica, self.restart_database, self.kill_replica, self.kill_database,
                 self.kill_backend]  # fmt: skip
        while True:
            for deed in self.chance.sample(deeds, len(deeds)):
                if time.monotonic() > deadline and self.done["replicas killed"] > 0:
                    return
                threading.Event().wait(self.chance.uniform(*QUIET) * seconds)
                deed()
                until(self.all_ready, f"both are ready after {deed.__name__}")
                after_each()

    def stay_away(self) -> None:
        """For as long as something is dead."""
        threading.Event().wait(self.chance.uniform(*AWAY_S))

    def kill_replica(self) -> None:
        """kill -9, and the same one again after a while, as a kubelet does."""
        number = self.chance.randrange(REPLICAS)
        self.replicas[number].kill()
        self.stay_away()
        self.replicas[number] = self.replica(number)
        self.done["replicas killed"] += 1

    def restart_database(self) -> None:
        """In good order."""
        self.database.shut_down()
        self.stay_away()
        self.database.start()
        self.done["PostgreSQL restarted"] += 1

    def kill_database(self) -> None:
        """All of its processes at once."""
        self.database.kill()
        self.stay_away()
        self.database.start()
        self.done["PostgreSQL killed"] += 1

    def kill_backend(self) -> None:
        """kill -9 of one process of it, upon which it throws all others out and recovers."""
        backends = self.database.backends()
        if not backends:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.chance.choice(backends), signal.SIGKILL)
            self.done["backends killed"] += 1
