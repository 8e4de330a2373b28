"""The chart renders what is written down, gives no more rights than the server asks for, refuses wrong values."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "chart"
TESTDATA = Path(__file__).parent / "testdata"
NAMESPACE = "asya-system"
CALL_LIMIT_S = 120
MONITORS = tuple(f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PodMonitor"))


@pytest.fixture(scope="session")
def helm() -> str:
    """The program, from the tool cache."""
    built = subprocess.run([ROOT / "tools" / "build-go", "helm"], stdout=subprocess.PIPE, text=True, check=True)
    return built.stdout.strip()


def run(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def template(helm: str, *flags: str) -> str:
    return run(helm, "template", "asya", CHART, "--namespace", NAMESPACE, *flags)


def objects(text: str) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(text) if found]


def rendered_by_server(*flags: str) -> str:
    programs = os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin"))
    return run(f"{programs}/asya-server", "render", "apiservice", "--controllers", "all", *flags)


def bare(found: dict[str, Any]) -> dict[str, Any]:
    """Without labels: those say which release it belongs to."""
    metadata = {key: value for key, value in found["metadata"].items() if key != "labels"}
    return {**found, "metadata": metadata}


def head(found: dict[str, Any]) -> tuple[str, str, str]:
    return found["kind"], found["metadata"].get("namespace", ""), found["metadata"]["name"]


def one(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The only object of that kind and name."""
    (object_,) = (each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return object_


def same_as_golden(name: str, text: str) -> None:
    golden = TESTDATA / name
    if os.environ.get("ASYA_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text(), f"{golden} differs; ASYA_UPDATE_GOLDEN=1 writes it anew"


WEBHOOKS = ("--webhooks=all", "--webhooks-port=6445")


def test_the_file_is_what_the_server_renders() -> None:
    same_as_golden(str(CHART / "files" / "apiservice.yaml"), rendered_by_server(*WEBHOOKS))


# Who has one of these gives a right, or is asked by kube-apiserver.
ASKED_FOR = {"roleRef", "rules", "webhooks"}
SECRETS = (
    'transportSecrets=[{"transport": "sqs", "secret": "aws", "namespace": "queues"},'
    ' {"transport": "rabbit", "secret": "user"}, {"transport": "rabbit", "secret": "admin", "namespace": "queues"}]',
)


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ((), ()),
        (("webhooks.enabled=true",), WEBHOOKS),
        (SECRETS, ("--credentials=sqs=queues/aws", "--credentials=rabbit=user", "--credentials=rabbit=queues/admin")),
    ],
)
def test_the_chart_gives_exactly_what_the_server_asks_for_and_no_others_but_the_rights_of_its_hooks(
    helm: str, values: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    text = template(helm, "--set=database.secretName=db", *(f"--set-json={value}" for value in values))
    found = [each for each in objects(text) if ASKED_FOR & set(each)]
    hooks = [each for each in found if each["metadata"]["name"] == "asya-hooks"]
    assert all("helm.sh/hook" in each["metadata"]["annotations"] for each in hooks)
    expected = [bare(each) for each in objects(rendered_by_server(*flags)) if ASKED_FOR & set(each)]
    others = [bare(each) for each in found if each not in hooks]
    assert sorted(others, key=head) == sorted(expected, key=head)


def test_users_roles_reach_the_roles_of_the_cluster(helm: str) -> None:
    found = {each["metadata"]["name"]: each for each in objects(template(helm, "--set=database.secretName=db"))
             if each["kind"] == "ClusterRole"}  # fmt: skip
    assert found["asya-view"]["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"


def test_another_namespace_and_ports_are_followed_everywhere(helm: str) -> None:
    text = run(helm, "template", "asya", CHART, "--namespace", "other", "--set=database.secretName=db",
               "--set=server.port=7443", "--set=reports.port=7444", "--set=scaler.port=7000",
               "--set=server.hostNetwork=true", "--set=webhooks.enabled=true", "--set=webhooks.port=7445")  # fmt: skip
    assert NAMESPACE not in text
    found = objects(text)
    assert "6443" not in str(found)
    service = one(found, "APIService", "v1alpha1.asya.sh")["spec"]["service"]
    assert service == {"name": "asya-server", "namespace": "other", "port": 443}
    assert one(found, "Service", "asya-server")["spec"]["ports"] == [
        {"name": "https", "port": 443, "targetPort": 7443},
        {"name": "scaler", "port": 6000, "targetPort": 7000},
        {"name": "reports", "port": 6444, "targetPort": 7444},
        {"name": "webhooks", "port": 6445, "targetPort": 7445},
    ]
    assert "--webhooks-listen=0.0.0.0:7445" in arguments(found)
    assert open_ports(found)[7445] is None, "kube-apiserver cannot be told from others"
    configurations = [each for each in found if "webhooks" in each]
    assert len(configurations) == 2
    for webhook in (each for configuration in configurations for each in configuration["webhooks"]):
        called = webhook["clientConfig"]["service"]
        assert (called["namespace"], called["port"]) == ("other", 6445)
        if webhook["name"].endswith("pods.asya.sh"):
            (left_out,) = webhook["namespaceSelector"]["matchExpressions"]
            assert left_out["values"] == ["kube-system", "other"]


def test_servers_that_hold_ports_of_their_nodes_go_before_the_next_ones_come(helm: str) -> None:
    def strategy(*flags: str) -> Any:
        found = objects(template(helm, "--set=database.secretName=db", *flags))
        return one(found, "Deployment", "asya-server")["spec"]["strategy"]["rollingUpdate"]

    assert strategy() == {"maxUnavailable": 0, "maxSurge": 1}
    # With as many nodes as replicas one that comes first would find its ports taken everywhere.
    assert strategy("--set=server.hostNetwork=true") == {"maxUnavailable": 1, "maxSurge": 0}


def test_a_server_that_goes_answers_until_nobody_calls_it(helm: str) -> None:
    """Else pods that ask for a relay cannot be made for a moment, and requests fail."""
    spec = one(objects(template(helm, "--set=database.secretName=db")), "Deployment", "asya-server")["spec"]
    pod = spec["template"]["spec"]
    (server,) = pod["containers"]
    word, seconds = server["lifecycle"]["preStop"]["exec"]["command"]
    assert word == "sleep"
    assert 0 < int(seconds) < pod["terminationGracePeriodSeconds"] / 4, "the rest is for ending in good order"


def arguments(found: list[dict[str, Any]]) -> list[str]:
    container = one(found, "Deployment", "asya-server")["spec"]["template"]["spec"]["containers"][0]
    return list(container["args"])


def open_ports(found: list[dict[str, Any]]) -> dict[int, Any]:
    """From where, by port, as the server's policy says."""
    policy = one(found, "NetworkPolicy", "asya-server")["spec"]["ingress"]
    return {port["port"]: rule.get("from") for rule in policy for port in rule["ports"]}


def listens(found: list[dict[str, Any]]) -> set[str]:
    container = one(found, "Deployment", "asya-server")["spec"]["template"]["spec"]["containers"][0]
    names = {port["name"] for port in container["ports"]}
    assert names == {port["name"] for port in one(found, "Service", "asya-server")["spec"]["ports"]}
    return names


def test_reports_and_scaler_are_on_and_reached_by_those_who_need_them(helm: str) -> None:
    found = objects(template(helm, "--set=database.secretName=db"))
    assert {"--reports-listen=0.0.0.0:6444", "--scaler-listen=0.0.0.0:6000",
            "--scaler-address=asya-server.asya-system.svc:6000"} <= set(arguments(found))  # fmt: skip
    assert not {"--webhooks=all", "--scaler-tls=none"} & set(arguments(found))
    actors = {"matchExpressions": [{"key": "asya.sh/actor", "operator": "Exists"}]}
    keda = {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}
    assert open_ports(found) == {
        6443: None,
        6444: [{"namespaceSelector": {}, "podSelector": actors}],
        6000: [{"namespaceSelector": keda}],
    }
    assert listens(found) == {"https", "scaler", "reports"}


def test_reports_and_scaler_that_are_off_leave_nothing_open(helm: str) -> None:
    flags = ("--set=database.secretName=db", "--set=reports.enabled=false", "--set=scaler.enabled=false")
    found = objects(template(helm, *flags, "--set=server.gatewayUrl=http://gateway.example.com"))
    assert not any("reports" in argument or "scaler" in argument for argument in arguments(found))
    assert "--gateway-url=http://gateway.example.com" in arguments(found)
    assert set(open_ports(found)) == {6443}
    assert listens(found) == {"https"}


def test_plaintext_for_keda_is_said_to_the_server(helm: str) -> None:
    found = objects(template(helm, "--set=database.secretName=db", "--set=scaler.tls=false"))
    assert "--scaler-tls=none" in arguments(found)


def test_the_least_that_can_be_installed_is_as_written_down(helm: str) -> None:
    same_as_golden("least.yaml", template(helm, "--set=database.secretName=db"))


def test_all_that_can_be_installed_is_as_written_down(helm: str) -> None:
    same_as_golden("all.yaml", template(helm, f"--values={TESTDATA / 'all-values.yaml'}", *MONITORS))


def monitors(helm: str, *flags: str) -> set[str]:
    found = objects(template(helm, "--set=database.secretName=db", *flags))
    return {each["kind"] for each in found if each["apiVersion"].startswith("monitoring.coreos.com/")}


def test_monitors_are_only_where_the_cluster_knows_their_kinds(helm: str) -> None:
    assert monitors(helm) == set()
    assert monitors(helm, MONITORS[0]) == {"ServiceMonitor"}
    assert monitors(helm, *MONITORS) == {"ServiceMonitor", "PodMonitor"}
    assert monitors(helm, *MONITORS, "--set=serviceMonitor.enabled=false,podMonitor.enabled=false") == set()


def test_dashboards_are_there_when_they_are_wanted(helm: str) -> None:
    """What they hold is looked at by dashboards_test.py."""
    flags = ("--set=database.secretName=db", "--set=dashboards.labels.team=platform")
    assert "dashboard" not in template(helm, *flags)
    found = objects(template(helm, *flags, "--set=dashboards.enabled=true"))
    for name in ("actors", "server"):
        metadata = one(found, "ConfigMap", f"asya-dashboard-{name}")["metadata"]
        assert metadata["namespace"] == NAMESPACE
        assert metadata["labels"].items() >= {"grafana_dashboard": "1", "team": "platform"}.items()


def pod_specs(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in found:
        if each["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def test_all_pods_are_as_the_restricted_standard_wants_them(helm: str) -> None:
    found = dict(pod_specs(objects(template(helm, f"--values={TESTDATA / 'all-values.yaml'}"))))
    assert set(found) == {"asya-server", "asya-postgresql", "asya-transports", "asya-refuse", "asya-clean"}
    for name, spec in found.items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }, name  # fmt: skip


def test_lint_has_nothing_to_say(helm: str) -> None:
    said = run(helm, "lint", "--strict", CHART, "--set=database.secretName=db")
    assert "[WARNING]" not in said and "[ERROR]" not in said


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("server.replicas=0", "at '/server/replicas': minimum: got 0, want 1"),
        ("server.replica=3", "at '/server': additional properties 'replica' not allowed"),
        ("server.logLevel=loud", "at '/server/logLevel': value must be one of"),
        ("images.pullPolicy=Sometimes", "at '/images/pullPolicy': value must be one of"),
        ("postgresql.storage=much", "at '/postgresql/storage': 'much' does not match pattern"),
        ("transports[0].name=rabbit", "at '/transports/0': missing property 'spec'"),
        ("transports[0].spec.type=sqlite", "at '/transports/0/spec/type': value must be one of"),
        ("database.secretName=", "database.secretName: the name of a Secret with the URL of a PostgreSQL is needed"),
        ("postgresql.enabled=true", "not both"),
        ("server.gatewayUrl=http://gateway", "at '/server/gatewayUrl': 'http://gateway' does not match pattern"),
        ("reports.port=6443", "different ones are needed"),
        ("scaler.kedaNamespace=", "at '/scaler/kedaNamespace': '' does not match pattern"),
        ("scaler.tls=false,scaler.caSecret=ca", "at '/scaler/caSecret': value must be ''"),
        ("transportSecrets[0].transport=sqs", "at '/transportSecrets/0': missing property 'secret'"),
        ("dashboards.enable=true", "at '/dashboards': additional properties 'enable' not allowed"),
        ("podMonitor.interval=often", "at '/podMonitor/interval': 'often' does not match pattern"),
        ("postgresql.password=p@ss", "at '/postgresql/password': 'p@ss' does not match pattern"),
        ("database.secretName=,postgresql.enabled=true", "postgresql.password: is needed where the chart is rendered"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(helm: str, flag: str, said: str) -> None:
    done = subprocess.run([helm, "template", "asya", CHART, "--set=database.secretName=db", f"--set={flag}"],
                          capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False)  # fmt: skip
    assert done.returncode != 0
    assert said in done.stderr
