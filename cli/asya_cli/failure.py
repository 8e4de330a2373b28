"""Failures that a person sees: one message, the fix where there is one, and an exit code.

Exit codes: 0 done; 1 the operation failed (also a task that failed); 2 wrong usage (by click); 3 not found;
4 the server cannot be reached; 5 refused as invalid or in conflict; 130 interrupted while waiting.
"""

from __future__ import annotations

import click

from asya_cli.output import plain

OPERATION_FAILED = 1
NOT_FOUND = 3
UNREACHABLE = 4
REFUSED = 5
INTERRUPTED = 130


class Failure(click.ClickException):
    """An expected failure; printed to stderr as ``error: message`` and ``try: fix``."""

    def __init__(self, message: str, fix: str = "", exit_code: int = OPERATION_FAILED) -> None:
        super().__init__(message)
        self.fix = fix
        # click reads the instance's value; its own annotation says class variable.
        vars(self)["exit_code"] = exit_code

    def show(self, file: object = None) -> None:
        """Print the message and the fix to stderr."""
        click.echo(click.style("error: ", fg="red") + plain(self.message), err=True)
        if self.fix:
            click.echo(click.style("try: ", fg="yellow") + plain(self.fix), err=True)
