"""Encodes results as JSON bytes, rich types included, and names the key that cannot be encoded."""

from __future__ import annotations

import json
import marshal
import sys
from typing import Any, Callable

from .errors import EncodingError, full_name

_PLAIN = (str, int, bool, type(None))
# Version 2 writes no back references, which is the fastest form.
_MARSHAL_VERSION = 2


def encode(value: Any, name: str = "payload") -> bytes:
    """JSON of any supported value as UTF-8; raises EncodingError that starts at `name`."""
    return encode_around(value, lambda plain: plain, name)


def encode_around(value: Any, wrap: Callable[[Any], Any], name: str = "payload") -> bytes:
    """JSON of `wrap(value)`, where only `value` may hold rich types; raises EncodingError that starts at `name`."""
    try:
        # marshal takes exact built-in types only. It is a check in C that nothing in there needs converting,
        # such as a named tuple, which the JSON encoder would quietly write as a list.
        # It does not see that a key such as 1 stands beside "1": nothing in C tells the types of keys, and a walk in
        # Python costs at least a quarter of the encoding of an ordinary payload.
        marshal.dumps(value, _MARSHAL_VERSION)
        return _to_json(wrap(value)).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    try:
        return _to_json(wrap(to_plain(value, name))).encode()
    except RecursionError:
        raise EncodingError(f"{name} contains itself or is nested too deeply for JSON") from None
    except (ValueError, TypeError) as error:
        raise EncodingError(f"the frame around {name} cannot be encoded: {error}") from None


def _refuse(value: Any) -> None:
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def _make_encoder() -> Callable[[Any], str]:
    """The encoder of the json module, made once: making it is a third of the time of encoding a small frame."""
    make, text = json.encoder.c_make_encoder, json.encoder.encode_basestring  # type: ignore[attr-defined]
    if make is None:  # a Python without the C part
        return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_refuse).encode
    pieces = make(None, _refuse, text, None, ":", ",", False, False, False)
    return lambda value: "".join(pieces(value, 0))


_to_json = _make_encoder()


def to_plain(value: Any, path: str) -> Any:
    """A copy made of JSON types only; raises EncodingError naming the path of the first misfit."""
    kind = type(value)
    if kind in _PLAIN:
        if kind is str:
            _check_text(value, path)
        return value
    if kind is float:
        if value != value or value in (float("inf"), float("-inf")):
            raise EncodingError(f"{path} is {value!r}, a number that JSON cannot hold")
        return value
    if kind is dict:
        return _plain_map(value, path)
    if kind is list or kind is tuple:
        return [to_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return _convert(value, path)


def _plain_map(value: dict[Any, Any], path: str) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in value.items():
        name = _key(key, path)
        if name in plain:
            raise EncodingError(f"{path} has two keys that both become {name!r} in JSON")
        plain[name] = to_plain(item, _join(path, name))
    return plain


def _key(key: Any, path: str) -> str:
    if type(key) is str:
        _check_text(key, "a key of " + path)
        return key
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    plain = to_plain(key, "a key of " + path) if not isinstance(key, (tuple, frozenset)) else None
    if isinstance(plain, str):
        return plain
    if isinstance(plain, (int, float)):
        return repr(plain)
    raise EncodingError(f"{path} has a key of type {full_name(type(key))}, which cannot be a JSON key")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)[:100]}]"


def _check_text(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise EncodingError(f"{path} holds a lone surrogate, which is not valid Unicode text") from None


def _convert(value: Any, path: str) -> Any:
    """Turns one value of a type that JSON does not know into one that it does."""
    kind = type(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        import base64

        return base64.b64encode(value).decode()
    if isinstance(value, (set, frozenset)):
        return _plain_set(value, path)
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        return to_plain(value.value, path)
    try:
        found, converted = _unpack(value, kind)
    except RecursionError:
        raise
    except Exception as error:
        raise EncodingError(f"{path} ({full_name(kind)}) cannot be encoded: {error}") from error
    if not found:
        raise EncodingError(f"{path} is of type {full_name(kind)}, which JSON cannot hold")
    return to_plain(converted, path)


def _plain_set(value: Any, path: str) -> Any:
    items = [to_plain(item, path + "{}") for item in value]
    try:
        # Sets of text are ordered by a random seed; sorted output makes retries produce the same bytes.
        items.sort()
    except TypeError:
        items.sort(key=repr)
    return items


def _unpack(value: Any, kind: type) -> tuple[bool, Any]:
    """(True, simpler value) for the supported kinds of objects, else (False, None). Duck-typed: imports nothing."""
    if hasattr(kind, "model_dump"):  # pydantic 2
        return True, value.model_dump(mode="json")
    if hasattr(kind, "__dataclass_fields__"):
        return True, {field.name: getattr(value, field.name) for field in sys.modules["dataclasses"].fields(value)}
    if isinstance(value, tuple) and hasattr(kind, "_asdict"):
        return True, dict(zip(kind._fields, value))  # type: ignore[attr-defined]
    if hasattr(kind, "__fields__") and hasattr(kind, "dict"):  # pydantic 1
        return True, value.dict()
    module = kind.__module__
    if hasattr(kind, "isoformat"):  # date, time, datetime and the types that follow them
        return True, value.isoformat()
    if hasattr(kind, "total_seconds"):
        return True, value.total_seconds()
    if module in ("uuid", "decimal", "_decimal") or hasattr(kind, "__fspath__"):
        return True, str(value) if not hasattr(kind, "__fspath__") else value.__fspath__()
    if hasattr(kind, "tolist"):  # arrays and their scalars
        return True, value.tolist()
    bases: tuple[Any, ...] = (int, float, str, dict, list, tuple)
    for base in bases:
        if isinstance(value, base):
            return True, base(value)
    return False, None
