"""KEDA scales a Deployment from zero and back by a metric that a server on the machine tells."""

from __future__ import annotations

import pytest
from polled_metric import Metric, deployment, scaled_object

from private_cluster.api import condition
from private_cluster.kubectl import PATIENCE_S, Kubectl


@pytest.mark.timeout(4 * PATIENCE_S)
def test_a_deployment_goes_from_zero_to_what_the_metric_asks_for_and_back(kubectl: Kubectl, metric: Metric) -> None:
    kubectl.apply(deployment(), scaled_object(metric.url))
    kubectl.until("scaledobject", "actor", holds=lambda found: condition(found, "Ready"))
    assert kubectl.get("deployment", "actor")["spec"]["replicas"] == 0

    metric.value = 1
    kubectl.until("deployment", "actor", holds=lambda found: found["status"].get("readyReplicas") == 1)
    metric.value = 3  # beyond the first replica it is the autoscaler that asks KEDA's metrics server
    kubectl.until("deployment", "actor", holds=lambda found: found["status"].get("readyReplicas") == 3)
    metric.value = 0
    kubectl.until("deployment", "actor", holds=lambda found: found["spec"]["replicas"] == 0)
    kubectl.until("pods", holds=lambda found: found["items"] == [])
