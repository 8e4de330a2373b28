"""Secrets of `asya-server api` on PostgreSQL: servers that share keys, that change them, and that have none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from asya_project import until
from direct_place import DirectPlace
from direct_server import DirectServer, thing

from private_postgres import PrivatePostgres

SECRETS = "/api/v1/namespaces/default/secrets"
VALUE = "aHVudGVyMg=="


def secret(name: str) -> dict[str, object]:
    """A whole release of Helm."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "helm.sh/release.v1",
            "data": {"release": VALUE}}  # fmt: skip


class Servers:
    """On one database."""

    def __init__(self, folder: Path, database: PrivatePostgres) -> None:
        self.folder = folder
        self.database = database
        self.place = DirectPlace(folder / "place")

    def new_key(self) -> str:
        """A line, as the document makes it."""
        return subprocess.run(["openssl", "rand", "-base64", "32"], capture_output=True, text=True, check=True).stdout

    def write_keys(self, name: str, *keys: str) -> Path:
        """The file of a server's keys, in one step."""
        path = self.folder / f"{name}.keys"
        path.with_suffix(".next").write_text("".join(keys))
        path.with_suffix(".next").rename(path)
        return path

    def start(self, name: str, *keys: str) -> DirectServer:
        """One with these keys, or with none."""
        arguments = list(self.place.arguments)
        if keys:
            path = self.write_keys(name, *keys)
            arguments.append(f"--encryption-key-file={path}")
        return DirectServer(
            self.folder / name, self.place.authority.certificate, *arguments, database=self.database.dsn
        )


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """A fresh database."""
    with PrivatePostgres() as database:
        yield Servers(tmp_path, database)


def test_servers_share_secrets_by_their_keys(servers: Servers) -> None:
    """What one has sealed another opens, in reads and in watches; keys are exchanged while releases stay readable."""
    root = servers.place.root
    old, new = servers.new_key(), servers.new_key()
    with servers.start("bare") as bare, bare.client(certificate=root) as client:
        refused = client.post(SECRETS, json=secret("a"))
        assert refused.status_code == 403 and "--encryption-key-file" in refused.json()["message"]
        assert client.get(SECRETS).json()["items"] == []
    with servers.start("one", old) as one, servers.start("two", old, new) as two:
        first, second = one.client(certificate=root), two.client(certificate=root)
        query = {"watch": "true", "resourceVersion": second.get(SECRETS).json()["metadata"]["resourceVersion"]}
        with second.stream("GET", SECRETS, params=query) as watch:
            made = first.post(SECRETS, json=secret("a"))
            assert made.status_code == 201, made.text
            assert json.loads(next(watch.iter_lines()))["object"] == made.json()
        assert second.get(f"{SECRETS}/a").json() == made.json()
        assert first.post("/api/v1/namespaces", json=thing("Namespace", "lost")).status_code == 201
        assert first.post("/api/v1/namespaces/lost/secrets", json=secret("a")).status_code == 201
        assert first.get(f"{SECRETS}/a/history").status_code == 404
    with servers.start("three", new, old) as three, three.client(certificate=root) as client:
        assert client.get(f"{SECRETS}/a").json()["data"] == {"release": VALUE}
        assert client.post(SECRETS, json=secret("b")).status_code == 201
    with servers.start("four", new) as four, four.client(certificate=root) as client:
        assert client.get(f"{SECRETS}/b").json()["data"] == {"release": VALUE}
        assert client.get(f"{SECRETS}/a").status_code == 500, "it lies under the old key"
        assert client.put(f"{SECRETS}/a", json=secret("a")).status_code == 500, "what cannot be read is not replaced"
        client.delete("/api/v1/namespaces/lost")
        until(lambda: client.get("/api/v1/namespaces/lost").status_code == 404, "a namespace goes without the key too")


def test_keys_are_exchanged_while_servers_run(servers: Servers) -> None:
    """The new one is added everywhere, then moved to the top, then the old one goes; nobody is restarted."""
    root = servers.place.root
    old, new = servers.new_key(), servers.new_key()

    def exchange(*keys: str) -> None:
        counts = [sum(line["msg"] == "changed files are in use" for line in server.lines()) for server in both]
        for name in ("one", "two"):
            servers.write_keys(name, *keys)
        until(lambda: all(sum(line["msg"] == "changed files are in use" for line in server.lines()) > count
                          for server, count in zip(both, counts, strict=True)), "both have the keys")  # fmt: skip

    with servers.start("one", old) as one, servers.start("two", old) as two:
        both = (one, two)
        first, second = one.client(certificate=root), two.client(certificate=root)
        assert first.post(SECRETS, json=secret("a")).status_code == 201
        exchange(old, new)
        exchange(new, old)
        assert first.post(SECRETS, json=secret("b")).status_code == 201
        assert second.get(f"{SECRETS}/a").status_code == second.get(f"{SECRETS}/b").status_code == 200
        exchange(new)
        assert second.get(f"{SECRETS}/b").status_code == 200, "it was sealed under the new key"
        assert second.get(f"{SECRETS}/a").status_code == 500, "nobody has written it anew"
