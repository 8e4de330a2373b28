"""A folder with an authority and users for `asya-server api`, servers on it, and kubeconfigs for programs of others."""

from __future__ import annotations

import json
from pathlib import Path

from direct_server import Authority, DirectServer

ROLES = "bindings: [{role: edit, groups: [vision], namespaces: [vision]}]\n"
EVE_TOKEN = "t0ken-eve"  # edit in the namespace vision, and nothing else


class DirectPlace:
    """`root` is an administrator by certificate, `eve` a user by token. Servers begin on the same SQLite file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.authority = Authority(folder / "pki")
        self.root = self.authority.sign("root", "system:masters")
        certificate, key = self.authority.sign("server", server=True)
        (folder / "tokens.csv").write_text(f'{EVE_TOKEN},eve,1,"vision"\n')
        (folder / "roles.yaml").write_text(ROLES)
        self.arguments = [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
                          f"--client-ca-file={self.authority.certificate}",
                          f"--token-auth-file={folder / 'tokens.csv'}",
                          f"--roles-file={folder / 'roles.yaml'}"]  # fmt: skip

    @property
    def database(self) -> Path:
        """The file in which the servers keep everything."""
        return self.folder / "server" / "asya.db"

    def start(self, listen: str = "") -> DirectServer:
        """A server; one at a time."""
        return DirectServer(self.folder / "server", self.authority.certificate, *self.arguments, listen=listen)

    def kubeconfig(self, server: DirectServer, user: str = "root") -> Path:
        """A file for the user, which names the address that the server has now."""
        certificate, key = self.root
        users = {"root": {"client-certificate": certificate, "client-key": key}, "eve": {"token": EVE_TOKEN}}
        cluster = {"server": server.url, "certificate-authority": str(self.authority.certificate)}
        context = {"cluster": "asya", "user": user, "namespace": "vision" if user == "eve" else "default"}
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "asya",
            "clusters": [{"name": "asya", "cluster": cluster}],
            "users": [{"name": user, "user": users[user]}],
            "contexts": [{"name": "asya", "context": context}],
        }))  # fmt: skip
        return path
