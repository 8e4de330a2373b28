"""Places that stand for services of a cloud: moto for SQS, pstest for Pub/Sub. They keep nothing when they die."""

from __future__ import annotations

import base64
import json
import random
import urllib.request
from pathlib import Path
from typing import Any

from place import Rows, SqlitePlace

from private_moto import ACCESS_KEY, SECRET_KEY, PrivateMoto
from private_pubsub import PrivatePubsub

LEASE_S = 10  # the shortest that Pub/Sub has
ANSWER_LIMIT_S = 60
ASKED_TIMES = 5
# Moto is slow, and pstest forgets a message that has waited for ten minutes.
BACKLOG_MAX = 200


def _ask(url: str) -> Any:
    # A fake that has no processor for now is no reason to give an audit up.
    for left in reversed(range(ASKED_TIMES)):
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_LIMIT_S) as answer:
                return json.loads(answer.read())
        except OSError:
            if left == 0:
                raise
    return None


class _CloudPlace:
    """Tasks and dead letters stand in the file of the server, messages in the fake, which is asked for them.

    A retry is a new message there, so that the attempt is part of what a message is known by.
    """

    exact = False
    backlog_max: int | None = BACKLOG_MAX
    ID = ""  # the attribute by which doubles are told

    def __init__(self, folder: Path) -> None:
        self.file = folder / ".asya" / "local" / "asya.db"
        self.variables: dict[str, str] = {}
        self.found: dict[tuple[str, str], int] = {}
        self.seen = 0  # of what the fake remembers
        self.address_port = 0  # of a proxy before it, where one is wanted

    def spec(self) -> str:
        """By its name."""
        return "transport: place"

    def watch(self) -> None:
        """What is put is noted from the first time on that it is asked for."""
        self.put()

    def watch_queues(self) -> None:
        """Done already."""

    def rows(self, sqlite: str, postgres: str = "") -> Rows:
        """Of the server's file."""
        return SqlitePlace.rows(self, sqlite, postgres)  # type: ignore[arg-type]

    def note(self, queue: str, body: bytes, attributes: dict[str, str]) -> None:
        """One message that was put into a queue of an actor."""
        if not queue.startswith("asya-default-") and not queue.startswith("asya-asya-system-"):
            return
        envelope = json.loads(body)
        attempt = envelope.get("status", {}).get("attempt", 1)
        key = (queue, f"{envelope['id']} {attributes.get(self.ID, '')} {attempt}")
        self.found[key] = self.found.get(key, 0) + 1

    def put(self) -> dict[tuple[str, str], int]:
        """The same id a second time is a hop done again, or a message given back."""
        raise NotImplementedError

    def kill(self, chance: random.Random) -> bool:
        """It would come back empty."""
        del chance
        return False

    def restart(self) -> bool:
        """The same."""
        return False


class SqsPlace(_CloudPlace):
    """A moto server of its own."""

    ID = "asya.id"
    REGION = "audit-1"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = PrivateMoto(None)
        self.server.start()
        self.port = self.address_port = int(self.server.url.rpartition(":")[2])
        secret = folder / ".asya/local/secrets/asya-transport-place"
        secret.mkdir(parents=True)
        (secret / "AWS_ACCESS_KEY_ID").write_text(ACCESS_KEY)
        (secret / "AWS_SECRET_ACCESS_KEY").write_text(SECRET_KEY)

    def manifest(self) -> str:
        """With a short lease, so that what a dead relay had comes back soon."""
        return f"""
apiVersion: asya.sh/v1alpha1
kind: Transport
metadata: {{name: place}}
spec:
  type: sqs
  sqs:
    region: {self.REGION}
    endpoint: "http://127.0.0.1:{self.address_port}"
    visibilityTimeout: {LEASE_S}
    credentialsSecretRef: {{name: aws}}
---
"""

    def put(self) -> dict[tuple[str, str], int]:
        """From moto's notes."""
        for message in (messages := _ask(f"{self.server.url}/asya/put?region={self.REGION}&from={self.seen}")):
            attributes = {name: value or "" for name, value in message["attributes"].items()}
            self.note(message["queue"], message["body"].encode(), attributes)
        self.seen += len(messages)
        return self.found

    def left(self) -> int:
        """Also those that are leased or delayed."""
        return int(_ask(f"{self.server.url}/asya/left?region={self.REGION}"))

    def stop(self) -> None:
        """With all that it has."""
        self.server.stop()


class PubsubPlace(_CloudPlace):
    """A pstest of its own."""

    ID = "asya-id"
    PROJECT = "audit"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = PrivatePubsub()
        self.server.start()
        self.port = self.address_port = int(self.server.addresses["ASYA_TEST_PUBSUB"].rpartition(":")[2])

    def manifest(self) -> str:
        """With the shortest lease."""
        return f"""
apiVersion: asya.sh/v1alpha1
kind: Transport
metadata: {{name: place}}
spec:
  type: pubsub
  pubsub: {{projectId: {self.PROJECT}, endpoint: "127.0.0.1:{self.address_port}", ackDeadline: {LEASE_S}}}
---
"""

    def put(self) -> dict[tuple[str, str], int]:
        """From what pstest remembers."""
        for message in (messages := _ask(f"{self.server.telling}/put?from={self.seen}")):
            self.note(message["queue"], base64.b64decode(message["body"] or ""), message["attributes"] or {})
        self.seen += len(messages)
        return self.found

    def left(self) -> int:
        """Not acknowledged."""
        return int(_ask(f"{self.server.telling}/left"))

    def stop(self) -> None:
        """With all that it has."""
        self.server.stop()
