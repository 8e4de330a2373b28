"""Faults: what befalls the machines and the network while envelopes flow, beside deaths at a step."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from bench import Bench
from gate import environment
from steps import EVERYWHERE

ROUNDS = 4
ROUND_RUNS = 15  # of handlers between two of the same
FREEZE_S = 3.0
DELAY_S = 0.02
DELAYED_FOR_S = 3.0
SLOW_HANDLER_S = 0.4
BUSY_LIMIT_S = 60.0
ACTORS_PATH = "/apis/asya.sh/v1alpha1/namespaces/default/asyncactors/"


@dataclass(frozen=True)
class Fault:
    """`extra` goes into the payloads meanwhile."""

    name: str
    places: tuple[str, ...]
    happen: Callable[[Bench, random.Random], None]
    sleep: float = 0.0
    small: bool = True  # quick enough for the small form


def _rounds(act: Callable[[Bench], None]) -> Callable[[Bench, random.Random], None]:
    def happen(bench: Bench, chance: random.Random) -> None:
        del chance
        for _ in range(ROUNDS):
            bench.travel(ROUND_RUNS)
            act(bench)

    return happen


def _cut(bench: Bench) -> None:
    assert bench.gate is not None
    bench.gate.cut()


def _half_close(bench: Bench) -> None:
    assert bench.gate is not None
    bench.gate.half_close()


def _freeze(bench: Bench, chance: random.Random) -> None:
    del chance
    assert bench.gate is not None
    bench.travel(ROUND_RUNS)
    bench.gate.freeze(True)
    bench.last_for(FREEZE_S)
    bench.gate.freeze(False)


def _delay(bench: Bench, chance: random.Random) -> None:
    del chance
    assert bench.gate is not None
    bench.gate.delay_s = DELAY_S
    bench.last_for(DELAYED_FOR_S)
    bench.gate.delay_s = 0.0


def _kill_broker(bench: Bench, chance: random.Random) -> None:
    bench.travel(ROUND_RUNS)
    assert bench.place.kill(chance)
    bench.travel(ROUND_RUNS)


def _restart_broker(bench: Bench, chance: random.Random) -> None:
    del chance
    bench.travel(ROUND_RUNS)
    assert bench.place.restart()
    bench.travel(ROUND_RUNS)


def _restart_server(number: signal.Signals) -> Callable[[Bench, random.Random], None]:
    def happen(bench: Bench, chance: random.Random) -> None:
        del chance
        bench.travel(ROUND_RUNS)
        bench.restart_server(number)
        bench.travel(ROUND_RUNS)

    return happen


def _signal(kind: str, number: signal.Signals) -> Callable[[Bench, random.Random], None]:
    def happen(bench: Bench, chance: random.Random) -> None:
        for _ in range(ROUNDS):
            bench.travel(ROUND_RUNS)
            found = bench.victims()[kind]
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(found), number)

    return happen


def _pause(kind: str) -> Callable[[Bench, random.Random], None]:
    def happen(bench: Bench, chance: random.Random) -> None:
        bench.travel(ROUND_RUNS)
        pid = chance.choice(bench.victims()[kind])
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            bench.last_for(FREEZE_S)
            os.kill(pid, signal.SIGCONT)

    return happen


def _scale(bench: Bench, least: int, most: int) -> None:
    server = bench.project.server()
    headers = {"Authorization": "Bearer " + server.token, "Content-Type": "application/merge-patch+json"}
    body = {"spec": {"scaling": {"minReplicaCount": least, "maxReplicaCount": most}}}
    answer = httpx.patch(server.url + ACTORS_PATH + "middle", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text


def _scale_in(bench: Bench, chance: random.Random) -> None:
    """Down to one replica while two are busy."""
    del chance
    for replicas in (2, 1):
        deadline = time.monotonic() + BUSY_LIMIT_S
        _scale(bench, replicas, replicas)
        while _replicas(bench, "middle") != replicas:
            assert time.monotonic() < deadline, f"middle has {_replicas(bench, 'middle')} replicas, not {replicas}"
            time.sleep(0.1)
        bench.travel(ROUND_RUNS)
    _scale(bench, 0, 2)


def _replicas(bench: Bench, actor: str) -> int:
    relays = bench.victims()["relay"]
    return sum(environment(pid).get("ASYA_ACTOR_NAME") == actor for pid in relays)


FAULTS = (
    Fault("connections cut", EVERYWHERE, _rounds(_cut)),
    Fault("connections half closed", EVERYWHERE, _rounds(_half_close)),
    Fault("connections freeze for 3 s", EVERYWHERE, _freeze, small=False),
    Fault("network delayed by 20 ms", EVERYWHERE, _delay, small=False),
    Fault("broker or database killed", ("postgres", "rabbitmq"), _kill_broker),
    Fault("broker or database restarted", ("postgres", "rabbitmq"), _restart_broker, small=False),
    Fault("server killed", EVERYWHERE, _restart_server(signal.SIGKILL)),
    Fault("server restarted", EVERYWHERE, _restart_server(signal.SIGTERM), small=False),
    Fault("SIGTERM of a relay in work", EVERYWHERE, _signal("relay", signal.SIGTERM), sleep=0.1),
    Fault("SIGTERM of a runtime in work", EVERYWHERE, _signal("runtime", signal.SIGTERM), sleep=0.1),
    Fault("a relay stands still for 3 s", EVERYWHERE, _pause("relay"), small=False),
    Fault("a worker stands still for 3 s", EVERYWHERE, _pause("worker"), small=False),
    Fault("scale-in of a busy replica", EVERYWHERE, _scale_in, sleep=SLOW_HANDLER_S),
)
