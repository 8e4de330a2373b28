"""Who makes a load through a kube-apiserver, and who looks on: writers, watchers, readers, a user of other groups."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
from aggregated_cluster import AggregatedCluster
from direct_server import GROUP
from load_story import Event, Seen, Story

NAMESPACE = "vision"
# A server that has gone, or cannot answer now; an answer of the proxy itself is no Status and may be a 500 or 502.
AGAIN = (429, 503, 504)
PAUSE_S = 0.05
GIVE_UP_S = 60.0  # one request, tried again and again
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


class Kind:
    """One kind of ours, with a field of its spec that a load changes."""

    def __init__(self, kind: str, plural: str, marked: str, **spec: Any) -> None:
        self.kind = kind
        self.path = f"{GROUP}/namespaces/{NAMESPACE}/{plural}"
        self.marked = marked
        self.spec = spec

    def body(self, name: str) -> dict[str, Any]:
        """A new object."""
        return {"apiVersion": "asya.sh/v1alpha1", "kind": self.kind, "metadata": {"name": name},
                "spec": self.spec | {self.marked: "mark:0"}}  # fmt: skip

    def patch(self, mark: int, revision: int) -> dict[str, Any]:
        """Its change number `mark`, if it is still as it was at a revision."""
        return {"metadata": {"resourceVersion": str(revision)}, "spec": {self.marked: f"mark:{mark}"}}

    def event(self, kind: str, item: dict[str, Any]) -> Event:
        """What an object of a watch or an answer says."""
        mark = int(item["spec"][self.marked].removeprefix("mark:"))
        return Event(kind, item["metadata"]["name"], mark, int(item["metadata"]["resourceVersion"]))


KINDS = (
    Kind("Flow", "flows", "description", entrypoint="echo"),
    Kind("AsyncActor", "asyncactors", "image", handler="m.f"),
)


class Part(threading.Thread):
    """A thread that goes on until `ending`; what it finds wrong lies in `problems`."""

    def __init__(self, cluster: AggregatedCluster, user: str, what: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.what = what
        self.client = cluster.client(user, url=cluster.kubernetes.url)
        self.chance = random.Random(seed)
        self.ending = threading.Event()
        self.again: Counter[str] = Counter()  # why something was asked again
        self.problems: list[str] = []

    def run(self) -> None:
        """Again and again."""
        try:
            while not self.ending.is_set():
                self.step()
        except Exception as error:
            self.problems.append(f"{self.what} ended: {type(error).__name__} {error}")
            raise

    def step(self) -> None:
        """One round."""
        raise NotImplementedError

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """The answer; None where nobody can tell what has become of the request."""
        try:
            answer = self.client.request(method, path, **more)
        except httpx.HTTPError as error:
            self.again[type(error).__name__] += 1
        else:
            if not transient(answer):
                return answer
            self.again[str(answer.status_code)] += 1
        self.ending.wait(PAUSE_S)
        return None

    def insist(self, attempt: Callable[[], Any], what: str) -> Any:
        """What `attempt` gives as soon as it gives something but None."""
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            outcome = attempt()
            if outcome is not None:
                return outcome
            assert time.monotonic() < deadline, f"{what} for {GIVE_UP_S:g} s"


def transient(answer: httpx.Response) -> bool:
    """Whether it says no more than that nobody could answer."""
    of_proxy = answer.status_code in (500, 502) and not answer.text.startswith("{")
    return answer.status_code in AGAIN or of_proxy


class Writer(Part):
    """Creates an object, changes it some times and mostly deletes it; each until that is acknowledged."""

    def __init__(self, cluster: AggregatedCluster, user: str, kind: Kind, number: int, seed: int) -> None:
        super().__init__(cluster, user, f"writer {number} of {kind.kind}", seed)
        self.kind = kind
        self.number = number
        self.story = Story()
        self.longest_wait_s = 0.0  # for one acknowledgement
        self.count = 0

    def step(self) -> None:
        """One object from its creation on."""
        name = f"load-{self.number}-{self.count}"
        self.count += 1
        revision = self.done("ADDED", name, 0, partial(self.create, name))
        mark = 0
        for mark in range(1, self.chance.randrange(1, 6)):
            revision = self.done("MODIFIED", name, mark, partial(self.patch, name, mark, revision))
        if self.chance.random() < 0.9:
            self.done("DELETED", name, mark, partial(self.delete, name))

    def done(self, kind: str, name: str, mark: int, attempt: Callable[[], int | None]) -> int:
        """Tells that it is, with its revision."""
        started = time.monotonic()
        revision: int = self.insist(attempt, f"no {kind} of {name}")
        self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - started)
        self.story.tell(kind, name, mark, revision)
        return revision

    def create(self, name: str) -> int | None:
        """Its revision, also where an attempt whose answer was lost has made it."""
        answer = self.ask("POST", self.kind.path, json=self.kind.body(name))
        if answer is not None and answer.status_code == 409:
            return self.found(name, 0)
        return self.revision_in(answer, 201)

    def patch(self, name: str, mark: int, revision: int) -> int | None:
        """The same for a change of what it was before."""
        answer = self.ask("PATCH", f"{self.kind.path}/{name}", json=self.kind.patch(mark, revision),
                          headers={"Content-Type": "application/merge-patch+json"})  # fmt: skip
        if answer is not None and answer.status_code == 409:
            return self.found(name, mark)
        return self.revision_in(answer, 200)

    def delete(self, name: str) -> int | None:
        """0 once it has gone."""
        answer = self.ask("DELETE", f"{self.kind.path}/{name}")
        if answer is None:
            return None
        assert answer.status_code in (200, 404), answer.text
        return 0

    def found(self, name: str, mark: int) -> int | None:
        """The revision of the object as it is, which has to be at this change."""
        answer = self.ask("GET", f"{self.kind.path}/{name}")
        if answer is None:
            return None
        assert answer.status_code == 200, f"{name} was acknowledged: {answer.text}"
        event = self.kind.event("", answer.json())
        assert event.mark == mark, f"{name} should be at {mark}: {answer.text}"
        return event.revision

    def revision_in(self, answer: httpx.Response | None, status: int) -> int | None:
        """Of the object that an answer holds."""
        if answer is None:
            return None
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        return self.kind.event("", answer.json()).revision


class Watcher(Part):
    """Lists, watches from there, and goes on where it was when the watch ends, whoever ends it."""

    def __init__(self, cluster: AggregatedCluster, user: str, kind: Kind, what: str, seed: int) -> None:
        super().__init__(cluster, user, f"{what} of {kind.kind}", seed)
        self.kind = kind
        self.watches = 0
        self.seen: Seen = self.insist(lambda: read_list(self, kind), "no list")
        self.seen.what = self.what
        self.events: list[Event] = []
        self.seen.events = self.events
        self.at = self.seen.revision
        self.start()

    def step(self) -> None:
        """One watch to its end."""
        query = {"watch": "true", "resourceVersion": str(self.at), "allowWatchBookmarks": "true",
                 "timeoutSeconds": str(self.chance.choice((2, 5, 20)))}  # fmt: skip
        try:
            with self.client.stream("GET", self.kind.path, params=query) as response:
                if response.status_code != 200:
                    response.read()
                    assert transient(response), response.text
                    self.again[str(response.status_code)] += 1
                    self.ending.wait(PAUSE_S)
                    return
                self.watches += 1
                for line in response.iter_lines():
                    self.take(json.loads(line))
        except httpx.HTTPError as error:
            self.again[type(error).__name__] += 1
        except json.JSONDecodeError:
            self.again["a line was cut"] += 1

    def take(self, event: dict[str, Any]) -> None:
        """One event or bookmark."""
        if event["type"] == "ERROR":
            # As from a kube-apiserver: what goes wrong once the request is known stands in the stream.
            assert event["object"]["code"] in AGAIN, event
            self.again[f"{event['object']['code']} in a watch"] += 1
            self.ending.wait(PAUSE_S)
            return
        revision = int(event["object"]["metadata"]["resourceVersion"])
        bookmark = event["type"] == "BOOKMARK"
        if revision < self.at or (revision == self.at and not bookmark):
            self.problems.append(f"{self.what}: {event['type']} of {revision} after {self.at}")
        if not bookmark:
            self.events.append(self.kind.event(event["type"], event["object"]))
        self.at = revision


class Reader(Part):
    """Takes whole lists and lists in pages while all goes on."""

    def __init__(self, cluster: AggregatedCluster, user: str, kind: Kind, seed: int) -> None:
        super().__init__(cluster, user, f"reader of {kind.kind}", seed)
        self.kind = kind
        self.lists: list[Seen] = []

    def step(self) -> None:
        """One list."""
        seen = read_list(self, self.kind, self.chance.choice((0, 0, 7)))
        if seen is not None:
            self.lists.append(seen)
        self.ending.wait(self.chance.uniform(0, 0.5))


def read_list(part: Part, kind: Kind, limit: int = 0) -> Seen | None:
    """A list in pages of `limit`; None where it could not be read to its end."""
    items: dict[str, tuple[int, int]] = {}
    query: dict[str, str] = {"limit": str(limit)} if limit else {}
    revisions = set()
    while True:
        answer = part.ask("GET", kind.path, params=query)
        if answer is None:
            return None
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        page = answer.json()
        revisions.add(int(page["metadata"]["resourceVersion"]))
        for event in (kind.event("", item) for item in page["items"]):
            items[event.name] = (event.mark, event.revision)
        if not page["metadata"].get("continue"):
            break
        query["continue"] = page["metadata"]["continue"]
    assert len(revisions) == 1, f"pages of one list at {sorted(revisions)}"
    return Seen(f"a list of {kind.kind} in pages of {limit or 'any'}", revisions.pop(), items)


class Neighbour(Part):
    """Uses the rest of the cluster, where nothing may ever fail."""

    def __init__(self, cluster: AggregatedCluster, seed: int) -> None:
        super().__init__(cluster, "root", "a user of other groups", seed)
        self.cluster = cluster
        self.rounds = 0
        self.count = 0
        self.without_ours = 0  # discoveries in which asya.sh was missing or not up to date
        self.groups = self.group_names({})

    def group_names(self, headers: dict[str, str]) -> set[str]:
        """Of the discovery of the whole cluster, but for ours."""
        items = self.get("/apis", headers)
        names = {one["metadata"]["name"]: one for one in items.get("items", [])}
        names |= {one["name"]: one for one in items.get("groups", [])}
        ours = names.pop("asya.sh", {"versions": [{"freshness": "Stale"}]})
        self.without_ours += ours["versions"][0].get("freshness", "Current") != "Current"
        return set(names)

    def get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """JSON that has to come."""
        answer = self.client.get(path, headers=headers or {})
        self.count += 1
        if answer.status_code != 200:
            self.problems.append(f"GET {path}: {answer.status_code} {answer.text}")
            return {}
        found: dict[str, Any] = answer.json()
        return found

    def step(self) -> None:
        """Discovery in all forms, other groups, writes to them, and kubectl."""
        for headers in ({}, {"Accept": DISCOVERY}):
            if missing := self.groups - self.group_names(headers):
                self.problems.append(f"discovery lacks {missing}")
            self.get("/api", headers)
        for path in ("/apis/apps/v1", "/apis/apps/v1/deployments", "/api/v1/namespaces", "/openapi/v3", "/version"):
            self.get(path)
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "load-"}}
        place = "/api/v1/namespaces/default/configmaps"
        made = self.client.post(place, json=config)
        if made.status_code != 201 or self.client.delete(f"{place}/{made.json()['metadata']['name']}").is_error:
            self.problems.append(f"a ConfigMap cannot be written: {made.text}")
        self.rounds += 1
        if self.rounds % 8 == 0:
            self.get("/openapi/v2")
            command = self.cluster.command("api-resources", "--api-group=apps", "--cached=false", "-o", "name")
            told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            if told.returncode or "deployments.apps" not in told.stdout:
                self.problems.append(f"kubectl api-resources: {told.stdout} {told.stderr}")
        self.ending.wait(0.2)
