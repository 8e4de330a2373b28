"""What happened to an actor is told as Events, to kubectl describe and to asya get events."""

import os
import subprocess
from pathlib import Path

import pytest
from asya_project import ROOT, Project, actor, until

EVENTS = "/api/v1/namespaces/default/events"


@pytest.mark.timeout(300)
def test_a_missing_flavor_is_told_until_it_is_there(project: Project, tmp_path: Path) -> None:
    """The reason, its count and the recovery, selected by the actor."""
    built = subprocess.run([ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True)
    kubectl = built.stdout.strip().splitlines()[-1]
    project.write(asya__yaml=actor("echo", "handlers.echo") + actor("other", "handlers.echo", "  flavors: [gpu]\n"),
                  handlers__py="def echo(payload):\n    return payload\n")  # fmt: skip
    project.run("up", str(project.folder))

    def told(name: str) -> dict[str, str]:
        found = project.get(EVENTS, fieldSelector=f"involvedObject.name={name},involvedObject.kind=AsyncActor")
        return {e["reason"]: e["type"] for e in found["items"]}

    until(lambda: told("other") == {"FlavorMissing": "Warning"}, "the event of the missing flavor")
    assert "FlavorMissing" not in told("echo")
    (tmp_path / "config").write_text(project.run("kubeconfig").out)
    environment = {**os.environ, "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "config")}
    described = subprocess.run(
        [kubectl, "describe", "asya", "other"], env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert "Warning" in described.split("Events:")[1]
    assert "there is no Flavor gpu" in described.split("Events:")[1]
    rows = project.run("get", "events").rows()
    assert ("FlavorMissing", "other") in {(row["REASON"], row["OBJECT"]) for row in rows}
    flavor = project.folder / "flavor.yaml"
    flavor.write_text("apiVersion: asya.sh/v1alpha1\nkind: Flavor\nmetadata: {name: gpu}\nspec: {concurrency: 2}\n")
    project.run("apply", "-f", str(flavor))
    until(lambda: "Napping" in told("other"), "the event of the recovery")
