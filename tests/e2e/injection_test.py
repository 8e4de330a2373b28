"""Pods of others, bound to actors by webhooks on a real kube-apiserver. There is no node, so that no pod runs."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from aggregated_cluster import NAMESPACE
from asya_project import until
from injected_cluster import CONFIGURATIONS, TEAM, TRANSPORT, InjectedCluster, OtherWebhook, actor, pod, relays

from private_pki import Authority

STREAMS = 3
SAME_SECOND = datetime.timedelta(seconds=1)  # creationTimestamp tells no less


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InjectedCluster]:
    """One for all tests of this file, with an actor for a model server and one with a handler."""
    with InjectedCluster(tmp_path_factory.mktemp("injected")) as made:
        made.run("create", "namespace", TEAM)
        until(lambda: "default" in made.run("get", "serviceaccounts", "-n", TEAM, "-o", "name"), "pods can be made")
        handler = actor("handler", handler="m.f", workloadRef=actor("")["spec"]["workloadRef"])
        own = actor("own", handler="m.f", image="i:1", replicas=1, scaling={"enabled": False})
        made.apply([TRANSPORT, actor("llm"), handler, own])
        until(lambda: all("CERTIFICATE" in bundle for bundle in made.bundles()), "the CA is known")
        yield made


def test_the_pods_of_a_chart_get_their_relay(cluster: InjectedCluster) -> None:
    """Those of a Deployment: the relay first, as a native sidecar; what the chart wants stays as it is."""
    labels = {"app": "vllm", "asya.sh/inject": "true", "asya.sh/actor": "llm"}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "initContainers": [{"name": "download", "image": "d:1"}],
            "containers": [{"name": "vllm", "image": "vllm:1", "ports": [{"containerPort": 8000}]}],
        },
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "vllm"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "vllm", "namespace": TEAM}}
    cluster.apply([deployment | {"spec": spec}])

    def pods() -> list[dict[str, Any]]:
        return list(json.loads(cluster.run("get", "pods", "-n", TEAM, "-l", "app=vllm", "-o", "json"))["items"])

    until(lambda: len(pods()) == 2, "the pods are there")
    for made in pods():
        first, second = made["spec"]["initContainers"]
        assert (first["name"], first["image"], first["restartPolicy"]) == ("asya-relay", "relay:test", "Always")
        assert second["name"] == "download"
        assert [one["name"] for one in made["spec"]["containers"]] == ["vllm"]
        assert made["metadata"]["annotations"]["asya.sh/injected"] == "llm"
        assert made["spec"]["terminationGracePeriodSeconds"] == 330
        values = {one["name"]: one.get("value") for one in first["env"]}
        assert (values["ASYA_ACTOR_NAME"], values["ASYA_NAMESPACE"]) == ("llm", TEAM)
        assert values["ASYA_ENDPOINT_ALLOW"] == "loopback"


def test_a_container_runs_the_handler(cluster: InjectedCluster) -> None:
    """By its own image, and a dry run writes nothing."""
    wanted = pod("with-handler", {"name": "app", "image": "app:1", "args": ["serve"]}, inject="true", actor="handler")
    shown = cluster.run("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(wanted))
    assert relays(json.loads(shown))
    app = cluster.make(wanted)["spec"]["containers"][0]
    assert (app["image"], app["command"]) == ("app:1", ["python3", "/opt/asya/asya_runtime.pyz"])
    assert "args" not in app
    assert {"/opt/asya", "/var/run/asya"} <= {mount["mountPath"] for mount in app["volumeMounts"]}


def test_what_is_refused_names_the_fix(cluster: InjectedCluster) -> None:
    """To who makes a pod, and in the events of a ReplicaSet."""
    denied = 'admission webhook "inject.pods.asya.sh" denied the request: '
    assert cluster.make(pod("a", inject="true"), 422).startswith(
        f"{denied}metadata.labels[asya.sh/actor]: Required value: the pod is labelled asya.sh/inject"
    )
    assert cluster.make(pod("a", inject="true", actor="who"), 422) == (
        f'{denied}there is no AsyncActor "who" in namespace "{TEAM}"; create it first, or correct the label '
        "asya.sh/actor of the pod"
    )
    assert cluster.make(pod("a", inject="true", actor="own"), 422).startswith(
        f'{denied}metadata.labels[asya.sh/inject]: AsyncActor "own" makes its own pods'
    )
    taken = pod("a", {"name": "vllm", "image": "v"}, {"name": "asya-relay", "image": "x"}, inject="true", actor="llm")
    assert cluster.make(taken, 422).startswith(f'{denied}spec.containers[1].name: "asya-relay" is reserved')
    two = pod("a", {"name": "a", "image": "v"}, {"name": "b", "image": "x"}, inject="true", actor="handler")
    assert "the pod has several containers (a, b)" in cluster.make(two, 422)
    template = {"metadata": {"labels": {"app": "lost", "asya.sh/inject": "true", "asya.sh/actor": "who"}},
                "spec": pod("")["spec"]}  # fmt: skip
    replicas = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "lost", "namespace": TEAM},
                "spec": {"selector": {"matchLabels": {"app": "lost"}}, "template": template}}  # fmt: skip
    cluster.apply([replicas])
    until(lambda: 'no AsyncActor "who"' in cluster.run("get", "events", "-n", TEAM), "an event tells of it")
    cluster.run("delete", "replicaset", "lost", "-n", TEAM)


def test_nobody_else_is_asked_about(cluster: InjectedCluster) -> None:
    """Pods without the label, those of kube-system, and those beside our server."""
    until(lambda: "default" in cluster.run("get", "serviceaccounts", "-n", "kube-system", "-o", "name"), "pods can be")
    until(lambda: "default" in cluster.run("get", "serviceaccounts", "-n", NAMESPACE, "-o", "name"), "and there")
    assert not relays(cluster.make(pod("plain", actor="llm")))
    assert not relays(cluster.make(pod("static", namespace="kube-system", inject="true")))
    assert not relays(cluster.make(pod("server", namespace=NAMESPACE, inject="true")))


def agent(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """What some service mesh adds: a sidecar of its own, and a variable for each container; once."""
    if any(one["name"] == "agent" for one in wanted["spec"]["containers"]):
        return []
    variable = {"name": "AGENT", "value": "here"}
    operations = [{"op": "add", "path": "/spec/containers/-", "value": {"name": "agent", "image": "agent:1"}}]
    for kind in ("initContainers", "containers"):
        for place, one in enumerate(wanted["spec"].get(kind, [])):
            value: Any = variable if "env" in one else [variable]
            operations.append({"op": "add", "path": f"/spec/{kind}/{place}/env{'/-' if 'env' in one else ''}",
                               "value": value})  # fmt: skip
    return operations


@pytest.mark.parametrize("name", ["zz-after", "aa-before"])
def test_a_webhook_of_others_and_ours_leave_each_other_alone(cluster: InjectedCluster, name: str) -> None:
    """Called again after it has changed the pod, ours changes nothing; both parts are there once."""
    other = OtherWebhook(cluster.kubernetes.users, agent)
    try:
        cluster.apply([other.configuration(name)])
        again = cluster.reviews("allowed")

        def both() -> Any:
            made = cluster.make(pod("meshed", inject="true", actor="llm"))
            seen = [one["name"] for one in made["spec"]["containers"]] == ["vllm", "agent"]
            if not seen:
                cluster.run("delete", "pod", "meshed", "-n", TEAM, "--force")
            return made if seen else None

        made = until(both, "kube-apiserver has taken the configuration")
        (relay,) = relays(made)
        names = [one["name"] for one in relay["env"]]
        assert len(names) == len(set(names)), "nothing is there twice"
        if name == "zz-after":
            assert "AGENT" in names
            assert cluster.reviews("allowed") > again, "ours was called again, and had nothing to do"
    finally:
        cluster.run("delete", "mutatingwebhookconfiguration", name)
        cluster.run("delete", "pod", "meshed", "-n", TEAM, "--force", "--ignore-not-found")
        other.stop()


class Stream:
    """Makes pods without a pause, by some threads, and keeps what was wrong with any."""

    def __init__(self, cluster: InjectedCluster) -> None:
        self.cluster = cluster
        self.over = threading.Event()
        self.made = 0
        self.wrong: list[str] = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(STREAMS)]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int) -> None:
        count = 0
        with self.cluster.api() as api:
            while not self.over.is_set():
                count += 1
                wanted = pod(f"stream-{number}-{count}", inject="true", actor="llm")
                answer = api.post(f"/api/v1/namespaces/{TEAM}/pods", json=wanted)
                injected = answer.status_code == 201 and len(relays(answer.json())) == 1
                with self.lock:
                    self.made += 1
                    if not injected:
                        self.wrong.append(answer.text)

    def end(self) -> None:
        """No more pods."""
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_certificates_are_exchanged_under_a_stream_of_pods(cluster: InjectedCluster) -> None:
    """CA and certificate are others at the end, and every pod was injected."""
    before = cluster.secret()
    following = Authority(cluster.folder, "next-serving")
    data = {"next-ca.crt": following.certificate.read_text(), "next-ca.key": following.key.read_text(),
            "next-since": "2026-01-01T00:00:00Z"}  # fmt: skip
    stream = Stream(cluster)
    try:
        cluster.run("patch", "secret", "asya-serving", "-n", NAMESPACE, "--type=merge", "-p",
                    json.dumps({"stringData": data}))  # fmt: skip
        until(lambda: cluster.secret()["ca.crt"] == data["next-ca.crt"], "the server has gone over")
        until(lambda: cluster.secret()["tls.crt"] != before["tls.crt"], "and has a new certificate")
        seen = stream.made
        until(lambda: stream.made > seen + 50, "pods go on being made")
    finally:
        stream.end()
    assert not stream.wrong, stream.wrong[:3]
    assert stream.made > 50
    assert all(before["ca.crt"] in bundle and data["next-ca.crt"] in bundle for bundle in cluster.bundles())


def test_who_applies_a_chart_does_not_take_the_ca_away(cluster: InjectedCluster) -> None:
    """Another CA, or none, is put right within seconds, by a field manager of our own."""
    ca = cluster.secret()["ca.crt"]
    cluster.apply([one for one in cluster.rendered() if one["kind"].endswith("WebhookConfiguration")])
    assert all(ca in bundle for bundle in cluster.bundles()), "an apply of ours never takes it"
    other = json.dumps([{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "Cg=="}])
    for name in CONFIGURATIONS:
        cluster.run("patch", name, "--type=json", "-p", other)
    until(lambda: all(ca in bundle for bundle in cluster.bundles()), "ours is there again")
    for whole in (one for one in cluster.rendered() if one["kind"].endswith("WebhookConfiguration")):
        cluster.run("replace", "-f", "-", stdin=json.dumps(whole))
    until(lambda: all(ca in bundle for bundle in cluster.bundles()), "and after a replace, as Argo CD may do it")
    for name in CONFIGURATIONS:
        whole = json.loads(cluster.run("get", name, "--show-managed-fields", "-o", "json"))
        ours = next(one for one in whole["metadata"]["managedFields"] if one["manager"] == "asya-ca-bundle")
        assert "f:caBundle" in json.dumps(ours["fieldsV1"])
    assert relays(cluster.make(pod("after-chart", inject="true", actor="llm")))


def test_pods_that_came_before_the_webhook_are_replaced(cluster: InjectedCluster) -> None:
    """One after the other, by their ReplicaSet; until then they say what is wrong."""
    cluster.apply([actor("early")])
    cluster.run("delete", *CONFIGURATIONS)

    def let_pass() -> bool:
        made = cluster.make(pod("alone", inject="true", actor="early"))
        if relays(made):
            cluster.run("delete", "pod", "alone", "-n", TEAM, "--force")
        return not relays(made)

    until(let_pass, "kube-apiserver asks nobody")
    labels = {"app": "early", "asya.sh/inject": "true", "asya.sh/actor": "early"}
    template = {"metadata": {"labels": labels}, "spec": pod("")["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "early"}}, "template": template}
    replicas = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "early", "namespace": TEAM}}
    cluster.apply([replicas | {"spec": spec}])

    def ages() -> list[datetime.timedelta]:
        pods = json.loads(cluster.run("get", "pods", "-n", TEAM, "-l", "app=early", "-o", "json"))["items"]
        now = datetime.datetime.now(datetime.UTC)
        return [now - datetime.datetime.fromisoformat(one["metadata"]["creationTimestamp"]) for one in pods]

    until(lambda: cluster.events_of("alone") == {"WebhookMissing"}, "the pod says why")
    until(lambda: len(ages()) == 2, "the others are there")
    until(lambda: all(age > SAME_SECOND for age in ages()), "they are older than what is made now")
    cluster.apply([one for one in cluster.rendered() if one["kind"].endswith("WebhookConfiguration")])

    def injected() -> int:
        """How many there are; each gets ready as soon as it is there, since no kubelet says so."""
        pods = json.loads(cluster.run("get", "pods", "-n", TEAM, "-l", "app=early", "-o", "json"))["items"]
        with_relay = [one for one in pods if relays(one)]
        ready = json.dumps({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        for one in with_relay:
            cluster.run("patch", "pod", one["metadata"]["name"], "-n", TEAM, "--subresource=status", "-p", ready)
        return len(with_relay)

    until(lambda: injected() >= 1, "one was replaced")
    assert injected() == 1, "and not all at once"
    until(lambda: injected() == 2, "and then the other")
    until(lambda: cluster.events_of("alone") == {"WebhookMissing", "RelayMissing"}, "what nothing makes anew stays")
    cluster.run("delete", "pod", "alone", "-n", TEAM, "--force")
    cluster.run("delete", "replicaset", "early", "-n", TEAM)


def test_without_a_server_only_labelled_pods_wait(cluster: InjectedCluster) -> None:
    """Who asked for a relay is refused rather than started without it."""
    cluster.server.__exit__()
    try:
        assert 'failed calling webhook "inject.pods.asya.sh"' in cluster.make(pod("b", inject="true", actor="llm"), 500)
        assert not relays(cluster.make(pod("unlabelled")))
    finally:
        cluster.start_server()
    until(lambda: cluster.condition() == "True", "the API is available")

    def made() -> bool:
        with cluster.api() as api:
            answer = api.post(f"/api/v1/namespaces/{TEAM}/pods", json=pod("c", inject="true", actor="llm"))
        return answer.status_code == 201 and len(relays(answer.json())) == 1

    until(made, "pods are injected again")


def test_a_server_is_not_ready_before_it_shows_the_certificate_of_all(cluster: InjectedCluster) -> None:
    """Until then kube-apiserver would not believe it, and pods that it is asked about could not be made."""
    role = json.loads(cluster.run("get", "role", "asya-server", "-n", NAMESPACE, "-o", "json"))
    less = [rule for rule in role["rules"] if rule["resources"] != ["secrets"]]
    cluster.server.__exit__()
    cluster.run("patch", "role", "asya-server", "-n", NAMESPACE, "--type=merge", "-p", json.dumps({"rules": less}))
    account = ("--as", f"system:serviceaccount:{NAMESPACE}:asya-server", "-n", NAMESPACE)
    until(
        lambda: "[asya-serving]" not in cluster.run("auth", "can-i", "--list", *account), "it may not read its Secret"
    )
    cluster.start_server()
    with cluster.direct() as server:
        actors = "/apis/asya.sh/v1alpha1/asyncactors"
        until(lambda: server.get(actors).status_code == 200, "it knows whom to believe, and its database")
        assert server.get("/readyz?exclude=store").status_code == 500
        patch = json.dumps({"rules": role["rules"]})
        cluster.run("patch", "role", "asya-server", "-n", NAMESPACE, "--type=merge", "-p", patch)
        until(lambda: server.get("/readyz?exclude=store").status_code == 200, "it is ready")
    until(lambda: cluster.condition() == "True", "the API is available")
    assert relays(cluster.make(pod("after-ready", inject="true", actor="llm")))
