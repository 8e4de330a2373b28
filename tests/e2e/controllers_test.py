"""The controllers of an aggregated server on a real kube-apiserver. There is no node, so that no pod runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aggregated_cluster import NAMESPACE, AggregatedCluster
from asya_project import ROOT, until
from controlled_cluster import TEAM, Broker, ControlledCluster, actor
from kubectl_proxy import proxied


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """One for all tests of this file."""
    made = Broker()
    yield made
    made.node.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[ControlledCluster]:
    """One for all tests of this file: its start takes seconds."""
    with ControlledCluster(tmp_path_factory.mktemp("controlled")) as made:
        made.run("create", "namespace", TEAM)
        made.apply([broker.transport()])
        yield made


def pods(cluster: ControlledCluster, name: str) -> int:
    """Those that the cluster has made of an actor."""
    return len(cluster.run("get", "pods", "-n", TEAM, "-l", f"asya.sh/actor={name}", "-o", "name").split())


def ours(cluster: ControlledCluster, what: str) -> list[dict[str, Any]]:
    """What our managers wrote of an object, and when; the cluster's own controllers write its status at any time."""
    fields = cluster.get(what, "metadata.managedFields")
    return [entry for entry in fields if entry["manager"].startswith("asya")]


def first_count_left(cluster: ControlledCluster, name: str) -> bool:
    """Whether who gave the first values of a Deployment holds no more than the count, after which it stays as it is."""
    return {"f:spec": {"f:replicas": {}}} in [entry["fieldsV1"] for entry in ours(cluster, f"deployment/{name}")]


def test_an_actor_becomes_what_runs_it(cluster: ControlledCluster, broker: Broker) -> None:
    """Queue, ConfigMap and Deployment with its owner; the status says how it is; all go with it."""
    cluster.apply([actor("echo")])
    deployment = until(lambda: cluster.get("deployment/echo"), "the Deployment is there")
    uid = cluster.get("asya/echo", "metadata.uid")
    assert deployment["metadata"]["ownerReferences"] == [
        {"apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "name": "echo", "uid": uid, "controller": True,
         "blockOwnerDeletion": True}
    ]  # fmt: skip
    relay = deployment["spec"]["template"]["spec"]["initContainers"][0]
    assert (relay["name"], relay["image"], relay["restartPolicy"]) == ("asya-relay", "relay:test", "Always")
    assert set(cluster.get("configmap/echo-runtime", "binaryData")) == {"asya_runtime.pyz"}
    until(lambda: pods(cluster, "echo") == 2, "the cluster makes its pods")
    until(lambda: cluster.reason("echo", "WorkloadReady").endswith(": starting"), "the status says what pods wait for")
    assert cluster.reason("echo", "QueueReady") == "QueueExists: "
    assert f"asya-{TEAM}-echo" in broker.queues()

    cluster.run("delete", "asya", "echo", "-n", TEAM, "--timeout=60s")
    assert cluster.get("deployment/echo") is None
    assert cluster.get("configmap/echo-runtime") is None
    assert f"asya-{TEAM}-echo" not in broker.queues()
    until(lambda: pods(cluster, "echo") == 0, "the pods are gone")


def test_what_others_change_is_put_right(cluster: ControlledCluster) -> None:
    """A field, a whole object, each with an event; what others add stays."""

    def told() -> str:
        about = "involvedObject.kind=AsyncActor,involvedObject.name=steady,reason=Repaired"
        return cluster.run("get", "events", "-n", TEAM, "--field-selector", about, "-o", "jsonpath={.items[*].message}")

    cluster.apply([actor("steady")])
    # What is changed while the children are being made is overwritten without a word: nothing was promised of it yet.
    until(lambda: cluster.reason("steady", "WorkloadReady").endswith(": starting"), "the children are made")
    cluster.run("set", "image", "deployment/steady", "asya-runtime=other:2", "-n", TEAM)
    cluster.run("annotate", "deployment/steady", "team.example/note=kept", "-n", TEAM)

    def image() -> str:
        return str(cluster.get("deployment/steady", "spec.template.spec")["containers"][0]["image"])

    until(lambda: image() == "echo:1", "the image is put right")
    until(lambda: "Deployment steady was changed" in told(), "an event says so")
    assert cluster.get("deployment/steady", "metadata.annotations")["team.example/note"] == "kept"
    cluster.run("delete", "configmap", "steady-runtime", "-n", TEAM)
    until(lambda: cluster.get("configmap/steady-runtime"), "the ConfigMap is made again")
    until(lambda: "ConfigMap steady-runtime was deleted" in told(), "an event says so")
    before = cluster.get("deployment/steady", "metadata.uid")
    cluster.run("delete", "deployment", "steady", "-n", TEAM)
    until(lambda: cluster.get("deployment/steady", "metadata.uid") not in (None, before), "it is made again")
    until(lambda: "Deployment steady was deleted" in told(), "an event says so")


def test_what_is_asked_for_no_more_goes(cluster: ControlledCluster) -> None:
    """A variable, a label of pods, a limit: also of a Deployment whose first values came by another manager."""
    more = {"env": [{"name": "MODE", "value": "quick"}], "podLabels": {"team": "vision"},
            "resources": {"limits": {"memory": "1Gi"}}}  # fmt: skip
    cluster.apply([actor("lean", replicas=1, scaling={"enabled": False}, **more)])
    until(lambda: cluster.get("deployment/lean"), "the Deployment is there")

    def text() -> str:
        return json.dumps(cluster.get("deployment/lean", "spec.template"))

    assert all(word in text() for word in ("MODE", '"team"', "1Gi"))
    cluster.apply([actor("lean", replicas=1, scaling={"enabled": False})])
    until(lambda: not any(word in text() for word in ("MODE", '"team"', "1Gi")), "they are gone")


def test_scaling_begins_with_the_replicas_that_are_there(cluster: ControlledCluster) -> None:
    """Who turns it on gives no count any more, and the cluster's default would be one."""

    def replicas() -> Any:
        return cluster.get("deployment/grown", "spec")["replicas"]

    fixed = {"enabled": False}
    cluster.apply([actor("grown", replicas=2, scaling=fixed)])
    until(lambda: cluster.get("deployment/grown"), "the Deployment is there")
    until(lambda: first_count_left(cluster, "grown"), "the first count alone is left to whoever gave it")
    cluster.apply([actor("grown", replicas=5, scaling=fixed)])
    until(lambda: replicas() == 5, "the count is what was asked for")
    cluster.apply([actor("grown", scaling={"enabled": True})])
    # KEDA is missing here, which the Deployment does not wait for.
    until(lambda: "install KEDA" in cluster.reason("grown", "Synced"), "scaling is asked for")
    holders = [one["manager"] for one in ours(cluster, "deployment/grown") if "f:replicas" in one["fieldsV1"]["f:spec"]]
    assert (holders, replicas()) == (["asya-initial"], 5)
    cluster.apply([actor("grown", replicas=3, scaling=fixed)])
    until(lambda: replicas() == 3, "it is ours to set again")


def test_a_database_of_another_cluster_runs_nothing(cluster: ControlledCluster) -> None:
    """While the server is not trusted with the objects, it does not lead."""
    name = ["configmap", "asya-installation", "-n", NAMESPACE]
    known = cluster.run("get", *name, "-o", "jsonpath={.data.id}")
    cluster.run("patch", *name, "-p", '{"data": {"id": "another"}}')
    holder = ["get", "lease", "asya-controllers", "-n", NAMESPACE, "-o", "jsonpath={.spec.holderIdentity}"]
    until(lambda: not cluster.run(*holder), "nobody leads")
    cluster.run("patch", *name, "-p", json.dumps({"data": {"id": known}}))
    until(lambda: cluster.run(*holder), "it leads again")
    until(lambda: cluster.condition() == "True", "the API is available again")


def test_a_restart_writes_nothing(cluster: ControlledCluster) -> None:
    """Killed, another one takes over and finds everything as it should be."""
    cluster.apply([actor("calm")])
    until(lambda: pods(cluster, "calm") == 2, "the cluster makes its pods")
    until(lambda: cluster.reason("calm", "WorkloadReady").endswith(": starting"), "the status is written")
    until(lambda: cluster.get("asya/calm", "status.infrastructure")["workload"]["replicas"] == 2, "it tells of both")
    until(lambda: first_count_left(cluster, "calm"), "the first count alone is left to whoever gave it")
    lease = json.loads(cluster.run("get", "lease", "asya-controllers", "-n", NAMESPACE, "-o", "json"))["spec"]
    before = (ours(cluster, "deployment/calm"), cluster.get("asya/calm", "metadata.resourceVersion"))
    cluster.server.process.send_signal(signal.SIGKILL)
    cluster.server.process.wait()
    cluster.start_server()
    holder = "jsonpath={.spec.holderIdentity}"
    until(lambda: cluster.run("get", "lease", "asya-controllers", "-n", NAMESPACE, "-o", holder)
          != lease["holderIdentity"], "another one leads")  # fmt: skip
    # Whatever it does to these it has done before it makes a new one.
    cluster.apply([actor("later")])
    until(lambda: cluster.get("deployment/later"), "the new leader works")
    assert (ours(cluster, "deployment/calm"), cluster.get("asya/calm", "metadata.resourceVersion")) == before


def test_nothing_is_taken_over(cluster: ControlledCluster) -> None:
    """A Deployment that somebody made under that name stays theirs, and the actor says so."""
    cluster.run("create", "deployment", "taken", "--image=theirs:1", "-n", TEAM)
    cluster.apply([actor("taken")])
    said = until(lambda: cluster.reason("taken", "Synced"), "the status is written")
    until(lambda: "which nobody gave to an actor" in cluster.reason("taken", "Synced"), f"the actor says so: {said}")
    containers = cluster.get("deployment/taken", "spec.template.spec")["containers"]
    assert [one["image"] for one in containers] == ["theirs:1"]
    cluster.run("delete", "asya", "taken", "-n", TEAM, "--timeout=60s")
    assert cluster.get("deployment/taken")


def test_keda_is_asked_for_where_it_is_missing(cluster: ControlledCluster) -> None:
    """An actor that scales says what to install."""
    cluster.apply([actor("scaling", scaling={"minReplicaCount": 0})])
    until(lambda: "install KEDA" in cluster.reason("scaling", "Synced"), "the actor says what is missing")


def proxy(cluster: ControlledCluster, user: str) -> subprocess.Popen[str]:
    """`kubectl proxy` of a user."""
    return subprocess.Popen(cluster.command("proxy", "--port=0", user=user), stdout=subprocess.PIPE, text=True)


def plan(server: str, objects: list[dict[str, Any]], code: int) -> dict[str, Any]:
    """What `asya plan` says of them, as data; it has to exit with `code`."""
    done = subprocess.run(
        [sys.executable, "-m", "asya_cli", "plan", "-f", "-", "-o", "json", "--server", server],
        input=yaml.safe_dump_all(objects), capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": str(ROOT / "cli"), "PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"stderr": done.stderr}
    return told


def lines(planned: dict[str, Any]) -> list[str]:
    """``create Deployment echo``, one an object."""
    return [f"{change['action']} {change['kind']} {change['name']}" for change in planned["changes"]]


def test_a_plan_asks_the_cluster_and_writes_nothing(cluster: ControlledCluster, broker: Broker) -> None:
    """Its defaults and what others own do not show; what would change, and what would be refused, does."""
    fixed = {"replicas": 1, "scaling": {"enabled": False}}
    cluster.apply([actor("tidy", **fixed)])
    until(lambda: cluster.get("deployment/tidy"), "the Deployment is there")
    cluster.run("annotate", "deployment/tidy", "team.example/note=kept", "-n", TEAM)
    # As soon as the deployment controller has written its own annotation, nothing more is written to the object.
    until(lambda: "deployment.kubernetes.io/revision" in cluster.get("deployment/tidy", "metadata.annotations"), "made")
    until(lambda: cluster.reason("tidy", "WorkloadReady").endswith(": starting"), "its status is written")
    until(lambda: first_count_left(cluster, "tidy"), "the first count alone is left to whoever gave it")

    def trace() -> Any:
        versions = [cluster.get(what, "metadata.resourceVersion") for what in ("asya/tidy", "configmap/tidy-runtime")]
        names = cluster.run("get", "deployments", "-n", TEAM, "-o", "name")
        return [versions, ours(cluster, "deployment/tidy"), broker.queues(), names]

    with proxied(proxy(cluster, "root")) as server:
        assert lines(plan(server, [actor("tidy", **fixed)], 0)) == []
        before = trace()
        changed = plan(server, [actor("tidy", **fixed, env=[{"name": "MODE", "value": "quick"}]), actor("fresh")], 2)
        assert lines(changed) == [
            "update AsyncActor tidy", "create AsyncActor fresh",
            "update Deployment tidy",
            f"create Queue asya-{TEAM}-fresh", "create Deployment fresh", "create ConfigMap fresh-runtime",
        ]  # fmt: skip
        deployment = next(one for one in changed["changes"] if one["kind"] == "Deployment")
        assert [field["path"] for field in deployment["changes"]] == [
            "spec.template.spec.containers[name=asya-runtime].env[name=MODE]"
        ]
        unknown_field = [{"name": "MODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.mood"}}}]
        refused = plan(server, [actor("tidy", **fixed, env=unknown_field)], 1)
        assert "spec.mood" in refused["problems"][0]["message"], refused
        scaled = plan(server, [actor("tidy", scaling={"minReplicaCount": 0})], 1)
        assert "install KEDA" in scaled["problems"][0]["message"]
        assert trace() == before
        unknown = plan(server, [actor("bad", handler="no handler")], 1)
        assert "spec.handler" in unknown["stderr"]
    cluster.run("create", "rolebinding", "eve-plans", "--clusterrole=view", "--user=eve", "-n", TEAM)
    with proxied(proxy(cluster, "eve")) as server:
        assert "forbidden" in plan(server, [actor("tidy", **fixed)], 1)["stderr"], "who may only look may not plan"


def secret(**values: str) -> dict[str, Any]:
    """The one that the Transport guarded names."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "rabbit-pods", "namespace": NAMESPACE},
            "stringData": values}  # fmt: skip


def test_credentials_come_from_secrets_and_change_with_them(cluster: ControlledCluster, broker: Broker) -> None:
    """What is missing is named and nothing is half made; server and pods have what the Secret holds, also the next."""
    cluster.apply([broker.transport("guarded", credentialsSecretRef={"name": "rabbit-pods"}),
                   actor("guard", replicas=1, scaling={"enabled": False}, transport="guarded")])  # fmt: skip

    def says(text: str) -> bool:
        return text in cluster.reason("guard", "Synced")

    until(lambda: says(f"SecretMissing: there is no Secret {NAMESPACE}/rabbit-pods"), "the Secret is named")
    cluster.apply([secret(username="guest")])
    until(lambda: says('has no key "password"'), "the key is named")
    assert cluster.get("deployment/guard") is None
    assert cluster.get("configmap/guard-runtime") is None
    cluster.apply([secret(username="guest", password="guest", other="never-copied")])
    until(lambda: cluster.get("deployment/guard"), "the Deployment is there")
    copy = cluster.get("secret/asya-transport-guarded", "data")
    assert copy == {"username": "Z3Vlc3Q=", "password": "Z3Vlc3Q="}
    entries = cluster.get("deployment/guard", "spec.template.spec")["initContainers"][0]["env"]
    password = next(one for one in entries if one["name"] == "ASYA_RABBITMQ_PASSWORD")
    assert password["valueFrom"]["secretKeyRef"] == {"name": "asya-transport-guarded", "key": "password"}

    def version() -> str:
        annotations = cluster.get("deployment/guard", "spec.template.metadata.annotations")
        return str(annotations["asya.sh/credentials-version"])

    first = version()
    broker.add_user("ann", "very-secret-word")
    cluster.apply([secret(username="ann", password="very-secret-word")])
    until(lambda: version() != first, "the pods are rolled")
    until(lambda: "ann" in broker.users(), "the server is connected as who the Secret names")
    until(lambda: says("Synced: "), "the actor is in sync")
    assert "very-secret-word" not in cluster.server.log_path.read_text()
    assert "very-secret-word" not in cluster.run("get", "configmaps,deployments", "-A", "-o", "json")
    cluster.run("delete", "asya", "guard", "-n", TEAM, "--timeout=60s")
    # The crew of the namespace is on the default transport.
    until(lambda: cluster.get("secret/asya-transport-guarded") is None, "the copy goes with the last who needs it")


def test_the_rights_are_no_more_than_it_needs(cluster: ControlledCluster) -> None:
    """What is rendered for the controllers names no secrets and nothing by a star."""
    rules = [
        rule for one in cluster.rendered() if one["kind"] in ("ClusterRole", "Role")
        and one["metadata"]["name"] == "asya-server-controllers" for rule in one["rules"]
    ]  # fmt: skip
    text = yaml.safe_dump(rules)
    assert "*" not in text
    assert "secrets" not in text


def test_controllers_need_a_cluster_and_a_runtime(cluster: ControlledCluster, tmp_path: Path) -> None:
    """Flags that do not fit are all told."""
    del cluster
    done = subprocess.run(
        [AggregatedCluster.programs() / "asya-server", "api", "--listen=127.0.0.1:0", f"--cert-dir={tmp_path}",
         "--controllers=all", f"--database-file={tmp_path / 'db'}"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 64
    assert "--controllers: is accepted with --aggregated alone" in done.stderr
    assert "--runtime: is missing; with --controllers asya_runtime.pyz is needed" in done.stderr
