"""``asya plan``: what applying a manifest would change, down to queues, scalers and every object in the cluster."""

from __future__ import annotations

import sys
from typing import Any

import click

from asya_cli import manifests
from asya_cli.client import Client, collection
from asya_cli.failure import OPERATION_FAILED, Failure
from asya_cli.history import yaml_flow
from asya_cli.objects import namespace_option, server_option, wanted
from asya_cli.output import data, line_of, note
from asya_cli.project import GROUP

WOULD_CHANGE = 2  # exit code
PLAN_TIMEOUT_S = 60.0  # the server begins no further object after 20
VALUE_SHOWN = 100  # characters of a value; all of it is in the JSON
SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
# What the server keeps beside what people write; it is not asked for by a plan.
BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "creationTimestamp")


class PlanCommand(click.Command):
    """A command whose exit code 2 says that something would change, so that every error has to be another one."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Read the arguments."""
        try:
            return super().make_context(*args, **more)
        except click.ClickException as error:
            raise as_error(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            raise as_error(error) from error


def as_error(error: click.ClickException) -> click.ClickException:
    """The same with exit code 1."""
    vars(error)["exit_code"] = OPERATION_FAILED
    return error


@click.command(cls=PlanCommand)
@click.option("-f", "--filename", required=True, help="File, folder, or - for standard input.")
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True,
              help="How to print.")  # fmt: skip
@namespace_option
@server_option
@click.pass_context
def plan(ctx: click.Context, filename: str, output: str, namespace: str, server: str | None) -> None:
    """Show what asya apply would change: the objects, and what they become. Nothing is written.

    Exit code 0: nothing would change; 2: something would; 1: an error, or something that would be refused.
    """
    found, target = wanted(filename, server, make=False)
    client = Client(target)
    tried = manifests.try_all(client, found, namespace, "plan")
    body = {
        "apiVersion": f"{GROUP}/v1alpha1", "kind": "Plan", "spec": {"objects": [sent(one.object) for one in tried]},
    }  # fmt: skip
    status = client.json("POST", collection("plans", namespace), body, timeout_s=PLAN_TIMEOUT_S)["status"]
    if output == "text":
        show(status)
    else:
        data(status, output)
    problems = status["problems"]
    if problems:
        if output != "text":
            for problem in problems:
                note(told(problem))
        message = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Failure(f"{message}: apply would write the manifest, and not all of it would come about")
    if status["changes"]:
        if output == "text":
            note(f"next: asya apply -f {filename}" + (f" -n {namespace}" if namespace != "default" else ""))
        ctx.exit(WOULD_CHANGE)


def sent(item: dict[str, Any]) -> dict[str, Any]:
    """An object without what the server would put in anyhow."""
    metadata = {key: value for key, value in item["metadata"].items() if key not in BOOKKEEPING}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}


def show(status: dict[str, Any]) -> None:
    """Print a plan for a person."""
    for change in status["changes"]:
        sign, colour = SIGNS[change["action"]]
        aside = f" ({change['note']})" if change.get("note") else ""
        say(f"{sign} {title(change)}{aside}", colour)
        for field in change.get("changes", []):
            say("    " + one_field(field), None)
        if change.get("changesLeftOut"):
            say(f"    … {change['changesLeftOut']} more", None)
    for because in dict.fromkeys(one["because"] for one in status["renderedAnew"]):
        actors = [one["actor"] for one in status["renderedAnew"] if one["because"] == because]
        count = f"{len(actors)} actor{'s' * (len(actors) != 1)}"
        say(f"{because} renders {count} anew: {', '.join(actors)}", "cyan")
    for problem in status["problems"]:
        say("! " + told(problem), "red")
    counts = status["summary"]
    if status["changes"]:
        click.echo(f"Plan: {counts['add']} to add, {counts['change']} to change, {counts['delete']} to delete.")
    elif not status["problems"]:
        click.echo("No changes: what is there is as the manifest says.")


def say(line: str, colour: str | None) -> None:
    """A line with text of others; coloured on a terminal."""
    safe = line_of(line)
    click.echo(click.style(safe, fg=colour) if colour and sys.stdout.isatty() else safe)


def title(change: dict[str, Any]) -> str:
    """``Deployment default/greet``."""
    space = change.get("namespace")
    return f"{change['kind']} {space}/{change['name']}" if space else f"{change['kind']} {change['name']}"


def told(problem: dict[str, Any]) -> str:
    """A problem on one line."""
    return f"AsyncActor {problem['actor']}: {problem['message']}" if problem.get("actor") else str(problem["message"])


def one_field(change: dict[str, Any]) -> str:
    """``~ spec.image: a -> b``."""
    path = change["path"]
    if "old" not in change:
        return f"+ {path}: {short(change['new'])}"
    if "new" not in change:
        return f"- {path}: {short(change['old'])}"
    return f"~ {path}: {short(change['old'])} -> {short(change['new'])}"


def short(value: Any) -> str:
    """A value on one line, cut."""
    text = line_of(value if isinstance(value, str) and value else yaml_flow(value))
    return text if len(text) <= VALUE_SHOWN else text[: VALUE_SHOWN - 1] + "…"
