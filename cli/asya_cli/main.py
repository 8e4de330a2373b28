"""The asya command: its groups of commands and what they share."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from asya_cli import __version__
from asya_cli.dead_letters import dead_letters
from asya_cli.describe import describe
from asya_cli.failure import Failure
from asya_cli.history import diff, history, restore
from asya_cli.kubeconfig import kubeconfig
from asya_cli.logs import logs
from asya_cli.objects import apply, delete, get, pause, resume
from asya_cli.plan import plan
from asya_cli.render import render
from asya_cli.replay import replay
from asya_cli.tasks import cancel, send, task, tasks
from asya_cli.up import down, up
from asya_cli.why import why


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="asya")
def main() -> None:
    """Run AI pipelines as actors that talk through queues.

    Begin with: asya up examples/hello
    """


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell: eval "$(asya completion bash)"."""
    found = get_completion_class(shell)
    if found is None:
        raise Failure(f"no completion for {shell}")
    click.echo(found(main, {}, "asya", "_ASYA_COMPLETE").source())


for command in (up, down, get, describe, plan, apply, delete, pause, resume, why, history, diff, restore, render, send,
                tasks, task, cancel, dead_letters, replay, logs, kubeconfig):  # fmt: skip
    main.add_command(command)
