"""Prints random scenarios, one a line: steps of several managers on one AsyncActor."""

from __future__ import annotations

import json
import random
from typing import Any

SCENARIOS = 30
SEED = 2026
CHOICE = random.Random(SEED)


def some(names: str) -> list[str]:
    """Some of the letters, in any order."""
    chosen = [name for name in names if CHOICE.random() < 0.5]
    CHOICE.shuffle(chosen)
    return chosen


def small() -> int:
    """A value that two managers may well agree on."""
    return CHOICE.randint(1, 2)


def variable(name: str) -> dict[str, Any]:
    """With a value or without."""
    return {"name": name, "value": str(small())} if CHOICE.random() < 0.5 else {"name": name}


def spec() -> dict[str, Any]:
    """A part of a spec, with every form of field: scalars, granular and atomic maps, sets, keyed and atomic lists."""
    fields = {
        "image": CHOICE.choice("ij"),
        "concurrency": small(),
        "scaling": {name + "ReplicaCount": small() for name in ("min", "max") if CHOICE.random() < 0.5},
        "env": [variable(name) for name in some("ABC")],
        "flavors": some("abcd"),
        "tolerations": [{"key": key} for key in some("xy")],
        "nodeSelector": {key: str(small()) for key in some("xy")},
        "podLabels": {key: str(small()) for key in some("xy")},
        "topologySpreadConstraints": [
            {"topologyKey": key, "whenUnsatisfiable": what, "maxSkew": small()}
            for key in some("yz") for what in ("DoNotSchedule", "ScheduleAnyway")
        ],
        "affinity": {key: CHOICE.choice([1, {"deep": small()}, [1, 2], [2]]) for key in some("ef")},
        "volumes": [{"name": name, "emptyDir": {"sizeLimit": small()}} for name in some("uv")],
        "sidecars": [{"name": name, "image": CHOICE.choice("ij"), "env": [{"name": "A"}]} for name in some("st")],
        "workloadRef": {"kind": CHOICE.choice("KL"), "name": "n"},
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value and CHOICE.random() < 0.4}


def metadata() -> dict[str, Any]:
    """Labels, finalizers and owners."""
    owner = {"apiVersion": "v1", "kind": "K", "name": CHOICE.choice("no")}
    fields = {
        "labels": {key: str(small()) for key in some("lm")},
        "finalizers": ["a/" + name for name in some("xyz")],
        "ownerReferences": [{"uid": uid} | owner for uid in some("12")],
    }
    return {name: value for name, value in fields.items() if value and CHOICE.random() < 0.4}


def status() -> dict[str, Any]:
    """Never empty."""
    conditions = [{"type": kind, "status": CHOICE.choice(["True", "False"])} for kind in some("TUV")]
    return {"phase": CHOICE.choice(["Ready", "Paused"])} | ({"conditions": conditions} if conditions else {})


def step(number: int) -> dict[str, Any]:
    """An apply of the object or its status, or an update."""
    forced = CHOICE.random() < 0.6
    common = {"manager": CHOICE.choice("abc"), "force": forced, "subresource": "", "op": "apply"}
    if number > 0 and CHOICE.random() < 0.15:
        return common | {"subresource": "status", "object": {"status": status()}}
    common["op"] = "apply" if CHOICE.random() < 0.7 else "update"
    return common | {"object": {"metadata": metadata(), "spec": spec()}}


for _ in range(SCENARIOS):
    print(json.dumps([step(number) for number in range(CHOICE.randint(3, 6))], sort_keys=True))
