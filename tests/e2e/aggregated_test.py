"""asya-server as an aggregated API of a real kube-apiserver: kubectl, rights of the cluster, forged headers, losses."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from aggregated_cluster import API_SERVICE, HOSTS, NAMESPACE, AggregatedCluster
from asya_project import PATIENCE_S, until
from direct_server import FLOWS, GROUP, flow

from private_pki import Authority
from private_postgres import PrivatePostgres

ACTOR = """\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {name: inference, namespace: vision}
spec: {image: "i:1", handler: m.f, replicas: 1, scaling: {enabled: false}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AggregatedCluster]:
    """One for all tests of this file: its start takes seconds."""
    with AggregatedCluster(tmp_path_factory.mktemp("aggregated")) as made:
        made.run("create", "namespace", "vision")
        made.run("create", "rolebinding", "eve", "--clusterrole=edit", "--user=eve", "--namespace=vision")
        until(lambda: may(made), "the cluster has put our roles into its own")
        yield made


def may(cluster: AggregatedCluster) -> bool:
    """Whether eve may make actors."""
    command = cluster.command("auth", "can-i", "create", "asya", "-n", "vision", "--as=eve")
    return subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False).returncode == 0


def test_kubectl_works_through_the_cluster(cluster: AggregatedCluster) -> None:
    """Raw, apply of both kinds, edit, watch, explain, wait, scale, can-i, delete; by a user with the role edit."""
    eve: dict[str, Any] = {"user": "eve"}
    assert json.loads(cluster.run("get", "--raw", GROUP))["kind"] == "APIResourceList"
    assert cluster.run("apply", "-f", "-", stdin=ACTOR, **eve) == "asyncactor.asya.sh/inference created\n"
    watch = subprocess.Popen(cluster.command("get", "asya", "-n", "vision", "-w", "-o", "name", **eve),
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert watch.stdout is not None
        assert watch.stdout.readline() == "asyncactor.asya.sh/inference\n"
        cluster.run("label", "asya", "inference", "-n", "vision", "team=vision", **eve)
        assert watch.stdout.readline() == "asyncactor.asya.sh/inference\n"
    finally:
        watch.kill()
        watch.wait()
    applied = cluster.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=ACTOR, **eve)
    assert applied == "asyncactor.asya.sh/inference serverside-applied\n"
    edited = cluster.run("edit", "asya", "inference", "-n", "vision", EDITOR="sed -i s/i:1/i:2/", **eve)
    assert edited == "asyncactor.asya.sh/inference edited\n"
    waited = cluster.run("wait", "--for=jsonpath={.spec.image}=i:2", "asya/inference", "-n", "vision", **eve)
    assert "condition met" in waited
    assert "scaled" in cluster.run("scale", "asya/inference", "-n", "vision", "--replicas=3", **eve)
    assert "handler" in cluster.run("explain", "asyncactor.spec", **eve)
    assert "inference" in cluster.run("get", "asya", "-n", "vision", **eve)
    assert cluster.run("auth", "can-i", "delete", "asya", "-n", "vision", **eve).endswith("yes\n")
    history = json.loads(cluster.run("get", "--raw", f"{GROUP}/namespaces/vision/asyncactors/inference/history"))
    assert {item["user"] for item in history["items"]} == {"eve"}
    deleted = cluster.run("delete", "asya", "inference", "-n", "vision", "--timeout=30s", **eve)
    assert deleted == 'asyncactor.asya.sh "inference" deleted\n'
    assert "No resources found" in cluster.run("get", "asya", "-n", "vision", **eve)


def test_documents_of_the_cluster_hold_ours(cluster: AggregatedCluster) -> None:
    """OpenAPI v2 in both forms, which one bad model name would break for everybody, v3, and aggregated discovery."""
    with cluster.client("root", url=cluster.kubernetes.url) as client:
        path = f"{GROUP}/namespaces/{{namespace}}/asyncactors"
        until(lambda: path in client.get("/openapi/v2").json()["paths"], "it is in the one document of the cluster")
        document = client.get("/openapi/v2").json()
        assert "/api/v1/namespaces" in document["paths"]
        names = [name for name in document["definitions"] if "AsyncActor" in name]
        assert names and not [name for name in names if "/" in name]
        protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
        answer = client.get("/openapi/v2", headers={"Accept": protobuf})
        assert answer.status_code == 200 and b"asyncactors" in answer.content
        index = client.get("/openapi/v3").json()["paths"]
        assert client.get(index[GROUP.removeprefix("/")]["serverRelativeURL"]).json()["openapi"] == "3.0.0"
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        groups = client.get("/apis", headers={"Accept": accept}).json()["items"]
        ours = next(group for group in groups if group["metadata"]["name"] == "asya.sh")
        assert ours["versions"][0]["freshness"] == "Current"
        assert len(ours["versions"][0]["resources"]) == 6


def test_a_user_without_rights_is_refused(cluster: AggregatedCluster) -> None:
    """By kube-apiserver, and by us for who comes past it: by certificate, and by a token of the cluster."""
    refusal = 'User "bob" cannot list resource "asyncactors" in API group "asya.sh" in the namespace "vision"'
    assert refusal in cluster.run("get", "asya", "-n", "vision", user="bob", code=1)
    path = f"{GROUP}/namespaces/vision/asyncactors"
    with cluster.client("bob") as bob, cluster.client("eve") as eve:
        answer = bob.get(path)
        assert answer.status_code == 403 and answer.json()["message"].endswith(refusal), answer.text
        assert answer.json()["reason"] == "Forbidden"
        assert bob.get(GROUP).status_code == 200, "what there is may be known"
        assert eve.get(path).status_code == 200
        assert eve.get(f"{GROUP}/namespaces/default/asyncactors").status_code == 403
        assert eve.patch(f"{path}/x/status", json={}).status_code == 403
    cluster.run("create", "serviceaccount", "robot", "-n", "vision")
    cluster.run("create", "rolebinding", "robot", "-n", "vision", "--clusterrole=view",
                "--serviceaccount=vision:robot")  # fmt: skip
    token = cluster.run("create", "token", "robot", "-n", "vision").strip()
    with cluster.client(token=token) as robot, cluster.client(token=token[:-5] + "AAAAA") as nobody:
        assert robot.get(path).status_code == 200
        assert robot.get(f"{GROUP}/flavors").status_code == 403, "a role in a namespace is none in the cluster"
        answer = robot.delete(path)
        assert answer.status_code == 403, answer.text
        assert 'User "system:serviceaccount:vision:robot" cannot deletecollection' in answer.json()["message"]
        assert nobody.get(path).status_code == 401


def test_nobody_gets_pods_by_an_actor(cluster: AggregatedCluster) -> None:
    """Who may write actors but no pods is refused; so is an account that the user may not use, or a trigger of KEDA."""
    cluster.run("create", "role", "actors", "-n", "vision", "--verb=create,get", "--resource=asyncactors.asya.sh")
    cluster.run("create", "rolebinding", "carl", "-n", "vision", "--role=actors", "--user=carl")
    refused = cluster.run("create", "--as=carl", "-f", "-", stdin=ACTOR, code=1)
    assert 'cannot create resource "pods" in API group ""' in refused
    other = ACTOR.replace("handler: m.f", "handler: m.f, serviceAccountName: robot").replace("inference", "robotic")
    refused = cluster.run("create", "-f", "-", stdin=other, user="eve", code=1)
    assert 'cannot use resource "serviceaccounts" "robot"' in refused
    rule = {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["helper"], "verbs": ["use"]}
    cluster.apply([{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                    "metadata": {"name": "robots", "namespace": "vision"}, "rules": [rule]}])  # fmt: skip
    cluster.run("create", "rolebinding", "robots", "-n", "vision", "--role=robots", "--user=eve")
    cluster.run("create", "-f", "-", stdin=other.replace("serviceAccountName: robot", "serviceAccountName: helper"),
                user="eve")  # fmt: skip
    trigger = '{type: cron, metadata: {timezone: UTC, start: "0 8 * * *", end: "0 9 * * *", desiredReplicas: "1"}}'
    timed = ACTOR.replace("inference", "timed").replace(
        "replicas: 1, scaling: {enabled: false}", f"scaling: {{additionalTriggers: [{trigger}]}}"
    )
    refused = cluster.run("create", "-f", "-", stdin=timed, user="eve", code=1)
    assert 'cannot create resource "scaledobjects" in API group "keda.sh" in the namespace "vision"' in refused


def test_headers_are_believed_of_the_proxy_alone(cluster: AggregatedCluster) -> None:
    """Whoever else sends them is who they are by certificate or token, or nobody."""
    path = f"{GROUP}/flows"
    forged = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
    with cluster.client() as stranger, cluster.client("bob") as bob:
        assert stranger.get(path, headers=forged).status_code == 401
        assert bob.get(path, headers=forged).status_code == 403
    as_proxy = cluster.kubernetes.users.sign("forged", "/CN=front-proxy-client")
    other_name = cluster.kubernetes.front_proxies.sign("other-name", "/CN=mallory")
    foreign = Authority(cluster.folder, "front-proxy-foreign").sign("foreign", "/CN=front-proxy-client")
    proxy = cluster.kubernetes.folder / "front-proxy-client.crt", cluster.kubernetes.folder / "front-proxy-client.key"
    expected = [(as_proxy, 403), (other_name, 401), (foreign, 401), (proxy, 200)]
    for certificate, status in expected:
        with cluster.client(certificate=certificate) as client:
            answer = client.get(path, headers=forged)
            assert answer.status_code == status, (certificate, answer.text)
    with cluster.client(certificate=proxy) as client:
        assert client.get(path).status_code == 401, "it names nobody"
        assert client.get(path, headers={"X-Remote-User": "bob"}).status_code == 403


def test_the_authority_of_proxies_is_exchanged_without_a_restart(cluster: AggregatedCluster) -> None:
    """The cluster takes a second one and uses it; so do we."""
    folder = cluster.kubernetes.folder
    following = Authority(cluster.folder, "front-proxy-next")
    certificate = following.sign("next-proxy", "/CN=front-proxy-client")
    named = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}

    def believed() -> bool:
        with cluster.client(certificate=certificate) as client:
            return client.get(f"{GROUP}/flows", headers=named).status_code == 200

    assert not believed()
    bundle = folder / "front-proxy-ca.crt"
    bundle.write_text(bundle.read_text() + following.certificate.read_text())
    until(believed, "the new authority is believed")
    for made, used in zip(certificate, ("front-proxy-client.crt", "front-proxy-client.key"), strict=True):
        (folder / used).write_bytes(made.read_bytes())
    assert "No resources found" in cluster.run("get", "flows", "-n", "vision", user="eve")


def test_namespaces_of_the_cluster_count(cluster: AggregatedCluster) -> None:
    """Creates in a missing or terminating one are refused in the very words of the cluster; what lies in it goes."""
    with cluster.client("root", url=cluster.kubernetes.url) as client:
        ours, theirs = f"{GROUP}/namespaces/%s/flows", "/api/v1/namespaces/%s/configmaps"
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}}
        missing = client.post(ours % "nowhere", json=flow("late"))
        assert (missing.status_code, missing.json()) == (404, client.post(theirs % "nowhere", json=config).json())
        cluster.run("create", "namespace", "short")
        held = flow("held")
        held["metadata"]["finalizers"] = ["example.com/hold"]
        assert client.post(ours % "short", json=held).status_code == 201
        assert client.post(ours % "short", json=flow("free")).status_code == 201
        client.delete("/api/v1/namespaces/short")
        until(lambda: client.get(ours % "short" + "/free").status_code == 404, "the cluster has deleted what it could")
        late, known = client.post(ours % "short", json=flow("late")), client.post(theirs % "short", json=config)
        assert late.status_code == known.status_code == 403
        said = json.loads(known.text.replace("configmaps", "flows.asya.sh", 1))
        said["details"] |= {"group": "asya.sh", "kind": "flows"}
        assert late.json() == said
        until(lambda: "flows.asya.sh has 1 resource" in client.get("/api/v1/namespaces/short").text, "it says why")
        patch = {"Content-Type": "application/merge-patch+json"}
        client.patch(ours % "short" + "/held", content='{"metadata":{"finalizers":null}}', headers=patch)
        until(lambda: client.get("/api/v1/namespaces/short").status_code == 404, "the namespace has gone")
        assert client.get(ours % "short").json()["items"] == []


def test_other_groups_go_on_without_our_server(cluster: AggregatedCluster) -> None:
    """Killed, it is unavailable, and nothing else is; started again, all is as it was."""
    with cluster.client("root", url=cluster.kubernetes.url) as client:
        made = client.post(FLOWS, json=flow("kept")).json()
        cluster.server.kill()
        assert client.get(FLOWS + "/kept").status_code == 503
        for path in ("/api/v1/namespaces", "/apis", "/apis/apps/v1/deployments", "/openapi/v2", "/openapi/v3"):
            assert client.get(path).status_code == 200, path
        assert "namespace/vision" in cluster.run("get", "namespaces", "-o", "name")
        cluster.start_server()
        until(lambda: client.get(FLOWS + "/kept").status_code == 200, "it is back")
        assert client.get(FLOWS + "/kept").json() == made
        until(lambda: cluster.condition() == "True", "the cluster takes it for available")
        client.delete(FLOWS + "/kept")


def test_the_serving_authority_is_exchanged_without_a_gap(cluster: AggregatedCluster) -> None:
    """The new one comes into the APIService beside the old one, then the certificate; it comes back when it is lost."""
    following = Authority(cluster.folder, "serving-next")
    certificate, key = following.sign("asya-server-next", "/CN=asya-server", HOSTS)

    def named() -> bool:
        bundle = cluster.run("get", API_SERVICE, "-o", "jsonpath={.spec.caBundle}")
        return following.certificate.read_text() in base64.b64decode(bundle).decode()

    def proxied() -> str:
        return cluster.run("get", "flows", "-n", "vision", user="eve")

    assert not named()
    cluster.serving_ca.write_text(following.certificate.read_text() + cluster.ca.read_text())
    until(named, "both are named")
    assert "No resources found" in proxied()
    for made, used in zip((certificate, key), cluster.serving, strict=True):
        used.write_bytes(made.read_bytes())

    def served() -> bool:
        with contextlib.suppress(httpx.ConnectError), httpx.Client(
            verify=ssl.create_default_context(cafile=str(following.certificate))
        ) as client:  # fmt: skip
            return client.get(f"https://{cluster.address}/livez").status_code == 200
        return False

    until(served, "the new certificate is served")
    assert "No resources found" in proxied()
    cluster.apply([one for one in cluster.rendered() if one["kind"] == "APIService"])
    until(named, "it is named again")
    assert "No resources found" in proxied()
    until(lambda: cluster.condition() == "True", "it is available")


def test_another_database_is_not_believed(cluster: AggregatedCluster) -> None:
    """An empty one says nothing of owners: their dependents stay, and all is as before with the right one."""
    with cluster.client("root", url=cluster.kubernetes.url) as client:
        owner = client.post(FLOWS, json=flow("master")).json()
        reference = {
            "apiVersion": "asya.sh/v1alpha1",
            "kind": "Flow",
            "name": "master",
            "uid": owner["metadata"]["uid"],
        }
        config = {"apiVersion": "v1", "kind": "ConfigMap",
                  "metadata": {"name": "kept", "ownerReferences": [reference]}}  # fmt: skip
        kept = "/api/v1/namespaces/default/configmaps/kept"
        cluster.server.kill()
        cluster.start_server("another")
        until(lambda: any("installation" in str(line.get("error")) for line in cluster.server.lines()), "it is told")
        assert client.post(kept.rpartition("/")[0], json=config).status_code == 201
        for path in (FLOWS, FLOWS + "/master", f"{GROUP}/flows"):
            answer = client.get(path)
            assert answer.status_code == 503 and answer.json()["reason"] == "ServiceUnavailable", answer.text
        assert client.post(FLOWS, json=flow("lost")).status_code == 503
        assert client.get(GROUP).status_code == 200
        with cluster.client() as direct:
            assert direct.get("/readyz").status_code == 500 and direct.get("/livez").status_code == 200
        cluster.server.kill()
        cluster.start_server()
        until(lambda: client.get(FLOWS + "/master").status_code == 200, "the right one is believed")
        assert client.get(FLOWS + "/master").json() == owner
        assert client.get(kept).status_code == 200
        client.delete(FLOWS + "/master")
        until(lambda: client.get(kept).status_code == 404, "now it goes")


def test_the_cluster_collects_dependents(cluster: AggregatedCluster) -> None:
    """Its garbage collector knows our kinds, though it looks for new ones only every 30 s: what they own goes first."""
    with cluster.client("root", url=cluster.kubernetes.url) as client:
        owner = client.post(FLOWS, json=flow("owner")).json()
        reference = {"apiVersion": "asya.sh/v1alpha1", "kind": "Flow", "name": "owner", "uid": owner["metadata"]["uid"],
                     "blockOwnerDeletion": True}  # fmt: skip
        config = {"apiVersion": "v1", "kind": "ConfigMap",
                  "metadata": {"name": "owned", "ownerReferences": [reference]}}  # fmt: skip
        place = "/api/v1/namespaces/default/configmaps"
        assert client.post(place, json=config).status_code == 201
        assert client.delete(FLOWS + "/owner", params={"propagationPolicy": "Foreground"}).status_code == 200
        until(lambda: client.get(FLOWS + "/owner").status_code == 404, "the owner has gone")
        assert client.get(place + "/owned").status_code == 404


def test_a_database_that_is_away_disturbs_nobody_else(cluster: AggregatedCluster) -> None:
    """A PostgreSQL that the cluster is told to take, killed and started: only objects of ours are away meanwhile."""
    with PrivatePostgres() as database, cluster.client("root", url=cluster.kubernetes.url) as client:

        def take(**place: str) -> None:
            cluster.server.kill()
            cluster.run("delete", "configmap", "asya-installation", "--namespace", NAMESPACE)
            cluster.start_server(**place)
            until(lambda: client.get(FLOWS).status_code == 200, "the database is taken")

        take(database=database.dsn)
        made = client.post(FLOWS, json=flow("stored")).json()
        database.kill()
        until(lambda: client.get(FLOWS + "/stored").status_code == 503, "it is away")
        refused = client.post(FLOWS, json=flow("lost"))
        assert refused.status_code == 503 and refused.headers["Retry-After"], refused.text
        for path in (GROUP, "/apis", "/openapi/v2", "/openapi/v3", "/api/v1/namespaces", "/apis/apps/v1/deployments"):
            assert client.get(path).status_code == 200, path
        assert cluster.condition() == "True"
        database.start()
        until(lambda: client.get(FLOWS + "/stored").status_code == 200, "it is back")
        assert client.get(FLOWS + "/stored").json() == made
        take(folder="server")


def test_definitions_of_the_same_kinds_are_in_the_way(cluster: AggregatedCluster) -> None:
    """The server is not ready until they have gone, and says what to do."""
    done = subprocess.run([cluster.programs() / "asya-server", "render", "crds"], check=True, capture_output=True)
    flavors = next(one for one in yaml.safe_load_all(done.stdout) if one["metadata"]["name"] == "flavors.asya.sh")
    cluster.apply([flavors])
    cluster.server.kill()
    cluster.start_server()
    with cluster.client() as direct, cluster.client("root") as root:
        told = "the cluster has CustomResourceDefinition flavors.asya.sh"
        until(lambda: any(told in str(line.get("error")) for line in cluster.server.lines()), "it is told")
        assert direct.get("/readyz").status_code == 500
        assert root.get(f"{GROUP}/flavors").status_code == 503
        cluster.run("delete", "crd", "flavors.asya.sh")
        until(lambda: direct.get("/readyz").status_code == 200, "it is ready")
        assert root.get(f"{GROUP}/flavors").status_code == 200
