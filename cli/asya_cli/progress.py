"""Progress of what takes its time: bars on a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from asya_cli.output import note, plain

SHOWN_UPLOAD_BYTES = 1 << 20  # what is smaller is sent before a person could read a bar
CHUNK_BYTES = 1 << 16
LINE_CHARACTERS = 110


@contextlib.contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """A step of unknown length; gives the function that tells what it is at."""
    if not sys.stderr.isatty():
        note(f"{title} …")
        yield lambda text: note("  " + text[:LINE_CHARACTERS])
        return
    # Not at the top: it takes longer to load than most commands to run.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(20), TimeElapsedColumn()
    detail = TextColumn("{task.fields[at]}", markup=False)
    with Progress(*columns, detail, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None, at="")
        yield lambda text: progress.update(task, at=text[:LINE_CHARACTERS])


@contextlib.contextmanager
def counted(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """So many things of one kind; gives the function that tells of one done, and says what there is to say of it."""
    if not sys.stderr.isatty():
        yield lambda said: note(said) if said else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)

        def advance(said: str) -> None:
            if said:
                progress.console.print(Text(plain(said)), soft_wrap=True)  # above the bar
            progress.advance(task)

        yield advance


def upload(body: bytes) -> Iterator[bytes]:
    """The body in pieces, as its bar on the terminal follows."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("sending"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(body))
        for start in range(0, len(body), CHUNK_BYTES):
            yield body[start : start + CHUNK_BYTES]
            progress.update(task, completed=min(start + CHUNK_BYTES, len(body)))


def worth_a_bar(body: bytes) -> bool:
    """Whether a person sees it, and for long enough."""
    return len(body) >= SHOWN_UPLOAD_BYTES and sys.stderr.isatty()
