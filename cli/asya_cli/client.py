"""The server's HTTP API: every call has a deadline, every refusal becomes a message that names the fix."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import httpx

from asya_cli.failure import NOT_FOUND, REFUSED, UNREACHABLE, Failure
from asya_cli.progress import upload, worth_a_bar
from asya_cli.project import Server

TIMEOUT_S = 30.0
API = "/apis/asya.sh/v1alpha1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


URL_FIX = "--server or ASYA_SERVER is the URL of a server, as http://127.0.0.1:8080"
# By the status of the answer.
FIXES = {
    401: "ASYA_TOKEN=… asya …; inside the project's folder the token of its server.json is used without --server",
    413: "send less: a reference to large data instead of the data itself",
}


class Client:
    """A connection to one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        headers = {"User-Agent": "asya-cli"}
        if server.token:
            headers["Authorization"] = "Bearer " + server.token
        try:
            self._http = httpx.Client(base_url=server.url, headers=headers, timeout=TIMEOUT_S, trust_env=False)
        except httpx.InvalidURL as error:
            raise Failure(f"the server {server.url!r} is no URL: {error}", URL_FIX, UNREACHABLE) from error

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> httpx.Response:
        """One request; raises :class:`Failure` for anything but a 2xx."""
        sent = dict(headers or {})
        content: bytes | None = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        pieces: bytes | Iterator[bytes] | None = content
        if content is not None and worth_a_bar(content):
            pieces = upload(content)
            sent["Content-Length"] = str(len(content))
        try:
            response = self._http.request(method, path, content=pieces, params=params, headers=sent, timeout=timeout_s)
        except httpx.TimeoutException as error:
            raise Failure(f"{self.server.url} did not answer within {timeout_s:g} s", exit_code=UNREACHABLE) from error
        except httpx.UnsupportedProtocol as error:
            raise Failure(f"the server {self.server.url!r} is no URL: {error}", URL_FIX, UNREACHABLE) from error
        except httpx.HTTPError as error:
            raise Failure(f"no server answers at {self.server.url} ({error})", "asya up FOLDER", UNREACHABLE) from error
        if response.status_code >= 300:
            raise refusal(response)
        return response

    def json(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None, **more: Any) -> Any:
        """Like :meth:`call`, decoded."""
        response = self.call(method, path, body, params, **more)
        try:
            return response.json()
        except ValueError as error:
            raise Failure(f"what answers at {self.server.url} is no asya server", URL_FIX, UNREACHABLE) from error

    def lines(self, path: str, params: dict[str, str] | None = None, accept: str = "*/*",
              headers: dict[str, str] | None = None, silence_s: float | None = None) -> Iterator[str]:  # fmt: skip
        """The lines of a streaming answer, until it ends; one that is silent for longer than that has failed."""
        timeout = httpx.Timeout(TIMEOUT_S, read=silence_s)
        sent = {"Accept": accept, **(headers or {})}
        try:
            with self._http.stream("GET", path, params=params, headers=sent, timeout=timeout) as response:
                if response.status_code >= 300:
                    response.read()
                    raise refusal(response)
                yield from lines_of(response.iter_bytes())
        except httpx.HTTPError as error:
            raise Failure(f"the connection to {self.server.url} ended: {error}", exit_code=UNREACHABLE) from error


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines of what comes in pieces; JSON text holds the line ends of Unicode, which end none of them."""
    begun: list[bytes] = []
    for piece in pieces:
        first, *more = piece.split(b"\n")
        begun.append(first)
        for line in more:
            yield text_of(begun)
            begun = [line]
    if any(begun):
        yield text_of(begun)


def text_of(parts: list[bytes]) -> str:
    """A line without its end."""
    return b"".join(parts).removesuffix(b"\r").decode(errors="replace")


def refusal(response: httpx.Response) -> Failure:
    """The message of a Kubernetes Status or a problem+json answer, with its wrong fields one to a line."""
    code = {404: NOT_FOUND}.get(response.status_code, REFUSED if response.status_code < 500 else 1)
    try:
        data = response.json()
    except ValueError:
        return Failure(f"the server answered {response.status_code}", exit_code=code)
    message = str(data.get("message") or data.get("detail") or data.get("title") or response.status_code)
    causes = (data.get("details") or {}).get("causes") or []
    if len(causes) > 1:
        message = message.split(": strict decoding error: ")[0].split(": [")[0] + ":"
        message += "".join(f"\n  {c.get('field', '')}: {c.get('message', '')}" for c in causes)
    fix = FIXES.get(response.status_code, "")
    missing = data.get("details") or {}
    if code == NOT_FOUND and missing.get("kind") == "namespaces":
        fix = f"kubectl create namespace {missing.get('name', 'NAME')}, with the kubeconfig of asya kubeconfig"
    return Failure(message, fix, code)


def segment(name: str) -> str:
    """A name typed by a person as one segment of a path, whatever it holds; an empty one and dots name nothing."""
    if name in ("", ".", ".."):
        raise Failure(f"{name!r} is no name", exit_code=NOT_FOUND)
    return quote(name, safe="")


def collection(plural: str, namespace: str | None) -> str:
    """Path of a kind's collection; ``namespace`` is None for cluster-scoped kinds and for all namespaces."""
    api = "/api/v1" if plural == "events" else API
    return f"{api}/{plural}" if namespace is None else f"{api}/namespaces/{segment(namespace)}/{plural}"


def tasks_path(namespace: str, task_id: str | None = None) -> str:
    """Path of the tasks of a namespace, or of one; below the API group, where kube-apiserver passes it on too."""
    return collection("tasks", namespace) + (f"/{segment(task_id)}" if task_id is not None else "")


def letters_path(namespace: str, letter_id: str | None = None) -> str:
    """Path of the dead letters of a namespace, or of one."""
    return collection("deadletters", namespace) + (f"/{segment(letter_id)}" if letter_id is not None else "")
