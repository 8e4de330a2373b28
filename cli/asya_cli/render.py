"""``asya render``: what a manifest becomes, without a server."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import click

from asya_cli.failure import REFUSED, Failure
from asya_cli.manifests import files_of, standard_input
from asya_cli.project import program

RENDER_TIMEOUT_S = 30


@click.command()
@click.argument("what", metavar="[crds]", required=False, type=click.Choice(["crds"]))
@click.option("-f", "--filename", help="File, folder, or - for standard input.")
def render(what: str | None, filename: str | None) -> None:
    """Print the resources that a manifest becomes, as YAML; the same bytes every time. Needs no server.

    With crds in place of a file: the kinds of asya.sh as CustomResourceDefinitions.
    """
    if (what is None) == (filename is None):
        raise click.UsageError("one of -f FILE and crds is accepted")
    if filename is None:
        printed = rendered([str(what)])
    elif filename == "-" or Path(filename).is_dir():
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as whole:
            whole.write(standard_input() if filename == "-" else text_of(Path(filename)))
            whole.flush()
            printed = rendered(["-f", whole.name], whole.name, "standard input" if filename == "-" else filename)
    else:
        printed = rendered(["-f", filename])
    click.echo(printed, nl=False)


def rendered(arguments: list[str], name: str = "", shown: str = "") -> str:
    """What the program prints; its messages name what a person named."""
    command = [str(program("asya-server")), "render", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RENDER_TIMEOUT_S, check=False)
    if done.returncode != 0:
        message = done.stderr.strip().removeprefix("error: ")
        raise Failure(message.replace(name, shown) if name else message, exit_code=REFUSED)
    return done.stdout


def text_of(folder: Path) -> str:
    """The manifests of a folder as one: an actor may name a flavor of another file."""
    files = files_of(folder)
    if not files:
        raise Failure(f"{folder}: no .yaml or .yml file in it", exit_code=REFUSED)
    texts = []
    for file in files:
        try:
            texts.append(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise Failure(f"{file}: {error.strerror}", exit_code=REFUSED) from error
        except UnicodeDecodeError as error:
            raise Failure(f"{file}: not UTF-8 at byte {error.start}", exit_code=REFUSED) from error
    return "\n---\n".join(texts)
