"""The load of tests/e2e/aggregated_load.py in a small size; its seed is printed, and the full size is run by hand."""

from __future__ import annotations

import random
from pathlib import Path

import aggregated_load
import pytest
from load_story import Event, Seen, Story, order_problems, seen_problems, story_problems

SECONDS = 20

A0, A1, A2 = Event("ADDED", "a", 0, 5), Event("MODIFIED", "a", 1, 7), Event("DELETED", "a", 1, 8)
B0 = Event("ADDED", "b", 0, 6)


@pytest.mark.timeout(600)
def test_nothing_is_lost_while_servers_and_their_database_die(tmp_path: Path) -> None:
    """Two servers behind one APIService: writes, watches, lists, and the rest of the cluster."""
    counts, bad = aggregated_load.run(tmp_path, SECONDS, random.SystemRandom().randrange(1 << 32))
    assert not bad, bad[:20]
    assert counts["deeds"]["replicas killed"] >= 1
    for kind in ("Flow", "AsyncActor"):
        assert counts[kind]["created"] >= 5 and counts[kind]["deleted"] >= 2
        assert counts[kind]["lists"] >= 2


def test_what_is_lost_or_comes_twice_is_seen() -> None:
    """The comparison itself: each fault that it is there for."""
    reference = [A0, B0, A1, A2]
    story = Story([Event(e.type, e.name, e.mark, 0 if e.type == "DELETED" else e.revision) for e in reference])
    assert story_problems([story], reference) == []
    assert story_problems([story], [A0, B0, A2]), "an acknowledged change is lost"
    assert story_problems([story], [*reference, Event("ADDED", "c", 0, 9)]), "nobody has made this"
    assert story_problems([story], [A0, B0, Event("MODIFIED", "a", 1, 9), A2]), "another revision was acknowledged"
    assert order_problems(reference) == []
    assert order_problems([A0, A0]) and order_problems([B0, A0])

    def seen(revision: int, items: dict[str, tuple[int, int]], *events: Event) -> list[str]:
        return seen_problems(reference, Seen("x", revision, items, list(events)))

    assert seen(6, {"a": (0, 5), "b": (0, 6)}, A1, A2) == []
    assert seen(6, {"a": (0, 5), "b": (0, 6)}, A2), "lost"
    assert seen(6, {"a": (0, 5), "b": (0, 6)}, A1, A1, A2), "twice"
    assert seen(6, {"b": (0, 6)}, A1, A2), "a list without what is there"
    assert seen(8, {"a": (1, 7), "b": (0, 6)}), "a list with what has gone"
