"""Shapes errors for the wire: `msg_parsing_error` and `processing_error` bodies."""

from __future__ import annotations

from types import TracebackType
from typing import Any

MAX_MESSAGE_CHARS = 16 * 1024
MAX_TRACEBACK_CHARS = 64 * 1024
_OWN_PACKAGE = __name__.rpartition(".")[0] + "."


class ParsingError(Exception):
    """The request body is not an envelope; answered with 400."""


class ProtocolError(Exception):
    """A yielded command breaks a rule of the ABI; names the path and the rule."""


class EncodingError(Exception):
    """A result has a part that JSON cannot hold; names the key."""


def full_name(kind: type) -> str:
    """The name of a class with its module, such as `builtins.ValueError`."""
    return f"{kind.__module__}.{kind.__qualname__}"


def ancestors(kind: type) -> list[str]:
    """The full names of the classes above this one, without object and BaseException."""
    return [full_name(base) for base in kind.__mro__[1:] if base not in (object, BaseException)]


def parsing_body(message: str) -> dict[str, Any]:
    """The body of a 400."""
    return {"error": "msg_parsing_error", "details": {"message": message}}


def processing_body(error: BaseException) -> dict[str, Any]:
    """The body of a 500 or of an `error` event."""
    kind = type(error)
    return {
        "error": "processing_error",
        "details": {
            "message": _clean(_text_of(error), MAX_MESSAGE_CHARS),
            "type": full_name(kind),
            "mro": ancestors(kind),
            "traceback": _clean(_traceback_of(error), MAX_TRACEBACK_CHARS),
        },
    }


def place_of(error: BaseException) -> str:
    """Where the handler raised the error, as `file:line in function`, for the log."""
    place = "?"
    trace = error.__traceback__
    while trace is not None:
        if not _is_own(trace):
            code = trace.tb_frame.f_code
            place = f"{code.co_filename}:{trace.tb_lineno} in {code.co_name}"
        trace = trace.tb_next
    return place


def user_trace(error: BaseException) -> TracebackType | None:
    """The traceback without the runtime's own frames on top. The runtime's own errors need none below either."""
    trace = error.__traceback__
    while trace is not None and _is_own(trace):
        trace = trace.tb_next
    if trace is None and not isinstance(error, (ProtocolError, EncodingError)):
        return error.__traceback__
    return trace


def _is_own(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__", "")).startswith(_OWN_PACKAGE)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(the text of this error cannot be read)"


def _traceback_of(error: BaseException) -> str:
    import traceback  # lazily: most workers never fail

    try:
        return "".join(traceback.format_exception(type(error), error, user_trace(error)))
    except Exception:
        return ""


def _clean(text: str, limit: int) -> str:
    if len(text) > limit:
        text = text[:limit] + "… (%s more characters)" % (len(text) - limit)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
