"""``asya describe``: one object for a person: how it is, why, and what happened to it."""

from __future__ import annotations

from typing import Any

import click
import yaml

from asya_cli.client import Client, collection
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import age, line_of, paint, table
from asya_cli.project import find_server
from asya_cli.targets import KINDS, path_of, target_arguments

EVENTS_SHOWN = 10
DECISIONS_SHOWN = 5
HIDDEN_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration",)


@click.command()
@target_arguments([kind for kind, plural in KINDS.items() if plural != "events"])
@namespace_option
@server_option
def describe(kind: str, name: str, namespace: str, server: str | None) -> None:
    """Show one object for a person: its spec, conditions, replicas, last decisions of the scaler and events."""
    client = Client(find_server(server))
    item = client.json("GET", path_of(kind, namespace, name))
    show_head(item)
    section("spec", yaml.safe_dump(item.get("spec") or {}, sort_keys=False, allow_unicode=True))
    status = item.get("status") or {}
    show_infrastructure(status.get("infrastructure") or {})
    conditions = status.get("conditions") or []
    if conditions:
        click.echo("\nconditions:")
        rows = [[c["type"], c["status"], c.get("reason"), age(c.get("lastTransitionTime")), c.get("message")]
                for c in conditions]  # fmt: skip
        table(["type", "status", "reason", "since", "message"], rows)
    if KINDS[kind] == "asyncactors":
        show_decisions(client, namespace, name)
    show_events(client, item)


def show_head(item: dict[str, Any]) -> None:
    """Who it is and how it is."""
    metadata = item["metadata"]
    status = item.get("status") or {}
    lines = {
        "name": metadata["name"],
        "namespace": metadata.get("namespace"),
        "kind": item.get("kind"),
        "age": age(metadata.get("creationTimestamp")),
        "labels": pairs(metadata.get("labels")),
        "annotations": pairs(metadata.get("annotations")),
        "deleting": f"for {age(metadata['deletionTimestamp'])}" if metadata.get("deletionTimestamp") else None,
        "phase": status.get("phase"),
        "transport": status.get("transport"),
        "queue": status.get("queueIdentifier"),
    }
    for key, value in lines.items():
        if value:
            click.echo(f"{key + ':':14}{paint(line_of(str(value)))}")


def pairs(values: dict[str, str] | None) -> str:
    """Labels or annotations on one line, without those that machines keep for themselves."""
    return ", ".join(f"{key}={value}" for key, value in (values or {}).items() if key not in HIDDEN_ANNOTATIONS)


def section(title: str, text: str) -> None:
    """A block of text under its title."""
    click.echo(f"\n{title}:")
    for line in text.rstrip().splitlines():
        click.echo("  " + line)


def show_infrastructure(infrastructure: dict[str, Any]) -> None:
    """Queue, workload and scaling as the last reconciliation saw them."""
    if not infrastructure:
        return
    click.echo()
    for part, state in infrastructure.items():
        words = ", ".join(f"{key} {value}" for key, value in state.items()) if isinstance(state, dict) else str(state)
        click.echo(f"{part + ':':14}{line_of(words)}")


def show_decisions(client: Client, namespace: str, name: str) -> None:
    """Why it has as many replicas as it has; ``asya why`` tells more."""
    path = path_of("actor", namespace, name) + "/decisions"
    items = client.json("GET", path, params={"limit": str(DECISIONS_SHOWN)})["items"]
    if items:
        click.echo("\nscaling, newest first:")
        table(["age", "replicas", "why"], [[age(i["at"]), f"{i['from']} -> {i['to']}", i["reason"]] for i in items])


def show_events(client: Client, item: dict[str, Any]) -> None:
    """What happened to it within the hour that events are kept."""
    metadata = item["metadata"]
    selector = f"involvedObject.name={metadata['name']},involvedObject.kind={item['kind']}"
    params = {"fieldSelector": selector}
    found = client.json("GET", collection("events", metadata.get("namespace")), params=params)["items"]
    found.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("firstTimestamp") or ""))
    if found:
        click.echo("\nevents, newest first:")
        rows = [[age(e.get("lastTimestamp") or e.get("firstTimestamp")), e.get("type"), e.get("reason"),
                 e.get("count", 1), e.get("message")] for e in reversed(found[-EVENTS_SHOWN:])]  # fmt: skip
        table(["last", "type", "reason", "times", "message"], rows)
