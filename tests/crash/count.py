"""Count: what became of every envelope, from the store of the stopped server and from the place itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from audited_project import AuditedProject, fails
from place import Place

TASKS = (
    "SELECT payload, status, coalesce(result, '') FROM tasks JOIN task_inputs i ON i.task = sequence "
    "LEFT JOIN task_results r ON r.task = sequence"
)
LETTERS = "SELECT envelope, actor, reason, error_type, error_message FROM dead_letters"
SHOWN = 5  # of what should not be there
TASKS_KEPT = 100_000  # that have ended (storage/task_story.h); of more, the oldest are dropped
REPORT = re.compile(r"(ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error:)")
REPORT_SHOWN = 3000  # characters
ENDS = (
    "SELECT count(*) FROM (SELECT task FROM task_events WHERE {} IN "
    "('succeeded', 'failed', 'canceled') GROUP BY task HAVING count(*) > 1) AS t"
)

# As the store keeps a status.
SUCCEEDED = 3
FAILED = 4

# Which of the counts may be something else than 0.
FREE = ("succeeded", "failed as they should", "retried", "handlers run again")


def count(project: AuditedProject, numbers: Collection[int]) -> dict[str, int]:
    """Every number but those in FREE has to be 0; on a place that is not exact "put again" is free as well."""
    place = project.place
    put = place.put()
    sunk = sum(1 for queue, _ in put if queue.endswith("-x-sink"))
    ends = place.rows(ENDS.format("json_extract(data, '$.status')"), ENDS.format("data::json ->> 'status'"))
    return {
        **_tasks(place, set(numbers)),
        **_letters(place, set(numbers)),
        "never in x-sink": max(0, len(numbers) - sunk),
        "put again": sum(times - 1 for times in put.values()),
        "ended twice": int(ends[0][0]),
        "messages left": place.left(),
        "handlers run again": _repeated_runs(project.folder / "runs"),
        "reports of sanitizers": _reports(project.state / "logs"),
    }


def _reports(logs: Path) -> int:
    """Of programs that were built with one; the beginning of each is printed."""
    found = 0
    for log in logs.rglob("*.log"):
        text = log.read_text(errors="replace")
        for at in REPORT.finditer(text):
            found += 1
            print(f"{log.name}: {text[at.start() : at.start() + REPORT_SHOWN]}", flush=True)
    return found


def _tasks(place: Place, numbers: set[int]) -> dict[str, int]:
    seen: Counter[int] = Counter()
    right = failed = wrong = retried = 0
    for payload, status, result in place.rows(TASKS):
        number = json.loads(payload)["n"]
        seen[number] += 1
        ended = int(status)
        value: dict[str, Any] = (json.loads(result) if result else None) or {}
        if fails(number):
            failed += ended == FAILED
            wrong += ended != FAILED
            continue
        good = ended == SUCCEEDED and value.get("seen") == ["first", "middle", "last"] and value.get("n") == number
        right += good
        wrong += not good
        retried += value.get("attempt", 1) > 1
    return {
        "succeeded": right,
        "failed as they should": failed,
        "retried": retried,
        # Of those that were dropped, x-sink and the dead letters tell.
        "lost": max(0, len(numbers - set(seen)) - max(0, len(numbers) - TASKS_KEPT)),
        "wrong": wrong,
        "tasks doubled": sum(times - 1 for times in seen.values()),
    }


def _letters(place: Place, numbers: set[int]) -> dict[str, int]:
    wanted = {number for number in numbers if fails(number)}
    kept: Counter[int] = Counter()
    odd = 0
    for text, *why in place.rows(LETTERS):
        payload = json.loads(text)["payload"]
        number = payload["n"]
        kept[number] += 1
        if number in wanted and payload.get("seen") == ["first"]:
            continue
        odd += 1
        if odd <= SHOWN:
            print(f"  a dead letter that should not be: {why}, {payload}", flush=True)
    return {
        "no dead letter": len(wanted - set(kept)),
        "dead letters wrong or without payload": odd,
        "dead letters doubled": sum(times - 1 for times in kept.values()),
    }


def _repeated_runs(file: Path) -> int:
    runs = Counter(file.read_text().splitlines())
    return sum(times - 1 for times in runs.values())


def problems(counts: dict[str, int], place: Place) -> dict[str, int]:
    """Those that should not be."""
    free = FREE if place.exact else (*FREE, "put again")
    return {name: number for name, number in counts.items() if number and name not in free}
