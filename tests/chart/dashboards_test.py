"""The Grafana dashboards: each metric and label that a query names is documented, and what is rendered is whole."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from metrics_document import documented

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "chart"
SOURCE = CHART / "files" / "dashboards.yaml"
CALL_LIMIT_S = 120
SOURCE_LINE_MAX = 200
COLUMNS = 24
MONITORS = tuple(f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PodMonitor"))

AGGREGATIONS = {"sum", "max", "min", "avg", "count", "topk"}
FUNCTIONS = {"rate", "increase", "histogram_quantile"}
OF_COUNTERS = {"rate", "increase"}
WORDS = {"by", "without", "and", "or", "unless"}
# What Grafana fills in.
VARIABLES = {"namespace", "actor", "__rate_interval"}
# Of any target that Prometheus Operator makes; `namespace` is that of the pod, where the metric has none of its own.
TARGET_LABELS = {"namespace", "pod"}
# What the PodMonitor adds.
RELAY_LABELS = {"actor"}
TOKEN = re.compile(
    r'\s*(?:(?P<name>[a-zA-Z_:][\w:]*)|(?P<number>\d+(?:\.\d+)?)|(?P<range>\[\$?\w+\])|(?P<text>"[^"]*")'
    r"|(?P<sign>!=|=~|!~|==|>=|<=|[-+*/(){},=<>]))"
)


class Token(NamedTuple):
    """A piece of a query."""

    kind: str
    text: str


def tokens(expr: str) -> list[Token]:
    """All of it; what is no PromQL of the kinds above is refused."""
    found = []
    at = 0
    while at < len(expr.rstrip()):
        match = TOKEN.match(expr, at)
        assert match is not None and match.lastgroup is not None, f"not understood from here: {expr[at:]}"
        found.append(Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def family_of(name: str) -> tuple[str, str, frozenset[str]]:
    """Name, type and labels of the documented family that a series of this name belongs to."""
    known = documented()
    if name in known:
        assert known[name].kind != "histogram", f"{name} is a histogram: only its parts are series"
        return name, known[name].kind, known[name].labels | labels_of_target(name)
    whole, _, suffix = name.rpartition("_")
    assert whole in known and suffix in ("bucket", "sum", "count") and known[whole].kind == "histogram", (
        f"{name} is not in docs/reference/metrics.md"
    )
    extra = {"le"} if suffix == "bucket" else set()
    return whole, "counter", known[whole].labels | labels_of_target(whole) | extra


def labels_of_target(name: str) -> set[str]:
    return TARGET_LABELS | (RELAY_LABELS if name in documented("relay") else set())


def balanced(found: list[Token]) -> bool:
    pairs = {")": "(", "}": "{"}
    open_ones: list[str] = []
    for token in found:
        if token.kind != "sign":
            continue
        if token.text in pairs.values():
            open_ones.append(token.text)
        elif token.text in pairs and (not open_ones or open_ones.pop() != pairs[token.text]):
            return False
    return not open_ones


def check(expr: str) -> set[str]:
    """The families that it names; fails with what is wrong of it."""
    found = tokens(expr)
    assert balanced(found), f"brackets of {expr}"
    assert set(re.findall(r"\$(\w+)", expr)) <= VARIABLES, f"variables of {expr}"
    grouped: set[str] = set()
    labels: set[str] = set()
    families: set[str] = set()
    called: list[str] = []  # what each open bracket belongs to
    for at, token in enumerate(found):
        before = found[at - 1].text if at else ""
        after = found[at + 1].text if at + 1 < len(found) else ""
        if token.text in ("(", "{"):
            called.append(before)
        elif token.text in (")", "}"):
            called.pop()
        if token.kind != "name" or token.text in WORDS:
            continue
        inside = called[-1] if called else ""
        if inside in ("by", "without"):
            grouped.add(token.text)
        elif inside.startswith(("asya_", "workqueue_")):
            assert after in ("=", "!=", "=~", "!~"), f"{token.text} in {expr}"
            assert token.text in family_of(inside)[2], f"{inside} has no label {token.text}"
        elif after == "(" or (after in ("by", "without") and token.text in AGGREGATIONS):
            assert token.text in AGGREGATIONS | FUNCTIONS, f"{token.text} is no function that is known here"
        else:
            family, kind, own = family_of(token.text)
            assert (inside in OF_COUNTERS) == (kind == "counter"), f"{token.text} is a {kind}"
            families.add(family)
            labels |= own
    assert families, f"names no metric: {expr}"
    assert grouped <= labels, f"{grouped - labels} in {expr}"
    return families


@pytest.fixture(scope="session")
def rendered() -> list[dict[str, Any]]:
    """What the chart has with dashboards."""
    built = subprocess.run([ROOT / "tools" / "build-go", "helm"], stdout=subprocess.PIPE, text=True, check=True)
    words = [built.stdout.strip(), "template", "asya", str(CHART), "--namespace=asya-system",
             "--set=database.secretName=db", "--set=dashboards.enabled=true", "--set=dashboards.namespace=monitoring",
             "--set=dashboards.annotations.grafana_folder=Asya", *MONITORS]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


@pytest.fixture(scope="session")
def dashboards(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    maps = [each for each in rendered if each["metadata"]["name"].startswith("asya-dashboard-")]
    for each in maps:
        assert each["kind"] == "ConfigMap"
        assert each["metadata"]["namespace"] == "monitoring"
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Asya"}
    return {name: json.loads(text) for each in maps for name, text in each["data"].items()}


def queries() -> list[tuple[str, str]]:
    """Each query of the source, with where it stands."""
    boards = yaml.safe_load(SOURCE.read_text())
    return [(f"{name}: {panel['title']}", query["expr"])
            for name, board in boards.items() for panel in board["panels"] for query in panel["queries"]]  # fmt: skip


@pytest.mark.parametrize(("where", "expr"), queries())
def test_each_query_names_only_metrics_and_labels_that_there_are(where: str, expr: str) -> None:
    assert check(expr), where


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ("sum(asya_no_such_metric)", "asya_no_such_metric is not in"),
        ('asya_scaler_messages{queue="q"}', "asya_scaler_messages has no label queue"),
        ("sum by (queue) (asya_scaler_messages)", "{'queue'} in"),
        ("sum(asya_http_requests_total)", "asya_http_requests_total is a counter"),
        ("rate(asya_actor_in_flight[$__rate_interval])", "asya_actor_in_flight is a gauge"),
        ("rate(asya_http_request_seconds[$__rate_interval])", "is a histogram"),
        ("sum(rate(asya_http_requests_total[$__interval]))", "variables of"),
        ("sum((workqueue_depth)", "brackets of"),
        ("median(workqueue_depth)", "median is no function"),
        ("sum(workqueue_depth) ? 1", "not understood from here"),
    ],
)
def test_a_query_that_is_wrong_is_found(expr: str, said: str) -> None:
    """A guard of the test above."""
    with pytest.raises(AssertionError, match=re.escape(said)):
        check(expr)


def test_the_dashboards_are_those_of_the_source(dashboards: dict[str, dict[str, Any]]) -> None:
    boards = yaml.safe_load(SOURCE.read_text())
    assert set(dashboards) == {f"asya-{name}.json" for name in boards}
    for name, board in boards.items():
        made = dashboards[f"asya-{name}.json"]
        assert [panel["title"] for panel in made["panels"]] == [panel["title"] for panel in board["panels"]]
        for panel, given in zip(made["panels"], board["panels"], strict=True):
            assert [target["expr"] for target in panel["targets"]] == [query["expr"] for query in given["queries"]]
            assert [target["legendFormat"] for target in panel["targets"]] == [x["legend"] for x in given["queries"]]
        assert {each["name"] for each in made["templating"]["list"]} == {"datasource", *board["variables"]}


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other(dashboards: dict[str, dict[str, Any]]) -> None:
    assert len({made["uid"] for made in dashboards.values()}) == len(dashboards)
    for made in dashboards.values():
        ids = [panel["id"] for panel in made["panels"]]
        assert len(set(ids)) == len(ids) and min(ids) > 0
        taken: set[tuple[int, int]] = set()
        for panel in made["panels"]:
            place = panel["gridPos"]
            assert place["x"] >= 0 and place["x"] + place["w"] <= COLUMNS
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
            assert cells and not cells & taken, panel["title"]
            taken |= cells
            letters = [target["refId"] for target in panel["targets"]]
            assert letters and len(set(letters)) == len(letters) and "" not in letters
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_variables_are_asked_of_metrics_that_there_are(dashboards: dict[str, dict[str, Any]]) -> None:
    asked = [each for made in dashboards.values() for each in made["templating"]["list"] if each["type"] == "query"]
    assert [each["name"] for each in asked] == ["namespace", "actor"]
    for each in asked:
        (names,) = re.findall(r'__name__=~"([^"]*)"', each["query"])
        assert all(each["name"] in family_of(name)[2] for name in names.split("|"))


def test_the_source_can_be_read() -> None:
    lines = SOURCE.read_text().splitlines()
    assert max(map(len, lines)) <= SOURCE_LINE_MAX
    for board in yaml.safe_load(SOURCE.read_text()).values():
        assert all(panel["description"].endswith(".") and panel["unit"] for panel in board["panels"])


def test_what_brings_the_metrics_keeps_their_labels(rendered: list[dict[str, Any]]) -> None:
    """The labels that the queries above rely on."""
    kinds = {each["kind"]: each for each in rendered}
    (server,) = kinds["ServiceMonitor"]["spec"]["endpoints"]
    assert server["honorLabels"] is True
    (relays,) = kinds["PodMonitor"]["spec"]["podMetricsEndpoints"]
    assert {rule["targetLabel"] for rule in relays["relabelings"]} == RELAY_LABELS
    golden = (ROOT / "compositions" / "testdata" / "smallest" / "output.yaml").read_text()
    assert f"name: {relays['port']}" in golden, "the port of the pods of actors"
