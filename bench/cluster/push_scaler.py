"""The least external-push scaler that KEDA takes: one number, told at once. Its messages are written by hand, since
each has one or two fields (KEDA's externalscaler.proto)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc

METRIC = b"work"
ACTIVE = b"\x08\x01"  # IsActiveResponse{result: true}
LOOK_S = 1.0  # whether the stream is still there


def nested(message: bytes) -> bytes:
    """As field 1 of the message around it."""
    return b"\x0a" + bytes([len(message)]) + message


def named(value: int) -> bytes:
    """MetricSpec or MetricValue: the name in field 1 and a number below 128 in field 2."""
    return nested(nested(METRIC) + b"\x10" + bytes([value]))


class PushScaler:
    """Serves KEDA without TLS on `address` until the end of the block; `value` is what it answers."""

    def __init__(self, address: str) -> None:
        self._value = 0
        self._changed = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(8))
        handlers = {
            "IsActive": unary(lambda: ACTIVE if self._value else b""),
            "GetMetricSpec": unary(lambda: named(1)),
            "GetMetrics": unary(lambda: named(self._value)),
            "StreamIsActive": grpc.unary_stream_rpc_method_handler(self._stream),
        }
        service = grpc.method_handlers_generic_handler("externalscaler.ExternalScaler", handlers)
        self._server.add_generic_rpc_handlers((service,))
        self.port = self._server.add_insecure_port(f"{address}:0")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None)

    def tell(self, value: int) -> None:
        """From now on, and at once on the open streams."""
        with self._changed:
            self._value = value
            self._changed.notify_all()

    def _stream(self, _: bytes, context: Any) -> Iterator[bytes]:
        told = None
        while context.is_active():
            with self._changed:
                if self._value == told:
                    self._changed.wait(LOOK_S)
                now = self._value
            if now != told:
                told = now
                yield ACTIVE if now else b""


def unary(answer: Callable[[], bytes]) -> Any:
    """A call whose request says nothing that matters here."""
    return grpc.unary_unary_rpc_method_handler(lambda _, __: answer())
