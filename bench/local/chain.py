"""The compared program: the same three echo steps on Dramatiq and RabbitMQ, as its users write them.

`chain.py worker` is what `dramatiq chain` loads; `chain.py client IN_FLIGHT ITEMS BYTES` sends and prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker

URL = os.environ["BENCH_AMQP_URL"]
dramatiq.set_broker(RabbitmqBroker(url=URL))
_results = threading.local()


def _answer(item: str, reply_to: str, payload: dict[str, Any]) -> None:
    """Publish the result to the client's own queue; one kept channel a worker thread."""
    if not hasattr(_results, "channel"):
        _results.channel = pika.BlockingConnection(pika.URLParameters(URL)).channel()
    _results.channel.basic_publish("", reply_to, json.dumps({"item": item, "payload": payload}).encode())


@dramatiq.actor(queue_name="third", max_retries=3)
def third(item: str, reply_to: str, payload: dict[str, Any]) -> None:
    """Last step: the result goes to the client."""
    _answer(item, reply_to, payload)


@dramatiq.actor(queue_name="second", max_retries=3)
def second(item: str, reply_to: str, payload: dict[str, Any]) -> None:
    """Middle step."""
    third.send(item, reply_to, payload)


@dramatiq.actor(queue_name="first", max_retries=3)
def first(item: str, reply_to: str, payload: dict[str, Any]) -> None:
    """First step."""
    second.send(item, reply_to, payload)


def client(in_flight: int, items: int, size: int) -> None:
    """Keep `in_flight` items on their way until `items` came back."""
    connection = pika.BlockingConnection(pika.URLParameters(URL))
    channel = connection.channel()
    reply_to = channel.queue_declare("", exclusive=True).method.queue
    payload = {"text": "x" * size}
    started: dict[str, float] = {}
    latencies: list[float] = []
    begun = time.perf_counter()

    def send(number: int) -> None:
        started[str(number)] = time.perf_counter()
        first.send(str(number), reply_to, payload)

    for number in range(min(in_flight, items)):
        send(number)
    sent = min(in_flight, items)
    for _, _, body in channel.consume(reply_to, auto_ack=True):
        latencies.append((time.perf_counter() - started.pop(json.loads(body)["item"])) * 1000)
        if len(latencies) == items:
            break
        if sent < items:
            send(sent)
            sent += 1
    seconds = time.perf_counter() - begun
    latencies.sort()
    print(
        json.dumps(
            {"items_per_s": items / seconds, "p50_ms": latencies[items // 2], "p99_ms": latencies[items * 99 // 100]}
        )
    )


if __name__ == "__main__":
    client(*(int(argument) for argument in sys.argv[2:5]))
