"""The compared program: the same three echo steps on Dramatiq and RabbitMQ.

As its users write it, a pipeline whose result the client waits for (kept in Redis, the usual result backend); and a
bare form without results, where each step sends to the next and the last one publishes to a queue of the client's own.

`chain.py worker` is what `dramatiq chain` loads; `chain.py pipeline|bare IN_FLIGHT ITEMS BYTES` sends and prints JSON.
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
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

URL = os.environ["BENCH_AMQP_URL"]
RESULT_TIMEOUT_MS = 60_000
_broker = RabbitmqBroker(url=URL)
_broker.add_middleware(Results(backend=RedisBackend(url=os.environ["BENCH_REDIS_URL"])))
dramatiq.set_broker(_broker)
_replies = threading.local()


@dramatiq.actor(queue_name="one", store_results=True, max_retries=3)
def one(payload: dict[str, Any]) -> dict[str, Any]:
    """First step of the pipeline."""
    return payload


@dramatiq.actor(queue_name="two", store_results=True, max_retries=3)
def two(payload: dict[str, Any]) -> dict[str, Any]:
    """Middle step of the pipeline."""
    return payload


@dramatiq.actor(queue_name="three", store_results=True, max_retries=3)
def three(payload: dict[str, Any]) -> dict[str, Any]:
    """Last step of the pipeline."""
    return payload


def _answer(item: str, reply_to: str, payload: dict[str, Any]) -> None:
    """Publish the result to the client's own queue; one kept channel a worker thread."""
    if not hasattr(_replies, "channel"):
        _replies.channel = pika.BlockingConnection(pika.URLParameters(URL)).channel()
    _replies.channel.basic_publish("", reply_to, json.dumps({"item": item, "payload": payload}).encode())


@dramatiq.actor(queue_name="third", max_retries=3)
def third(item: str, reply_to: str, payload: dict[str, Any]) -> None:
    """Last bare step: the result goes to the client."""
    _answer(item, reply_to, payload)


@dramatiq.actor(queue_name="second", max_retries=3)
def second(item: str, reply_to: str, payload: dict[str, Any]) -> None:
    """Middle bare step."""
    third.send(item, reply_to, payload)


@dramatiq.actor(queue_name="first", max_retries=3)
def first(item: str, reply_to: str, payload: dict[str, Any]) -> None:
    """First bare step."""
    second.send(item, reply_to, payload)


def pipeline(in_flight: int, items: int, payload: dict[str, Any]) -> list[float]:
    """Latencies in milliseconds of as many threads as items are to be in flight."""
    latencies: list[float] = []
    left = iter(range(items))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            started = time.perf_counter()
            chain = dramatiq.pipeline([one.message(payload), two.message(), three.message()]).run()
            chain.get_result(block=True, timeout=RESULT_TIMEOUT_MS)
            latencies.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=work) for _ in range(in_flight)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(latencies) != items:
        raise SystemExit(f"{items - len(latencies)} items without a result")
    return latencies


def bare(in_flight: int, items: int, payload: dict[str, Any]) -> list[float]:
    """Latencies in milliseconds; keeps `in_flight` items on their way until `items` came back."""
    connection = pika.BlockingConnection(pika.URLParameters(URL))
    channel = connection.channel()
    reply_to = channel.queue_declare("", exclusive=True).method.queue
    started: dict[str, float] = {}
    latencies: list[float] = []

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
    return latencies


def main() -> None:
    """The client."""
    form, in_flight, items, size = sys.argv[1], *(int(argument) for argument in sys.argv[2:5])
    begun = time.perf_counter()
    latencies = sorted({"pipeline": pipeline, "bare": bare}[form](in_flight, items, {"text": "x" * size}))
    seconds = time.perf_counter() - begun
    figures = {"items_per_s": items / seconds, "p50_ms": latencies[items // 2], "p99_ms": latencies[items * 99 // 100]}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
