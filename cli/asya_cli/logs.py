"""``asya logs``: what an actor's replicas wrote."""

from __future__ import annotations

import re
import time
from pathlib import Path

import click

from asya_cli.client import Client, segment
from asya_cli.failure import NOT_FOUND, Failure
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import note
from asya_cli.project import Server, find_server
from asya_cli.targets import complete_actor, path_of

POLL_S = 0.2
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")  # a fixed number of digits: text sorts as time does


def files_of(folder: Path) -> list[Path]:
    """The actor's current log files, oldest first."""
    found = []
    for path in folder.glob("*.log") if folder.is_dir() else []:
        try:
            found.append((path.stat().st_mtime, path))
        except FileNotFoundError:  # taken away by the rotation
            continue
    return [path for _, path in sorted(found)]


def is_actor(server: Server, namespace: str, name: str) -> bool:
    """Whether there is an actor of that name."""
    try:
        Client(server).call("GET", path_of("actor", namespace, name))
    except Failure:
        return False
    return True


@click.command()
@click.argument("actor", shell_complete=complete_actor)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("--tail", default=100, show_default=True, help="Lines of all replicas to begin with; -1 for all.")
@namespace_option
@server_option
def logs(actor: str, follow: bool, tail: int, namespace: str, server: str | None) -> None:
    """Print the logs of an actor's replicas (local server), or of the server itself: ``asya logs server``."""
    found = find_server(server)
    state = found.state
    if state is None:
        raise Failure("logs of a remote server are read with kubectl logs", "kubectl logs -l asya.sh/actor=" + actor)
    positions: dict[Path, int] = {}
    single = state / "logs" / f"{segment(actor)}.log"
    folder = state / "logs" / segment(namespace) / segment(actor)
    if single.is_file() and is_actor(found, namespace, actor):
        note(f"of the actor {actor}; the server's own log is {single}")
        single = folder / "none"
    if not single.is_file() and not files_of(folder):
        # Nothing will ever come from an actor that does not exist.
        Client(found).call("GET", path_of("actor", namespace, actor))
        if not follow:
            raise Failure(f"{actor} has written nothing: no replica of it has run", exit_code=NOT_FOUND)
        note(f"{actor} has written nothing yet; waiting for a replica of it")
    limit = tail
    while True:
        new = []
        for path in [single] if single.is_file() else files_of(folder):
            try:
                text, positions[path] = read_from(path, positions.get(path, 0))
            except FileNotFoundError:  # taken away by the rotation
                continue
            name = "" if path == single else path.stem
            new += stamped(name, text.splitlines())
        # Each replica's lines are in order already; sorting keeps it where times are equal.
        new.sort(key=lambda line: line[0])
        for _, line in new[max(0, len(new) - limit) :] if limit >= 0 else new:
            click.echo(line)
        limit = -1
        if not follow:
            return
        time.sleep(POLL_S)


def stamped(replica: str, lines: list[str]) -> list[tuple[str, str]]:
    """What to print of one replica's lines, each with its time; where it has none, with that of the line before."""
    found = []
    at = ""
    for line in lines:
        match = TIME.match(line)
        at = match.group() if match else at
        found.append((at, f"{replica} {line}" if replica else line))
    return found


def read_from(path: Path, position: int) -> tuple[str, int]:
    """Whole lines after the position, and the position behind them; a rotated file is read from its start."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(position if size >= position else 0)
        text = file.read()
        end = text.rfind(b"\n") + 1
        return text[:end].decode(errors="replace"), file.tell() - len(text) + end
