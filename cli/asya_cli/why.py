"""``asya why``: the way from an envelope to a replica, what holds an actor up on it, and what its scaler decided."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from asya_cli.client import Client
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import age, data, line_of, note, output_option, table
from asya_cli.project import find_server
from asya_cli.targets import path_of, target_arguments

# In the order of the way; each with the words that tell that it is held up there.
CONDITIONS = {
    "Synced": ("objects", "what the cluster has for it"),
    "QueueReady": ("queue", "its queue"),
    "ScalerReady": ("scaler", "its scaler"),
    "WorkloadReady": ("replicas", "its replicas"),
}
STATES = {"True": "ok", "False": "not ready", "Unknown": "unknown"}


class Step(NamedTuple):
    """One step of the way from an envelope to a replica that works on it."""

    name: str
    state: str  # ok, not ready or unknown
    seen: str
    blocker: str  # "its queue: QueueMissing: ..."


def told(reason: str | None, message: str | None) -> str:
    """Reason and message, of which either may be missing."""
    return ": ".join(part for part in (reason, message) if part)


@click.command()
@target_arguments(["actor"])
@click.option("--last", type=click.IntRange(min=1), default=10, show_default=True, help="How many decisions.")
@output_option()
@namespace_option
@server_option
def why(kind: str, name: str, last: int, output: str, namespace: str, server: str | None) -> None:
    """Tell why an actor has as many replicas as it has.

    Its way from queue to replicas with the first thing that holds it up, and the last decisions, newest first.
    """
    client = Client(find_server(server))
    actor = client.json("GET", path_of(kind, namespace, name))
    answer = client.json("GET", path_of(kind, namespace, name) + "/decisions", params={"limit": str(last)})
    items = answer["items"]
    if output != "table":
        data(items, output)
        return
    way = way_of(actor, answer.get("autoscaler"))
    if blocker := what_blocks(actor, way):
        note(f"{name} {blocker}")
    if items:
        rows = [[age(i["at"]), f"{i['from']} -> {i['to']}", work_of(i.get("inputs")), i["reason"]] for i in items]
        table(["age", "replicas", "waits/works/busy", "why"], rows)
    else:
        click.echo(f"no decision about {name} yet: nothing has come for it")
    if way:
        click.echo()
        table(["step", "state", "seen"], [[step.name, step.state, step.seen] for step in way])


def way_of(actor: dict[str, Any], autoscaler: dict[str, Any] | None) -> list[Step]:
    """Each step as the server saw it last; the HPA, where there is one, as it is now."""
    status = actor.get("status") or {}
    conditions = {one.get("type"): one for one in status.get("conditions") or []}
    way = []
    for kind, (step, words) in CONDITIONS.items():
        if kind == "WorkloadReady" and autoscaler:
            way.append(step_of(autoscaler))
        if not (condition := conditions.get(kind)):
            continue
        seen = told(condition.get("reason"), condition.get("message"))
        waiting = ((status.get("infrastructure") or {}).get("queue") or {}).get("waiting")
        if kind == "QueueReady" and waiting is not None:
            seen += f", {waiting} waiting"
        way.append(Step(step, STATES.get(condition.get("status", ""), "unknown"), seen, f"{words}: {seen}"))
    return way


def step_of(autoscaler: dict[str, Any]) -> Step:
    """The cluster's own autoscaler, which takes an actor from one replica to many."""
    name = autoscaler.get("name", "")
    if autoscaler.get("works") is False:
        seen = told(autoscaler.get("reason"), autoscaler.get("message"))
        return Step("HPA", "not ready", f"{name}: {seen}", f"its HPA {name}: {seen}")
    if not autoscaler.get("works"):
        seen = f"{name}: it has not looked at its workload yet"
        return Step("HPA", "unknown", seen, f"its HPA {seen}")
    return Step("HPA", "ok", f"{name}: saw {autoscaler.get('replicas')}, asks for {autoscaler.get('desired')}", "")


def what_blocks(actor: dict[str, Any], way: list[Step]) -> str:
    """What keeps an actor from being ready, else the first step of the way that is not as it should be.

    In the server's words, which name the object; empty where nothing does.
    """
    conditions = (actor.get("status") or {}).get("conditions") or []
    for ready in conditions:
        if ready.get("type") == "Ready" and ready.get("status") != "True":
            return line_of(f"is not ready: {told(ready.get('reason'), ready.get('message'))}")
    return next((line_of(f"is held up by {step.blocker}") for step in way if step.state != "ok"), "")


def work_of(inputs: dict[str, Any] | None) -> str:
    """Envelopes that waited and that were in work, and replicas that had some, at a decision."""
    return "/".join(str((inputs or {}).get(key, "?")) for key in ("visible", "inFlight", "busy"))
