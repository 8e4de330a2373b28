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
MONITORS = "--api-versions=monitoring.coreos.com/v1/ServiceMonitor"


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


def rendered_by_server() -> str:
    programs = os.environ.get("ASYA_BIN", str(ROOT / "build" / "dev" / "bin"))
    return run(f"{programs}/asya-server", "render", "apiservice", "--controllers", "all")


def bare(found: dict[str, Any]) -> dict[str, Any]:
    """Without labels: those say which release it belongs to."""
    metadata = {key: value for key, value in found["metadata"].items() if key != "labels"}
    return {**found, "metadata": metadata}


def same_as_golden(name: str, text: str) -> None:
    golden = TESTDATA / name
    if os.environ.get("ASYA_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text(), f"{golden} differs; ASYA_UPDATE_GOLDEN=1 writes it anew"


def test_the_rights_are_those_that_the_server_renders() -> None:
    same_as_golden(str(CHART / "files" / "apiservice.yaml"), rendered_by_server())


def test_the_chart_gives_exactly_these_rights_and_no_others_but_those_of_its_hooks(helm: str) -> None:
    found = [each for each in objects(template(helm, "--set=database.secretName=db")) if "roleRef" in each
             or "rules" in each]  # fmt: skip
    hooks = [each for each in found if each["metadata"]["name"] == "asya-hooks"]
    assert all("helm.sh/hook" in each["metadata"]["annotations"] for each in hooks)
    expected = [bare(each) for each in objects(rendered_by_server()) if "roleRef" in each or "rules" in each]
    others = [bare(each) for each in found if each not in hooks]
    assert sorted(others, key=str) == sorted(expected, key=str)


def test_users_roles_reach_the_roles_of_the_cluster(helm: str) -> None:
    found = {each["metadata"]["name"]: each for each in objects(template(helm, "--set=database.secretName=db"))
             if each["kind"] == "ClusterRole"}  # fmt: skip
    assert found["asya-view"]["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"


def test_another_namespace_and_port_are_followed_everywhere(helm: str) -> None:
    text = run(helm, "template", "asya", CHART, "--namespace", "other", "--set=database.secretName=db",
               "--set=server.port=7443", "--set=server.hostNetwork=true")  # fmt: skip
    assert NAMESPACE not in text
    assert "6443" not in text.replace("- name: https\n    port: 443", "")
    service = next(each for each in objects(text) if each["kind"] == "APIService")["spec"]["service"]
    assert service == {"name": "asya-server", "namespace": "other", "port": 443}


def test_the_least_that_can_be_installed_is_as_written_down(helm: str) -> None:
    same_as_golden("least.yaml", template(helm, "--set=database.secretName=db"))


def test_all_that_can_be_installed_is_as_written_down(helm: str) -> None:
    text = template(helm, f"--values={TESTDATA / 'all-values.yaml'}", MONITORS)
    (secret,) = (each for each in objects(text) if each["kind"] == "Secret")
    password = secret["stringData"]["password"]
    assert len(password) == 32
    same_as_golden("all.yaml", text.replace(password, "PASSWORD"))


def test_a_service_monitor_is_only_where_the_cluster_knows_the_kind(helm: str) -> None:
    flags = ("--set=database.secretName=db",)
    assert "ServiceMonitor" not in template(helm, *flags)
    assert "ServiceMonitor" in template(helm, *flags, MONITORS)
    assert "ServiceMonitor" not in template(helm, *flags, MONITORS, "--set=serviceMonitor.enabled=false")


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
    ],
)
def test_a_wrong_value_is_refused_with_its_field(helm: str, flag: str, said: str) -> None:
    done = subprocess.run([helm, "template", "asya", CHART, "--set=database.secretName=db", f"--set={flag}"],
                          capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False)  # fmt: skip
    assert done.returncode != 0
    assert said in done.stderr
