"""Sends dead letters again: one, changed if wanted, or many at a set rate."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any

import click

from asya_cli.client import Client, letters_path
from asya_cli.dead_letters import newest
from asya_cli.failure import INTERRUPTED, OPERATION_FAILED, REFUSED, UNREACHABLE, Failure
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import data, note, output_option
from asya_cli.progress import counted
from asya_cli.project import find_server
from asya_cli.targets import complete_actor, complete_letter, complete_signature
from asya_cli.tasks import payload_of, tell_sent
from asya_cli.waiting import here

RATE_PER_S = 10.0
RATE_LIMIT_PER_S = 1000.0


@click.command()
@click.argument("letter_ids", nargs=-1, metavar="[ID]...", shell_complete=complete_letter)
@click.option("--actor", shell_complete=complete_actor, help="All that failed at this actor.")
@click.option("--signature", shell_complete=complete_signature, help="All that failed alike: dead-letters --groups.")
@click.option("--all", "everything", is_flag=True, help="All of the namespace.")
@click.option("--rate", type=click.FloatRange(0, RATE_LIMIT_PER_S, min_open=True), default=RATE_PER_S,
              show_default=True, help="How many a second at most, of several.")  # fmt: skip
@click.option("--edit", is_flag=True, help="Edit the payload in $EDITOR first.")
@click.option("--payload", help="Replace the payload by this JSON, @FILE or - for standard input.")
@click.option("--wait", is_flag=True, help="Wait for the result and print it.")
@output_option()
@namespace_option
@server_option
def replay(
    letter_ids: tuple[str, ...], actor: str | None, signature: str | None, everything: bool, rate: float, edit: bool,
    payload: str | None, wait: bool, output: str, namespace: str, server: str | None,
) -> None:  # fmt: skip
    """Send dead letters again, from the actor where they failed, as new tasks.

    Of several, those that were replayed before are left alone; a single ID is sent however often.
    """
    by_kind = bool(actor or signature)
    if bool(letter_ids) + by_kind + everything != 1:
        raise click.UsageError("either IDs, or --actor and --signature, or --all")
    if edit and payload is not None:
        raise click.UsageError("--edit and --payload exclude each other")
    one = letter_ids[0] if len(letter_ids) == 1 else None
    if one is None and (edit or wait or payload is not None):
        raise click.UsageError("--edit, --payload and --wait are for one ID")
    client = Client(find_server(server))
    if one is not None:
        replay_one(client, namespace, one, edit, payload, wait, output)
        return
    replays = Replays(client, namespace, rate)
    if letter_ids:
        replays.send([{"id": letter_id} for letter_id in dict.fromkeys(letter_ids)])
    else:
        replays.send(chosen(client, namespace, actor, signature))
    replays.tell(output)
    if replays.exit_code:
        raise click.exceptions.Exit(replays.exit_code)


def replay_one(client: Client, namespace: str, letter_id: str, edit: bool, payload: str | None, wait: bool,
               output: str) -> None:  # fmt: skip
    """Send a letter again, with another payload if that is wanted."""
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
    tell_sent(client, namespace, task_id, wait, output)


def chosen(client: Client, namespace: str, actor: str | None, signature: str | None) -> list[dict[str, Any]]:
    """The letters there are now, the oldest first: what fails again is a new letter, and not of these."""
    found = newest(client, namespace, {"actor": actor} if actor else {}, sys.maxsize)["items"]
    return [letter for letter in reversed(found) if signature in (None, letter["signature"])]


class Replays:
    """Letters that are sent again one after the other, and what came of it."""

    def __init__(self, client: Client, namespace: str, rate: float) -> None:
        self.client = client
        self.namespace = namespace
        self.period_s = 1 / rate
        self.due_s = time.monotonic()
        self.replayed: list[dict[str, str]] = []
        self.failed: list[dict[str, str]] = []
        self.before: list[dict[str, str]] = []
        self.left: list[str] = []
        self.exit_code = 0

    def send(self, letters: list[dict[str, Any]]) -> None:
        """All of them; ends early where the server is gone or the person has had enough."""
        self.left = [letter["id"] for letter in letters]
        try:
            with counted("replaying", len(letters)) as advance:
                for letter in letters:
                    refusal = self.send_one(letter)
                    self.left.pop(0)
                    advance(refusal)
        except KeyboardInterrupt:
            self.exit_code = INTERRUPTED
        except Failure as gone:
            gone.show()
            self.exit_code = gone.exit_code
        else:
            self.exit_code = OPERATION_FAILED if self.failed else 0

    def send_one(self, letter: dict[str, Any]) -> str:
        """One, in its turn; gives what is to be said of a refusal, which concerns no other."""
        path = letters_path(self.namespace, letter["id"])
        try:
            if "signature" not in letter:  # so far there is only what was typed
                letter = self.client.json("GET", path)
            if letter.get("replayedAs"):
                self.before.append({"id": letter["replayedAs"], "replay_of": letter["id"]})
                return ""
            self.wait_turn()
            # Somebody else may have sent it since it was looked at.
            sent = self.client.json("POST", path + "/replay?unlessReplayed=true")
            (self.before if sent.pop("replayedBefore", False) else self.replayed).append(sent)
        except Failure as failure:
            if failure.exit_code == UNREACHABLE:
                raise
            self.failed.append({"replay_of": letter["id"], "error": failure.message})
            return f"error: {letter['id']}: {failure.message}"
        return ""

    def wait_turn(self) -> None:
        """Until the next may be sent; what a slow answer has cost is not made up for."""
        while (early_s := self.due_s - time.monotonic()) > 0:
            time.sleep(early_s)
        self.due_s = time.monotonic() + self.period_s

    def tell(self, output: str) -> None:
        """Print what came of all."""
        if output != "table":
            data({"replayed": self.replayed, "failed": self.failed, "replayedBefore": self.before,
                  "left": self.left}, output)  # fmt: skip
            return
        counts = {"failed": len(self.failed), "replayed before": len(self.before), "left": len(self.left)}
        others = (f"{count} {word}" for word, count in counts.items() if count)
        click.echo(", ".join((f"{len(self.replayed)} replayed", *others)))
        if self.left:
            note("the same command goes on with those that are left")


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
