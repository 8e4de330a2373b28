"""The moto server as the tests need it; runs in moto's own environment: moto_service.py HTTP_PORT TLS_PORT CERT KEY.

Beside what moto does it keeps concurrent calls from losing messages (moto's queues know no locks), answers a long poll
when something comes rather than when it looks again, ends one whose client has gone, and checks every signature with
botocore's own signer. Each region is a world of its own, so that tests take one each.

GET /asya/calls?region=R tells how often each action was called there; POST /asya/down?region=R&seconds=S makes all
calls there fail with 503 for so long, with &queue=Q those about that queue; POST /asya/hold?region=R&queue=Q&seconds=S
answers those about a queue only then; POST /asya/fail?region=R&action=A&entry=N&times=T makes entry N of the next T
batches fail. GET /asya/put?region=R&from=N gives what was put into queues there since it was first asked, but for the
first N; GET /asya/left?region=R how many messages there are. POST /asya/bucket?bucket=B makes a bucket of S3,
/asya/objects?bucket=B lists its keys, and POST /asya/object?bucket=B&key=K puts the body there.
"""

from __future__ import annotations

import collections
import copy
import hashlib
import io
import json
import os
import select
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "true"

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core.utils import camelcase_to_underscores
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from moto.sqs import models
from moto.sqs.models import Queue, SQSBackend
from werkzeug.serving import make_server

KEYS = {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}  # AWS's own example, nobody's
ACCOUNT = "123456789012"  # moto's own
LONGEST_WAIT_S = 0.25  # between two looks whether the client of a long poll is still there
BATCHES = ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")

changed = threading.Condition(threading.RLock())
one_bucket_call = threading.Lock()
connection = threading.local()  # .socket: of the request that this thread answers
calls: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
down_until: dict[tuple[str, str], float] = {}  # (region, queue, or "" for all of it)
held_until: dict[tuple[str, str], float] = {}  # (region, queue)
failures: dict[tuple[str, str], list[int]] = {}  # (region, action): [entry, times left]
put: dict[str, list[dict[str, Any]]] = {}  # by region, where somebody asks for them


def locked(method: Callable[..., Any]) -> Callable[..., Any]:
    """One call at a time, and long polls look again after it."""

    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        with changed:
            try:
                return method(self, *arguments, **named)
            finally:
                changed.notify_all()

    return call


def client_is_gone() -> bool:
    """Whether the peer of this thread's request has closed its connection."""
    peer: socket.socket | None = getattr(connection, "socket", None)
    if peer is None or not select.select([peer], [], [], 0)[0]:
        return False
    try:
        # A TLS socket cannot peek; bytes from a client that waits for an answer are its goodbye.
        return hasattr(peer, "cipher") or peer.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def next_change_s(queue: Queue) -> float:
    """How long until a message of the queue becomes visible by itself; at most the longest wait."""
    now_ms = time.time() * 1000
    times: list[float] = [max(message.visible_at, message.delayed_until) - now_ms for message in queue._messages]
    return min([LONGEST_WAIT_S, *(max(left / 1000, 0) + 0.001 for left in times)])


take = SQSBackend.receive_message


def receive_message(self: SQSBackend, queue_name: str, count: int, wait_s: int, *rest: Any) -> list[Any]:
    """As moto's, but others may go on while it waits."""
    end = time.monotonic() + wait_s
    with changed:
        while True:
            messages = [] if client_is_gone() else take(self, queue_name, count, 0, *rest)
            left = end - time.monotonic()
            if messages or left <= 0 or client_is_gone():
                return messages
            changed.wait(min(left, next_change_s(self.get_queue(queue_name))))


def send_message(self: SQSBackend, queue_name: str, body: str, *rest: Any, **named: Any) -> Any:
    """As moto's, and noted where somebody wants to know."""
    sent = send(self, queue_name, body, *rest, **named)
    if self.region_name in put:
        marks = {name: value.get("StringValue") for name, value in sent.message_attributes.items()}
        put[self.region_name].append({"queue": queue_name, "body": body, "attributes": marks})
    return sent


def delete_message(self: Queue, receipt_handle: str) -> None:
    """As moto's, which compares every handle of every message, but in one step for the usual case."""
    for place, message in enumerate(self._messages):
        if message.receipt_handle == receipt_handle:
            del self._messages[place]
            self.pending_messages.discard(message)
            self.deleted_messages.add(receipt_handle)
            return
    delete_slowly(self, receipt_handle)


def visible_messages(self: Queue) -> list[Any]:
    """As moto's, which asks for the time at each message."""
    now_ms = time.time() * 1000
    return [one for one in self._messages if one.visible_at < now_ms and one.delayed_until <= now_ms]


ATTRIBUTES = {name: camelcase_to_underscores(name) for name in Queue.BASE_ATTRIBUTES
              if not name.startswith("Approximate")}  # fmt: skip


def plain_attributes(self: Queue) -> dict[str, Any]:
    """Moto's without the counts, which it would take anew at each message that is sent."""
    values = {name: getattr(self, field) for name, field in ATTRIBUTES.items()}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}


def get_queue_attributes(self: SQSBackend, queue_name: str, names: list[str]) -> dict[str, Any]:
    """As moto's; the counts when somebody asks for them."""
    found = dict(attributes_of(self, queue_name, names))
    queue = self.get_queue(queue_name)
    now_ms = time.time() * 1000
    hidden = sum(one.visible_at >= now_ms for one in queue._messages)
    delayed = sum(one.delayed_until > now_ms for one in queue._messages)
    counts = {"": len(queue.messages), "NotVisible": hidden, "Delayed": delayed}
    for kind, count in counts.items():
        if "All" in names or f"ApproximateNumberOfMessages{kind}" in names:
            found[f"ApproximateNumberOfMessages{kind}"] = count
    return found


# Moto makes a handle letter by letter, and copies a message deeply, with all that can be reached from it.
models.generate_receipt_handle = lambda: uuid.uuid4().hex * 5
models.deepcopy = copy.copy
send = SQSBackend.send_message
SQSBackend.send_message = send_message
attributes_of = SQSBackend.get_queue_attributes
SQSBackend.get_queue_attributes = get_queue_attributes
SQSBackend.is_message_valid_based_on_retention_period = lambda *_: True
Queue.attributes = property(plain_attributes)
Queue.messages = property(visible_messages)
delete_slowly = Queue.delete_message
Queue.delete_message = delete_message
for name in ("create_queue", "delete_queue", "get_queue_attributes", "set_queue_attributes", "send_message",
             "send_message_batch", "delete_message_batch", "change_message_visibility_batch",
             "list_queues"):  # fmt: skip
    setattr(SQSBackend, name, locked(getattr(SQSBackend, name)))
SQSBackend.receive_message = receive_message


class Verifier(SigV4Auth):  # type: ignore[misc]
    """Signs again what a client has signed."""

    def __init__(self, secret: str, access_key: str, region: str, service: str, names: set[str]) -> None:
        super().__init__(Credentials(access_key, secret), service, region)
        self._names = names

    def _normalize_url_path(self, path: str) -> str:
        """S3 takes paths as they stand."""
        return path if self._service_name == "s3" else str(super()._normalize_url_path(path))

    def headers_to_sign(self, request: AWSRequest) -> Any:
        """The headers that the client says it has signed."""
        headers = super().headers_to_sign(request)
        for name in set(headers.keys()):
            if name.lower() not in self._names:
                del headers[name]
        return headers


def signature_of(environ: dict[str, Any], body: bytes) -> tuple[str, bool]:
    """The region that a request was signed for and whether its signature is right."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    parts = dict(
        part.strip().split("=", 1) for part in header.removeprefix("AWS4-HMAC-SHA256 ").split(",") if "=" in part
    )
    access_key, _, region, service, _ = (parts.get("Credential", "") + "////").split("/")[:5]
    names = set(parts.get("SignedHeaders", "").split(";"))
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    kept = {key: value for key, value in headers.items() if key in names}
    url = f"http://{headers.get('host', '')}{environ.get('PATH_INFO', '/')}"
    if environ.get("QUERY_STRING"):
        url += "?" + environ["QUERY_STRING"]
    request = AWSRequest(environ["REQUEST_METHOD"], url, data=body, headers=kept)
    request.context["timestamp"] = headers.get("x-amz-date", "")
    verifier = Verifier(KEYS.get(access_key, ""), access_key, region, service, names)
    text = verifier.string_to_sign(request, verifier.canonical_request(request))
    right = access_key in KEYS and verifier.signature(text, request) == parts.get("Signature")
    if service == "s3":
        told = headers.get("x-amz-content-sha256")
        return region, right and told == hashlib.sha256(body).hexdigest() and {"host", "x-amz-date"} <= names
    return region, right and {"host", "x-amz-date", "x-amz-target", "content-type"} <= names


def answer(start: Callable[..., Any], status: str, body: Any) -> Iterable[bytes]:
    """A JSON answer of our own."""
    text = json.dumps(body).encode()
    start(status, [("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", str(len(text)))])
    return [text]


def queue_of(body: bytes) -> str:
    """The name of the queue that a call of SQS is about; "" where there is none."""
    request = json.loads(body or b"{}")
    return str(request.get("QueueName") or request.get("QueueUrl", "").rpartition("/")[2])


def operation_of(environ: dict[str, Any]) -> str:
    """What S3 calls this request; for what we ask of it."""
    is_object = environ["PATH_INFO"].strip("/").count("/") > 0
    kinds = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
    return kinds.get(environ["REQUEST_METHOD"], "Other") if is_object else "ListObjectsV2"


def bucket_words(environ: dict[str, Any], given: dict[str, str]) -> Any:
    """The words about buckets; nothing for any other."""
    backend = s3_backends["123456789012"]["aws"]
    if environ["PATH_INFO"] == "/asya/bucket":
        backend.create_bucket(given["bucket"], "us-east-1")
    if environ["PATH_INFO"] == "/asya/objects":
        return sorted(backend.get_bucket(given["bucket"]).keys.keys())
    if environ["PATH_INFO"] == "/asya/object":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        backend.put_object(given["bucket"], given["key"], body)
    return {}


def control(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """The words that only tests say."""
    given = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    if "bucket" in given:
        return answer(start, "200 OK", bucket_words(environ, given))
    region = given["region"]
    with changed:
        if environ["PATH_INFO"] == "/asya/calls":
            return answer(start, "200 OK", dict(calls[region]))
        if environ["PATH_INFO"] == "/asya/put":
            return answer(start, "200 OK", put.setdefault(region, [])[int(given["from"]) :])
        if environ["PATH_INFO"] == "/asya/left":
            queues = models.sqs_backends[ACCOUNT][region].queues.values()
            return answer(start, "200 OK", sum(len(queue._messages) for queue in queues))
        if environ["PATH_INFO"] == "/asya/down":
            down_until[region, given.get("queue", "")] = time.monotonic() + float(given["seconds"])
        if environ["PATH_INFO"] == "/asya/hold":
            held_until[region, given["queue"]] = time.monotonic() + float(given["seconds"])
            changed.notify_all()
        if environ["PATH_INFO"] == "/asya/fail":
            failures[region, given["action"]] = [int(given["entry"]), int(given["times"])]
    return answer(start, "200 OK", {})


class Front:
    """What stands before moto's own application."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._sqs = create_backend_app("sqs")  # moto would look through all its folders at each call

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answers one request."""
        connection.socket = environ.get("werkzeug.socket")
        if environ["PATH_INFO"].startswith("/asya/"):
            return control(environ, start)
        if "/s3/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
            return self._s3(environ, start)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if not target.startswith("AmazonSQS."):
            return list(self._moto(environ, start))
        action = target.removeprefix("AmazonSQS.")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        region, right = signature_of(environ, body)
        if not right:
            return answer(start, "403 Forbidden", {"__type": "com.amazon.coral.service#InvalidSignatureException",
                                                   "message": "the signature is not that of the request"})  # fmt: skip
        queue = queue_of(body)
        with changed:
            calls[region][action] += 1
            while (left := held_until.get((region, queue), 0) - time.monotonic()) > 0:
                changed.wait(left)
        if time.monotonic() < max(down_until.get((region, name), 0) for name in ("", queue)):
            return answer(start, "503 Service Unavailable", {"__type": "ServiceUnavailable", "message": "told to"})
        return self._pass_on(environ, start, (region, action), body)

    def _s3(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """A request for S3, once its signature is found right."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        region, right = signature_of(environ, body)
        with changed:
            calls[region][operation_of(environ)] += 1
            is_down = time.monotonic() < down_until.get((region, ""), 0)
        if is_down or not right:
            status, code = ("503 Slow Down", "SlowDown") if is_down else ("403 Forbidden", "SignatureDoesNotMatch")
            text = f"<Error><Code>{code}</Code><Message>told to</Message></Error>".encode()
            start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]
        environ["wsgi.input"] = io.BytesIO(body)
        with one_bucket_call:  # moto closes what it overwrites, whoever reads it
            return list(self._moto(environ, start))

    def _pass_on(
        self, environ: dict[str, Any], start: Callable[..., Any], call: tuple[str, str], body: bytes
    ) -> Iterable[bytes]:
        """To moto, without the entry that is to fail."""
        failed = None
        with changed:
            failure = failures.get(call)
            if failure is not None and failure[1] > 0:
                request = json.loads(body)
                if failure[0] < len(request["Entries"]):
                    failure[1] -= 1
                    failed = request["Entries"].pop(failure[0])["Id"]
                    body = json.dumps(request).encode()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        if failed is None:
            return list(self._sqs(environ, start))
        told: dict[str, Any] = {"status": "200 OK"}
        whole: dict[str, Any] = {"Successful": []}
        if request["Entries"]:
            text = b"".join(self._sqs(environ, lambda status, headers, *_: told.update(status=status)))
            whole = json.loads(text)
        failure_told = {"Id": failed, "SenderFault": False, "Code": "InternalError", "Message": "told to"}
        whole["Failed"] = [*whole.get("Failed", []), failure_told]
        return answer(start, told["status"], whole)


def main(arguments: list[str]) -> None:
    """Serves both ports until it is killed."""
    http_port, tls_port = int(arguments[0]), int(arguments[1])
    MotoRequestHandler.protocol_version = "HTTP/1.1"
    MotoRequestHandler.log_request = lambda *_: None
    application = Front()
    plain = make_server("127.0.0.1", http_port, application, threaded=True, request_handler=MotoRequestHandler)
    secure = make_server("127.0.0.1", tls_port, application, threaded=True, request_handler=MotoRequestHandler,
                         ssl_context=(arguments[2], arguments[3]))  # fmt: skip
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    plain.serve_forever()


main(sys.argv[1:])
