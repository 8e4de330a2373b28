"""docs/reference/metrics.md lists what the server exports: no more, no less, with types and labels."""

import re

import pytest
from asya_project import ROOT, Project, actor

from asya_cli.client import Client

ECHO = "def echo(payload):\n    return payload\n"
# Of the format itself, not of a family.
FORMAT_LABELS = {"le"}


def local_part() -> str:
    """Of the document, what a local server exports."""
    return (ROOT / "docs" / "reference" / "metrics.md").read_text().split("## Relay")[0]


def documented() -> dict[str, tuple[str, set[str]]]:
    """Name to type and labels, by the tables above the part on relays."""
    text = local_part()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) ?\| ", text, re.M)
    return {name: (kind, {label.strip() for label in labels.split(",")} - {""}) for name, kind, labels in rows}


def exported(text: str) -> dict[str, tuple[str, set[str]]]:
    """The same of an exposition."""
    found: dict[str, tuple[str, set[str]]] = {}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M):
        suffix = r"(?:_bucket|_sum|_count)" if kind == "histogram" else ""
        labels: set[str] = set()
        for series in re.findall(rf"^{name}{suffix}(?:{{(.*)}})? ", text, re.M):
            labels |= set(re.findall(r'(\w+)="', series))
        found[name] = (kind, labels - FORMAT_LABELS)
    return found


@pytest.mark.timeout(120)
def test_the_document_lists_what_a_running_server_exports(project: Project) -> None:
    """After one task, so that queues, replicas and tasks are there to be counted."""
    project.write(asya__yaml=actor("echo", "handlers.echo", scaling="minReplicaCount: 1"), handlers__py=ECHO)
    project.run("up", str(project.folder))
    project.run("send", "echo", '{"text": "hi"}', "--wait")
    text = Client(project.server()).call("GET", "/metrics").text
    assert exported(text) == documented()
    assert re.search(r"^asya_gateway_tasks_created_total 1$", text, re.M)
    assert re.search(r'^asya_queue_messages{queue="asya-default-echo",state="visible"} 0', text, re.M)
    assert re.search(r'^asya_scaler_replicas{namespace="default",actor="echo",kind="desired"} 1', text, re.M)
    assert re.search(r'^asya_reconcile_total{name="actors",result="settled"} [1-9]', text, re.M)
    assert not re.search(r"^asya_broker_settle_seconds_count 0$", text, re.M)


def test_the_table_is_read_as_it_is_written() -> None:
    """A guard of the test above: a table that is not found compares with nothing."""
    assert len(documented()) > 30
    assert local_part().count("| `") == len(documented())
