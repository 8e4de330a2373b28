"""What failed for good: dead-letters lists, groups and shows it."""

from __future__ import annotations

import json
from typing import Any

import click

from asya_cli.client import Client, letters_path
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import age, data, line_of, note, output_option, plain, table
from asya_cli.project import find_server
from asya_cli.targets import complete_actor, complete_letter
from asya_cli.waiting import here

BRIEF_CHARACTERS = 70
PAGE_LIMIT = 500  # of the server, which gives more in pages


@click.command("dead-letters")
@click.argument("letter_id", required=False, metavar="[ID]", shell_complete=complete_letter)
@click.option("--actor", shell_complete=complete_actor, help="Only those that failed at this actor.")
@click.option("--limit", type=click.IntRange(min=1), default=PAGE_LIMIT, show_default=True, help="How many at most.")
@click.option("--groups", is_flag=True, help="Count those that failed alike, with the signature to replay them by.")
@output_option()
@namespace_option
@server_option
def dead_letters(
    letter_id: str | None, actor: str | None, limit: int, groups: bool, output: str, namespace: str, server: str | None
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
        data(answer["groups"] if groups else answer, output)
    elif groups:
        group_table(answer["groups"], namespace)
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


def group_table(groups: list[dict[str, Any]], namespace: str) -> None:
    """One line for all letters of a signature, with what the newest of them says."""
    rows = [[g["signature"], str(g["count"]), g["actor"], g["reason"],
             brief({"type": g["errorType"], "message": g["latestMessage"]})] for g in groups]  # fmt: skip
    table(["signature", "count", "actor", "reason", "latest error"], rows)
    if rows:
        note(f"\nnext: asya replay --signature {rows[0][0]}{here(namespace)}")
    else:
        note("no dead letter found")


def brief(error: dict[str, Any]) -> str:
    """Type and first line of an error: a message alone says little, as that of a KeyError."""
    message = str(error.get("message", "")).strip().split("\n", 1)[0]
    kind = str(error.get("type", "")).rpartition(".")[2]
    return f"{kind}: {message}"[:BRIEF_CHARACTERS] if kind else message[:BRIEF_CHARACTERS]


def show(letter: dict[str, Any]) -> None:
    """Print one dead letter for a person; the payload is shown short."""
    for key in ("id", "actor", "reason", "at", "signature", "replayedAs"):
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
