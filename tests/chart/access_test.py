"""docs/access.md and docs/install.md list the rights that the chart gives: no more, no less."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "chart"
DOCUMENT = ROOT / "docs" / "access.md"
INSTALL = ROOT / "docs" / "install.md"
NAMESPACE = "asya-system"
CALL_LIMIT_S = 120
ALL = "in all namespaces"
COPY = "asya-transport-rabbit"
SECRET = "rabbit-user"
TRANSPORT = "rabbit"
# Stands in the document for what the values say.
IN_WORDS = {COPY: "asya-transport-*", SECRET: "the Secrets of the values", TRANSPORT: "the Transports of the values"}
# Rules of the cluster's own roles that the chart binds; those of Kubernetes 1.35.
BUILT_IN = {
    "system:auth-delegator": [
        {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    ],
    "extension-apiserver-authentication-reader": [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["extension-apiserver-authentication"],
         "verbs": ["get", "list", "watch"]},
    ],
}  # fmt: skip


class Right(NamedTuple):
    """What an account may do with one resource, where."""

    place: str
    resource: str
    names: tuple[str, ...]
    verbs: tuple[str, ...]


@functools.cache
def rendered(*values: str) -> list[dict[str, Any]]:
    """The chart with these values; nobody changes what it gives."""
    built = subprocess.run([ROOT / "tools" / "build-go", "helm"], stdout=subprocess.PIPE, text=True, check=True)
    words = [built.stdout.strip(), "template", "asya", str(CHART), f"--namespace={NAMESPACE}",
             "--set=database.secretName=db", *(f"--set-json={value}" for value in values)]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def rights(objects: list[dict[str, Any]], account: str) -> set[Right]:
    """All that is bound to it."""
    roles = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each["rules"]
             for each in objects if each["kind"] in ("Role", "ClusterRole")}  # fmt: skip
    found: set[Right] = set()
    for binding in objects:
        subject = {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}
        if subject not in binding.get("subjects", []):
            continue
        role = binding["roleRef"]
        whole = binding["kind"] == "ClusterRoleBinding"
        place = None if whole else binding["metadata"]["namespace"]
        rules = (
            BUILT_IN.get(role["name"]) or roles[role["kind"], place if role["kind"] == "Role" else None, role["name"]]
        )
        for rule in rules:
            assert set(rule) <= {"apiGroups", "resources", "resourceNames", "verbs"}, rule
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    plural, slash, part = resource.partition("/")
                    text = f"{plural}.{group}{slash}{part}" if group else resource
                    names = tuple(IN_WORDS.get(name, name) for name in rule.get("resourceNames", []))
                    found.add(Right(place or ALL, text, names, tuple(sorted(rule["verbs"]))))
    return found


def table(heading: str) -> set[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The rows below a heading of the document: resource, names, verbs."""
    (text,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.M | re.S)
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) ?\| ([\w, ]+) \| (.+) \|$", text, re.M)
    assert len(rows) == len(re.findall(r"^\|", text, re.M)) - 2, f"a row of {heading} is not understood"
    return {(resource, tuple(name.strip("` ") for name in names.split(",") if name.strip()), tuple(verbs.split(", ")))
            for resource, names, verbs, _ in rows}  # fmt: skip


def here(found: set[Right], *places: str) -> set[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return {(right.resource, right.names, right.verbs) for right in found if right.place in places}


@pytest.fixture(scope="module")
def least() -> set[Right]:
    return rights(rendered(), "asya-server")


def test_the_tables_of_the_server_are_what_the_chart_gives(least: set[Right]) -> None:
    assert table("asya-server, in all namespaces") == here(least, ALL)
    assert table("asya-server, in the namespace of the release") == here(least, NAMESPACE)
    assert table("asya-server, in kube-system") == here(least, "kube-system")
    assert {right.place for right in least} == {ALL, NAMESPACE, "kube-system"}


def test_the_tables_of_what_is_turned_on_are_what_that_adds(least: set[Right]) -> None:
    webhooks = rights(rendered("webhooks.enabled=true"), "asya-server") - least
    assert table("asya-server, with webhooks.enabled") == here(webhooks, ALL)
    secret = {"transport": TRANSPORT, "secret": SECRET, "namespace": "queues"}
    secrets = rights(rendered(f"transportSecrets={json.dumps([secret])}"), "asya-server") - least
    assert table("asya-server, with transportSecrets") == here(secrets, ALL, "queues")
    assert {right.place for right in secrets if right.verbs == ("get",)} == {"queues"}


def test_the_table_of_the_hooks_is_what_the_chart_gives() -> None:
    transports = '[{"name": "rabbit", "spec": {"type": "rabbitmq"}}]'
    found = rights(rendered(f"transports={transports}"), "asya-hooks")
    assert table("asya-hooks, while hooks run") == here(found, ALL, NAMESPACE)
    everywhere = {right.resource for right in found if right.place == ALL}
    assert everywhere == {"asyncactors.asya.sh", "transports.asya.sh"}


def test_there_are_no_other_accounts_with_rights() -> None:
    objects = rendered("webhooks.enabled=true")
    bound = {subject["name"] for each in objects for subject in each.get("subjects", [])}
    assert bound == {each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"}
    assert bound == {"asya-server", "asya-hooks"}


def test_the_list_of_kubectl_in_the_install_guide_is_what_the_chart_gives(least: set[Right]) -> None:
    """The guide is followed on a cluster by tests/cluster; this finds what is out of date without one."""
    pattern = r"^\$ kubectl auth can-i --list .*\nResources .*\n((?:[^$].*\n)+)"
    (listed,) = re.findall(pattern, INSTALL.read_text(), re.M)
    rows = {tuple(column.strip() for column in re.split(r" {2,}(?=\[)", line)) for line in listed.splitlines()}
    expected = {
        (right.resource, "[]", f"[{name}]" if name else "[]", f"[{' '.join(right.verbs)}]")
        for right in least
        if right.place == ALL
        for name in right.names or ("",)
    }
    assert rows == expected


@pytest.mark.parametrize("verb", ["*", "escalate", "bind", "impersonate", "deletecollection"])
def test_no_account_has_a_right_that_reaches_further(verb: str) -> None:
    for account in ("asya-server", "asya-hooks"):
        for right in rights(rendered("webhooks.enabled=true"), account):
            assert verb not in right.verbs and "*" not in right.resource
