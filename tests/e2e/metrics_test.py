"""docs/reference/metrics.md lists what servers and relays export: no more, no less, with types and labels."""

import re
import socket
from pathlib import Path

import pytest
from asya_project import ROOT, Project, actor
from metrics_document import documented, exported, part

from asya_cli.client import Client

ECHO = """\
def echo(payload):
    if "fault" in payload:
        raise ValueError(payload["fault"])
    return payload
"""
# A name beside the text that explains it, as families are made; of a relay without the first part.
MADE = re.compile(r'"((?:asya|workqueue)?_[a-z_]+|workqueue_[a-z_]+)",\s*"[A-Z]')
# Made of a prefix and a name that another file has.
MADE_IN_PARTS = {"asya_external_scaler_activations_total", "asya_spans_exported_total", "asya_spans_dropped_total"}
# Of what not every relay has; documents of their own tell of them.
ELSEWHERE = re.compile(r"_(spans|claims?|sqs)_")


@pytest.mark.timeout(120)
def test_the_document_lists_what_a_running_server_exports(project: Project) -> None:
    """After one task, so that queues, replicas and tasks are there to be counted."""
    project.write(asya__yaml=actor("echo", "handlers.echo", scaling="minReplicaCount: 1"), handlers__py=ECHO)
    project.run("up", str(project.folder))
    project.run("send", "echo", '{"text": "hi"}', "--wait")
    text = Client(project.server()).call("GET", "/metrics").text
    assert exported(text) == documented("local")
    assert re.search(r"^asya_gateway_tasks_created_total 1$", text, re.M)
    assert re.search(r'^asya_queue_messages{queue="asya-default-echo",state="visible"} 0', text, re.M)
    assert re.search(r'^asya_scaler_replicas{namespace="default",actor="echo",kind="desired"} 1', text, re.M)
    assert re.search(r'^asya_scaler_messages{namespace="default",actor="echo",state="visible"} 0', text, re.M)
    assert re.search(r'^asya_reconcile_total{name="actors",result="settled"} [1-9]', text, re.M)
    assert not re.search(r"^asya_broker_settle_seconds_count 0$", text, re.M)


def relay_of(server_pid: int, name: str) -> str:
    """The socket of the metrics of an actor's relay, which is a child of the server."""
    for tasks in Path(f"/proc/{server_pid}/task").iterdir():
        for child in (tasks / "children").read_text().split():
            try:
                environment = Path(f"/proc/{child}/environ").read_text()
            except OSError:  # it has just ended
                continue
            variables = dict(pair.partition("=")[::2] for pair in environment.split("\0"))
            if variables.get("ASYA_ACTOR_NAME") == name and "ASYA_METRICS_ADDR" in variables:
                return variables["ASYA_METRICS_ADDR"].removeprefix("unix:")
    raise AssertionError(f"no relay of {name}")


def fetched(path: str) -> str:
    """What is served there on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    return answer.decode()


@pytest.mark.timeout(120)
def test_the_document_lists_what_a_running_relay_exports(project: Project) -> None:
    """After a success and a failure, since families with labels have no series before."""
    project.write(asya__yaml=actor("echo", "handlers.echo", scaling="minReplicaCount: 1"), handlers__py=ECHO)
    project.run("up", str(project.folder))
    project.run("send", "echo", '{"text": "hi"}', "--wait")
    project.run("send", "echo", '{"fault": "asked for"}', "--wait", code=1)
    text = fetched(relay_of(project.server().pid, "echo"))
    found = exported(text)
    assert {name: found[name] for name in found if not ELSEWHERE.search(name)} == documented("relay")
    assert re.search(r'^asya_actor_messages_processed_total{queue="asya-default-echo",status="success"} 1$', text, re.M)


def test_each_name_in_the_code_is_documented() -> None:
    """Those of PostgreSQL, KEDA and clusters among them, which the servers of the tests above do not have."""
    found = set(MADE_IN_PARTS)
    for file in (*ROOT.glob("*/**/*.cc"), *ROOT.glob("*/**/*.h")):
        if file.relative_to(ROOT).parts[0] in ("build", "tests", "bench") or file.name.endswith("_test.cc"):
            continue
        found |= {f"asya_actor{name}" if name.startswith("_") else name for name in MADE.findall(file.read_text())}
    assert {name for name in found if not name.startswith("asya_actor_") or not ELSEWHERE.search(name)} == set(
        documented()
    )


@pytest.mark.parametrize(("name", "least"), [("local", 30), ("relay", 15), ("api", 25)])
def test_the_table_is_read_as_it_is_written(name: str, least: int) -> None:
    """A guard of the tests above: a table that is not found compares with nothing."""
    assert len(documented(name)) >= least
    assert len(re.findall(r"^\| `", part(name), re.M)) == len(documented(name))
