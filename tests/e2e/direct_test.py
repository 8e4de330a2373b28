"""The API for a team in one process: who is known, what each may do, and files that change while it serves."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from asya_project import ROOT, until
from direct_server import FLOWS, GROUP, Authority, DirectServer, Watch, flow, thing
from oidc_issuer import Issuer

TOKENS = 't0ken-root,root,1,"system:masters"\nt0ken-ada,ada,2,"vision,night"\nt0ken-eve,eve,3\n'
ROLES = "bindings:\n- {role: edit, groups: [vision], namespaces: [default]}\n"


class Place:
    """Files of one server and its authority."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "pki")
        self.certificate, self.key = self.authority.sign("server", server=True)
        self.tokens = folder / "tokens.csv"
        self.roles = folder / "roles.yaml"
        self.tokens.write_text(TOKENS)
        self.roles.write_text(ROLES)

    def arguments(self) -> list[str]:
        """The whole command line."""
        return [f"--tls-cert-file={self.certificate}", f"--tls-private-key-file={self.key}",
                f"--client-ca-file={self.authority.certificate}", f"--token-auth-file={self.tokens}",
                f"--roles-file={self.roles}"]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Files for a server."""
    return Place(tmp_path)


@pytest.fixture
def server(place: Place) -> Iterator[DirectServer]:
    """One that serves."""
    with DirectServer(place.folder / "one", place.authority.certificate, *place.arguments()) as made:
        yield made


def test_users_are_known_by_certificate_or_token(place: Place, server: DirectServer) -> None:
    """And nobody else, beside health and version."""
    who = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}

    def name(client: httpx.Client) -> str:
        answer = client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=who)
        if answer.status_code == 401:
            assert answer.json()["message"] == "Unauthorized"
            return "nobody"
        info = answer.json()["status"]["userInfo"]
        return " ".join([info["username"], *info["groups"]])

    ada = place.authority.sign("ada", "vision")
    assert name(server.client(certificate=ada)) == "ada vision system:authenticated"
    assert name(server.client(token="t0ken-ada")) == "ada vision night system:authenticated"
    assert name(server.client(token="t0ken-eve", certificate=ada)).startswith("ada "), "certificates come first"
    assert name(server.client()) == "nobody"
    assert name(server.client(token="t0ken")) == "nobody"
    foreign = Authority(place.folder / "foreign").sign("root", "system:masters")
    assert name(server.client(certificate=foreign)) == "nobody"
    assert name(server.client(certificate=foreign, token="t0ken-eve")).startswith("eve ")
    anonymous = server.client()
    for path in ("/livez", "/readyz", "/healthz", "/version"):
        assert anonymous.get(path).status_code == 200, path
    for path in ("/", "/api", "/apis", "/openapi/v2", "/openapi/v3", "/metrics", GROUP + "/flavors", "/nothing"):
        assert anonymous.get(path).status_code == 401, path
    assert "asya_http" in server.client(token="t0ken-eve").get("/metrics").text
    plain = httpx.get(f"http://{server.address}/livez")
    assert plain.status_code == 400 and "TLS only" in plain.text


def test_roles_say_what_each_may_do(server: DirectServer) -> None:
    """Own namespace, others, cluster-scoped kinds; the words of kube-apiserver."""
    root, ada, eve = (server.client(token=f"t0ken-{name}") for name in ("root", "ada", "eve"))
    assert root.post("/api/v1/namespaces", json=thing("Namespace", "other")).status_code == 201
    assert ada.post(FLOWS, json=flow("mine")).status_code == 201
    refused = ada.get(GROUP + "/namespaces/other/flows")
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        'flows.asya.sh is forbidden: User "ada" cannot list resource "flows" in API group "asya.sh" in the namespace '
        '"other"'
    )
    assert ada.get(GROUP + "/flows").status_code == 403
    assert ada.get(GROUP + "/flavors").status_code == 200
    flavor = thing("Flavor", "small", concurrency=1)
    assert ada.post(GROUP + "/flavors", json=flavor).status_code == 403
    assert root.post(GROUP + "/flavors", json=flavor).status_code == 201
    assert ada.get("/api/v1/namespaces/default").status_code == 200
    assert ada.get("/api/v1/namespaces/other").status_code == 403
    listed = ada.get("/api/v1/namespaces?fieldSelector=metadata.name%3Ddefault&fieldSelector=")
    assert [item["metadata"]["name"] for item in listed.json()["items"]] == ["default"]
    assert ada.get("/api/v1/namespaces?fieldSelector=&fieldSelector=metadata.name%3Ddefault").status_code == 403
    assert eve.get(FLOWS).status_code == 403
    assert eve.get("/apis").status_code == 200
    assert root.get(FLOWS, headers={"Impersonate-User": "eve"}).status_code == 403
    assert ada.get(FLOWS, headers={"Impersonate-User": "root"}).status_code == 403
    status = ada.patch(FLOWS + "/mine/status", content="{}", headers={"Content-Type": "application/merge-patch+json"})
    assert status.status_code == 403 and '"flows/status"' in status.json()["message"]


def test_changed_files_are_used_without_a_restart(place: Place, server: DirectServer) -> None:
    """Tokens, roles, the serving certificate and the client CA; what is broken is logged and changes nothing."""
    ada = server.client(token="t0ken-ada")
    root = server.client(token="t0ken-root")
    assert ada.get(FLOWS).status_code == 200

    place.roles.write_text("bindings: [{role: owner}]")
    until(lambda: any("bindings[0].role" in str(line) for line in server.lines()), "the mistake is logged")
    assert ada.get(FLOWS).status_code == 200
    place.roles.write_text("bindings: []")
    until(lambda: ada.get(FLOWS).status_code == 403, "roles are taken")

    place.tokens.write_text("broken\n")
    until(lambda: any("line 1: token,user" in str(line) for line in server.lines()), "the mistake is logged")
    assert root.get(FLOWS).status_code == 200
    place.tokens.write_text(TOKENS.replace("t0ken-root", "t0ken-new"))
    until(lambda: server.client(token="t0ken-new").get(FLOWS).status_code == 200, "tokens are taken")
    assert root.get(FLOWS).status_code == 401, "of a connection that was open, too"

    # A pair that does not fit, then one that does, from another authority.
    other = Authority(place.folder / "other")
    certificate, key = other.sign("server", server=True)
    shutil.copy(certificate, place.certificate)
    until(lambda: any("key of the certificate" in str(line) or "no PEM key" in str(line) for line in server.lines()),
          "the misfit is logged")  # fmt: skip
    assert server.client(token="t0ken-new").get(FLOWS).status_code == 200
    shutil.copy(key, place.key)
    kept = server.client(token="t0ken-new")
    server.ca = str(other.certificate)

    def trusted() -> bool:
        try:
            return server.client(token="t0ken-new").get(FLOWS).status_code == 200
        except httpx.ConnectError:
            return False

    until(trusted, "the new certificate is served")
    with pytest.raises(httpx.ConnectError):
        kept.get(FLOWS)  # it trusts the old authority alone

    grace = other.sign("grace", "system:masters")
    assert server.client(certificate=grace).get(FLOWS).status_code == 401
    shutil.copy(other.certificate, place.authority.certificate)
    until(lambda: server.client(certificate=grace).get(FLOWS).status_code == 200, "the new client CA is taken")
    metrics = server.client(certificate=grace).get("/metrics").text
    assert 'asya_server_reloads_total{outcome="taken",what="roles"} 1' in metrics
    assert not any(secret in server.log_path.read_text() for secret in ("t0ken", "PRIVATE KEY"))


def test_identity_tokens_of_an_issuer_name_users(place: Place) -> None:
    """By its keys, which are fetched over HTTPS."""
    with Issuer(place.authority, place.folder / "issuer") as issuer, DirectServer(
        place.folder / "one", place.authority.certificate, *place.arguments(), f"--oidc-issuer-url={issuer.url}",
        "--oidc-client-id=asya", "--oidc-groups-claim=groups", f"--oidc-ca-file={place.authority.certificate}",
    ) as server:  # fmt: skip
        token = issuer.token(sub="ada", groups=["vision", "system:masters"])
        until(lambda: server.client(token=token).get(FLOWS).status_code == 200, "the keys are fetched")
        assert server.client(token=token).get(GROUP + "/flows").status_code == 403, "no master by a token"
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        who = server.client(token=token).post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=review)
        assert who.json()["status"]["userInfo"] == {
            "username": issuer.url + "#ada",
            "groups": ["vision", "system:authenticated"],
        }
        assert server.client(token=issuer.token(sub="ada", aud="other")).get(FLOWS).status_code == 401
        assert server.client(token=issuer.token(sub="ada", exp=1)).get(FLOWS).status_code == 401
        assert server.client(token=token[:-4] + "AAAA").get(FLOWS).status_code == 401
        assert server.client(token=token.rpartition(".")[0] + ".").get(FLOWS).status_code == 401
        assert any(line.get("reason") == "it has expired" for line in server.lines())


def test_dependents_and_namespaces_are_looked_after(server: DirectServer) -> None:
    """Deletions in the foreground end, and so do those of namespaces."""
    root = server.client(token="t0ken-root")
    owner = root.post(GROUP + "/flavors", json=thing("Flavor", "owner", concurrency=1)).json()
    dependent = flow("dependent")
    dependent["metadata"]["ownerReferences"] = [
        {"apiVersion": "asya.sh/v1alpha1", "kind": "Flavor", "name": "owner", "uid": owner["metadata"]["uid"],
         "blockOwnerDeletion": True}
    ]  # fmt: skip
    assert root.post(FLOWS, json=dependent).status_code == 201
    root.delete(GROUP + "/flavors/owner", params={"propagationPolicy": "Foreground"})
    until(lambda: root.get(GROUP + "/flavors/owner").status_code == 404, "the owner has gone")
    assert root.get(FLOWS + "/dependent").status_code == 404
    assert root.post("/api/v1/namespaces", json=thing("Namespace", "short")).status_code == 201
    held = flow("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    short = GROUP + "/namespaces/short/flows"
    assert root.post(short, json=held).status_code == 201
    assert root.delete("/api/v1/namespaces/short").json()["status"]["phase"] == "Terminating"
    assert root.post(short, json=flow("late")).status_code == 403
    patch = {"Content-Type": "application/merge-patch+json"}
    root.patch(short + "/held", content='{"metadata":{"finalizers":null}}', headers=patch)
    until(lambda: root.get("/api/v1/namespaces/short").status_code == 404, "the namespace has gone")


def test_a_server_that_is_told_to_end_ends_its_watches(server: DirectServer) -> None:
    """SIGTERM: watches end cleanly, and the exit code is 0."""
    root = server.client(token="t0ken-root")
    made = root.post(FLOWS, json=flow("last")).json()
    watch = Watch(server.client(token="t0ken-ada"), "0")
    until(lambda: watch.names() == ["last"], "the watch is open")
    server.process.terminate()
    assert server.process.wait(30) == 0
    assert watch.over.wait(30) and watch.ended_cleanly
    with DirectServer(server.log_path.parent, server.ca, *server.arguments) as again:
        assert again.client(token="t0ken-root").get(FLOWS + "/last").json() == made


def test_one_queue_belongs_to_one_actor(server: DirectServer) -> None:
    """As everywhere."""
    root = server.client(token="t0ken-root")
    for namespace in ("a", "a-b"):
        root.post("/api/v1/namespaces", json=thing("Namespace", namespace))

    def create(namespace: str, name: str) -> httpx.Response:
        body = thing("AsyncActor", name, image="i", handler="m.f")
        return root.post(f"{GROUP}/namespaces/{namespace}/asyncactors", json=body)

    assert create("a-b", "c").status_code == 201
    clash = create("a", "b-c")
    assert clash.status_code == 422 and "belongs to actor" in clash.text


def test_a_start_that_cannot_be_is_told(place: Place, tmp_path: Path) -> None:
    """All mistakes at once and exit code 64; a busy port and a foreign file."""
    programs = Path(os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin")))

    def start(*arguments: str, url: str = "") -> tuple[int, str]:
        done = subprocess.run([programs / "asya-server", "api", *arguments], capture_output=True, text=True,
                              timeout=60, check=False, env={"ASYA_DATABASE_URL": url})  # fmt: skip
        return done.returncode, done.stderr

    code, told = start("--listen=0.0.0.0:1", "--token-auth-file=none")
    assert code == 64
    assert "--tls-cert-file: is missing" in told and "--token-auth-file: cannot read" in told
    assert "--database-file: is missing" in told
    code, told = start("--listen=127.0.0.1:0", *place.arguments(), url="postgres://u:s3cret@127.0.0.1:1/d")
    assert code == 1 and "127.0.0.1" in told and "s3cret" not in told
    with DirectServer(tmp_path / "first", place.authority.certificate, *place.arguments()) as first:
        file = str(tmp_path / "first" / "asya.db")
        code, told = start("--listen=127.0.0.1:0", "--database-file", file, *place.arguments())
        assert code == 1 and "another" in told, told
        code, told = start(f"--listen={first.address}", "--database-file", str(tmp_path / "x.db"), *place.arguments())
        assert code == 1 and "is in use by another process" in told
