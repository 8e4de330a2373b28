"""A cluster with the kinds of KEDA and a count of what is written to it, for many actors that nobody acts on."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from controlled_cluster import TEAM, ControlledCluster

CHILDREN = "deployments,configmaps,scaledobjects"
WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION")
# What is written by the cluster itself at any time.
OF_THE_CLUSTER = {"leases", "tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews", "apiservices",
                  "flowschemas", "prioritylevelconfigurations", "namespaces", "endpoints", "endpointslices",
                  "clusterroles", "nodes", "customresourcedefinitions", "services"}  # fmt: skip


def kinds_of_keda() -> list[dict[str, Any]]:
    """Enough of them for objects to be kept; nobody acts on them, though each says at once that KEDA has taken it."""
    taken = {"conditions": [{"type": "Ready", "status": "True", "reason": "ScaledObjectReady"}]}
    open_ended = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {**open_ended, "properties": {"status": {**open_ended, "default": taken}}}
    return [
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
         "metadata": {"name": f"{kind.lower()}s.keda.sh"},
         "spec": {"group": "keda.sh", "scope": "Namespaced",
                  "names": {"kind": kind, "plural": kind.lower() + "s", "singular": kind.lower()},
                  "versions": [{"name": "v1alpha1", "served": True, "storage": True,
                                "schema": {"openAPIV3Schema": schema}}]}}
        for kind in ("ScaledObject", "TriggerAuthentication")
    ]  # fmt: skip


class RestingCluster(ControlledCluster):
    """With the kinds of KEDA, and a count of what was written."""

    def writes(self) -> dict[str, int]:
        """Successful requests that change something, by resource, as kube-apiserver counts them."""
        with self.client("root", url=self.kubernetes.url) as client:
            text = client.get("/metrics").raise_for_status().text
        found: dict[str, int] = {}
        for labels, count in re.findall(r"^apiserver_request_total{(.*)} ([0-9.e+]+)$", text, re.M):
            of = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if of["verb"] in WRITES and of["group"] != "asya.sh":
                found[of["resource"]] = found.get(of["resource"], 0) + int(float(count))
        return found

    def written(self, seconds: float) -> dict[str, int]:
        """What is written in that time, by resource, by anybody."""
        before = after = self.writes()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(1)
            after = self.writes()
        return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}

    def revision(self) -> str:
        """Of the database: each write of ours moves it."""
        page = json.loads(self.run("get", "--raw", "/apis/asya.sh/v1alpha1/asyncactors?limit=1"))
        return str(page["metadata"]["resourceVersion"])

    def memory(self) -> int:
        """Of the server, resident, in MiB."""
        text = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) // 1024

    def children(self) -> int:
        """Deployments, ConfigMaps and ScaledObjects of the actors."""
        return len(self.run("get", CHILDREN, "-n", TEAM, "-l", "asya.sh/owner-uid", "-o", "name").split())
