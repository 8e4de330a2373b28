"""An OpenID Connect issuer on HTTPS, with one RSA key made by the openssl command."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from direct_server import Authority


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Issuer:
    """Serves its discovery document and its keys for as long as its context lasts."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.key = folder / "signing.key"
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        shown = subprocess.run(
            ["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True
        )
        modulus = bytes.fromhex(shown.stdout.decode().strip().removeprefix("Modulus="))
        key = {"kty": "RSA", "use": "sig", "kid": "one", "n": _base64url(modulus), "e": "AQAB"}
        answers: dict[str, Any] = {"/keys": {"keys": [key]}}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(answers[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.sign("issuer", server=True))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        answers["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": self.url + "/keys"}

    def __enter__(self) -> Issuer:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def token(self, **claims: Any) -> str:
        """An identity token, good for an hour unless the claims say otherwise."""
        whole = {"iss": self.url, "aud": "asya", "exp": int(time.time()) + 3600} | claims
        header = {"alg": "RS256", "kid": "one"}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, whole))
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(), check=True, capture_output=True
        )
        return text + "." + _base64url(signed.stdout)
