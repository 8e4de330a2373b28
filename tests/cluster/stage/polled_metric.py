"""A number that KEDA polls by a trigger of its own, and a Deployment that it scales by it."""

from __future__ import annotations

import http.server
import json
import os
from typing import Any

IMAGE = "localhost/python:1"


class Metric:
    """A number at a URL that the cluster reaches."""

    def __init__(self) -> None:
        self.value = 0
        metric = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps({"waiting": metric.value}).encode())

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer((os.environ["ASYA_TEST_CLUSTER_MACHINE"], 0), Answer)
        self.url = f"http://outside.testcluster:{self.server.server_port}/"


def deployment() -> dict[str, Any]:
    container = {"name": "main", "image": IMAGE, "command": ["python3", "-m", "http.server"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "actor"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "actor"}},
            "template": {
                "metadata": {"labels": {"app": "actor"}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        },
    }


def scaled_object(url: str) -> dict[str, Any]:
    metadata = {"url": url, "valueLocation": "waiting", "targetValue": "1"}
    at_once = {"stabilizationWindowSeconds": 0}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "actor"},
        "spec": {
            "scaleTargetRef": {"name": "actor"},
            "pollingInterval": 1,
            "cooldownPeriod": 1,
            "minReplicaCount": 0,
            "maxReplicaCount": 5,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": at_once, "scaleDown": at_once}}},
            "triggers": [{"type": "metrics-api", "metadata": metadata}],
        },
    }
