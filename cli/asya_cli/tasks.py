"""Commands on work: send, tasks, task, cancel."""

from __future__ import annotations

import base64
import json
import mimetypes
from pathlib import Path
from typing import Any

import click

from asya_cli.client import Client, collection, segment, tasks_path
from asya_cli.failure import NOT_FOUND, OPERATION_FAILED, REFUSED, Failure
from asya_cli.manifests import standard_input
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import age, data, line_of, note, output_option, paint, plain, table
from asya_cli.project import find_server
from asya_cli.targets import complete_actor, complete_task, complete_work
from asya_cli.waiting import await_end, here, stream, wait_for


def payload_of(text: str | None, files: tuple[str, ...]) -> Any:
    """The payload: JSON given as text, ``-`` for standard input or ``@file``, and files as base64 under their keys."""
    if text == "-":
        text = standard_input()
    elif text and text.startswith("@"):
        text = text_of(Path(text[1:]))
    if text is not None and not text.strip():
        # What should have made the payload has failed; {} would hide that.
        raise Failure("the payload is empty", "leave PAYLOAD out, or give {}, for an empty object", REFUSED)
    try:
        payload = json.loads(text) if text is not None else {}
    except ValueError as error:
        raise Failure(
            f"the payload is not JSON: {error}", 'quote it for the shell: \'{"text": "hi"}\'', REFUSED
        ) from error
    for item in files:
        key, equals, name = item.partition("=")
        path = Path(name)
        if not equals or not key:
            raise Failure(f"--file {item}: KEY=PATH of a file is accepted", exit_code=REFUSED)
        if not isinstance(payload, dict):
            raise Failure("--file needs a payload that is an object", exit_code=REFUSED)
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        try:
            content = base64.b64encode(path.read_bytes()).decode()
        except OSError as error:
            raise Failure(f"--file {item}: {path}: {error.strerror}", exit_code=REFUSED) from error
        payload[key] = {"filename": path.name, "mediaType": media_type, "base64": content}
    return payload


def text_of(path: Path) -> str:
    """A payload kept in a file."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"@{path}: {error.strerror}", exit_code=REFUSED) from error
    except UnicodeDecodeError as error:
        raise Failure(f"@{path}: not UTF-8 at byte {error.start}", "--file KEY=PATH for bytes", REFUSED) from error


label_option = click.option("--label", "labels", multiple=True, metavar="NAME=TEXT,…",
                            help="To find the task by; several of them mean all.")  # fmt: skip


def labels_of(given: tuple[str, ...]) -> dict[str, str]:
    """The labels that were typed, each once."""
    labels: dict[str, str] = {}
    for item in (part for word in given for part in word.split(",")):
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise Failure(f"--label {item}: NAME=TEXT is accepted", exit_code=REFUSED)
        if name in labels:
            raise Failure(f"--label {item}: {name} is there twice", exit_code=REFUSED)
        labels[name] = text
    return labels


def target_params(client: Client, target: str, namespace: str, as_actor: bool) -> dict[str, str]:
    """Whether the target is a flow or an actor; a flow of that name wins unless ``--actor`` is given."""
    if not as_actor:
        try:
            client.call("GET", collection("flows", namespace) + "/" + segment(target))
            return {"flow": target, "namespace": namespace}
        except Failure as failure:
            if failure.exit_code != NOT_FOUND:
                raise
    return {"actor": target, "namespace": namespace}


def finish(task: dict[str, Any], namespace: str, output: str) -> None:
    """Print a task's result; a task that did not succeed ends with exit code 1."""
    if task["status"] == "succeeded":
        data(task.get("result"), "json" if output == "table" else output)
        return
    if output != "table":
        data(task, output)
    error = task.get("error") or {}
    message = f"task {task['id']} {task['status']}: {task.get('reason', '')}".rstrip(": ")
    if error:
        where = task.get("currentActor") or task.get("actor")
        message += (f" at {where}" if where else "") + f": {error.get('type', '')}: {error.get('message', '')}"
    raise Failure(message, f"asya task {task['id']}{here(namespace)}")


@click.command()
@click.argument("target", shell_complete=complete_work)
@click.argument("payload", required=False)
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help="Put a file into the payload, as base64.")
@click.option("--wait", is_flag=True, help="Wait for the result and print it.")
@click.option("--stream", "follow", is_flag=True, help="Like --wait, showing progress and streamed events.")
@click.option("--next", "then", multiple=True, metavar="ACTOR", help="Actors after this one, in order.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Fail the task when it takes longer.")
@click.option("--actor", "as_actor", is_flag=True, help="TARGET is an actor even if a flow has that name.")
@label_option
@output_option()
@namespace_option
@server_option
def send(
    target: str, payload: str | None, files: tuple[str, ...], wait: bool, follow: bool, then: tuple[str, ...],
    timeout: float | None, as_actor: bool, labels: tuple[str, ...], output: str, namespace: str, server: str | None,
) -> None:  # fmt: skip
    """Send work to a flow or an actor. PAYLOAD is JSON, @FILE or - for standard input."""
    body: dict[str, Any] = {"payload": payload_of(payload, files)}
    client = Client(find_server(server))
    if labels:
        body["labels"] = labels_of(labels)
    if then:
        body["next"] = list(then)
    if timeout is not None:
        body["timeout"] = timeout
    params = target_params(client, target, namespace, as_actor)
    task_id = client.json("POST", tasks_path(namespace), body, params)["id"]
    if follow:
        finish(await_end(task_id, namespace, lambda: stream(client, namespace, task_id)), namespace, output)
    else:
        tell_sent(client, namespace, task_id, wait, output)


def tell_sent(client: Client, namespace: str, task_id: str, wait: bool, output: str) -> None:
    """Print the task that was just made, or with `wait` its result."""
    if wait:
        finish(await_end(task_id, namespace, lambda: wait_for(client, namespace, task_id)), namespace, output)
    elif output != "table":
        data({"id": task_id}, output)
    else:
        click.echo(task_id)
        note(f"next: asya task {task_id}{here(namespace)} --wait")


PAGE_LIMIT = 500  # of the server


@click.command()
@click.option("--status", type=click.Choice(["pending", "running", "paused", "succeeded", "failed", "canceled"]))
@click.option("--actor", shell_complete=complete_actor)
@click.option("--flow")
@label_option
@click.option("--limit", type=click.IntRange(1, PAGE_LIMIT), default=20, show_default=True, help="How many at most.")
@click.option("--cursor", help="Those after an earlier list, as it tells at its end.")
@output_option()
@namespace_option
@server_option
def tasks(status: str | None, actor: str | None, flow: str | None, labels: tuple[str, ...], limit: int,
          cursor: str | None, output: str, namespace: str, server: str | None) -> None:  # fmt: skip
    """List tasks, newest first."""
    label = ",".join(f"{name}={text}" for name, text in labels_of(labels).items()) or None
    wanted = {"status": status, "actor": actor, "flow": flow, "limit": str(limit), "cursor": cursor,
              "label": label}  # fmt: skip
    params = {key: value for key, value in wanted.items() if value is not None}
    answer = Client(find_server(server)).json("GET", tasks_path(namespace), params=params)
    items = answer["items"]
    if output == "table":
        task_table(items)
    else:
        data(items, output)
    if answer.get("nextCursor"):
        more = f", or --limit {min(5 * limit, PAGE_LIMIT)}" if limit < PAGE_LIMIT else ""
        note(f"there are more: --cursor {answer['nextCursor']}{more}")


def task_table(items: list[dict[str, Any]]) -> None:
    """One line a task."""
    rows = [[t["id"], t["status"], f"{t['progress'] * 100:.0f} %", t.get("flow") or t.get("actor"),
             t.get("currentActor", ""), age(t["createdAt"])] for t in items]  # fmt: skip
    table(["id", "status", "progress", "target", "at", "age"], rows)
    if not rows:
        note("no task found; next: asya send ACTOR '{}' --wait")


@click.command()
@click.argument("task_id", metavar="ID", shell_complete=complete_task)
@click.option("--wait", is_flag=True, help="Wait until it has ended; exit code 1 if it did not succeed.")
@output_option()
@namespace_option
@server_option
def task(task_id: str, wait: bool, output: str, namespace: str, server: str | None) -> None:
    """Show one task: where it is, what each hop took, and its result or error."""
    client = Client(find_server(server))
    if wait:
        found = await_end(task_id, namespace, lambda: wait_for(client, namespace, task_id))
    else:
        found = client.json("GET", tasks_path(namespace, task_id))
    if output == "table":
        show(found)
    else:
        data(found, output)
    if wait and found["status"] != "succeeded":
        raise click.exceptions.Exit(OPERATION_FAILED)


def show(found: dict[str, Any]) -> None:
    """Print one task for a person."""
    for key in (
        "id",
        "status",
        "reason",
        "flow",
        "actor",
        "currentActor",
        "createdAt",
        "updatedAt",
        "deadlineAt",
        "replay_of",
    ):
        if found.get(key):
            click.echo(f"{key + ':':14}{paint(line_of(str(found[key])))}")
    if found.get("labels"):
        labels = ", ".join(f"{name}={text}" for name, text in found["labels"].items())
        click.echo(f"{'labels:':14}{line_of(labels)}")
    rows = hops(found)
    if rows:
        click.echo()
        table(["actor", "attempt", "in queue", "cold start", "work"], rows)
    if found.get("error"):
        error = found["error"]
        click.echo(plain(f"\nerror: {error.get('type', '')}: {error.get('message', '')}"))
        if error.get("traceback"):
            click.echo(plain(error["traceback"].rstrip()))
    if found["status"] == "succeeded":
        click.echo("\nresult:")
        data(found.get("result"), "json")


def hops(found: dict[str, Any]) -> list[list[str]]:
    """One row a hop and attempt with the times its relay measured; of its several reports the last is the whole."""
    rows: dict[tuple[str, int], list[str]] = {}
    for event in found.get("events", []):
        hop = (event.get("data") or {}).get("hop")
        if hop:
            actor, attempt = hop.get("actor", ""), hop.get("attempt", 1)
            times = [milliseconds(hop.get(k)) for k in ("queue_wait_ms", "cold_start_ms", "work_ms")]
            rows[actor, attempt] = [actor, str(attempt), *times]
    return list(rows.values())


def milliseconds(value: float | None) -> str:
    """A duration for a person; empty when it was not measured."""
    if value is None:
        return ""
    return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.1f} ms"


@click.command()
@click.argument("task_id", metavar="ID", shell_complete=complete_task)
@namespace_option
@server_option
def cancel(task_id: str, namespace: str, server: str | None) -> None:
    """Cancel a task; what runs of it is not started again."""
    client = Client(find_server(server))
    client.call("DELETE", tasks_path(namespace, task_id))
    status = client.json("GET", tasks_path(namespace, task_id))["status"]
    if status != "canceled":
        raise Failure(f"task {task_id} had ended before: it is {status}", f"asya task {task_id}{here(namespace)}",
                      REFUSED)  # fmt: skip
    click.echo(f"task/{task_id} canceled")
