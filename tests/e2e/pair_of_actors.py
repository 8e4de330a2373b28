"""Two actors in a row on a transport, the second of which fails as its payload says; for tests of each transport."""

from __future__ import annotations

from typing import Any

from asya_project import Project, until

ACTOR = """\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {{name: {name}}}
spec:
  image: test:latest
  handler: steps.{name}
  transport: {transport}
  concurrency: 4
  scaling: {{minReplicaCount: 0, maxReplicaCount: 2, cooldownPeriod: 2}}
  resiliency: {{policies: {{default: {{maxAttempts: 3, backoff: constant, initialDelay: 200ms}}}}}}
---
"""
STEPS = """\
import os

def first(payload):
    return {**payload, "first": True}

def second(payload):
    mark = os.path.join(os.path.dirname(__file__), f"mark-{payload['number']}")
    if payload.get("fails") == "once" and not os.path.exists(mark):
        open(mark, "w").close()
        raise ValueError("not yet")
    if payload.get("fails") == "always":
        raise ValueError("never")
    return {**payload, "second": True}
"""


def start_pair(project: Project, transport: str, manifest: str) -> None:
    """Bring both actors up on the Transport named `transport`, which `manifest` holds."""
    actors = "".join(ACTOR.format(name=name, transport=transport) for name in ("first", "second"))
    project.write(asya__yaml=manifest + actors, steps__py=STEPS)
    project.run("up")


def send(project: Project, payload: dict[str, Any]) -> str:
    """The id of a task over both actors."""
    return str(project.post("/api/v1/tasks", {"payload": payload, "next": ["second"]}, actor="first")["id"])


def end(project: Project, task: str, wanted: str) -> Any:
    """The task once it has ended as wanted."""

    def look() -> Any:
        seen = project.get(f"/api/v1/tasks/{task}")
        assert seen["status"] not in {"succeeded", "failed"} - {wanted}, seen
        return seen if seen["status"] == wanted else None

    return until(look, f"{task} {wanted}")
