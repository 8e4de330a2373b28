"""`asya plan` on a running project: what it says is what apply then does, and it writes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from asya_project import ACTORS, Project, actor, until

HANDLERS = "def same(payload):\n    return payload\n"
FLAVOR = """\
apiVersion: asya.sh/v1alpha1
kind: Flavor
metadata: {name: small}
spec: {env: [{name: LEVEL, value: "VALUE"}]}
---
"""
GIB = "  resources: {limits: {memory: 1Gi}}\n"


def flavor(level: int) -> str:
    """A manifest of the flavor."""
    return FLAVOR.replace("VALUE", str(level))


@pytest.fixture
def work(project: Project) -> Project:
    """Two actors at rest; one uses the flavor."""
    project.write(
        steps__py=HANDLERS,
        asya__yaml=flavor(3) + actor("plain", "steps.same") + actor("styled", "steps.same", "  flavors: [small]\n"),
    )
    project.run("up")
    phases = {"plain": "Napping", "styled": "Napping", "x-sink": "Napping", "x-sump": "Napping"}

    def at_rest() -> bool:
        found = {item["metadata"]["name"]: item.get("status", {}).get("phase") for item in project.get(ACTORS)["items"]}
        return found == phases

    until(at_rest, "all are at rest")
    return project


def trace(work: Project) -> Any:
    """Everything by which a write would show: objects with their revisions, and the history of what people write."""
    objects = [
        [(item["metadata"]["name"], item["metadata"]["resourceVersion"]) for item in work.get(path)["items"]]
        for path in (ACTORS, "/apis/asya.sh/v1alpha1/flavors", "/apis/asya.sh/v1alpha1/transports")
    ]
    return objects + [work.run("history", "actor", name, "-o", "json").out for name in ("plain", "styled")]


def changes(work: Project, manifest: str, code: int) -> list[str]:
    """``+ Deployment name``, one an object, in the order of the plan."""
    (work.folder / "next.yaml").write_text(manifest)
    told = work.run("plan", "-f", "next.yaml", "-o", "json", code=code).json()
    signs = {"create": "+", "update": "~", "delete": "-"}
    return [f"{signs[c['action']]} {c['kind']} {c['name']}" for c in told["changes"]]


def test_what_is_planned_comes_about(work: Project) -> None:
    """Nothing at first; then a change, which apply brings and the next plan finds done."""
    before = trace(work)
    assert work.run("plan", "-f", ".").out == "No changes: what is there is as the manifest says.\n"
    wanted = actor("plain", "steps.same", scaling="minReplicaCount: 0, queueLength: 9") + actor("fresh", "steps.same")
    assert changes(work, wanted, 2) == [
        "~ AsyncActor plain", "+ AsyncActor fresh",
        "~ Scaler plain",
        "+ Queue asya-default-fresh", "+ Deployment fresh", "+ ConfigMap fresh-runtime", "+ ScaledObject fresh",
    ]  # fmt: skip
    shown = work.run("plan", "-f", "next.yaml", code=2)
    assert "~ AsyncActor default/plain\n    + spec.scaling.queueLength: 9\n" in shown.out
    assert "+ Queue asya-default-fresh (on transport local)\n" in shown.out
    assert shown.out.endswith("Plan: 5 to add, 2 to change, 0 to delete.\n")
    assert shown.err == "next: asya apply -f next.yaml\n"
    assert trace(work) == before, "a plan writes nothing"
    work.run("apply", "-f", "next.yaml")
    until(lambda: work.condition("fresh", "Synced").get("status") == "True", "the new actor is there")
    until(lambda: work.run("plan", "-f", "next.yaml", code=None).code == 0, "nothing is left to do")


def test_a_flavor_shows_whom_it_changes(work: Project) -> None:
    """The actors that use it are named, with what becomes of their objects."""
    (work.folder / "next.yaml").write_text(flavor(7))
    shown = work.run("plan", "-f", "next.yaml", code=2).out
    assert shown == (
        "~ Flavor small\n    ~ spec.env[name=LEVEL].value: 3 -> 7\n"
        "~ Deployment default/styled\n"
        "    ~ spec.template.spec.containers[name=asya-runtime].env[name=LEVEL].value: 3 -> 7\n"
        "Flavor small renders 1 actor anew: default/styled\n"
        "Plan: 0 to add, 2 to change, 0 to delete.\n"
    )


def test_a_wrong_manifest_tells_all_its_mistakes(work: Project) -> None:
    """As apply does, and with exit code 1; what only the control plane can find is a problem of the plan."""
    before = trace(work)
    (work.folder / "next.yaml").write_text(
        actor("one", "no handler") + actor("two", "steps.same", "  concurrencyy: 3\n")
    )
    refused = work.run("plan", "-f", "next.yaml", code=1)
    assert "AsyncActor one: " in refused.err
    assert "spec.handler" in refused.err
    assert "AsyncActor two: " in refused.err
    assert "concurrencyy" in refused.err
    (work.folder / "next.yaml").write_text(actor("lost", "steps.same", "  flavors: [none]\n"))
    problem = work.run("plan", "-f", "next.yaml", code=1)
    assert "! AsyncActor default/lost: spec.flavors: there is no Flavor none" in problem.out
    assert "error: 1 problem" in problem.err
    assert trace(work) == before
    work.run("plan", "-f", "missing.yaml", code=1)
    work.run("plan", code=1)


def test_what_goes_is_shown(work: Project) -> None:
    """An actor that scales no more loses its ScaledObject; its pod's limits are changed in place."""
    manifest = next(iter(yaml.safe_load_all(actor("plain", "steps.same", GIB))))
    manifest["spec"] |= {"replicas": 1, "scaling": {"enabled": False}}
    found = changes(work, yaml.safe_dump(manifest), 2)
    assert "- ScaledObject plain" in found
    (work.folder / "next.yaml").write_text(yaml.safe_dump(manifest))
    shown = work.run("plan", "-f", "next.yaml", code=2).out
    assert "spec.template.spec.containers[name=asya-runtime].resources" in shown


def test_the_manifest_may_come_from_elsewhere(work: Project) -> None:
    """Standard input and -n, as with apply: a namespace that does not exist is an error."""
    assert work.run("plan", "-f", "-", stdin=actor("piped", "steps.same"), code=2).out.startswith("+ AsyncActor")
    assert "nowhere" in work.run("plan", "-f", "-", "-n", "nowhere", stdin=actor("piped", "steps.same"), code=1).err
