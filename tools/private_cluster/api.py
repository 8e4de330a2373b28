"""Asks a cluster's API as its administrator, with nothing but the standard library."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ANSWER_LIMIT_S = 10
FIELD_MANAGER = "testcluster"


class Api:
    """Of the cluster at `url` whose keys lie in a folder."""

    def __init__(self, keys: Path, url: str) -> None:
        self._context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        self._context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
        self._url = url

    def get(self, path: str) -> Any:
        """The object at a path; None while there is none, or no API."""
        try:
            return json.loads(self._ask("GET", path))
        except OSError:
            return None

    def ready(self) -> bool:
        """Whether `/readyz` says ok."""
        try:
            return self._ask("GET", "/readyz") == b"ok"
        except OSError:
            return False

    def apply(self, path: str, manifest: str) -> None:
        """Server-side apply of a manifest in JSON or YAML."""
        self._ask("PATCH", f"{path}?fieldManager={FIELD_MANAGER}&force=true", manifest.encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self._url + path, data=body, method=method)
        request.add_header("Content-Type", "application/apply-patch+yaml")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_LIMIT_S, context=self._context) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise OSError(f"{method} {path}: {error.code} {text[:500]}") from error


def condition(found: Any, kind: str) -> bool:
    """Whether an object has that condition, and it is True."""
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)
