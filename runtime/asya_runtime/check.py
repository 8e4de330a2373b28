"""Loads a handler and says whether that works, for people and for the command line tool."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from .load import LoadError, load_handler
from .settings import handler_mistake, read_decorators


def check(name: str, environment: Mapping[str, str]) -> int:
    """Prints `ok` and returns 0, or prints the cause as one line and returns 1."""
    mistake = handler_mistake(name)
    if mistake:
        print(f"handler {name!r} {mistake}")
        return 1
    answer = os.dup(1)
    os.dup2(2, 1)  # what the handler prints while loading is not the answer
    sys.dont_write_bytecode = True
    try:
        load_handler(name, read_decorators(environment))
        text, status = "ok", 0
    except LoadError as error:
        text, status = error.one_line(), 1
    sys.stdout.flush()
    os.write(answer, (text + "\n").encode())
    return status
