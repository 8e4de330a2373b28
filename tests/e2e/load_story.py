"""What a load has written, what others have seen of it, and whether the two are the same."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Event:
    """A change of one object. `mark` counts its changes from 0; `revision` is that of the change."""

    type: str
    name: str
    mark: int
    revision: int


@dataclass
class Story:
    """What one writer was told is done, in order. A revision of 0: it was not told which (a deletion)."""

    events: list[Event] = field(default_factory=list)

    def tell(self, kind: str, name: str, mark: int, revision: int) -> None:
        """One more."""
        self.events.append(Event(kind, name, mark, revision))


@dataclass
class Seen:
    """A list, and the events of the watch from its revision on, where there was one."""

    what: str
    revision: int
    items: dict[str, tuple[int, int]]  # (mark, revision) by name
    events: list[Event] | None = None  # of a watch
    problems: list[str] = field(default_factory=list)


def state_after(events: Iterable[Event], upto: int) -> dict[str, tuple[int, int]]:
    """(mark, revision) of each object that is there once the events up to a revision have happened."""
    state: dict[str, tuple[int, int]] = {}
    for event in events:
        if event.revision > upto:
            break
        if event.type == "DELETED":
            state.pop(event.name, None)
        else:
            state[event.name] = (event.mark, event.revision)
    return state


def order_problems(events: list[Event]) -> list[str]:
    """Events whose revision is not above that of the one before: seen twice, or out of order."""
    return [
        f"{later} came after revision {earlier.revision}"
        for earlier, later in itertools.pairwise(events)
        if later.revision <= earlier.revision
    ]


def story_problems(stories: list[Story], events: list[Event]) -> list[str]:
    """Where what was acknowledged and what was seen of each object are not the same, change by change."""
    seen: dict[str, list[Event]] = {}
    for event in events:
        seen.setdefault(event.name, []).append(event)
    problems = []
    for story in stories:
        told: dict[str, list[Event]] = {}
        for event in story.events:
            told.setdefault(event.name, []).append(event)
        for name, changes in told.items():
            found = seen.pop(name, [])
            same = len(found) == len(changes) and all(
                _same(one, other) for one, other in zip(changes, found, strict=True)
            )
            if not same:
                problems.append(f"acknowledged {changes}, seen {found}")
    problems += [f"never acknowledged: {found}" for found in seen.values()]
    return problems


def _same(told: Event, seen: Event) -> bool:
    return (told.type, told.mark) == (seen.type, seen.mark) and told.revision in (0, seen.revision)


def seen_problems(reference: list[Event], seen: Seen) -> list[str]:
    """Where a list, or the watch that follows it, differs from all events there were."""
    problems = list(seen.problems)
    expected = state_after(reference, seen.revision)
    if seen.items != expected:
        missing, extra = expected.items() - seen.items.items(), seen.items.items() - expected.items()
        problems.append(f"the list at {seen.revision} lacks {sorted(missing)} and has {sorted(extra)}")
    if seen.events is not None:
        problems += order_problems(seen.events)
        following = Counter(event for event in reference if event.revision > seen.revision)
        lost, doubled = following - Counter(seen.events), Counter(seen.events) - following
        if lost or doubled:
            problems.append(f"lost {sorted(lost, key=_revision)}, too many {sorted(doubled, key=_revision)}")
    return [f"{seen.what}: {problem}" for problem in problems]


def _revision(event: Event) -> int:
    return event.revision
