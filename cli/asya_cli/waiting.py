"""Waiting for the end of a task, and saying what it waits for itself where that is not its turn in a queue."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from asya_cli.client import Client, collection, segment, tasks_path
from asya_cli.failure import INTERRUPTED, NOT_FOUND, REFUSED, UNREACHABLE, Failure
from asya_cli.output import line_of, note

FIRST_WAIT_S = 3  # most tasks have ended by then; of others a person wants to know why not
POLL_WAIT_S = 30
LASTED_S = 5  # a stream that was there for so long without an event, and is asked for again when it is cut
SILENCE_S = 60.0  # the gateway says every 15 s that it is there
STARTING = " is starting: "
TERMINAL = ("succeeded", "failed", "canceled")


def here(namespace: str) -> str:
    """What has to stand behind a command on something in that namespace."""
    return "" if namespace == "default" else f" -n {namespace}"


def await_end(task_id: str, namespace: str, follow: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Wait as ``follow`` does; who stops waiting, or loses the server, is told how to find the task again."""
    try:
        return follow()
    except (KeyboardInterrupt, Failure) as stopped:
        if isinstance(stopped, Failure) and stopped.exit_code in (NOT_FOUND, REFUSED):
            raise
        note(f"the task goes on without this command: asya task {task_id}{here(namespace)} --wait")
        if isinstance(stopped, Failure):
            raise
        raise click.exceptions.Exit(INTERRUPTED) from stopped


def wait_for(client: Client, namespace: str, task_id: str) -> dict[str, Any]:
    """Long-poll until the task has ended."""
    wait_s = FIRST_WAIT_S
    told: list[str] = []
    while True:
        path = tasks_path(namespace, task_id)
        task: dict[str, Any] = client.json("GET", path, params={"wait": f"{wait_s}s"}, timeout_s=wait_s + 15)
        if task["status"] in TERMINAL:
            return task
        # What starts may yet turn out not to load.
        wait_s = FIRST_WAIT_S if tell_obstacles(client, task, told) else POLL_WAIT_S


def stream(client: Client, namespace: str, task_id: str) -> dict[str, Any]:
    """Print progress and FLY events to stderr until the task has ended; gives the task."""

    def look() -> None:
        # A connection of its own: the stream has the other.
        beside = Client(client.server)
        try:
            tell_obstacles(beside, beside.json("GET", tasks_path(namespace, task_id)), [])
        except Failure:
            return  # the stream says it too

    later = threading.Timer(FIRST_WAIT_S, look)
    later.daemon = True
    later.start()
    try:
        return events(client, namespace, task_id) or wait_for(client, namespace, task_id)
    finally:
        later.cancel()


def events(client: Client, namespace: str, task_id: str) -> dict[str, Any] | None:
    """Print the events of a task; gives it when its end was among them."""
    last = ""
    while True:
        before, began = last, time.monotonic()
        try:
            for name, event_id, text in messages(client, tasks_path(namespace, task_id) + "/events", last):
                last = event_id or last
                if name == "task":
                    task: dict[str, Any] = json.loads(text)
                    return task
                show(name, text)
            return None
        except Failure as broken:
            # kube-apiserver ends a stream after a minute; what came since the last event is told again.
            lasted = last != before or time.monotonic() - began > LASTED_S
            if broken.exit_code != UNREACHABLE or not lasted or not reachable(client, namespace, task_id):
                raise


def reachable(client: Client, namespace: str, task_id: str) -> bool:
    """Whether the server still answers for the task."""
    try:
        client.json("GET", tasks_path(namespace, task_id))
    except Failure:
        return False
    return True


def messages(client: Client, path: str, last: str) -> Iterator[tuple[str, str, str]]:
    """Server-sent events after that of the id ``last``: name, id, data."""
    name = event_id = ""
    for line in client.lines(path, headers={"Last-Event-ID": last} if last else {}, silence_s=SILENCE_S):
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("id: "):
            event_id = line[4:]
        elif line.startswith("data: "):
            yield name, event_id, line[6:]
        elif not line:
            event_id = ""


def show(name: str, text: str) -> None:
    """Print one."""
    if name == "fly":
        note(f"  {text}")
        return
    event = json.loads(text)
    note(f"{event.get('progress', 0) * 100:5.0f} %  {event.get('status', '')}  {event.get('actor', '')}".rstrip())


def tell_obstacles(client: Client, task: dict[str, Any], told: list[str]) -> bool:
    """Say of each actor that the task may be at whether it is not ready or paused; nothing twice.

    Gives whether one of them is starting.
    """
    starting = False
    for name in places_of(client, task):
        try:
            actor = client.json("GET", f"{collection('asyncactors', task['namespace'])}/{segment(name)}")
        except Failure:
            continue  # it may have been deleted; what becomes of the task then, the task says
        text = obstacle(name, actor)
        starting = starting or STARTING in text
        if text and text not in told:
            told.append(text)
            note(text)
    return starting


def places_of(client: Client, task: dict[str, Any]) -> list[str]:
    """The actor that the task was last heard of, and those behind it: it may wait for the next one already."""
    last = str(task.get("currentActor") or task.get("actor") or "")
    route = [str(task["actor"])] if task.get("actor") else []
    if task.get("flow"):
        try:
            spec = client.json("GET", f"{collection('flows', task['namespace'])}/{segment(task['flow'])}")["spec"]
            route = [str(name) for name in (spec["entrypoint"], *spec.get("routeNext", []))]
        except (Failure, KeyError, TypeError):
            route = []
    if last in route:
        route = route[route.index(last) :]
    return list(dict.fromkeys([*([last] if last else []), *route]))


def obstacle(name: str, actor: dict[str, Any]) -> str:
    """Why an actor takes no work now; empty if it does, or will when work comes."""
    conditions = (actor.get("status") or {}).get("conditions") or []
    ready = next((c for c in conditions if c.get("type") == "Ready"), None)
    if (actor.get("spec") or {}).get("paused"):
        return f"{name} is paused; waiting: asya resume actor {name}"
    if ready is None or ready.get("status") != "False":
        return ""
    message = line_of(str(ready.get("message") or ready.get("reason") or ""))
    return f"{name}{STARTING if ready.get('reason') == 'Starting' else ' is not ready: '}{message}; waiting"
