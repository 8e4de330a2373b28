"""The real kubectl against a server that `asya up` started. docs/first-hour.md shows more of these commands."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asya_project import Project, until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60

# A project needs a manifest; this one is in nobody's way.
FLAVOR = """\
apiVersion: asya.sh/v1alpha1
kind: Flavor
metadata: {name: small}
spec: {concurrency: 1}
"""
USERS = "!asya.sh/system"  # without x-sink and x-sump, which every namespace with actors has
HANDLER = "def inference(payload):\n    return payload\n\n\ndef other(payload):\n    return payload\n"
ACTOR = """\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {name: inference, labels: {team: vision}}
spec:
  image: my-inference:latest
  handler: handler.inference
  scaling: {minReplicaCount: 0, maxReplicaCount: 10, queueLength: 1}
"""


class Kubectl:
    """kubectl with its own configuration and cache, in a namespace of its own."""

    def __init__(self, program: str, folder: Path, kubeconfig: str, namespace: str) -> None:
        (folder / "config").write_text(kubeconfig)
        self.folder = folder
        self.namespace = namespace
        self.command = [program, "--kubeconfig", str(folder / "config"), "--cache-dir", str(folder / "cache")]
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "KUBE_EDITOR": "true"}

    def run(self, *arguments: str, stdin: str = "", code: int = 0, **environment: str) -> str:
        """What the command printed to both streams; it has to exit with `code`."""
        done = subprocess.run(
            [*self.command, *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            env=self.environment | environment,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The object that the command prints."""
        return json.loads(self.run(*arguments, "-o", "json"))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that runs on, with its output to be read."""
        return subprocess.Popen(
            [*self.command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        )

    def settle(self, name: str, *reasons: str) -> Any:
        """The actor as soon as the control plane has looked at it and its Ready condition has one of the reasons."""

        def look() -> Any:
            actor = self.json("get", "asya", name)
            status = actor.get("status", {})
            ready = [c for c in status.get("conditions", []) if c["type"] == "Ready" and c["reason"] in reasons]
            return actor if ready and status["observedGeneration"] == actor["metadata"]["generation"] else None

        return until(look, f"{name} is {reasons}")


@pytest.fixture(scope="module")
def program() -> str:
    """The path of kubectl, built where it is not in the cache."""
    return subprocess.run(
        [ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that is up."""
    home = tmp_path_factory.mktemp("kubectl")
    project = Project(home / "project", home)
    project.write(asya__yaml=FLAVOR, handler__py=HANDLER)
    project.run("up", ".")
    yield project
    project.down()


NUMBERS = itertools.count(1)


@pytest.fixture
def kubectl(program: str, server: Project, tmp_path: Path) -> Kubectl:
    """kubectl in a fresh namespace of the server."""
    namespace = f"space-{next(NUMBERS)}"
    made = Kubectl(program, tmp_path, server.run("kubeconfig", "-n", namespace).out, namespace)
    made.run("create", "namespace", namespace)
    return made


def test_apply_creates_changes_and_leaves_alone(kubectl: Kubectl) -> None:
    """The three answers of apply, and its refusal of a wrong field."""
    assert kubectl.run("apply", "-f", "-", stdin=ACTOR) == "asyncactor.asya.sh/inference created\n"
    assert kubectl.run("apply", "-f", "-", stdin=ACTOR) == "asyncactor.asya.sh/inference unchanged\n"
    changed = ACTOR.replace("queueLength: 1", "queueLength: 5")
    assert kubectl.run("apply", "-f", "-", stdin=changed) == "asyncactor.asya.sh/inference configured\n"
    actor = kubectl.json("get", "asyncactor", "inference")
    assert actor["spec"]["scaling"]["queueLength"] == 5
    assert actor["metadata"]["generation"] == 2
    removed = changed.replace(", queueLength: 5", "")
    kubectl.run("apply", "-f", "-", stdin=removed)
    assert "queueLength" not in kubectl.json("get", "asya", "inference")["spec"]["scaling"]
    wrong = kubectl.run("apply", "-f", "-", stdin=ACTOR.replace("handler:", "handlr:"), code=1)
    assert 'unknown field "spec.handlr"' in wrong
    invalid = kubectl.run("apply", "-f", "-", stdin=ACTOR.replace("minReplicaCount: 0", "minReplicaCount: 11"), code=1)
    assert 'The AsyncActor "inference" is invalid' in invalid
    assert "spec.scaling.minReplicaCount" in invalid


def test_get_prints_tables_by_every_name(kubectl: Kubectl) -> None:
    """Short names, categories, wide columns, selectors, other formats."""
    kubectl.run("create", "-f", "-", stdin=ACTOR)
    kubectl.settle("inference", "Napping")
    for name in ("asyncactors", "asyncactor", "asya", "actor", "asyncactors.v1alpha1.asya.sh"):
        lines = kubectl.run("get", name).splitlines()
        assert lines[0].split() == ["NAME", "STATUS", "READY", "REPLICAS", "QUEUE", "AGE"]
        assert re.fullmatch(r"inference +Napping +True +0 +0 +\d+s", lines[1]), lines[1]
    assert "inference" in kubectl.run("get", "asya-all")
    assert "IMAGE" in kubectl.run("get", "asya", "-o", "wide")
    assert kubectl.run("get", "asya", "-l", USERS, "-o", "name") == "asyncactor.asya.sh/inference\n"
    assert kubectl.run("get", "asya", "inference", "-o", "jsonpath={.spec.handler}") == "handler.inference"
    assert "image: my-inference:latest" in kubectl.run("get", "asya", "inference", "-o", "yaml")
    assert "inference" in kubectl.run("get", "asya", "-l", "team=vision", "--all-namespaces")
    assert "No resources found" in kubectl.run("get", "asya", "-l", "team=other")
    assert "No resources found" in kubectl.run("get", "flows")
    assert "small" in kubectl.run("get", "flavors")
    missing = kubectl.run("get", "asya", "nothing", code=1)
    assert missing == 'Error from server (NotFound): asyncactors.asya.sh "nothing" not found\n'
    names = kubectl.run("api-resources", "--api-group=asya.sh", "-o", "name").split()
    assert {"asyncactors.asya.sh", "flavors.asya.sh", "flows.asya.sh", "transports.asya.sh"} <= set(names)
    assert "Server Version: v1." in kubectl.run("version")


def test_describe_and_explain_tell_what_there_is(kubectl: Kubectl) -> None:
    """Describe needs events; explain needs OpenAPI v3."""
    kubectl.run("create", "-f", "-", stdin=ACTOR)
    described = kubectl.run("describe", "asya", "inference")
    for words in ("Name:         inference", "Handler:  handler.inference", "Events:", "Phase:"):
        assert words in described, described
    explained = kubectl.run("explain", "asya.spec.scaling.minReplicaCount")
    assert "FIELD: minReplicaCount <integer>" in explained
    everything = kubectl.run("explain", "asyncactor", "--recursive")
    assert "KIND:       AsyncActor" in everything
    assert "actorTimeout\t<string>" in everything
    assert "VERSION:    v1alpha1" in kubectl.run("explain", "flow.spec")
    # The same out of OpenAPI v2 in protobuf form, which Argo CD and Helm read too.
    old = kubectl.run("explain", "asya.spec.scaling.minReplicaCount", "--output=plaintext-openapiv2")
    assert "FIELD:    minReplicaCount <integer>" in old
    assert "actorTimeout\t<string>" in kubectl.run("explain", "actor", "--recursive", "--output=plaintext-openapiv2")


def test_patch_label_edit_and_replace(kubectl: Kubectl) -> None:
    """Every way of changing an object but apply."""
    kubectl.run("create", "-f", "-", stdin=ACTOR)
    patched = kubectl.run("patch", "asya", "inference", "--type=merge", "-p", '{"spec":{"concurrency":4}}')
    assert patched == "asyncactor.asya.sh/inference patched\n"
    kubectl.run("patch", "asya", "inference", "--type=json", "-p",
                '[{"op":"replace","path":"/spec/concurrency","value":8}]')  # fmt: skip
    assert kubectl.json("get", "asya", "inference")["spec"]["concurrency"] == 8
    strategic = kubectl.run("patch", "asya", "inference", "-p", '{"spec":{"concurrency":9}}', code=1)
    assert "UnsupportedMediaType" in strategic or "strategic" in strategic
    assert "labeled" in kubectl.run("label", "asya", "inference", "a=b")
    assert "annotated" in kubectl.run("annotate", "asya", "inference", "note=x")
    editor = "sed -i s/handler.inference/handler.other/"
    assert "edited" in kubectl.run("edit", "asya", "inference", KUBE_EDITOR=editor)
    actor = kubectl.settle("inference", "Napping")
    assert (actor["spec"]["handler"], actor["metadata"]["labels"]["a"]) == ("handler.other", "b")
    actor["spec"]["concurrency"] = 2
    assert "replaced" in kubectl.run("replace", "-f", "-", stdin=json.dumps(actor))
    stale = kubectl.run("replace", "-f", "-", stdin=json.dumps(actor), code=1)
    assert "the object has been modified" in stale


def test_scale_where_scaling_is_off(kubectl: Kubectl) -> None:
    """The scale subresource, and the refusal that says what to do instead."""
    kubectl.run("create", "-f", "-", stdin=ACTOR)
    refused = kubectl.run("scale", "asya", "inference", "--replicas=3", code=1)
    assert "spec.scaling.minReplicaCount" in refused
    kubectl.run("patch", "asya", "inference", "--type=merge", "-p", '{"spec":{"scaling":{"enabled":false}}}')
    assert kubectl.run("scale", "asya", "inference", "--replicas=3") == "asyncactor.asya.sh/inference scaled\n"
    kubectl.run("scale", "asya", "inference", "--replicas=2", "--current-replicas=3")
    assert kubectl.json("get", "asya", "inference")["spec"]["replicas"] == 2
    assert "deleted" in kubectl.run("delete", "asya", "inference", "--timeout=60s")


def test_dry_runs_and_diff_store_nothing(kubectl: Kubectl) -> None:
    """--dry-run=server asks OpenAPI whether it may; diff exits with 1 where there is a difference."""
    assert "created (server dry run)" in kubectl.run("apply", "--dry-run=server", "-f", "-", stdin=ACTOR)
    assert "No resources found" in kubectl.run("get", "asya")
    kubectl.run("apply", "-f", "-", stdin=ACTOR)
    kubectl.settle("inference", "Napping")
    assert kubectl.run("diff", "-f", "-", stdin=ACTOR) == ""
    changed = ACTOR.replace("maxReplicaCount: 10", "maxReplicaCount: 20")
    difference = kubectl.run("diff", "-f", "-", stdin=changed, code=1)
    assert "-    maxReplicaCount: 10" in difference
    assert "+    maxReplicaCount: 20" in difference
    assert kubectl.json("get", "asya", "inference")["spec"]["scaling"]["maxReplicaCount"] == 10


def test_watch_and_wait_follow_changes(kubectl: Kubectl) -> None:
    """get -w prints a row a change; wait ends with the condition or the deletion."""
    watch = kubectl.start("get", "asya", "-w", "-l", USERS)
    assert watch.stdout is not None
    try:
        kubectl.run("apply", "-f", "-", stdin=ACTOR)
        assert watch.stdout.readline().split()[0] == "NAME"
        rows = [watch.stdout.readline().split()[:3]]
        while rows[-1] != ["inference", "Napping", "True"]:
            assert rows[-1][0] == "inference", rows
            rows.append(watch.stdout.readline().split()[:3])
        kubectl.run("patch", "asya", "inference", "--type=merge", "-p", '{"spec":{"paused":true}}')
        while rows[-1] != ["inference", "Paused", "True"]:
            assert rows[-1][0] == "inference", rows
            rows.append(watch.stdout.readline().split()[:3])
        assert "condition met" in kubectl.run("wait", "--for=condition=Ready", "asya/inference", "--timeout=30s")
        deleted = kubectl.run("delete", "asya", "inference")
        assert deleted.startswith('asyncactor.asya.sh "inference" deleted')
        kubectl.run("wait", "--for=delete", "asya/inference", "--timeout=30s")
    finally:
        watch.kill()
        watch.wait(PATIENCE_S)


def test_delete_waits_for_finalizers(kubectl: Kubectl) -> None:
    """delete --wait ends when the last finalizer is gone."""
    held = ACTOR.replace("labels:", "finalizers: [asya.sh/drain], labels:")
    kubectl.run("apply", "-f", "-", stdin=held)
    kubectl.run("delete", "asya", "inference", "--wait=false")
    assert kubectl.json("get", "asya", "inference")["metadata"]["deletionTimestamp"]
    deleting = kubectl.start("delete", "asya", "inference", "--timeout=30s")
    assert deleting.stdout is not None
    assert "deleted" in deleting.stdout.readline()
    assert deleting.poll() is None
    own = ["asya.sh/drain"]
    until(
        lambda: kubectl.json("get", "asya", "inference")["metadata"]["finalizers"] == own, "only our finalizer is left"
    )
    kubectl.run("patch", "asya", "inference", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert deleting.wait(PATIENCE_S) == 0
    assert "No resources found" in kubectl.run("get", "asya", "-l", USERS)
    kubectl.run("apply", "-f", "-", stdin=ACTOR)
    assert "deleted" in kubectl.run("delete", "asya", "-l", USERS)


def test_a_clash_of_queues_is_refused(kubectl: Kubectl) -> None:
    """One actor after the other, as kubectl writes the documents of a file."""
    second = ACTOR.replace("name: inference", "name: second").replace("spec:", "spec:\n  actor: inference")
    refused = kubectl.run("apply", "-f", "-", stdin=f"{ACTOR}---\n{second}", code=1)
    assert 'The AsyncActor "second" is invalid: spec.actor: Duplicate value' in refused
    assert f'"asya-{kubectl.namespace}-inference"' in refused
    kubectl.run("delete", "asya", "inference")
    assert "created" in kubectl.run("apply", "-f", "-", stdin=second)


def test_namespaces_hold_objects(kubectl: Kubectl) -> None:
    """create ns, use it, delete it with what is in it."""
    assert kubectl.run("create", "namespace", "team") == "namespace/team created\n"
    kubectl.run("apply", "-n", "team", "-f", "-", stdin=ACTOR)
    kubectl.run("wait", "-n", "team", "--for=condition=Ready", "asya/inference", "--timeout=30s")
    assert ["team", "inference"] in [x.split()[:2] for x in kubectl.run("get", "asya", "-A").splitlines()]
    assert "default" in kubectl.run("get", "namespaces")
    missing = kubectl.run("apply", "-n", "nowhere", "-f", "-", stdin=ACTOR, code=1)
    assert 'namespaces "nowhere" not found' in missing
    assert "deleted" in kubectl.run("delete", "namespace", "team", "--timeout=60s")
    assert "No resources found" in kubectl.run("get", "asya", "-n", "team")


SERVER_SIDE = ("apply", "--server-side", "-f", "-")


def owners(kubectl: Kubectl) -> list[str]:
    """Who owns fields of the actor, with how."""
    actor = json.loads(kubectl.run("get", "asya", "inference", "-o", "json", "--show-managed-fields"))
    return [f"{entry['manager']} {entry['operation']}" for entry in actor["metadata"]["managedFields"]]


def test_server_side_apply_owns_fields(kubectl: Kubectl) -> None:
    """Create, change, remove; conflicts of another manager, and force."""
    assert kubectl.run(*SERVER_SIDE, stdin=ACTOR) == "asyncactor.asya.sh/inference serverside-applied\n"
    assert kubectl.run(*SERVER_SIDE, stdin=ACTOR) == "asyncactor.asya.sh/inference serverside-applied\n"
    assert owners(kubectl) == ["kubectl Apply"]
    assert "managedFields" not in kubectl.run("get", "asya", "inference", "-o", "yaml")
    kubectl.settle("inference", "Napping")  # or a status that is written meanwhile would show as a difference
    assert kubectl.run("diff", "--server-side", "-f", "-", stdin=ACTOR) == ""
    kubectl.run(*SERVER_SIDE, stdin=ACTOR.replace(", queueLength: 1", ""))
    assert "queueLength" not in kubectl.json("get", "asya", "inference")["spec"]["scaling"]
    changed = ACTOR.replace("maxReplicaCount: 10", "maxReplicaCount: 20")
    refused = kubectl.run(*SERVER_SIDE, "--field-manager=other", stdin=changed, code=1)
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .spec.scaling.maxReplicaCount' in refused
    kubectl.run(*SERVER_SIDE, "--field-manager=other", "--force-conflicts", stdin=changed)
    assert owners(kubectl) == ["kubectl Apply", "other Apply"]
    assert kubectl.json("get", "asya", "inference")["spec"]["scaling"]["maxReplicaCount"] == 20
    assert "serverside-applied (server dry run)" in kubectl.run(*SERVER_SIDE, "--dry-run=server", stdin=changed,
                                                                code=0)  # fmt: skip
    unknown = kubectl.run(*SERVER_SIDE, stdin=ACTOR.replace("handler:", "handlr:"), code=1)
    assert 'unknown field "spec.handlr"' in unknown


def test_edits_after_a_server_side_apply_conflict_with_it(kubectl: Kubectl) -> None:
    """What edit changes is the editor's."""
    kubectl.run(*SERVER_SIDE, stdin=ACTOR)
    kubectl.run("edit", "asya", "inference", KUBE_EDITOR="sed -i s/handler.inference/handler.other/")
    assert owners(kubectl) == ["kubectl Apply", "kubectl-edit Update"]
    refused = kubectl.run(*SERVER_SIDE, stdin=ACTOR, code=1)
    assert 'conflict with "kubectl-edit" using asya.sh/v1alpha1: .spec.handler' in refused
    kubectl.run(*SERVER_SIDE, "--force-conflicts", stdin=ACTOR)
    assert kubectl.json("get", "asya", "inference")["spec"]["handler"] == "handler.inference"
    assert owners(kubectl) == ["kubectl Apply"]


def test_client_side_and_server_side_apply_take_turns(kubectl: Kubectl) -> None:
    """From one to the other and back, without conflicts and with what was removed gone."""
    kubectl.run("apply", "-f", "-", stdin=ACTOR)
    assert owners(kubectl) == ["kubectl-client-side-apply Update"]
    changed = ACTOR.replace("queueLength: 1", "queueLength: 5")
    kubectl.run(*SERVER_SIDE, stdin=changed)
    assert "kubectl Apply" in owners(kubectl)
    kubectl.run(*SERVER_SIDE, stdin=changed.replace(", queueLength: 5", ""))
    actor = kubectl.json("get", "asya", "inference")
    assert "queueLength" not in actor["spec"]["scaling"]
    last = actor["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert "queueLength" not in last
    kubectl.run("apply", "-f", "-", stdin=changed)
    assert kubectl.json("get", "asya", "inference")["spec"]["scaling"]["queueLength"] == 5


def test_a_restored_actor_is_applied_on_from_there(kubectl: Kubectl) -> None:
    """A restore by its path brings back what apply compares with as well."""
    path = f"/apis/asya.sh/v1alpha1/namespaces/{kubectl.namespace}/asyncactors/inference"
    kubectl.run("apply", "-f", "-", stdin=ACTOR)
    kubectl.run("apply", "-f", "-", stdin=ACTOR.replace("queueLength: 1", "queueLength: 5"))
    entries = json.loads(kubectl.run("get", "--raw", path + "/history"))["items"]
    assert [c["path"] for c in entries[0]["changes"]] == ["spec.scaling.queueLength"]
    body = json.dumps({"revision": entries[1]["revision"]})
    kubectl.run("create", "--raw", path + "/restore", "-f", "-", stdin=body)
    assert kubectl.run("apply", "-f", "-", stdin=ACTOR).endswith("unchanged\n")


def test_a_user_asks_what_it_may_do(kubectl: Kubectl) -> None:
    """auth can-i, its list and whoami; health and discovery by their paths."""
    assert kubectl.run("auth", "can-i", "create", "asyncactors.asya.sh") == "yes\n"
    assert "[*]" in kubectl.run("auth", "can-i", "--list")
    assert "system:authenticated" in kubectl.run("auth", "whoami")
    assert "readyz check passed" in kubectl.run("get", "--raw", "/readyz?verbose")
    assert "selfsubjectaccessreviews" in kubectl.run("api-resources", "-o", "name")


def test_deletions_of_every_policy_end(kubectl: Kubectl) -> None:
    """What is deleted in the foreground waits for its dependents; an orphan stays."""
    flow = """\
apiVersion: asya.sh/v1alpha1
kind: Flow
metadata:
  name: NAME
  ownerReferences: [{apiVersion: asya.sh/v1alpha1, kind: Flavor, name: OWNER, uid: UID, blockOwnerDeletion: true}]
spec: {entrypoint: inference}
"""
    for policy, stays in (("foreground", False), ("background", False), ("orphan", True)):
        owner = f"{kubectl.namespace}-{policy}"
        kubectl.run("create", "-f", "-", stdin=FLAVOR.replace("small", owner))
        uid = kubectl.json("get", "flavor", owner)["metadata"]["uid"]
        kubectl.run("create", "-f", "-", stdin=flow.replace("NAME", policy).replace("OWNER", owner).replace("UID", uid))
        assert "deleted" in kubectl.run("delete", "flavor", owner, f"--cascade={policy}", "--timeout=30s")
        if stays:
            assert "ownerReferences" not in kubectl.json("get", "flow", policy)["metadata"]
        else:
            kubectl.run("wait", "--for=delete", f"flow/{policy}", "--timeout=30s")
