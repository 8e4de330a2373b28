"""The dynamic client of the Python package `kubernetes` against a server; runs in an environment of its own.

dynamic_client.py KUBECONFIG NAMESPACE

Ends with 0 and a line for each step, or with the assertion that failed. clients_test.py runs it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.dynamic import DynamicClient, exceptions

REPLACE_TRIES_MAX = 10
GROUP_VERSION = "asya.sh/v1alpha1"


def actor(name: str, **labels: str) -> dict[str, Any]:
    """An actor that stays at zero."""
    return {
        "apiVersion": GROUP_VERSION,
        "kind": "AsyncActor",
        "metadata": {"name": name, "labels": labels},
        "spec": {"image": "i:1", "handler": "handler.inference"},
    }


def refused(error: type[Exception], call: Callable[[], object]) -> Any:
    """The error of that type that the call raises."""
    try:
        call()
    except error as seen:
        return seen
    raise AssertionError(f"no {error.__name__}")


def discovers(api: client.ApiClient, cache: Path) -> DynamicClient:
    """By kind, plural and short name; the second time out of the cache."""
    dynamic = DynamicClient(api, cache_file=str(cache))
    assert dynamic.version["kubernetes"]["gitVersion"].startswith("v1.")
    for kind in ("AsyncActor", "Flavor", "Transport", "Flow", "Composition", "Function"):
        assert dynamic.resources.get(api_version=GROUP_VERSION, kind=kind).group_version == GROUP_VERSION
    assert dynamic.resources.get(short_names=["asya", "actor"]).kind == "AsyncActor"
    assert dynamic.resources.get(api_version="v1", kind="Namespace").namespaced is False
    assert cache.stat().st_size > 0
    again = DynamicClient(api, cache_file=str(cache))
    assert again.resources.get(api_version=GROUP_VERSION, kind="Flow").name == "flows"
    return again


def replaced(actors: Any, namespace: str) -> Any:
    """Read, changed and written back, again where the control plane wrote its status in between, as clients do."""
    for tries_left in reversed(range(REPLACE_TRIES_MAX)):
        read = actors.get(name="first", namespace=namespace).to_dict()
        try:
            return actors.replace(body=read | {"spec": read["spec"] | {"concurrency": 4}}, namespace=namespace)
        except exceptions.ConflictError:
            if tries_left == 0:
                raise
    raise AssertionError("unreachable")


def writes(actors: Any, namespace: str) -> None:
    """Create, every patch, replace and its conflict, and what is refused."""
    made = actors.create(body=actor("first", team="a"), namespace=namespace)
    assert made.metadata.generation == 1
    twice = refused(exceptions.ConflictError, lambda: actors.create(body=actor("first"), namespace=namespace))
    assert twice.status == 409
    wrong = actor("wrong") | {"spec": {"image": "i"}}
    error = refused(exceptions.UnprocessibleEntityError, lambda: actors.create(body=wrong, namespace=namespace))
    assert "spec.handler" in error.summary()
    merged = actors.patch(
        name="first",
        namespace=namespace,
        body={"spec": {"concurrency": 2}},
        content_type="application/merge-patch+json",
    )
    assert merged.spec.concurrency == 2
    operations = [{"op": "replace", "path": "/spec/concurrency", "value": 3}]
    patched = actors.patch(
        name="first", namespace=namespace, body=operations, content_type="application/json-patch+json"
    )
    assert patched.spec.concurrency == 3
    assert replaced(actors, namespace).spec.concurrency == 4
    assert refused(exceptions.ConflictError, lambda: actors.replace(body=merged.to_dict(), namespace=namespace))
    strategic = "application/strategic-merge-patch+json"
    body: dict[str, Any] = {"spec": {}}
    error = refused(
        exceptions.DynamicApiError,
        lambda: actors.patch(name="first", namespace=namespace, body=body, content_type=strategic),
    )
    assert error.status == 415
    dry = actors.create(body=actor("dry"), namespace=namespace, query_params=[("dryRun", "All")])
    assert dry.metadata.resourceVersion is None
    assert refused(exceptions.NotFoundError, lambda: actors.get(name="dry", namespace=namespace)).status == 404


def lists(actors: Any, namespace: str) -> None:
    """Selectors, pages and their end."""
    for number in range(4):
        actors.create(body=actor(f"n{number}", team="b"), namespace=namespace)
    assert {a.metadata.name for a in actors.get(namespace=namespace, label_selector="team=a").items} == {"first"}
    assert len(actors.get(namespace=namespace, label_selector="team in (b)").items) == 4
    assert len(actors.get(namespace=namespace, field_selector="metadata.name=n1").items) == 1
    seen: list[str] = []
    token = None
    while token != "":
        page = actors.get(namespace=namespace, label_selector="team=b", limit=3, _continue=token)
        seen += [a.metadata.name for a in page.items]
        token = page.metadata["continue"] or ""
    assert seen == ["n0", "n1", "n2", "n3"]


def watches(actors: Any, namespace: str) -> None:
    """From a revision on, and on from where the first watch ended."""
    revision = actors.get(namespace=namespace).metadata.resourceVersion
    actors.create(body=actor("watched", team="c"), namespace=namespace)
    for event in actors.watch(namespace=namespace, label_selector="team=c", resource_version=revision, timeout=60):
        assert (event["type"], event["object"].metadata.name) == ("ADDED", "watched")
        revision = event["object"].metadata.resourceVersion
        break
    labels = {"metadata": {"labels": {"team": "d"}}}
    actors.patch(name="watched", namespace=namespace, body=labels, content_type="application/merge-patch+json")
    for event in actors.watch(namespace=namespace, label_selector="team=c", resource_version=revision, timeout=60):
        if event["type"] == "MODIFIED":
            continue  # the control plane's own first status
        assert (event["type"], event["object"].metadata.labels.team) == ("DELETED", "c")
        break


def deletes(actors: Any, namespace: str) -> None:
    """One with a precondition, one in the foreground, the rest as a collection."""
    uid = actors.get(name="first", namespace=namespace).metadata.uid
    other = {"preconditions": {"uid": "another"}}
    assert refused(exceptions.ConflictError, lambda: actors.delete(name="first", namespace=namespace, body=other))
    actors.delete(name="first", namespace=namespace, body={"preconditions": {"uid": uid}})
    actors.delete(name="n0", namespace=namespace, body={"propagationPolicy": "Foreground"})
    actors.delete(namespace=namespace, label_selector="team")
    left = actors.get(namespace=namespace, label_selector="team")
    names = {item.metadata.name for item in left.items}
    if not names:
        return
    revision = left.metadata.resourceVersion
    for event in actors.watch(namespace=namespace, label_selector="team", resource_version=revision, timeout=60):
        if event["type"] == "DELETED":
            names.discard(event["object"].metadata.name)
        if not names:
            return
    raise AssertionError(f"actors are left: {names}")


def main(kubeconfig: str, namespace: str) -> None:
    """Runs all steps."""
    api = config.new_client_from_config(config_file=kubeconfig)
    version = client.VersionApi(api).get_code()
    assert int(version.major) == 1 and int(version.minor) > 20
    with tempfile.TemporaryDirectory() as folder:
        dynamic = discovers(api, Path(folder) / "discovery.json")
    print("discovers")
    namespaces = dynamic.resources.get(api_version="v1", kind="Namespace")
    namespaces.create(body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    actors = dynamic.resources.get(api_version=GROUP_VERSION, kind="AsyncActor")
    for step in (writes, lists, watches, deletes):
        step(actors, namespace)
        print(step.__name__)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
