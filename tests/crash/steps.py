"""Steps: where between the numbered steps of the relay (spec 05) somebody dies, as a place's wire shows it."""

from __future__ import annotations

from dataclasses import dataclass

from audited_project import ACTORS

VICTIMS = ("relay", "runtime", "worker")
BEFORE = True
AFTER = False
AT_LEAST_ONCE = ("rabbitmq", "sqs", "pubsub")
EVERYWHERE = ("sqlite", "postgres", *AT_LEAST_ONCE)
HOPS = ACTORS
SINK = ("x-sink",)
SUMP = ("x-sump",)


@dataclass(frozen=True)
class Step:
    """`at`: by place, the label of the frame (wires.py), and whether somebody dies before or after it has passed.

    A place that is not named has no such step, since there two of them are one. `of` says whose relays; `gateway` that
    it is about what is said to the gateway. `stops` names the actor whose handler is stopped instead.
    """

    name: str
    at: dict[str, tuple[str, bool]]
    of: tuple[str, ...] = HOPS
    gateway: bool = False
    stops: str = ""

    def on(self, place: str) -> tuple[str, bool] | None:
        """For this place, or as for any."""
        return self.at.get(place) or self.at.get("any")


STEPS = (
    Step("1 leased, and the relay does not know yet", {"any": ("deliver", BEFORE)}),
    Step("2 the relay has it", {"any": ("deliver", AFTER)}),
    Step("3 checked, before the crash count is raised", {"sqlite": ("begin", BEFORE), "postgres": ("begin", BEFORE)}),
    Step("3 the crash count is raised", {"sqlite": ("begin", AFTER), "postgres": ("begun", BEFORE)}),
    Step("4 in a function", {"any": ("", BEFORE)}, stops="first"),
    Step("4 in a generator that has yielded", {"any": ("", BEFORE)}, stops="middle"),
    Step(
        "5 the outputs are on their way",
        {"any": ("settle", BEFORE), **dict.fromkeys(AT_LEAST_ONCE, ("publish", BEFORE))},
    ),
    Step("5 the outputs are there, unconfirmed", dict.fromkeys(AT_LEAST_ONCE, ("confirm", BEFORE))),
    Step("6 confirmed, before the ack", dict.fromkeys(AT_LEAST_ONCE, ("settle", BEFORE))),
    Step(
        "6 the input is gone, and the relay does not know yet",
        {**dict.fromkeys(EVERYWHERE, ("settled", BEFORE)), "rabbitmq": ("settle", AFTER)},
    ),
    Step("6 a retry is on its way", {"any": ("retry", BEFORE)}, of=("middle",)),
    Step(
        "6 a retry is there, and the relay does not know yet",
        {**dict.fromkeys(EVERYWHERE, ("retried", BEFORE)), **dict.fromkeys(("sqlite", "rabbitmq"), ("retry", AFTER))},
        of=("middle",),
    ),
    Step("7 before progress is reported", {"any": ("report", BEFORE)}, gateway=True),
    Step("7 progress is reported", {"any": ("reported", BEFORE)}, gateway=True),
    Step("7 x-sink, before the end is reported", {"any": ("report", BEFORE)}, of=SINK, gateway=True),
    Step("7 x-sink, the end is reported, before the ack", {"any": ("reported", BEFORE)}, of=SINK, gateway=True),
    Step("7 x-sump, before the dead letter is reported", {"any": ("report", BEFORE)}, of=SUMP, gateway=True),
    Step("7 x-sump, the dead letter is there, before the ack", {"any": ("reported", BEFORE)}, of=SUMP, gateway=True),
)
