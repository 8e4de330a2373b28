"""Keys and certificates of a private Kubernetes for tests: openssl, elliptic curves, valid for a day or as told."""

from __future__ import annotations

import subprocess
from pathlib import Path

DAYS = 1


def _openssl(*arguments: str, stdin: str = "") -> None:
    done = subprocess.run(["openssl", *arguments], input=stdin, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")


def _make_key(path: Path) -> None:
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", str(path))


class Authority:
    """A certificate authority in a folder: NAME.crt and NAME.key, and what it has signed beside them."""

    def __init__(self, folder: Path, name: str, days: int = DAYS) -> None:
        self.folder = folder
        self._days = str(days)
        self.certificate = folder / f"{name}.crt"
        self.key = folder / f"{name}.key"
        _make_key(self.key)
        _openssl(
            "req", "-x509", "-new", "-key", str(self.key), "-days", self._days, "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,digitalSignature",
            "-out", str(self.certificate),
        )  # fmt: skip

    def sign(self, name: str, subject: str, hosts: tuple[str, ...] = ()) -> tuple[Path, Path]:
        """Certificate and key for a subject such as ``/O=team/CN=alice``; `hosts` (``DNS:localhost``) for a server.

        A server's is good for a client as well: programs that call each other show the same one both ways.
        """
        certificate, key, request = (self.folder / f"{name}.{kind}" for kind in ("crt", "key", "csr"))
        _make_key(key)
        _openssl("req", "-new", "-key", str(key), "-subj", subject, "-out", str(request))
        extensions = self.folder / f"{name}.ext"
        usage = "serverAuth,clientAuth" if hosts else "clientAuth"
        lines = ["keyUsage=critical,digitalSignature", f"extendedKeyUsage={usage}"]
        if hosts:
            lines.append("subjectAltName=" + ",".join(hosts))
        extensions.write_text("\n".join(lines) + "\n")
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key),
            "-CAcreateserial", "-days", self._days, "-extfile", str(extensions), "-out", str(certificate),
        )  # fmt: skip
        request.unlink()
        extensions.unlink()
        return certificate, key


def make_signing_key(folder: Path, name: str) -> tuple[Path, Path]:
    """Private and public key for the tokens of ServiceAccounts."""
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    _make_key(private)
    _openssl("pkey", "-in", str(private), "-pubout", "-out", str(public))
    return private, public
