"""``asya logs``: what an actor's replicas wrote."""

from __future__ import annotations

import time
from pathlib import Path

import click

from asya_cli.failure import NOT_FOUND, Failure
from asya_cli.objects import server_option
from asya_cli.project import find_server

POLL_S = 0.2


def files_of(folder: Path) -> list[Path]:
    """The actor's current log files, oldest first."""
    return sorted(folder.glob("*.log"), key=lambda p: p.stat().st_mtime) if folder.is_dir() else []


@click.command()
@click.argument("actor")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("--tail", default=100, show_default=True, help="Lines of each replica to begin with.")
@server_option
def logs(actor: str, follow: bool, tail: int, server: str | None) -> None:
    """Print the logs of an actor's replicas (local server), or of the server itself: ``asya logs server``."""
    state = find_server(server).state
    if state is None:
        raise Failure("logs of a remote server are read with kubectl logs", "kubectl logs -l asya.sh/actor=" + actor)
    positions: dict[Path, int] = {}
    single = state / "logs" / f"{actor}.log"
    folder = state / "logs" / actor
    if not single.is_file() and not files_of(folder) and not follow:
        raise Failure(f"{actor} has written nothing: no replica of it has run", exit_code=NOT_FOUND)
    first = True
    while True:
        for path in [single] if single.is_file() else files_of(folder):
            text, positions[path] = read_from(path, positions.get(path, 0))
            lines = text.splitlines()
            for line in lines[-tail:] if first and tail >= 0 else lines:
                click.echo(f"{path.stem} {line}" if path != single else line)
        first = False
        if not follow:
            return
        time.sleep(POLL_S)


def read_from(path: Path, position: int) -> tuple[str, int]:
    """Whole lines after the position, and the position behind them; a rotated file is read from its start."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(position if size >= position else 0)
        text = file.read()
        end = text.rfind(b"\n") + 1
        return text[:end].decode(errors="replace"), file.tell() - len(text) + end
