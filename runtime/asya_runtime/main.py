"""The command line: `asya_runtime.pyz` supervises, `drain` waits for the relay, `check HANDLER` tries
a handler, `look HANDLER...` looks at its source."""

from __future__ import annotations

import os
import sys

from .last_words import leave
from .log import Log
from .settings import SettingsError, read_settings

USAGE = "usage: asya_runtime.pyz [drain | check HANDLER | look HANDLER... | version]"


def main(arguments: list[str]) -> int:
    """Runs one command and returns the exit status: 0 well, 1 failed, 2 wrong settings or arguments."""
    if not arguments:
        return supervise()
    if arguments == ["drain"]:
        from .drain import drain

        return drain(os.environ)
    if len(arguments) == 2 and arguments[0] == "check":
        from .check import check

        return check(arguments[1], os.environ)
    if len(arguments) >= 2 and arguments[0] == "look":
        from .look import look

        return look(arguments[1:])
    if arguments == ["version"]:
        from . import __version__

        print(__version__)
        return 0
    print(USAGE, file=sys.stderr)
    return 2


def supervise() -> int:
    """Reads the settings and runs the supervisor until it is stopped."""
    log = Log(source="runtime")
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        for mistake in error.mistakes:
            log.write("ERROR", mistake)
        leave("; ".join(error.mistakes))
        return 2
    log = Log(settings.log_level, "runtime")
    from .supervisor import Supervisor

    try:
        supervisor = Supervisor(settings, log)
    except OSError as error:
        log.write("ERROR", f"ASYA_SOCKET_DIR={settings.socket_dir!r} cannot be used: {error}")
        leave(f"ASYA_SOCKET_DIR={settings.socket_dir!r} cannot be used: {error}")
        return 2
    return supervisor.run()
