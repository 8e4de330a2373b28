"""What runs around a release of the chart: writes its Transports, refuses to go while actors exist, cleans up."""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc"
GROUP = "/apis/asya.sh/v1alpha1"
MANAGER = "asya-chart"
APPLY = "application/apply-patch+yaml"
CALL_LIMIT_S = 10
LOOK_PAUSE_S = 1.0
# What the server itself keeps beside the objects of the release.
KEPT_BY_SERVER = (
    "/api/v1/namespaces/{}/configmaps/asya-installation",
    "/api/v1/namespaces/{}/secrets/asya-serving",
    "/apis/coordination.k8s.io/v1/namespaces/{}/leases/asya-controllers",
)
PASSING = (404, 429, 500, 502, 503, 504)  # of an API that is not there yet, or not for a moment


class Refused(Exception):
    """For a person to read; the hook fails."""


class TooLate(Refused):
    """It was tried for as long as it may take."""


class Api:
    """The cluster, as the ServiceAccount of this pod."""

    def __init__(self, address: str, account: Path) -> None:
        self._address = address
        self._account = account
        self._tls = ssl.create_default_context(cafile=account / "ca.crt") if address.startswith("https:") else None

    @property
    def namespace(self) -> str:
        """Of the release."""
        return (self._account / "namespace").read_text()

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Any:
        """The answer; urllib's error when it is none that says yes."""
        request = urllib.request.Request(self._address + path, method=method)
        request.add_header("Authorization", "Bearer " + (self._account / "token").read_text())
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", content)
        with urllib.request.urlopen(request, timeout=CALL_LIMIT_S, context=self._tls) as answer:
            return json.load(answer)


def reason(error: Exception) -> str:
    """What the cluster said of it."""
    if isinstance(error, urllib.error.HTTPError):
        try:
            return str(json.load(error)["message"])
        except (ValueError, KeyError, TypeError):
            return f"HTTP {error.code}"
    return str(error)


def patiently(deadline: float, what: str, call: Callable[[], Any]) -> Any:
    """The result of the call, once it succeeds; Refused when it is refused, or not in time."""
    told = ""
    while True:
        try:
            return call()
        except (urllib.error.URLError, OSError) as error:
            said = reason(error)
            if isinstance(error, urllib.error.HTTPError) and error.code not in PASSING:
                raise Refused(f"{what}: {said}") from error
            if time.monotonic() > deadline:
                raise TooLate(f"{what}: not in time: {said}") from error
            if said != told:
                print(f"{what}: waits: {said}")
                told = said
            time.sleep(LOOK_PAUSE_S)


def write_transports(api: Api, transports: list[dict[str, Any]], deadline: float) -> None:
    """Applies each; the APIService comes with the release, so its server may not answer yet."""
    for transport in transports:
        name = transport["name"]
        path = f"{GROUP}/transports/{name}?fieldManager={MANAGER}&force=true"
        body = {"apiVersion": "asya.sh/v1alpha1", "kind": "Transport", "metadata": {"name": name},
                "spec": transport["spec"]}  # fmt: skip
        patiently(deadline, f"transport {name}", partial(api.call, "PATCH", path, body, APPLY))
        print(f"transport {name}: written")


def refuse_while_actors(api: Api, transports: list[dict[str, Any]], deadline: float, release: str) -> None:
    """Refused while there are actors of users. Then waits for the system actors, which leave by themselves."""
    while True:
        found = patiently(deadline, "actors", partial(api.call, "GET", f"{GROUP}/asyncactors"))["items"]
        users = [one["metadata"] for one in found if "asya.sh/system" not in one["metadata"].get("labels", {})]
        if users:
            raise Refused(refusal(users, release))
        if not found:
            break
        if time.monotonic() > deadline:
            left = ", ".join(f"{actor['metadata']['namespace']}/{actor['metadata']['name']}" for actor in found)
            raise TooLate(f"system actors are still there: {left}; `kubectl describe asya` says what they wait for")
        time.sleep(LOOK_PAUSE_S)
    for transport in transports:
        delete(api, f"{GROUP}/transports/{transport['name']}")


def refusal(actors: list[dict[str, Any]], release: str) -> str:
    """Which actors there are, and what to do; in one line, since Helm escapes the ends of lines."""
    shown = [f"{actor['namespace']}/{actor['name']}" for actor in actors[:10]]
    if len(actors) > len(shown):
        shown.append(f"and {len(actors) - len(shown)} more")
    namespaces = sorted({actor["namespace"] for actor in actors})
    commands = [f"kubectl delete asyncactors --all --namespace {namespace}" for namespace in namespaces]
    return (
        f"the release stays, since actors exist whose queues nobody would drain: {', '.join(shown)}. Delete them first,"
        f" which waits for their work: {'; '.join(commands)}. Or keep all: helm rollback {release}"
    )


def clean(api: Api, deadline: float) -> None:
    """What the server kept; its rights went with the release, so it does not come back."""
    for path in KEPT_BY_SERVER:
        patiently(deadline, path, partial(delete, api, path.format(api.namespace)))
    print(f"Left: the namespace {api.namespace}, and the database with the history of the objects. They are yours.")


def delete(api: Api, path: str) -> None:
    """Gone, or was not there."""
    try:
        api.call("DELETE", path)
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise


def main(step: str, limit_s: str, release: str) -> int:
    """Takes one step; its exit code."""
    api = Api(API, ACCOUNT)
    transports = json.loads((Path(__file__).parent / "transports.json").read_text())
    deadline = time.monotonic() + float(limit_s)
    try:
        if step == "transports":
            write_transports(api, transports, deadline)
        elif step == "refuse":
            refuse_while_actors(api, transports, deadline, release)
        else:
            clean(api, deadline)
    except Refused as refused:
        print(refused)
        if step == "refuse" and isinstance(refused, TooLate):
            print(
                f"Where no server will come back: helm uninstall {release} --no-hooks, which leaves actors as they are"
            )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
