"""The compared program: the same three echo steps on Celery and RabbitMQ, results in Redis, the usual backend.

`celery -A celery_chain worker` loads it; `celery_chain.py IN_FLIGHT ITEMS BYTES` sends chains and prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from typing import Any

from celery import Celery, chain
from celery.exceptions import TimeoutError as NoResultYet
from celery.result import AsyncResult

RESULT_TIMEOUT_S = 120
LOOK_S = 1  # the finest that a wait for Redis's messages knows
app = Celery("celery_chain", broker=os.environ["BENCH_AMQP_URL"], backend=os.environ["BENCH_REDIS_URL"])
app.conf.worker_hijack_root_logger = False


@app.task(name="one")
def one(payload: dict[str, Any]) -> dict[str, Any]:
    """First step."""
    return payload


@app.task(name="two")
def two(payload: dict[str, Any]) -> dict[str, Any]:
    """Middle step."""
    return payload


@app.task(name="three")
def three(payload: dict[str, Any]) -> dict[str, Any]:
    """Last step."""
    return payload


def send(payload: dict[str, Any]) -> AsyncResult[Any]:
    """Start one chain and subscribe to its result at once."""
    result = chain(one.s(payload), two.s(), three.s()).apply_async()
    result.then(lambda _: None)
    return result


def wait(result: AsyncResult[Any]) -> int:
    """Wait for one result; how often it had to be looked for again.

    get() subscribes to the result on one connection to Redis and then asks on another whether it is there already,
    without waiting for the subscription. Redis may see the question first; a result that is stored between the two is
    never told, and get() would wait for ever. Another get() asks again.
    """
    for looks in range(RESULT_TIMEOUT_S // LOOK_S):
        try:
            result.get(timeout=LOOK_S)
        except NoResultYet:
            continue
        return looks
    raise SystemExit(f"celery: no result of {result.id} in {RESULT_TIMEOUT_S} s")


def main() -> None:
    """The client: one thread, because waiting for results in Redis is not made for several."""
    in_flight, items, size = (int(argument) for argument in sys.argv[1:4])
    payload = {"text": "x" * size}
    begun = time.perf_counter()
    waiting: deque[AsyncResult[Any]] = deque()
    again = 0
    for _ in range(items):
        waiting.append(send(payload))
        if len(waiting) >= in_flight:
            again += wait(waiting.popleft())
    for result in waiting:
        again += wait(result)
    seconds = time.perf_counter() - begun
    if again > 0:
        print(f"celery: {again} waits of {LOOK_S} s brought no result", file=sys.stderr)
    print(json.dumps({"items_per_s": items / seconds}))


if __name__ == "__main__":
    main()
