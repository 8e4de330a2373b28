"""Reads the runtime's settings from the environment and reports every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .log import LEVELS

MAX_CONCURRENCY = 1024
# The kernel's limit for the path of a Unix socket, without the closing zero byte and the mark of an unfinished one.
MAX_SOCKET_PATH_BYTES = 106
HEALTH_SOCKET_NAME = "asya-runtime-health.sock"
RELAY_SOCKET_NAME = "relay.sock"

_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")


class SettingsError(Exception):
    """One or more settings are wrong; `mistakes` names each with the value that is allowed."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class Settings(NamedTuple):
    """Everything the runtime is told from outside, checked."""

    handler: str
    socket_dir: str
    socket_name: str
    socket_mode: int
    validate: bool
    log_level: str
    concurrency: int
    ignore_decorators: tuple[str, ...]
    control_fd: int | None

    @property
    def socket_path(self) -> str:
        """Where the worker answers the relay."""
        return self.socket_dir + "/" + self.socket_name

    @property
    def health_path(self) -> str:
        """Where the supervisor answers health questions."""
        return self.socket_dir + "/" + HEALTH_SOCKET_NAME

    @property
    def ready_path(self) -> str:
        """The file that exists exactly while a good worker serves."""
        return self.socket_dir + "/runtime-ready"


class _Reader:
    """Reads single values and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.mistakes: list[str] = []

    def wrong(self, name: str, value: str, allowed: str) -> None:
        self.mistakes.append(f"{name}={value!r}: {allowed}")

    def text(self, name: str, default: str) -> str:
        return self.environment.get(name, "").strip() or default

    def number(self, name: str, default: int, low: int, high: int, base: int = 10) -> int:
        value = self.text(name, "")
        if not value:
            return default
        try:
            number = int(value, base)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            if base == 8:
                self.wrong(name, value, "must be an octal file mode from 0o000 to 0o777")
            else:
                self.wrong(name, value, f"must be a whole number from {low} to {high}")
            return default
        return number

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name, "").lower()
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        if value:
            self.wrong(name, value, "must be true or false")
        return default


def handler_mistake(handler: str) -> str | None:
    """Says what is wrong with the form of an ASYA_HANDLER value, or None."""
    shapes = "must be module.function, module.Class.method or path/file.py:function"
    if not handler:
        return "is not set; it " + shapes
    path, colon, name = handler.rpartition(":")
    if not colon:
        parts = handler.split(".")
        good = len(parts) >= 2 and all(part.isidentifier() for part in parts)
    else:
        parts = name.split(".")
        good = path.endswith(".py") and len(parts) <= 2 and all(part.isidentifier() for part in parts)
    return None if good else shapes


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Parses the environment; raises SettingsError naming every wrong value."""
    read = _Reader(environment)
    handler = read.text("ASYA_HANDLER", "")
    mistake = handler_mistake(handler)
    if mistake:
        read.mistakes.append(f"ASYA_HANDLER {mistake}" if not handler else f"ASYA_HANDLER={handler!r}: {mistake}")
    level = read.text("ASYA_LOG_LEVEL", "INFO").upper()
    if level not in LEVELS:
        read.wrong("ASYA_LOG_LEVEL", level, "must be one of " + ", ".join(LEVELS))
    name = read.text("ASYA_SOCKET_NAME", "asya-runtime.sock")
    if "/" in name or name in (".", "..", HEALTH_SOCKET_NAME, RELAY_SOCKET_NAME):
        read.wrong("ASYA_SOCKET_NAME", name, "must be a plain file name that no other socket uses")
    directory = read.text("ASYA_SOCKET_DIR", "/var/run/asya").rstrip("/") or "/"
    longest = len(directory.encode()) + 1 + max(len(name.encode()), len(HEALTH_SOCKET_NAME))
    if longest > MAX_SOCKET_PATH_BYTES:
        read.wrong("ASYA_SOCKET_DIR", directory, f"is too long: a socket path may have {MAX_SOCKET_PATH_BYTES} bytes")
    if read.text("ASYA_STATE_PROXY_MOUNTS", ""):
        read.mistakes.append("ASYA_STATE_PROXY_MOUNTS: this runtime serves no state mounts yet; leave it unset")
    settings = Settings(
        handler=handler,
        socket_dir=directory,
        socket_name=name,
        socket_mode=read.number("ASYA_SOCKET_CHMOD", 0o666, 0, 0o777, base=8),
        validate=read.flag("ASYA_ENABLE_VALIDATION", True),
        log_level=level,
        concurrency=read.number("ASYA_CONCURRENCY", 1, 1, MAX_CONCURRENCY),
        ignore_decorators=read_decorators(environment),
        control_fd=_control_fd(read),
    )
    if read.mistakes:
        raise SettingsError(read.mistakes)
    return settings


def read_decorators(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The decorator names of ASYA_IGNORE_DECORATORS, in order, without blanks."""
    names = environment.get("ASYA_IGNORE_DECORATORS", "").split(",")
    return tuple(name.strip().lstrip("@") for name in names if name.strip())


def _control_fd(read: _Reader) -> int | None:
    number = read.number("ASYA_CONTROL_FD", -1, 0, 1 << 20)
    return None if number < 0 else number
