"""`asya-server api` as a process on a free port, a certificate authority for it, and HTTP and watches against it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx
from asya_project import PATIENCE_S, ROOT, until

GROUP = "/apis/asya.sh/v1alpha1"
FLOWS = GROUP + "/namespaces/default/flows"
PROGRAMS = Path(os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin")))


def thing(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """A whole object."""
    version = "v1" if kind == "Namespace" else "asya.sh/v1alpha1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def flow(name: str) -> dict[str, Any]:
    """A whole Flow."""
    return thing("Flow", name, entrypoint="echo")


class Authority:
    """A certificate authority made with the openssl command, as docs/direct-mode.md does it."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self._openssl("req", "-x509", *self._new_key(name), "-days", "1", "-subj", f"/CN=asya-{name}",
                      "-out", str(self.certificate))  # fmt: skip

    @property
    def certificate(self) -> Path:
        """Of the authority itself."""
        return self.folder / f"{self.name}.crt"

    def sign(self, name: str, *groups: str, server: bool = False, file: str = "") -> tuple[str, str]:
        """Paths of a certificate and its key: of the user in the groups, or of a server on 127.0.0.1."""
        file = file or name
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={name}"
        request = self.folder / f"{file}.csr"
        self._openssl("req", "-new", *self._new_key(file), "-subj", subject, "-out", str(request))
        extensions = self.folder / f"{file}.ext"
        extensions.write_text(
            "extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1\n" if server else "extendedKeyUsage=clientAuth\n"
        )
        certificate = self.folder / f"{file}.crt"
        self._openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey",
                      str(self.folder / f"{self.name}.key"), "-CAcreateserial", "-days", "1", "-extfile",
                      str(extensions), "-out", str(certificate))  # fmt: skip
        return str(certificate), str(self.folder / f"{file}.key")

    def _new_key(self, file: str) -> list[str]:
        curve = "ec_paramgen_curve:prime256v1"
        return ["-newkey", "ec", "-pkeyopt", curve, "-nodes", "-keyout", str(self.folder / f"{file}.key")]

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


class DirectServer:
    """One process of `asya-server api`; it is ended with its context."""

    def __init__(self, folder: Path, ca: Path | str, *arguments: str, database: str = "", listen: str = "",
                 environment: dict[str, str] | None = None) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = str(ca)
        self.arguments = arguments
        self.log_path = folder / "server.log"
        command = [str(PROGRAMS / "asya-server"), "api", "--listen", listen or "127.0.0.1:0", *arguments]
        if not database:
            command += ["--database-file", str(folder / "asya.db")]
        variables = {"PATH": os.environ["PATH"], "HOME": str(folder), **(environment or {})}
        if database:
            variables["ASYA_DATABASE_URL"] = database
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env=variables)
        self.address = until(self._serving, "the server serves")
        self.url = "https://" + self.address

    def __enter__(self) -> DirectServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        print(f"--- {self.log_path}\n{self.log_path.read_text(errors='replace')[-4000:]}")

    def _serving(self) -> str:
        assert self.process.poll() is None, self.log_path.read_text()
        lines = [line for line in self.lines() if line["msg"] == "serving"]
        return str(lines[0]["address"]) if lines else ""

    def lines(self) -> list[dict[str, Any]]:
        """What was logged."""
        whole = self.log_path.read_text(errors="replace").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.wait()

    def client(self, *, token: str = "", certificate: tuple[str, str] | None = None) -> httpx.Client:
        """A client that trusts the server, and is known by a token or certificate or not at all."""
        context = ssl.create_default_context(cafile=self.ca)
        if certificate:
            context.load_cert_chain(*certificate)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, verify=context, headers=headers, timeout=PATIENCE_S)


class Watch(threading.Thread):
    """A watch of flows in the background: (type, name, revision) of each event."""

    def __init__(self, client: httpx.Client, revision: str) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.revision = revision
        self.events: list[tuple[str, str, int]] = []
        self.ended_cleanly = False
        self.over = threading.Event()
        self.open = threading.Event()
        self.start()
        assert self.open.wait(PATIENCE_S), "the watch is open"

    def run(self) -> None:
        """Read to the end."""
        query = {"watch": "true", "resourceVersion": self.revision, "timeoutSeconds": "600"}
        try:
            with self.client.stream("GET", FLOWS, params=query) as response:
                assert response.status_code == 200, response.read()
                self.open.set()
                for line in response.iter_lines():
                    event = json.loads(line)
                    metadata = event["object"]["metadata"]
                    self.events.append((event["type"], metadata["name"], int(metadata["resourceVersion"])))
            self.ended_cleanly = True
        except httpx.HTTPError:
            pass  # the server has gone
        finally:
            self.over.set()

    def names(self) -> list[str]:
        """Of what was added, in order."""
        return [name for kind, name, _ in self.events if kind == "ADDED"]
