"""Watches of what is made of actors: when the last child of each was there."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from resting_cluster import RestingCluster

NAMESPACE = "vision"
OF_ACTORS = "asya.sh/actor"
RETRY_S = 0.2
PATHS = {
    "Deployment": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
    "ConfigMap": f"/api/v1/namespaces/{NAMESPACE}/configmaps",
    "ScaledObject": f"/apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledobjects",
    "TriggerAuthentication": f"/apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/triggerauthentications",
}


class Children:
    """Of all actors, as kube-apiserver tells of them; ends with its process."""

    def __init__(self, cluster: RestingCluster) -> None:
        self._cluster = cluster
        self._changed = threading.Condition()
        self._seen: dict[str, dict[str, float]] = {}
        self.least = 0
        """How many an actor has when it is complete; learnt of the first one."""
        for kind, path in PATHS.items():
            threading.Thread(target=self._follow, args=(kind, path), daemon=True).start()

    def _follow(self, kind: str, path: str) -> None:
        with self._cluster.client("root", url=self._cluster.kubernetes.url) as client:
            query = {"watch": "true", "labelSelector": OF_ACTORS}
            # A kind that is new is refused with 429 for a while, and every watch ends some time: begun anew, it tells
            # of everything once more.
            while True:
                with (
                    suppress(httpx.HTTPError),
                    client.stream("GET", path, params=query, timeout=httpx.Timeout(30, read=None)) as answer,
                ):
                    answer.raise_for_status()
                    for line in answer.iter_lines():
                        self._take(kind, json.loads(line), time.monotonic())
                time.sleep(RETRY_S)

    def _take(self, kind: str, event: dict[str, object], now: float) -> None:
        if event["type"] != "ADDED":
            return
        metadata = event["object"]["metadata"]  # type: ignore[index]
        with self._changed:
            seen = self._seen.setdefault(str(metadata["labels"][OF_ACTORS]), {})
            seen.setdefault(f"{kind}/{metadata['name']}", now)
            self._changed.notify_all()

    def learn(self, actor: str, quiet_s: float, limit_s: float) -> None:
        """Takes those of this actor for all that one has, once none has come for so long."""
        deadline = time.monotonic() + limit_s
        with self._changed:
            while True:
                now = time.monotonic()
                seen = self._seen.get(actor, {})
                if seen and now - max(seen.values()) >= quiet_s:
                    self.least = len(seen)
                    print(f"the children of one actor: {', '.join(sorted(name.split('/')[0] for name in seen))}")
                    return
                if now > deadline:
                    raise TimeoutError(f"{actor} has no children after {limit_s:g} s")
                self._changed.wait(quiet_s / 4)

    def complete_at(self, actors: list[str], limit_s: float) -> float:
        """When the last child of the last of them was told of."""
        deadline = time.monotonic() + limit_s
        with self._changed:
            missing = set(actors)
            while True:
                missing = {name for name in missing if len(self._seen.get(name, {})) < self.least}
                if not missing:
                    return max(max(self._seen[name].values()) for name in actors)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{len(missing)} actors are not complete after {limit_s:g} s")
                self._changed.wait(min(left, 1.0))
