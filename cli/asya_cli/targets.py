"""KIND NAME and KIND/NAME arguments, and what a shell offers to complete them with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import click
from click.shell_completion import CompletionItem

from asya_cli.client import Client, collection, letters_path, segment, tasks_path
from asya_cli.failure import Failure
from asya_cli.project import find_server

KINDS = {
    "actor": "asyncactors", "actors": "asyncactors", "asya": "asyncactors", "asyncactor": "asyncactors",
    "asyncactors": "asyncactors", "flow": "flows", "flows": "flows", "flavor": "flavors", "flavors": "flavors",
    "transport": "transports", "transports": "transports", "composition": "compositions",
    "compositions": "compositions", "function": "functions", "functions": "functions", "event": "events",
    "events": "events", "ev": "events",
}  # fmt: skip
CLUSTER_SCOPED = {"flavors", "transports", "compositions", "functions"}
SYSTEM_LABEL = "asya.sh/system"
OFFERED = ("actor", "flow", "flavor", "transport", "composition", "function", "event")
COMPLETION_TIMEOUT_S = 2.0  # a shell waits for it

Command = TypeVar("Command", bound=Callable[..., Any])


def path_of(kind: str, namespace: str, name: str = "") -> str:
    """Path of a kind's collection, or of one object."""
    plural = KINDS[kind]
    base = collection(plural, None if plural in CLUSTER_SCOPED else namespace)
    return f"{base}/{segment(name)}" if name else base


class Target(NamedTuple):
    """What KIND or KIND/NAME says; no name where none was given."""

    kind: str
    name: str


class TargetType(click.ParamType[Target]):
    """One word: KIND or KIND/NAME."""

    name = "kind"

    def __init__(self, kinds: Sequence[str]) -> None:
        self.kinds = kinds

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """Take the word apart."""
        if isinstance(value, Target):
            return value
        kind, slash, name = str(value).partition("/")
        if kind not in self.kinds:
            self.fail(f"{kind!r} is not one of {', '.join(sorted(self.kinds))}.", param, ctx)
        if slash and not name:
            self.fail(f"{value!r} has no name behind the slash.", param, ctx)
        return Target(kind, name)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Kinds, and names once there is a slash."""
        kind, slash, name = incomplete.partition("/")
        if slash:
            return [CompletionItem(f"{kind}/{n}") for n in names_of(ctx, kind) if n.startswith(name)]
        return [CompletionItem(k) for k in OFFERED if k in self.kinds and k.startswith(incomplete)]


def target_arguments(kinds: Sequence[str] = tuple(KINDS), name_needed: bool = True) -> Callable[[Command], Command]:
    """KIND NAME or KIND/NAME, given to the command as ``kind`` and ``name`` (None where it may be left out)."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        target = ctx.params.get("kind")
        found = names_of(ctx, target.kind) if isinstance(target, Target) and not target.name else []
        return [CompletionItem(n) for n in found if n.startswith(incomplete)]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_names(*args: Any, kind: Target, name: str | None, **more: Any) -> Any:
            if kind.name and name is not None:
                raise click.UsageError(f"{kind.kind}/{kind.name} and {name}: one object is accepted")
            if not kind.name and name is None and name_needed:
                raise click.UsageError(f"Missing argument 'NAME': {kind.kind} NAME or {kind.kind}/NAME")
            return command(*args, kind=kind.kind, name=kind.name or name, **more)

        named = click.argument("name", metavar="[NAME]", required=False, shell_complete=complete)(with_names)
        word = "KIND" if len(kinds) > 1 else kinds[0]
        made = click.argument("kind", type=TargetType(kinds), metavar=f"{word}[/NAME]")(named)
        return made  # type: ignore[return-value]

    return decorate


def names_of(ctx: click.Context, kind: str) -> list[str]:
    """Names of the objects of a kind, for a shell; nothing when no server tells in time."""
    if kind not in KINDS:
        return []
    path = path_of(kind, str(ctx.params.get("namespace") or "default"))
    return sorted(item["metadata"]["name"] for item in listed(ctx, path))


def listed(ctx: click.Context, path: str, params: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The items at a path of the API, for a shell; nothing when no server tells in time."""
    try:
        client = Client(find_server(ctx.params.get("server")))
        items: list[dict[str, Any]] = client.json("GET", path, params=params, timeout_s=COMPLETION_TIMEOUT_S)["items"]
        return items
    except (Failure, KeyError, TypeError):
        return []


def complete_work(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What work can be sent to: flows and actors."""
    found = sorted({*names_of(ctx, "flow"), *names_of(ctx, "actor")})
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def complete_actor(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Actors."""
    return [CompletionItem(name) for name in names_of(ctx, "actor") if name.startswith(incomplete)]


def complete_task(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The latest tasks; what each is, is told where the shell can show it."""
    path = tasks_path(str(ctx.params.get("namespace") or "default"))
    return [
        CompletionItem(item["id"], help=f"{item['status']} {item.get('flow') or item.get('actor')}")
        for item in listed(ctx, path, {"limit": "50"})
        if item["id"].startswith(incomplete)
    ]


def complete_letter(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The dead letters."""
    path = letters_path(str(ctx.params.get("namespace") or "default"))
    return [
        CompletionItem(item["id"], help=f"{item['reason']} at {item['actor']}")
        for item in listed(ctx, path)
        if item["id"].startswith(incomplete)
    ]


def complete_signature(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What the dead letters have in common."""
    path = letters_path(str(ctx.params.get("namespace") or "default"))
    found = {item["signature"]: f"{item['reason']} at {item['actor']}" for item in listed(ctx, path)}
    return [CompletionItem(s, help=told) for s, told in sorted(found.items()) if s.startswith(incomplete)]
