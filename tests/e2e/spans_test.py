"""Spans of the gateway and the relays arrive at a collector, in one trace with what the client began."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from asya_project import ROOT, Project, actor, until

sys.path.insert(0, str(ROOT / "tools"))

from free_ports import free_ports
from private_server import die_with_parent

HANDLERS = """\
def first(payload):
    return payload

def second(payload):
    raise ValueError("no")
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
# What comes in by OTLP/HTTP goes out by it, as JSON and at once, so that the receiver behind it can read it.
OTELCOL = """\
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}
exporters:
  otlp_http: {{endpoint: "{endpoint}", encoding: json, compression: none, sending_queue: {{enabled: false}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}
"""


class Collector:
    """An OTLP/HTTP receiver that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        received = self.spans

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for resource in body["resourceSpans"]:
                    names = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
                    for scope in resource["scopeSpans"]:
                        received.extend({**span, "service": names["service.name"]} for span in scope["spans"])
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def named(self, name: str, service: str = "") -> list[dict[str, Any]]:
        """What came so far of that name, of one service or of all."""
        return [s for s in self.spans if s["name"] == name and service in ("", s["service"])]

    def close(self) -> None:
        """End it."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A receiver that lives as long as the test."""
    made = Collector()
    yield made
    made.close()


@pytest.fixture(params=["a receiver", "the OpenTelemetry collector"])
def endpoint(request: pytest.FixtureRequest, collector: Collector, tmp_path: Path) -> Iterator[str]:
    """Where spans are sent to: the receiver, or the real collector, which checks them and sends them on to it."""
    direct = f"http://127.0.0.1:{collector.server.server_port}"
    if request.param == "a receiver":
        yield direct
        return
    built = subprocess.run([ROOT / "tools" / "build-go", "otelcol"], stdout=subprocess.PIPE, text=True, check=True)
    (port,) = free_ports(1)
    settings, log = tmp_path / "otelcol.yaml", tmp_path / "otelcol.log"
    settings.write_text(OTELCOL.format(port=port, endpoint=direct))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [built.stdout.strip(), "--config", f"file:{settings}"], stdout=output, stderr=output,
            preexec_fn=die_with_parent,
        )  # fmt: skip

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            return True  # 404: it takes traces only
        except OSError:
            return False
        return True

    try:
        until(answers, "the collector listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def attributes(span: dict[str, Any]) -> dict[str, str]:
    """The attributes of a span by name."""
    return {a["key"]: a["value"]["stringValue"] for a in span["attributes"]}


@pytest.mark.timeout(120)
def test_one_trace_from_the_client_to_the_last_hop(collector: Collector, endpoint: str, project: Project) -> None:
    """Two hops, the second of which fails: every span carries the client's trace, and knows its parent."""
    project.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    project.write(asya__yaml=actor("first", "handlers.first") + actor("second", "handlers.second"),
                  handlers__py=HANDLERS)  # fmt: skip
    project.run("up", str(project.folder))
    body = {"payload": {}, "next": ["second"], "headers": {"traceparent": f"00-{TRACE}-{PARENT}-01"}}
    task = project.post("/api/v1/tasks", body, actor="first")["id"]
    until(lambda: project.get(f"/api/v1/tasks/{task}")["status"] == "failed", "the task fails")
    services = ("first", "second", "x-sink", "x-sump")
    # Each relay sends in its own time, what belongs to one hop at once.
    until(lambda: all(collector.named("actor.process", service) for service in services), "the spans of each hop")
    until(lambda: collector.named("gateway.create_task"), "the span of the gateway")
    assert {s["traceId"] for s in collector.spans} == {TRACE}
    (created,) = collector.named("gateway.create_task", "asya-server")
    assert created["parentSpanId"] == PARENT
    assert attributes(created)["asya.task"] == task
    for service in services:
        (process,) = collector.named("actor.process", service)
        assert process["parentSpanId"] == created["spanId"]
        (send,) = collector.named("actor.queue.send", service)
        assert send["parentSpanId"] == process["spanId"]
        assert int(process["startTimeUnixNano"]) <= int(send["startTimeUnixNano"]) <= int(process["endTimeUnixNano"])
    (failed,) = collector.named("actor.runtime.call", "second")
    assert failed["status"]["message"] == "builtins.ValueError"
    (policy,) = collector.named("actor.resiliency.policy")
    assert attributes(policy)["asya.error_type"] == "builtins.ValueError"
