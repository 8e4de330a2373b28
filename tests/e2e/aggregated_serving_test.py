"""The certificate that aggregated servers make themselves: one for both, known to kube-apiserver, exchanged in use."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from aggregated_cluster import API_SERVICE, NAMESPACE
from aggregated_pair import AggregatedPair
from asya_project import until
from direct_server import FLOWS, flow

from private_pki import Authority


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AggregatedPair]:
    """Nobody has given them a certificate; the API is available, so kube-apiserver believes theirs."""
    with AggregatedPair(tmp_path_factory.mktemp("serving"), seed=1, own_certificate=True) as made:
        yield made


def served(pair: AggregatedPair) -> set[str]:
    """The certificates that the two show."""
    return {ssl.get_server_certificate(("127.0.0.1", port)) for port in pair.ports}


def secret(pair: AggregatedPair) -> dict[str, str]:
    """What the Secret holds."""
    data = json.loads(pair.run("get", "secret", "asya-serving", "-n", NAMESPACE, "-o", "json"))["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def bundle(pair: AggregatedPair) -> str:
    """Whom kube-apiserver believes."""
    return base64.b64decode(pair.run("get", API_SERVICE, "-o", "jsonpath={.spec.caBundle}")).decode()


def test_both_serve_the_one_of_the_secret(pair: AggregatedPair) -> None:
    """Also one that was killed, after the APIService was applied anew, and after the Secret was deleted."""
    until(lambda: served(pair) == {secret(pair)["tls.crt"]}, "one certificate")
    kept = secret(pair)
    assert kept["ca.crt"] in bundle(pair)
    with pair.client("root", url=pair.kubernetes.url) as client:
        assert client.post(FLOWS, json=flow("made")).status_code == 201
    pair.apply([one for one in pair.rendered() if one["kind"] == "APIService"])
    pair.run("delete", "secret", "asya-serving", "-n", NAMESPACE)
    until(lambda: "asya-serving" in pair.run("get", "secrets", "-n", NAMESPACE, "-o", "name"), "it is there again")
    assert secret(pair) == kept
    pair.kill_replica()
    until(lambda: served(pair) == {kept["tls.crt"]}, "it serves the same")
    assert kept["ca.crt"] in bundle(pair)


def test_the_authority_is_exchanged_without_a_gap(pair: AggregatedPair) -> None:
    """A next one that has been there for long is taken once kube-apiserver knows it, and nobody notices."""
    before = secret(pair)
    following = Authority(pair.folder, "next-serving")
    data: dict[str, Any] = {
        "next-ca.crt": following.certificate.read_text(),
        "next-ca.key": following.key.read_text(),
        "next-since": "2026-01-01T00:00:00Z",
    }
    pair.run("patch", "secret", "asya-serving", "-n", NAMESPACE, "--type=merge", "-p", json.dumps({"stringData": data}))
    with pair.client("root", url=pair.kubernetes.url) as client:

        def exchanged() -> bool:
            answer = client.get(FLOWS)
            assert answer.status_code == 200, answer.text
            shown = served(pair)
            return len(shown) == 1 and shown != {before["tls.crt"]}

        until(exchanged, "both have gone over")
    after = secret(pair)
    assert served(pair) == {after["tls.crt"]}
    assert (after["ca.crt"], after["old-ca.crt"]) == (data["next-ca.crt"], before["ca.crt"])
    assert "next-ca.crt" not in after
    assert before["ca.crt"] in bundle(pair) and after["ca.crt"] in bundle(pair)
