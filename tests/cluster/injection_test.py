"""Relays in pods of others, by the chart: they run and work, and get their relay whatever becomes of the servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asya_cluster import PYTHON_IMAGE, TEAM, eventually
from chart_cluster import CHART, CONFIGURATIONS, ChartCluster

from private_cluster.kubectl import PATIENCE_S
from private_cluster.layout import ClusterError
from private_pki import Authority

ENVELOPES = 12
STREAMS = 4
STREAM_PAUSE_S = 0.05
STREAM_PODS_MAX = 6000
SOME_PODS = 20
WEBHOOKS_PORT = 6445
LIMIT_S = 4 * PATIENCE_S
ROLLOUT_S = 100  # less than a call of kubectl may take
SEEN_CERTIFICATE = "import ssl, sys; print(ssl.get_server_certificate((sys.argv[1], int(sys.argv[2]))))"
HANDLER = """
def tag(payload):
    return {**payload, "tag": f"tag {payload['number']}"}
"""
MODEL = """
import http.server
import json
import signal
import sys


class Model(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(text.upper()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("", 8000), Model).serve_forever()
"""
# Two halves of what the standard wants; who renders pods may put each into the pod or into its containers.
AS_NOBODY: dict[str, Any] = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
CONTAINED: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def bound(name: str, deployment: str, **spec: Any) -> dict[str, Any]:
    """An actor whose pods are those of a Deployment."""
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}
    return {
        "apiVersion": "asya.sh/v1alpha1", "kind": "AsyncActor", "metadata": {"name": name},
        "spec": {"workloadRef": workload, "scaling": {"enabled": False}, "resiliency": {"actorTimeout": "20s"}} | spec,
    }  # fmt: skip


def deployment(name: str, actor: str, container: dict[str, Any], **pod: Any) -> dict[str, Any]:
    """As a chart of somebody else renders it, with a folder of programs."""
    labels = {"app": name, "asya.sh/inject": "true", "asya.sh/actor": actor}
    mounts = [{"name": "programs", "mountPath": "/srv/programs", "readOnly": True}]
    main = {"name": "main", "image": PYTHON_IMAGE, "volumeMounts": mounts} | container
    spec = {"containers": [main], "volumes": [{"name": "programs", "configMap": {"name": "programs"}}]} | pod
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template}}  # fmt: skip


def labelled(name: str) -> dict[str, Any]:
    """A pod that asks for the relay of `upper`, and is never started."""
    labels = {"asya.sh/inject": "true", "asya.sh/actor": "upper", "stream": "true"}
    main = {"name": "main", "image": PYTHON_IMAGE, "securityContext": AS_NOBODY | CONTAINED}
    spec = {"containers": [main], "schedulingGates": [{"name": "example.com/never"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def relays(pod: dict[str, Any]) -> list[str]:
    """Their images."""
    return [one["image"] for one in pod["spec"].get("initContainers", []) if one["name"] == "asya-relay"]


@pytest.fixture(scope="module")
def cluster(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChartCluster]:
    """With an actor whose handler runs in a container of others, and one for their model server."""
    with ChartCluster(tmp_path_factory.mktemp("chart")) as made:
        programs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "programs"}}
        handler = {"command": ["/what/the/image/runs"], "env": [{"name": "PYTHONPATH", "value": "/srv/programs"}]}
        model = {"command": ["python3", "-u", "/srv/programs/model.py"], "securityContext": AS_NOBODY | CONTAINED}
        endpoint = {"url": "http://localhost:8000/", "protocol": "json", "input": "/tag", "output": "/upper"}
        made.team.apply(
            programs | {"data": {"tags.py": HANDLER, "model.py": MODEL}},
            bound("tag", "tagger", handler="tags.tag"),
            bound("upper", "models", endpoint=endpoint, concurrency=4),
            deployment("tagger", "tag", handler | {"securityContext": CONTAINED}, securityContext=AS_NOBODY),
            deployment("models", "upper", model | {"readinessProbe": {"httpGet": {"port": 8000, "path": "/"}}}),
        )
        for name in ("tagger", "models"):
            made.team("rollout", "status", f"deployment/{name}", f"--timeout={ROLLOUT_S}s")
        yield made


@pytest.mark.timeout(LIMIT_S)
def test_envelopes_go_through_pods_of_others(cluster: ChartCluster, images: dict[str, str]) -> None:
    """Through a handler of theirs and then a model server, as users that the relay does not run as."""
    tasks = cluster.send(ENVELOPES, "tag", "upper")
    expected = {n: {"number": n, "tag": f"tag {n}", "upper": f"TAG {n}"} for n in range(ENVELOPES)}
    assert cluster.results(tasks) == expected
    for app in ("tagger", "models"):
        (pod,) = cluster.team.get("pods", "-l", f"app={app}")["items"]
        assert relays(pod) == [images["relay"]]
        statuses = pod["status"]["initContainerStatuses"] + pod["status"]["containerStatuses"]
        assert [(one["ready"], one["restartCount"]) for one in statuses] == [(True, 0)] * len(statuses)
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        cluster.team("run", "open", f"--image={PYTHON_IMAGE}", "--restart=Never")


class Stream:
    """Makes pods by some threads, and keeps what became of any that has no relay."""

    def __init__(self, cluster: ChartCluster, name: str) -> None:
        self.cluster, self.name = cluster, name
        self.over = threading.Event()
        self.made = 0
        self.wrong: list[str] = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(STREAMS)]

    def __enter__(self) -> Stream:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.cluster.team("delete", "pods", "-l", "stream=true", "--wait=false")

    def _run(self, number: int) -> None:
        for count in range(STREAM_PODS_MAX // STREAMS):
            pod = labelled(f"{self.name}-{number}-{count}")
            answer = self.cluster.api.post(f"/api/v1/namespaces/{TEAM}/pods", pod)
            injected = answer.status_code == 201 and len(relays(answer.json())) == 1
            with self.lock:
                self.made += 1
                if not injected:
                    self.wrong.append(answer.text)
            if self.over.wait(STREAM_PAUSE_S):
                return

    def goes_on(self) -> None:
        """Waits for some more."""
        seen = self.made
        eventually(lambda: self.made > seen + SOME_PODS, "pods go on being made")


@pytest.mark.timeout(LIMIT_S)
def test_certificates_are_exchanged_under_a_stream_of_pods(cluster: ChartCluster) -> None:
    """All servers come to have another one, of another CA, and every pod got its relay."""
    before = cluster.secret()
    following = Authority(cluster.folder, "next-serving")
    data = {"next-ca.crt": following.certificate.read_text(), "next-ca.key": following.key.read_text(),
            "next-since": "2026-01-01T00:00:00Z"}  # fmt: skip

    def shown() -> set[str]:
        """By each server that answers reviews."""
        pods = cluster.system.get("pods", "-l", "app.kubernetes.io/name=asya-server")["items"]
        read = ("exec", "deployment/tagger", "-c", "main", "--", "python3", "-c", SEEN_CERTIFICATE)
        return {cluster.team(*read, pod["status"]["podIP"], str(WEBHOOKS_PORT)).strip() for pod in pods}

    assert shown() == {before["tls.crt"].strip()}
    with Stream(cluster, "exchange") as stream:
        cluster.system("patch", "secret", "asya-serving", "--type=merge", "-p", json.dumps({"stringData": data}))
        eventually(lambda: cluster.secret()["ca.crt"] == data["next-ca.crt"], "the servers have gone over")
        eventually(lambda: shown() == {cluster.secret()["tls.crt"].strip()}, "each of them has")
        stream.goes_on()
    assert not stream.wrong, stream.wrong[:3]
    assert shown() != {before["tls.crt"].strip()}
    assert all(before["ca.crt"] in bundle and data["next-ca.crt"] in bundle for bundle in cluster.bundles())
    cluster.team("rollout", "restart", "deployment/models")
    cluster.team("rollout", "status", "deployment/models", f"--timeout={ROLLOUT_S}s")


@pytest.mark.timeout(LIMIT_S)
def test_an_upgrade_under_a_stream_of_pods_is_not_noticed(cluster: ChartCluster) -> None:
    """Servers go and others come, and what they have written into the objects of the chart stays."""
    ca = cluster.secret()["ca.crt"]
    servers = cluster.system.get("pods", "-l", "app.kubernetes.io/name=asya-server")["items"]
    with Stream(cluster, "upgrade") as stream:
        stream.goes_on()
        cluster.helm("upgrade", "asya", CHART, "--reuse-values", "--set=server.logLevel=DEBUG", "--wait")
        for server in servers:
            cluster.system("wait", "--for=delete", f"pod/{server['metadata']['name']}", f"--timeout={ROLLOUT_S}s")
        stream.goes_on()
    assert not stream.wrong, (len(stream.wrong), stream.made, stream.wrong[:3])
    assert all(ca in bundle for bundle in cluster.bundles())


@pytest.mark.timeout(LIMIT_S)
def test_the_release_leaves_nothing_that_keeps_pods_from_being_made(cluster: ChartCluster) -> None:
    """It stays while there are actors, and their pods can be made; later pods with the label are as others."""
    with pytest.raises(ClusterError, match=f"nobody would drain: {TEAM}/tag, {TEAM}/upper"):
        cluster.helm("uninstall", "asya")
    assert all("CERTIFICATE" in bundle for bundle in cluster.bundles())
    cluster.team("delete", "asya", "--all", f"--timeout={ROLLOUT_S}s")
    cluster.helm("uninstall", "asya", "--timeout=5m")
    for name in CONFIGURATIONS:
        assert cluster.admin("get", name, "--ignore-not-found") == ""
    made = cluster.api.post(f"/api/v1/namespaces/{TEAM}/pods", labelled("later")).raise_for_status().json()
    assert relays(made) == []
