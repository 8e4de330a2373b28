"""``asya history``, ``asya diff`` and ``asya restore``: who changed an object, what, and the way back."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import yaml
from click.shell_completion import CompletionItem

from asya_cli.client import Client
from asya_cli.failure import NOT_FOUND, Failure
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import age, data, line_of, note, output_option, table
from asya_cli.project import find_server
from asya_cli.targets import KINDS, Target, listed, path_of, target_arguments

KINDS_WITH_HISTORY = [kind for kind, plural in KINDS.items() if plural != "events"]
CHANGES_SHOWN = 3  # in a line of the table
VALUE_SHOWN = 40  # characters of a value in it
CONTEXT_LINES = 3
REVISIONS_OFFERED = "20"  # to a shell
MAKING = ("create", "restore")  # verbs of a first revision
SHOWN_METADATA = ("name", "namespace", "labels", "annotations")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
AGO = re.compile(r"(\d+)(s|m|h|d)")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

uid_option = click.option("--uid", help="Only of the object with this uid, where several had the name.")


def complete_revision(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Revisions of the object that the command names so far."""
    target = ctx.params.get("kind")
    name = str(ctx.params.get("name") or "")
    if not isinstance(target, Target):
        # click leaves the arguments alone where an option, the one to be completed, has no value yet.
        kind, _, own = (ctx.args or [""])[0].partition("/")
        target = Target(kind, own)
        name = ctx.args[1] if len(ctx.args) > 1 else ""
    name = target.name or name
    if target.kind not in KINDS_WITH_HISTORY or not name:
        return []
    path = path_of(target.kind, str(ctx.params.get("namespace") or "default"), name)
    items = listed(ctx, path + "/history", {"limit": REVISIONS_OFFERED})
    return [
        CompletionItem(item["revision"], help=f"{item['verb']} {age(item['time'])} ago: {changed(item)}")
        for item in items
        if item["revision"].startswith(incomplete)
    ]


@click.command()
@target_arguments(KINDS_WITH_HISTORY)
@click.option(
    "--at", metavar="TIME", help="Only what was live then: 2026-11-28T21:45:00Z, '2026-11-28 21:45', 2h ago as 2h."
)
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many revisions.")
@uid_option
@output_option("wide")
@namespace_option
@server_option
def history(
    kind: str, name: str, at: str | None, last: int, uid: str | None, output: str, namespace: str, server: str | None
) -> None:  # fmt: skip
    """Show who changed an object, when and what: newest first, also of an object that is gone."""
    params = {"limit": str(last)} | ({"uid": uid} if uid else {}) | ({"at": moment(at)} if at else {})
    client = Client(find_server(server))
    answer = fetch(client, path_of(kind, namespace, name) + "/history", params, f"asya get {kind}")
    items = answer["items"]
    if output in ("json", "yaml"):
        data(answer, output)
        return
    several = len({item["uid"] for item in items}) > 1
    headers = ["revision", "age", "who", "how", "changed"]
    rows = [[i["revision"], age(i["time"]), i["user"], i["verb"], changed(i)] for i in items]
    if output == "wide":
        headers.append("with")
        rows = [[*row, item["userAgent"]] for row, item in zip(rows, items, strict=True)]
    if several or output == "wide":
        headers.append("uid")
        rows = [[*row, item["uid"]] for row, item in zip(rows, items, strict=True)]
    table(headers, rows)
    hint(kind, name, answer, several, last)


def hint(kind: str, name: str, answer: dict[str, Any], several: bool, last: int) -> None:
    """What a person may want to do with what was shown."""
    items = answer["items"]
    if several:
        note(f"several objects had this name; --uid {items[0]['uid']} shows one of them")
    if answer["metadata"].get("continue"):
        note(f"older ones: asya history {kind} {name} --last {last * 5}")
    changes = [item for item in items if item.get("changes")]
    if changes:
        note(f"next: asya diff {kind} {name} --to {changes[0]['revision']}")
    back = items[0] if items[0]["deleted"] or len(items) == 1 else items[1]
    if items[0]["deleted"] or len(items) > 1:
        note(f"back: asya restore {kind} {name} --revision {back['revision']}")


def changed(item: dict[str, Any]) -> str:
    """What an entry of the history changed, on one line."""
    changes = item.get("changes")
    if item["deleted"] and not changes:
        return "deleted"
    if changes is None:
        return "created" if item["verb"] in MAKING else "(nothing older is kept)"
    told = [one_change(change) for change in changes[:CHANGES_SHOWN]]
    more = len(changes) - len(told) + int(item.get("changesLeftOut", 0))
    return ", ".join(told) + (f", {more} more" if more else "") if told else "nothing that people write"


def one_change(change: dict[str, Any]) -> str:
    """A change of the history: ``spec.image a -> b``."""
    path = str(change["path"])
    if "old" not in change:
        return f"{path} = {short(change['new'])}" if plain(change["new"]) else f"+ {path}"
    if "new" not in change:
        return f"- {path}"
    if plain(change["old"]) and plain(change["new"]):
        return f"{path} {short(change['old'])} -> {short(change['new'])}"
    return path


def plain(value: Any) -> bool:
    """Whether the value is no list and no object."""
    return not isinstance(value, dict | list)


def short(value: Any) -> str:
    """A value on one line, cut."""
    text = line_of(value if isinstance(value, str) and value else yaml_flow(value))
    return text if len(text) <= VALUE_SHOWN else text[: VALUE_SHOWN - 1] + "…"


def yaml_flow(value: Any) -> str:
    """Any value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1 << 20)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def moment(text: str) -> str:
    """A time that a person typed, as RFC 3339: a time of day is of this machine, ``2h`` is two hours ago."""
    ago = AGO.fullmatch(text)
    if ago:
        then = datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    else:
        try:
            then = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
        except ValueError as error:
            raise click.BadParameter(
                f"{text!r} is no time; 2026-11-28T21:45:00Z, '2026-11-28 21:45' or 2h (ago) are accepted",
                param_hint="--at",
            ) from error
    return then.isoformat().replace("+00:00", "Z")


def fetch(client: Client, path: str, params: dict[str, str], fix: str) -> Any:
    """Read from the API; what is not there comes with the command that lists what is."""
    try:
        return client.json("GET", path, params=params)
    except Failure as failure:
        raise with_fix(failure, fix) from failure


def with_fix(failure: Failure, fix: str) -> Failure:
    """The failure; of one that found nothing, what to look at instead."""
    if failure.exit_code == NOT_FOUND and not failure.fix:
        return Failure(failure.message, fix, NOT_FOUND)
    return failure


@click.command()
@target_arguments(KINDS_WITH_HISTORY)
@click.option("--from", "before", metavar="REVISION", shell_complete=complete_revision,
              help="The earlier one; without it the one before --to.")  # fmt: skip
@click.option("--to", "after", metavar="REVISION", shell_complete=complete_revision,
              help="The later one; without it the newest.")  # fmt: skip
@uid_option
@click.option("-o", "--output", type=click.Choice(["diff", "table", "json", "yaml"]), default="diff",
              show_default=True, help="How to print; table: one change a line.")  # fmt: skip
@namespace_option
@server_option
def diff(
    kind: str, name: str, before: str | None, after: str | None, uid: str | None, output: str, namespace: str,
    server: str | None,
) -> None:  # fmt: skip
    """Show what differs between two revisions of an object; without options: what the last change was."""
    client = Client(find_server(server))
    given = {"from": before, "to": after, "uid": uid}
    params = {key: value for key, value in given.items() if value}
    answer = fetch(client, path_of(kind, namespace, name) + "/diff", params, f"asya history {kind} {name}")
    if output in ("json", "yaml"):
        data(answer, output)
        return
    if output == "table":
        rows = [[c["path"], yaml_flow(c["old"]) if "old" in c else None, yaml_flow(c["new"]) if "new" in c else None]
                for c in answer.get("changes") or []]  # fmt: skip
        table(["path", "old", "new"], rows)
    else:
        old, new = answer["from"], answer["to"]
        made = "nothing: it was made then" if new["verb"] in MAKING else "nothing: no earlier revision is kept"
        print_lines(unified(old and old["object"], new["object"], title(old) if old else made, title(new)))
    if not answer.get("changes") and answer["from"]:
        note("nothing that people write differs" + (": it was deleted" if answer["to"]["deleted"] else ""))
    if answer["from"]:
        note(f"back: asya restore {kind} {name} --revision {answer['from']['revision']}")


def title(side: dict[str, Any]) -> str:
    """One of two revisions, for the head of a diff."""
    return line_of(f"revision {side['revision']}: {side['verb']} by {side['user']} {age(side['time'])} ago")


def unified(before: Any, after: Any, old_title: str, new_title: str) -> Iterator[str]:
    """The lines of a unified diff of two objects as YAML."""
    old, new = (lines_of(value) if value else [] for value in (before, after))
    return difflib.unified_diff(old, new, old_title, new_title, n=CONTEXT_LINES, lineterm="")


def lines_of(value: Any) -> list[str]:
    """An object as lines of YAML; texts of several lines as they are."""
    text = yaml.dump(value, Dumper=BlockDumper, sort_keys=False, allow_unicode=True, width=1 << 20)
    return [line_of(line) for line in text.splitlines()]


class BlockDumper(yaml.SafeDumper):
    """YAML that a person can compare: a text of several lines takes several."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


BlockDumper.add_representer(str, _text)


def print_lines(lines: Iterator[str]) -> None:
    """A unified diff, coloured on a terminal."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        bold = line.startswith(("+++", "---"))
        colour = None if bold else colours.get(line[:1])
        click.echo(click.style(line, fg=colour, bold=bold) if sys.stdout.isatty() else line)


@click.command()
@target_arguments(KINDS_WITH_HISTORY)
@click.option("--revision", metavar="REVISION", shell_complete=complete_revision, help="Which state to bring back.")
@click.option("--uid", help="Of the object whose revision it is; without --revision its last state.")
@click.option("--dry-run", is_flag=True, help="Only show what would change, or why it is refused.")
@output_option()
@namespace_option
@server_option
def restore(
    kind: str, name: str, revision: str | None, uid: str | None, dry_run: bool, output: str, namespace: str,
    server: str | None,
) -> None:  # fmt: skip
    """Bring an object back to an earlier revision, by a new write; one that was deleted is created again."""
    if not revision and not uid:
        raise click.UsageError(f"Missing option '--revision': asya history {kind} {name} lists them")
    client = Client(find_server(server))
    path = path_of(kind, namespace, name)
    live = present(client, path)
    body = {key: value for key, value in {"revision": revision, "uid": uid}.items() if value}
    params = {"fieldManager": "asya-cli"} | ({"dryRun": "All"} if dry_run else {})
    try:
        response = client.call("POST", path + "/restore", body, params)
    except Failure as failure:
        raise with_fix(failure, f"asya history {kind} {name}") from failure
    restored = response.json()
    for warning in response.headers.get_list("Warning"):
        note("warning: " + re.sub(r'^299 - "(.*)"$', r"\1", warning))
    if output != "table":
        data(restored, output)
        return
    what = f"revision {revision}" if revision else "its last state"
    print_lines(unified(content(live), content(restored), "now" if dry_run else "before", what))
    if dry_run:
        click.echo(f"{kind}/{name} would be {'restored to' if live else 'created again from'} {what} (dry run)")
        note(f"next: asya restore {kind} {name} " + (f"--revision {revision}" if revision else f"--uid {uid}"))
        return
    click.echo(f"{kind}/{name} {'restored to' if live else 'created again from'} {what}")
    now = restored["metadata"]["resourceVersion"]
    if live and live["metadata"]["resourceVersion"] == now:
        return
    note(f"next: asya history {kind} {name}")


def present(client: Client, path: str) -> dict[str, Any] | None:
    """The object as it is now; None when it is gone."""
    try:
        found: dict[str, Any] = client.json("GET", path)
    except Failure as failure:
        if failure.exit_code == NOT_FOUND:
            return None
        raise
    return found


def content(item: dict[str, Any] | None) -> dict[str, Any] | None:
    """What people write of an object, as the server compares it."""
    if item is None:
        return None
    metadata = {key: value for key, value in item["metadata"].items() if key in SHOWN_METADATA}
    notes = {key: value for key, value in metadata.pop("annotations", {}).items() if key != LAST_APPLIED}
    if notes:
        metadata["annotations"] = notes
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}
