"""The cluster of tests does what a cluster has to: pods with sidecars, Services, names, tokens, logs, commands."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from private_cluster.image_archive import ImageSettings, Member, write_archive
from private_cluster.kubectl import LOOK_PAUSE_S, PATIENCE_S, TOOLS, Kubectl
from private_cluster.layout import Place
from private_cluster.state import State

IMAGE = "localhost/python:1"
SERVE = ["python3", "-u", "-m", "http.server"]
READ = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())"
READ_API = """
import json, ssl, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
token = open(folder + "token").read()
url = "https://kubernetes.default.svc/api/v1/namespaces/" + open(folder + "namespace").read() + "/pods"
request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
context = ssl.create_default_context(cafile=folder + "ca.crt")
pods = json.load(urllib.request.urlopen(request, context=context))["items"]
print([pod["metadata"]["name"] for pod in pods])
"""
UNKNOWN = """
import socket
try:
    socket.getaddrinfo("example.org", 80)
except socket.gaierror as error:
    print(error.errno == socket.EAI_NONAME)
"""


def probe(port: int) -> dict[str, Any]:
    return {"httpGet": {"port": port, "path": "/"}, "periodSeconds": 1, "failureThreshold": 60}


def deployment(name: str, replicas: int) -> dict[str, Any]:
    """Two HTTP servers in a pod, one of them a native sidecar that has to be up before the other starts."""
    sidecar = {"name": "relay", "image": IMAGE, "command": [*SERVE, "8081"], "restartPolicy": "Always"}
    main = {"name": "main", "image": IMAGE, "command": [*SERVE, "8080"], "readinessProbe": probe(8080)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "initContainers": [{**sidecar, "startupProbe": probe(8081)}],
                    "containers": [{**main, "resources": {"limits": {"memory": "128Mi"}}}],
                },
            },
        },
    }


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def rolled_out(kubectl: Kubectl, name: str, replicas: int) -> None:
    kubectl.until("deployment", name, holds=lambda found: found["status"].get("readyReplicas") == replicas)


def in_pod(kubectl: Kubectl, program: str, *words: str) -> str:
    """What a Python program printed in a pod of the deployment."""
    return kubectl("exec", "deployment/web", "-c", "main", "--", "python3", "-c", program, *words)


@pytest.fixture
def web(kubectl: Kubectl) -> Kubectl:
    kubectl.apply(deployment("web", 2), service("web"))
    rolled_out(kubectl, "web", 2)
    return kubectl


def test_a_deployment_with_a_native_sidecar_rolls_out(web: Kubectl) -> None:
    pods = web.get("pods")["items"]
    assert len(pods) == 2
    for pod in pods:
        sidecar, main = pod["status"]["initContainerStatuses"][0], pod["status"]["containerStatuses"][0]
        assert sidecar["state"]["running"]["startedAt"] <= main["state"]["running"]["startedAt"]
        assert (sidecar["restartCount"], main["restartCount"]) == (0, 0)


def test_a_pod_reaches_services_by_name(web: Kubectl) -> None:
    for name in ("web", f"web.{web.namespace}", f"web.{web.namespace}.svc.cluster.local"):
        assert "Directory listing" in in_pod(web, READ, f"http://{name}/")


def test_the_machine_reaches_a_node_port(web: Kubectl) -> None:
    web("patch", "service", "web", "--patch", '{"spec": {"type": "NodePort"}}')
    port = web.get("service", "web")["spec"]["ports"][0]["nodePort"]
    url = f"http://{os.environ['ASYA_TEST_CLUSTER_ADDRESS']}:{port}/"
    deadline = time.monotonic() + PATIENCE_S
    while not answers(url):
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(LOOK_PAUSE_S)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_pod_reaches_the_api_by_its_token(web: Kubectl) -> None:
    web("create", "rolebinding", "view", "--clusterrole=view", f"--serviceaccount={web.namespace}:default")
    assert in_pod(web, READ_API).count("web-") == 2


def test_logs_and_commands_of_each_container(web: Kubectl) -> None:
    pod = web.get("pods")["items"][0]["metadata"]["name"]
    web("exec", pod, "-c", "main", "--", "python3", "-c", READ, "http://localhost:8081/?sought")
    assert "GET / HTTP" in web("logs", pod, "-c", "main")
    assert "GET /?sought" in web("logs", pod, "-c", "relay")
    assert web("exec", pod, "-c", "relay", "--", "sh", "-c", "id -u; echo here") == "0\nhere\n"


@pytest.fixture
def machine_url() -> Iterator[str]:
    """Of an HTTP server on the machine, at its end of the link."""

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from the machine")

    with http.server.ThreadingHTTPServer((os.environ["ASYA_TEST_CLUSTER_MACHINE"], 0), Hello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://outside.testcluster:{server.server_port}/"
        server.shutdown()


def test_pods_reach_the_machine_by_name_and_the_world_not(web: Kubectl, machine_url: str) -> None:
    assert in_pod(web, READ, machine_url) == "from the machine\n"
    assert in_pod(web, UNKNOWN) == "True\n"


def test_an_image_that_is_loaded_runs(kubectl: Kubectl, tmp_path: Path) -> None:
    program = subprocess.run(
        [TOOLS / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    settings = ImageSettings(entrypoint=("/kubectl", "version", "--client"), user="65534")
    write_archive(tmp_path / "image.tar", "localhost/loaded:1", [Member.file("kubectl", Path(program))], settings)
    name = os.environ["ASYA_TEST_CLUSTER"]
    subprocess.run([TOOLS / "testcluster", "load-image", "--name", name, tmp_path / "image.tar"], check=True)
    spec = {"containers": [{"name": "main", "image": "localhost/loaded:1"}], "restartPolicy": "Never"}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "loaded"}, "spec": spec})
    kubectl.until("pod", "loaded", holds=lambda found: found["status"]["phase"] == "Succeeded")
    assert "Client Version" in kubectl("logs", "loaded")


def test_a_killed_kubelet_comes_back(kubectl: Kubectl) -> None:
    state = State.read(Place.of(os.environ["ASYA_TEST_CLUSTER"]))
    assert state is not None
    (before,) = children(state.process, "kubelet")
    os.kill(before, signal.SIGKILL)
    kubectl.apply(deployment("web", 1))
    rolled_out(kubectl, "web", 1)
    (after,) = children(state.process, "kubelet")
    assert after != before


def children(first: int, name: str) -> list[int]:
    """Processes of that name under the first process of a cluster."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = file.read_text().rpartition(")")
        except OSError:
            continue
        if int(tail.split()[1]) == first and head.endswith(f"({name}"):
            found.append(int(file.parent.name))
    return found
