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

RESULT_TIMEOUT_S = 60
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


def main() -> None:
    """The client: one thread, because waiting for results in Redis is not made for several."""
    in_flight, items, size = (int(argument) for argument in sys.argv[1:4])
    payload = {"text": "x" * size}
    begun = time.perf_counter()
    waiting: deque[Any] = deque()
    for _ in range(items):
        waiting.append(chain(one.s(payload), two.s(), three.s()).apply_async())
        if len(waiting) >= in_flight:
            waiting.popleft().get(timeout=RESULT_TIMEOUT_S)
    for result in waiting:
        result.get(timeout=RESULT_TIMEOUT_S)
    print(json.dumps({"items_per_s": items / (time.perf_counter() - begun)}))


if __name__ == "__main__":
    main()
