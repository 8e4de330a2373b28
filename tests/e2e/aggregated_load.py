"""Load of two aggregated servers through kube-apiserver while they and PostgreSQL are killed; all of it is counted.

    PYTHONPATH=tools:cli python tests/e2e/aggregated_load.py --seconds 600 --seed 7

Passes when every acknowledged write is there at the end, every watcher has seen every change once and in order and ends
with what a list says, every list was that of its revision, and no other group and no discovery of the cluster failed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from aggregated_pair import AggregatedPair
from asya_project import PATIENCE_S, until
from load_parts import GIVE_UP_S, KINDS, NAMESPACE, Kind, Neighbour, Part, Reader, Watcher, Writer, read_list
from load_story import order_problems, seen_problems, story_problems

WRITERS = 3  # of each kind
WATCHERS = 3
LATE_WATCHERS = 5  # that come while all goes on


class Load:
    """All parts on one kind, as a user with the role edit."""

    def __init__(self, cluster: AggregatedPair, kind: Kind, chance: random.Random) -> None:
        self.cluster = cluster
        self.kind = kind
        self.chance = chance
        self.watchers = [self.watcher("watcher") for _ in range(WATCHERS)]
        self.writers = [Writer(cluster, "eve", kind, number, self.seed()) for number in range(WRITERS)]
        self.readers = [Reader(cluster, "eve", kind, self.seed())]

    def seed(self) -> int:
        """For one part."""
        return self.chance.randrange(1 << 32)

    def watcher(self, what: str) -> Watcher:
        """One more."""
        return Watcher(self.cluster, "eve", self.kind, what, self.seed())

    def come_late(self) -> None:
        """One more watcher, which begins with what there is."""
        if len(self.watchers) < WATCHERS + LATE_WATCHERS:
            self.watchers.append(self.watcher("late watcher"))

    def parts(self) -> list[Part]:
        """All."""
        return [*self.writers, *self.readers, *self.watchers]

    def finish(self) -> None:
        """Ends the writes, and waits until every watcher has come to the last of them."""
        end([*self.writers, *self.readers])
        writer = self.writers[0]
        last = writer.done("ADDED", "last", 0, lambda: writer.create("last"))
        until(
            lambda: all(watcher.at >= last for watcher in self.watchers), f"all watchers of {self.kind.kind} at {last}"
        )
        for watcher in self.watchers:
            watcher.ending.set()
        final = writer.insist(lambda: read_list(writer, self.kind), "no list")
        final.what = "the last list"
        self.readers[0].lists.append(final)

    def problems(self) -> list[str]:
        """Wherever two of them differ."""
        reference = self.watchers[0].events
        found = [problem for part in self.parts() for problem in part.problems]
        found += order_problems(reference)
        found += story_problems([writer.story for writer in self.writers], reference)
        for seen in [watcher.seen for watcher in self.watchers] + self.readers[0].lists:
            found += seen_problems(reference, seen)
        return found

    def counts(self) -> dict[str, float]:
        """What was done and seen."""
        types = Counter(event.type for writer in self.writers for event in writer.story.events)
        again: Counter[str] = Counter()
        for part in self.parts():
            again += part.again
        return {
            "created": types["ADDED"], "patched": types["MODIFIED"], "deleted": types["DELETED"],
            "events seen by each watcher from the start": len(self.watchers[0].events), "watchers": len(self.watchers),
            "watches": sum(watcher.watches for watcher in self.watchers), "lists": len(self.readers[0].lists),
            "longest wait for one acknowledgement, s": round(max(one.longest_wait_s for one in self.writers), 1),
        } | {f"asked again for {why}": count for why, count in sorted(again.items())}  # fmt: skip


def look_after(loads: list[Load]) -> None:
    """One more watcher of each kind; nobody may have given up."""
    for load in loads:
        load.come_late()
        for part in load.parts():
            assert part.is_alive(), part.problems


def end(parts: list[Part]) -> None:
    """Has all come to their end."""
    for part in parts:
        part.ending.set()
    for part in parts:
        part.join(GIVE_UP_S + PATIENCE_S)
        assert not part.is_alive(), f"{part.what} does not end"


def run(folder: Path, seconds: float, seed: int) -> tuple[dict[str, dict[str, float]], list[str]]:
    """The whole of it; gives what was counted, and what was wrong."""
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    with AggregatedPair(folder, chance.randrange(1 << 32)) as cluster:
        cluster.run("create", "namespace", NAMESPACE)
        cluster.run("create", "rolebinding", "eve", "--clusterrole=edit", "--user=eve", f"--namespace={NAMESPACE}")
        with cluster.client("eve", url=cluster.kubernetes.url) as eve:
            until(lambda: all(eve.get(kind.path).status_code == 200 for kind in KINDS), "eve may work there")
        neighbour = Neighbour(cluster, chance.randrange(1 << 32))
        loads = [Load(cluster, kind, chance) for kind in KINDS]
        for part in [neighbour, *(part for load in loads for part in (*load.writers, *load.readers))]:
            part.start()
        started = time.monotonic()
        cluster.disturb(seconds, lambda: look_after(loads))
        taken = time.monotonic() - started
        for load in loads:
            load.finish()
        end([neighbour])
        counts: dict[str, dict[str, float]] = {load.kind.kind: load.counts() for load in loads}
        counts["the rest of the cluster"] = {
            "requests": neighbour.count, "failed": len(neighbour.problems),
            "discoveries without asya.sh or with an old one": neighbour.without_ours,
        }  # fmt: skip
        counts["deeds"] = {**cluster.done, "connections": cluster.balancer.passed,
                           "connections refused": cluster.balancer.refused, "seconds": round(taken)}  # fmt: skip
        for what, found in counts.items():
            print(f"{what}: {found}", flush=True)
        return counts, neighbour.problems + [problem for load in loads for problem in load.problems()]


def main() -> None:
    """Run by hand for as long as one likes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="asya-load-") as folder:
        _, bad = run(Path(folder), arguments.seconds, arguments.seed)
    for problem in bad[:20]:
        print(problem, file=sys.stderr)
    sys.exit(f"{len(bad)} problems" if bad else 0)


if __name__ == "__main__":
    main()
