"""The wires of SQS and Pub/Sub cut bytes of any pieces into the same frames, and know what each of them means."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import pytest
from cloud_wires import PubsubWire, SqsWire
from wires import Wire

Talk = list[tuple[str, bytes, str]]  # direction, frame, label


def http(first: str, body: bytes, action: str = "") -> bytes:
    """A request or an answer."""
    target = f"X-Amz-Target: AmazonSQS.{action}\r\n" if action else ""
    return f"{first}\r\n{target}Content-Length: {len(body)}\r\n\r\n".encode() + body


def asked(action: str, body: bytes = b"{}") -> bytes:
    """One call."""
    return http("POST / HTTP/1.1", body, action)


def answered(body: bytes = b"{}", status: str = "200 OK") -> bytes:
    """One answer."""
    return http(f"HTTP/1.1 {status}", body)


SQS: Talk = [
    ("out", asked("ReceiveMessage"), ""),
    ("in", answered(), ""),
    ("out", asked("ReceiveMessage"), ""),
    ("in", answered(b'{"Messages": [{}]}'), "deliver"),
    ("out", asked("SendMessageBatch", b'{"Entries":[{"MessageBody":"a"}]}'), "publish"),
    ("in", answered(), "confirm"),
    (
        "out",
        asked("SendMessageBatch", b'{"Entries":[{"DelaySeconds":1,"MessageAttributes":{"asya.due":{}}}]}'),
        "retry",
    ),
    ("in", b"HTTP/1.1 100 Continue\r\n\r\n", ""),
    ("in", answered(), "retried"),
    ("out", asked("SendMessageBatch", b'{"Entries":[{"MessageAttributes":{"asya.due":{}}}]}'), ""),
    ("in", answered(), ""),
    ("out", asked("DeleteMessageBatch"), "settle"),
    ("in", answered(), "settled"),
    ("out", asked("DeleteMessageBatch"), "settle"),
    ("in", answered(status="503 Service Unavailable"), ""),
]


def field(number: int, value: bytes | int) -> bytes:
    """One field of a protobuf message, up to 127 bytes long."""
    return bytes([number << 3, value]) if isinstance(value, int) else bytes([number << 3 | 2, len(value)]) + value


def frame(kind: int, stream: int, content: bytes) -> bytes:
    """One frame of HTTP/2."""
    return len(content).to_bytes(3, "big") + bytes([kind, 0]) + stream.to_bytes(4, "big") + content


def data(stream: int, message: bytes) -> bytes:
    """A message of gRPC in one frame."""
    return frame(0, stream, b"\0" + len(message).to_bytes(4, "big") + message)


def published(topic: bytes, due_s: float = 0.0) -> bytes:
    """A call that publishes one message."""
    mark = field(1, b"asya-visible-at") + field(2, b"%d" % int(due_s * 1e6))
    return field(1, b"projects/p/topics/" + topic) + field(2, field(1, b"{}") + (field(2, mark) if due_s else b""))


NAME = field(1, b"projects/p/subscriptions/asya-default-first")
LONG = published(b"asya-default-last")
PUBSUB: Talk = [
    ("out", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
    ("out", frame(4, 0, b""), ""),
    ("out", frame(1, 1, b"headers"), ""),
    ("out", data(1, NAME + field(3, 16)), ""),
    ("in", data(1, b""), ""),
    ("out", data(3, NAME + field(3, 16)), ""),
    ("in", data(3, field(1, field(1, b"a"))), "deliver"),
    ("out", data(5, NAME + field(3, 10) + field(4, b"a")), ""),
    ("in", data(5, b""), ""),
    ("out", data(7, published(b"asya-default-middle")), "publish"),
    ("out", data(9, published(b"asya-default-middle", time.time() + 3600)), "retry"),
    ("in", data(9, field(1, b"m2")), "retried"),
    ("in", data(7, field(1, b"m1")), "confirm"),
    ("out", data(11, published(b"asya-default-middle", time.time() - 60)), ""),
    ("out", data(13, published(b"asya-ledger")), ""),
    ("out", data(15, NAME + field(2, b"a")), "settle"),
    ("in", data(15, b""), "settled"),
    ("out", frame(0, 17, b"\0" + len(LONG).to_bytes(4, "big") + LONG[:9]), ""),
    ("out", frame(0, 17, LONG[9:]), "publish"),
]


@pytest.mark.parametrize("bytes_at_once", [1, 7, 100_000])
@pytest.mark.parametrize(("wire", "talk"), [(SqsWire, SQS), (PubsubWire, PUBSUB)])
def test_each_frame_has_its_meaning_however_it_comes(wire: type[Wire], talk: Talk, bytes_at_once: int) -> None:
    connection = wire()
    for direction, sent, label in talk:
        pieces = [sent[at : at + bytes_at_once] for at in range(0, len(sent), bytes_at_once)]
        found = [seen for piece in pieces for seen in connection.feed(direction, piece)]
        assert found == [(sent, frozenset([label] if label else []))], (direction, sent)
