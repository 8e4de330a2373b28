"""What `asya why` tells of an actor: what it waits for, and what was decided."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from asya_cli.main import main
from asya_cli.project import Server

TROUBLE = {
    "type": "Ready", "status": "False", "reason": "Unschedulable",
    "message": "infer-1: no node takes the pod: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
}  # fmt: skip
DECISION = {"at": "2026-01-01T00:00:00Z", "from": 0, "to": 1, "reason": "3 envelopes wait"}


class Served:
    """A server with one actor."""

    conditions: tuple[dict[str, Any], ...] = (TROUBLE,)
    decisions: tuple[dict[str, Any], ...] = (DECISION,)
    autoscaler: dict[str, Any] | None = None

    def __init__(self, server: Server) -> None:
        self.server = server

    def json(self, method: str, path: str, **more: Any) -> Any:
        """The actor, or what was decided."""
        assert method == "GET"
        if path.endswith("/asyncactors/infer/decisions"):
            return {"items": list(self.decisions)} | ({"autoscaler": self.autoscaler} if self.autoscaler else {})
        assert path.endswith("/asyncactors/infer")
        return {"status": {"conditions": list(self.conditions), "infrastructure": {"queue": {"waiting": 7}}}}


def why(monkeypatch: pytest.MonkeyPatch, *more: str) -> Result:
    monkeypatch.setattr("asya_cli.why.Client", Served)
    done = CliRunner().invoke(main, ["why", "actor", "infer", "--server", "http://127.0.0.1:1", *more])
    assert done.exit_code == 0, done.output
    return done


def test_what_keeps_an_actor_from_being_ready_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside what was decided, which may be right all the same; a program is given the decisions alone."""
    told = why(monkeypatch)
    assert told.stderr == f"infer is not ready: Unschedulable: {TROUBLE['message']}\n"
    assert "3 envelopes wait" in told.stdout
    assert why(monkeypatch, "-o", "json").stderr == ""


def test_of_an_actor_that_is_ready_the_first_step_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the way from its queue by its scaler to its pods."""
    ready = {"type": "Ready", "status": "True", "reason": "Ready"}
    queue = {"type": "QueueReady", "status": "True", "reason": "QueueExists"}
    scaler = {"type": "ScalerReady", "status": "False", "reason": "TriggerError",
              "message": "KEDA cannot scale by ScaledObject infer: x509"}  # fmt: skip
    pods = {"type": "WorkloadReady", "status": "False", "reason": "Starting", "message": "1 of 2 replicas are ready"}
    monkeypatch.setattr(Served, "conditions", (ready, pods, scaler, queue))
    told = "infer is held up by its scaler: TriggerError: KEDA cannot scale by ScaledObject infer: x509\n"
    assert why(monkeypatch).stderr == told
    monkeypatch.setattr(Served, "conditions", (ready, queue, {**scaler, "status": "True"}, pods))
    assert why(monkeypatch).stderr == "infer is held up by its replicas: Starting: 1 of 2 replicas are ready\n"


def test_an_actor_that_is_ready_has_its_decisions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the word that there are none."""
    monkeypatch.setattr(Served, "conditions", ({"type": "Ready", "status": "True", "reason": "Napping"},))
    assert why(monkeypatch).stderr == ""
    monkeypatch.setattr(Served, "decisions", ())
    assert why(monkeypatch).stdout == "no decision about infer yet: nothing has come for it\n"


def test_the_whole_way_is_shown_in_its_order_and_the_first_that_fails_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the queue by the scaler and the cluster's own autoscaler to the replicas."""
    kinds = ("Ready", "WorkloadReady", "ScalerReady", "QueueReady", "Synced")
    conditions = tuple({"type": kind, "status": "True", "reason": f"Is{kind}"} for kind in kinds)
    monkeypatch.setattr(Served, "conditions", conditions)
    hpa = {"name": "keda-hpa-infer", "works": True, "replicas": 1, "desired": 3, "reason": "", "message": ""}
    monkeypatch.setattr(Served, "autoscaler", hpa)
    told = why(monkeypatch)
    assert told.stderr == ""
    assert [line.split() for line in told.stdout.split("\n\n")[1].splitlines()] == [
        ["STEP", "STATE", "SEEN"],
        ["objects", "ok", "IsSynced"],
        ["queue", "ok", "IsQueueReady,", "7", "waiting"],
        ["scaler", "ok", "IsScalerReady"],
        ["HPA", "ok", "keda-hpa-infer:", "saw", "1,", "asks", "for", "3"],
        ["replicas", "ok", "IsWorkloadReady"],
    ]
    blind = {**hpa, "works": False, "reason": "FailedGetExternalMetric", "message": "no metrics known"}
    monkeypatch.setattr(Served, "autoscaler", blind)
    told = why(monkeypatch)
    blocker = "keda-hpa-infer: FailedGetExternalMetric: no metrics known"
    assert told.stderr == f"infer is held up by its HPA {blocker}\n"
    assert f"HPA        not ready   {blocker}" in told.stdout
    monkeypatch.setattr(Served, "autoscaler", {**hpa, "works": None})
    assert "its HPA keda-hpa-infer: it has not looked" in why(monkeypatch).stderr
