"""Commands on objects of the API: get, apply, delete, pause, resume."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from asya_cli import environment, manifests
from asya_cli.client import TABLE, Client, collection
from asya_cli.failure import REFUSED, Failure
from asya_cli.output import data, note, output_option, table
from asya_cli.project import Server, find_server, project_of, state_of
from asya_cli.source import refuse_faulty
from asya_cli.targets import CLUSTER_SCOPED, KINDS, SYSTEM_LABEL, path_of, target_arguments

QUEUE_WAIT_S = 10.0
PAUSE_WAIT_S = 30.0
GONE_WAIT_S = 120
SILENCE_S = 150.0  # of a watch with bookmarks, which come every minute
POLL_S = 0.02

server_option = click.option("--server", help="URL of the server; default: ASYA_SERVER, then this project's.")
namespace_option = click.option("-n", "--namespace", default="default", show_default=True)


def print_table(answer: dict[str, Any], wide: bool, widths: Sequence[int] = (), of_all: bool = False) -> list[int]:
    """Print a Kubernetes Table, its columns of priority 1 only when wide; gives the widths of its columns.

    With the ``widths`` of a table printed before, only rows are printed, under its columns; ``of_all`` namespaces
    it begins with theirs.
    """
    columns = answer.get("columnDefinitions", [])
    shown = [i for i, column in enumerate(columns) if wide or column.get("priority", 0) == 0]
    headers = [columns[i]["name"] for i in shown]
    rows = [[row["cells"][i] for i in shown] for row in answer.get("rows", [])]
    if of_all:
        headers = ["namespace", *headers]
        spaces = [row["object"]["metadata"].get("namespace", "") for row in answer.get("rows", [])]
        rows = [[space, *row] for space, row in zip(spaces, rows, strict=True)]
    return table(headers, rows, widths)


@click.command()
@target_arguments(name_needed=False)
@click.option("-w", "--watch", is_flag=True, help="Print changes as they come.")
@click.option("-A", "--all-namespaces", "anywhere", is_flag=True, help="Of every namespace, and system actors too.")
@click.option("--all", "everything", is_flag=True, help="Show system actors too.")
@output_option("wide", "name")
@namespace_option
@server_option
def get(
    kind: str, name: str | None, watch: bool, anywhere: bool, everything: bool, output: str, namespace: str,
    server: str | None,
) -> None:  # fmt: skip
    """Show actors, flows, flavors, transports, compositions, functions or events."""
    if anywhere and name:
        raise click.UsageError("-A lists every namespace, so it takes no NAME")
    client = Client(find_server(server))
    path = collection(KINDS[kind], None) if anywhere else path_of(kind, namespace, name or "")
    params: dict[str, str] = {}
    if not name and KINDS[kind] == "asyncactors" and not everything and not anywhere:
        params["labelSelector"] = "!" + SYSTEM_LABEL
    tables = output in ("table", "wide")
    accept = TABLE if tables else "application/json"
    answer = client.json("GET", path, params=params, headers={"Accept": accept})
    widths: list[int] = []

    def show(page: dict[str, Any]) -> None:
        if tables:
            widths[:] = print_table(page, output == "wide", widths, anywhere and KINDS[kind] not in CLUSTER_SCOPED)
        elif output == "name":
            for item in page.get("items", [page]):
                click.echo(f"{kind}/{item['metadata']['name']}")
        else:
            for item in page.get("items", [page]):
                item["metadata"].pop("managedFields", None)  # long, and of no use to most: as kubectl does
            data(page, output)

    show(answer)
    if tables and not answer.get("rows"):
        note(f"no {kind} found" + ("" if anywhere or KINDS[kind] in CLUSTER_SCOPED else f" in namespace {namespace}"))
    if not watch:
        return
    params |= {"watch": "1", "allowWatchBookmarks": "1", "resourceVersion": answer["metadata"]["resourceVersion"]}
    if name:
        path, params["fieldSelector"] = path_of(kind, namespace), f"metadata.name={name}"
    # kube-apiserver keeps its events out of its watch cache, and sends no bookmarks of them that could be counted on.
    silence_s = None if KINDS[kind] == "events" else SILENCE_S
    for line in client.lines(path, params, accept, silence_s=silence_s):
        event = json.loads(line) if line else {}
        if event.get("type") not in ("ADDED", "MODIFIED", "DELETED"):
            continue
        if output == "yaml":
            click.echo("---")
        show({**event["object"], "columnDefinitions": answer["columnDefinitions"]} if tables else event["object"])


@click.command()
@click.option("-f", "--filename", required=True, help="File, folder, or - for standard input.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done, or why it is refused.")
@namespace_option
@server_option
def apply(filename: str, dry_run: bool, namespace: str, server: str | None) -> None:
    """Create the objects of a manifest, or bring them to it."""
    found, target = wanted(filename, server, make=not dry_run)
    client = Client(target)
    for outcome in manifests.apply_all(client, found, namespace, dry_run):
        click.echo(f"{outcome.kind.lower()}/{outcome.name} {outcome.verb}" + (" (dry run)" if dry_run else ""))
    for manifest in [] if dry_run else found:
        if manifest["kind"] == "AsyncActor":
            wait_for_queue(
                client, path_of("actor", manifest["metadata"].get("namespace", namespace), name_of(manifest))
            )
    if target.state is not None and filename != "-" and not dry_run:
        refuse_faulty([m for m in found if m["kind"] == "AsyncActor"])


def wanted(filename: str, server: str | None, make: bool) -> tuple[list[manifests.Manifest], Server]:
    """The objects of a manifest as the server is to get them, and the server; ``make``: also their environments."""
    found = manifests.read(filename)
    if not found:
        raise Failure(f"{filename}: no object of asya.sh in it", exit_code=REFUSED)
    target = find_server(server)
    if target.state is not None and filename != "-":
        path = Path(filename).resolve()
        folder = path if path.is_dir() else path.parent
        project = project_of(folder)
        python = environment.prepare(folder, state_of(project), make=make) if project else None
        for manifest in found:
            manifests.annotate_local(manifest, folder, python)
    return found, target


def name_of(manifest: dict[str, Any]) -> str:
    """metadata.name."""
    return str(manifest["metadata"]["name"])


def wait_for_queue(client: Client, path: str) -> None:
    """Wait a moment until the actor can be sent to, or says why it cannot."""
    deadline = time.monotonic() + QUEUE_WAIT_S
    while time.monotonic() < deadline:
        conditions = client.json("GET", path).get("status", {}).get("conditions", [])
        states = {c["type"]: c["status"] for c in conditions}
        if states.get("QueueReady") == "True" or "False" in states.values():
            return
        time.sleep(POLL_S)


@click.command()
@target_arguments()
@click.option("--force", is_flag=True, help="Also when messages wait in the queue: they are lost.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it is gone.")
@namespace_option
@server_option
def delete(kind: str, name: str, force: bool, wait: bool, namespace: str, server: str | None) -> None:
    """Delete an object; an actor finishes its running work first."""
    client = Client(find_server(server))
    path = path_of(kind, namespace, name)
    if force and KINDS[kind] == "asyncactors":
        patch(client, path, {"metadata": {"annotations": {"asya.sh/force-delete": "true"}}})
    client.call("DELETE", path)
    if wait:
        wait_until_gone(client, path, name)
    click.echo(f"{kind}/{name} deleted")


def wait_until_gone(client: Client, path: str, name: str) -> None:
    """Watch until the object is deleted; an actor that cannot go says why."""
    base = path.rsplit("/", 1)[0]
    selector = {"fieldSelector": f"metadata.name={name}"}
    page = client.json("GET", base, params=selector)
    if not page["items"]:
        return
    told = blocker(page["items"][0])
    if told:
        note(told)
        note(f"waiting; Ctrl-C leaves it to the server, asya delete actor {name} --force drops what waits")
    # From the list on: a watch from now would never tell of a deletion that came between the two.
    version = page["metadata"]["resourceVersion"]
    params = {**selector, "watch": "1", "resourceVersion": version, "timeoutSeconds": str(GONE_WAIT_S)}
    for line in client.lines(base, params, silence_s=GONE_WAIT_S + 15):
        event = json.loads(line) if line else {}
        if event.get("type") == "DELETED":
            return
        reason = blocker(event.get("object", {}))
        if reason and reason != told:
            told = reason
            note(told)
    raise Failure(
        f"{name} is still there: {told or 'its work is not finished'}",
        f"asya delete actor {name} --force, or let the queue drain",
    )


def blocker(item: dict[str, Any]) -> str:
    """What keeps an object that is being deleted."""
    conditions = item.get("status", {}).get("conditions", [])
    reasons = [str(c["message"]) for c in conditions if c["type"] == "Ready" and c.get("reason") == "Terminating"]
    return reasons[0] if reasons else ""


def patch(client: Client, path: str, change: dict[str, Any]) -> Any:
    """Apply a JSON merge patch."""
    kind = {"Content-Type": "application/merge-patch+json"}
    return client.json("PATCH", path, json.dumps(change).encode(), headers=kind)


@click.command()
@target_arguments(["actor"])
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until no replica is left.")
@namespace_option
@server_option
def pause(kind: str, name: str, wait: bool, namespace: str, server: str | None) -> None:
    """Stop an actor from taking work; its queue keeps filling."""
    client = Client(find_server(server))
    path = path_of(kind, namespace, name)
    patch(client, path, {"spec": {"paused": True}})
    if wait:
        wait_until_paused(client, path, name)
    click.echo(f"actor/{name} paused")


def wait_until_paused(client: Client, path: str, name: str) -> None:
    """Wait until no replica of a paused actor is left: until then one may still take work."""
    deadline = time.monotonic() + PAUSE_WAIT_S
    while True:
        status = client.json("GET", path).get("status", {})
        replicas = status.get("infrastructure", {}).get("workload", {}).get("replicas", 0)
        if status.get("phase") == "Paused" and not replicas:
            return
        if time.monotonic() > deadline:
            note(f"the server has not stopped its {replicas} replicas yet: asya why actor {name}")
            return
        time.sleep(POLL_S)


@click.command()
@target_arguments(["actor"])
@namespace_option
@server_option
def resume(kind: str, name: str, namespace: str, server: str | None) -> None:
    """Let a paused actor take work again."""
    patch(Client(find_server(server)), path_of(kind, namespace, name), {"spec": {"paused": None}})
    click.echo(f"actor/{name} resumed")
