"""Carries out the commands that a generator yields on the envelope's metadata."""

from __future__ import annotations

from typing import Any

from .encode import encode, to_plain
from .errors import ProtocolError
from .frames import frame
from .paths import Step, parse_path

_READABLE = ("id", "parent_id", "route", "headers", "status")
_METRIC_TYPES = ("counter", "gauge", "histogram")


def event(name: bytes, data: bytes) -> bytes:
    """One server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (name, data)


class Exchange:
    """The envelope of one invocation, as its generator sees and changes it."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        self.envelope = envelope
        self._had_headers = bool(envelope.get("headers"))

    def take(self, item: Any) -> tuple[bytes, Any]:
        """What one yielded item means: (event to send or empty, value to hand back). Raises ProtocolError."""
        if item is None:
            return b"", None
        # A named tuple is a result; only a plain tuple of two or more is a command.
        if type(item) is tuple and len(item) >= 2:
            return self._command(item)
        return event(b"downstream", frame(self.envelope, item, self._had_headers)), None

    def _command(self, item: tuple[Any, ...]) -> tuple[bytes, Any]:
        verb = item[0]
        size = {"GET": 2, "SET": 3, "DEL": 2, "FLY": 2, "METRIC": 2}.get(verb) if type(verb) is str else None
        if size is None:
            shown = verb if type(verb) is str else type(verb).__name__
            raise ProtocolError(f"a yielded tuple must start with GET, SET, DEL, FLY or METRIC, not {shown!r}")
        if len(item) != size:
            raise ProtocolError(f"{verb} takes {size - 1} values after the verb, got {len(item) - 1}")
        if verb == "GET":
            return b"", self.get(item[1])
        if verb == "SET":
            self.set(item[1], item[2])
            return b"", None
        if verb == "DEL":
            self.delete(item[1])
            return b"", None
        if verb == "FLY":
            return event(b"upstream", b'{"payload":%b}' % encode(item[1])), None
        return event(b"metric", encode(_metric(item[1]), "metric")), None

    def get(self, path: object) -> Any:
        """A deep copy of what is at the path; None where an object lacks the last name or the field is absent."""
        steps = parse_path(path)
        if isinstance(steps[-1], slice):
            raise ProtocolError(f"GET {path!r}: a slice is for SET only")
        if steps[0] not in _READABLE:
            raise ProtocolError("GET {!r}: readable are {}".format(path, ", ".join("." + name for name in _READABLE)))
        node: Any = self.envelope
        for step in steps:
            node = _walk(node, step, "GET", path)
            if node is None:
                return None
        return _copy(node)

    def set(self, path: object, value: Any) -> None:
        """Writes a copy of the value; makes missing maps on the way."""
        steps = parse_path(path)
        _check_writable("SET", path, steps)
        plain = to_plain(value, f"the value for SET {path}")
        if steps[:2] == ("route", "next"):
            self._set_next(path, steps, plain)
            return
        node: Any = self.envelope
        for step in steps[:-1]:
            node = _enter(node, step, path)
        _store(node, steps[-1], plain, path)
        if steps == ("status",) and type(plain) is not dict:
            raise ProtocolError(f"SET {path!r}: .status must stay an object")

    def delete(self, path: object) -> None:
        """Removes what is at the path; what is not there is no mistake. Deleting .route.next empties it."""
        steps = parse_path(path)
        if steps[0] == "status":
            raise ProtocolError(f"DEL {path!r}: .status can be set but not deleted")
        if isinstance(steps[-1], slice):
            raise ProtocolError(f"DEL {path!r}: a slice is for SET only")
        _check_writable("DEL", path, steps)
        if steps == ("route", "next"):
            self.envelope["route"]["next"] = []
            return
        node: Any = self.envelope
        for step in steps[:-1]:
            node = _walk(node, step, "DEL", path)
            if node is None:
                return
        if _walk(node, steps[-1], "DEL", path, missing=node) is not node:
            del node[steps[-1]]

    def _set_next(self, path: object, steps: tuple[Step, ...], plain: Any) -> None:
        """route.next stays a list of names whatever is written to it."""
        names = list(self.envelope["route"]["next"])
        if len(steps) == 2:
            names = plain
        elif len(steps) == 3:
            _store(names, steps[2], plain, path)
        if len(steps) > 3 or type(names) is not list or not all(type(name) is str and name for name in names):
            raise ProtocolError(f"SET {path!r}: .route.next must stay a list of actor names")
        self.envelope["route"]["next"] = names


def _check_writable(verb: str, path: object, steps: tuple[Step, ...]) -> None:
    if steps[0] == "status" or steps[:2] == ("route", "next"):
        return
    if steps[0] == "headers" and len(steps) > 1 and type(steps[1]) is str:
        return
    raise ProtocolError(f"{verb} {path!r}: writable are .route.next, .headers.* and .status (.status not by DEL)")


def _walk(node: Any, step: Step, verb: str, path: object, missing: Any = None) -> Any:
    """What `step` leads to from `node`; `missing` when it is not there."""
    if type(step) is str and type(node) is dict:
        return node.get(step, missing)
    if type(step) is int and type(node) is list:
        if -len(node) <= step < len(node):
            return node[step]
        raise ProtocolError(f"{verb} {path!r}: index {step} is outside of a list of {len(node)}")
    wanted = "an object" if type(step) is str else "a list"
    raise ProtocolError(f"{verb} {path!r}: {step!r} needs {wanted}, but there is {_kind(node)}")


def _enter(node: Any, step: Step, path: object) -> Any:
    """Like _walk, but makes a missing map."""
    found = _walk(node, step, "SET", path)
    if found is None and type(step) is str:
        found = node[step] = {}
    return found


def _store(node: Any, step: Step, plain: Any, path: object) -> None:
    if isinstance(step, slice):
        if type(node) is not list or type(plain) is not list:
            raise ProtocolError(f"SET {path!r}: a slice takes a list and writes into a list")
        node[step] = plain
        return
    if type(step) is int or type(node) is not dict:
        _walk(node, step, "SET", path)
    node[step] = plain


def _kind(node: Any) -> str:
    return {dict: "an object", list: "a list", str: "a string", type(None): "nothing"}.get(type(node), "a plain value")


def _copy(node: Any) -> Any:
    """A deep copy of JSON data, several times faster than the general one."""
    if type(node) is dict:
        return {key: _copy(item) for key, item in node.items()}
    if type(node) is list:
        return [_copy(item) for item in node]
    return node


def _metric(metric: Any) -> dict[str, Any]:
    """The metric when its shape is right, else ProtocolError with the rule."""
    rule = 'METRIC takes {"name": text, "type": "counter|gauge|histogram", "value": number, "labels": {text: text}}'
    if type(metric) is not dict or not set(metric) <= {"name", "type", "value", "labels"}:
        raise ProtocolError(rule)
    name, value, labels = metric.get("name"), metric.get("value"), metric.get("labels", {})
    if type(name) is not str or not name or metric.get("type") not in _METRIC_TYPES:
        raise ProtocolError(rule)
    number = to_plain(value, "metric.value")
    if type(number) not in (int, float) or type(labels) is not dict:
        raise ProtocolError(rule)
    if not all(type(key) is str and type(text) is str for key, text in labels.items()):
        raise ProtocolError(rule)
    return {"name": name, "type": metric["type"], "value": number, "labels": labels}
