"""Places by the names of their transports. A new transport is a class, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cloud_places import PubsubPlace, SqsPlace
from place import Place, PostgresPlace, RabbitmqPlace, SqlitePlace

PLACES: dict[str, Callable[[Path], Place]] = {
    "sqlite": SqlitePlace,
    "postgres": PostgresPlace,
    "rabbitmq": RabbitmqPlace,
    "sqs": SqsPlace,
    "pubsub": PubsubPlace,
}
