"""Commands on what failed for good: dead-letters and replay."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

import click

from asya_cli.client import Client, letters_path
from asya_cli.failure import REFUSED, Failure
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import age, data, line_of, note, output_option, plain, table
from asya_cli.project import find_server
from asya_cli.targets import complete_actor, complete_letter
from asya_cli.tasks import finish, payload_of
from asya_cli.waiting import await_end, here, wait_for

BRIEF_CHARACTERS = 70
PAGE_LIMIT = 500  # of the server, which gives more in pages


@click.command("dead-letters")
@click.argument("letter_id", required=False, metavar="[ID]", shell_complete=complete_letter)
@click.option("--actor", shell_complete=complete_actor, help="Only those that failed at this actor.")
@click.option("--limit", type=click.IntRange(min=1), default=PAGE_LIMIT, show_default=True, help="How many at most.")
@output_option()
@namespace_option
@server_option
def dead_letters(
    letter_id: str | None, actor: str | None, limit: int, output: str, namespace: str, server: str | None
) -> None:  # fmt: skip
    """List the dead letters, or show one with its error and its whole envelope."""
    client = Client(find_server(server))
    if letter_id:
        letter = client.json("GET", letters_path(namespace, letter_id))
        if output != "table":
            data(letter, output)
        else:
            show(letter)
        return
    answer = newest(client, namespace, {"actor": actor} if actor else {}, limit)
    if output != "table":
        data(answer, output)
    else:
        letter_table(answer["items"], namespace)
    if answer["nextCursor"]:
        note(f"there are more: --limit {5 * limit}, or --actor NAME for those of one actor")


def newest(client: Client, namespace: str, params: dict[str, str], limit: int) -> dict[str, Any]:
    """So many of the newest letters, from as many pages as it takes, as one answer."""
    items: list[dict[str, Any]] = []
    groups: dict[str, dict[str, Any]] = {}
    cursor = ""
    while len(items) < limit:
        asked = {**params, "limit": str(min(PAGE_LIMIT, limit - len(items)))} | ({"cursor": cursor} if cursor else {})
        page = client.json("GET", letters_path(namespace), params=asked)
        items += page["items"]
        for group in page["groups"]:
            # The one that was there first tells of the newest letter.
            known = groups.setdefault(group["signature"], {**group, "count": 0})
            known["count"] += group["count"]
        cursor = page.get("nextCursor", "")
        if not cursor:
            break
    return {"items": items, "groups": list(groups.values()), "nextCursor": cursor}


def letter_table(items: list[dict[str, Any]], namespace: str) -> None:
    """One line a letter."""
    rows = [[i["id"], i["actor"], i["reason"], brief(i["error"]), i.get("replayedAs", ""), age(i["at"])]
            for i in items]  # fmt: skip
    table(["id", "actor", "reason", "error", "replayed as", "age"], rows)
    if rows:
        one = f"{rows[0][0]}{here(namespace)}"
        note(f"\nnext: asya dead-letters {one}   or   asya replay {one} --edit")
    else:
        note("no dead letter found")


def brief(error: dict[str, Any]) -> str:
    """Type and first line of an error: a message alone says little, as that of a KeyError."""
    message = str(error.get("message", "")).strip().split("\n", 1)[0]
    kind = str(error.get("type", "")).rpartition(".")[2]
    return f"{kind}: {message}"[:BRIEF_CHARACTERS] if kind else message[:BRIEF_CHARACTERS]


def show(letter: dict[str, Any]) -> None:
    """Print one dead letter for a person; the payload is shown short."""
    for key in ("id", "actor", "reason", "at", "replayedAs"):
        if letter.get(key):
            click.echo(f"{key + ':':12}{line_of(str(letter[key]))}")
    error = letter["error"]
    click.echo(plain(f"{'error:':12}{error['type']}: {error['message']}"))
    envelope = letter.get("envelope")
    if envelope is None:
        click.echo("the message could not be read as an envelope; --output json shows its bytes in base64")
        return
    traceback = (envelope.get("status", {}).get("error") or {}).get("traceback")
    if traceback:
        click.echo(plain(traceback.rstrip()))
    payload = plain(json.dumps(envelope.get("payload"), ensure_ascii=False))
    click.echo("payload:    " + (payload if len(payload) <= 300 else payload[:300] + f"… ({len(payload)} characters)"))


@click.command()
@click.argument("letter_id", metavar="ID", shell_complete=complete_letter)
@click.option("--edit", is_flag=True, help="Edit the payload in $EDITOR first.")
@click.option("--payload", help="Replace the payload by this JSON, @FILE or - for standard input.")
@click.option("--wait", is_flag=True, help="Wait for the result and print it.")
@output_option()
@namespace_option
@server_option
def replay(letter_id: str, edit: bool, payload: str | None, wait: bool, output: str, namespace: str,
           server: str | None) -> None:  # fmt: skip
    """Send a dead letter again, from the actor where it failed, as a new task."""
    if edit and payload is not None:
        raise click.UsageError("--edit and --payload exclude each other")
    client = Client(find_server(server))
    body: dict[str, Any] | None = None
    text = ""
    if payload is not None:
        body = {"payload": payload_of(payload, ())}
    elif edit:
        body, text = edited(client, namespace, letter_id)
    try:
        task_id = client.json("POST", letters_path(namespace, letter_id) + "/replay", body)["id"]
    except Failure as refused:
        if text:
            refused.fix = kept(letter_id, namespace, text)
        raise
    if wait:
        finish(await_end(task_id, namespace, lambda: wait_for(client, namespace, task_id)), namespace, output)
    elif output != "table":
        data({"id": task_id}, output)
    else:
        click.echo(task_id)
        note(f"next: asya task {task_id}{here(namespace)} --wait")


def edited(client: Client, namespace: str, letter_id: str) -> tuple[dict[str, Any], str]:
    """What a person made of the payload in an editor, and their text."""
    letter = client.json("GET", letters_path(namespace, letter_id))
    if letter.get("envelope") is None:
        raise Failure("the message is no envelope, so it has no payload to edit", exit_code=REFUSED)
    before = json.dumps(letter["envelope"].get("payload"), indent=2, ensure_ascii=False)
    try:
        after = click.edit(before + "\n", extension=".json")
    except click.ClickException as error:
        raise Failure(error.message, "set EDITOR to an editor, or use --payload") from error
    if after is None or not after.strip():
        raise Failure("nothing was saved, so nothing is sent", exit_code=REFUSED)
    try:
        return {"payload": json.loads(after)}, after
    except ValueError as error:
        raise Failure(f"the payload is not JSON: {error}", kept(letter_id, namespace, after), REFUSED) from error


def kept(letter_id: str, namespace: str, text: str) -> str:
    """Put an edited text that was not sent into a file of the person alone; gives the command that goes on with it."""
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in letter_id)
    handle, path = tempfile.mkstemp(prefix=f"asya-replay-{safe}-", suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return f"mend {path}, where your text is kept, then asya replay {letter_id}{here(namespace)} --payload @{path}"
