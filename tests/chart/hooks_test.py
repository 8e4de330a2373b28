"""What the chart's hooks do against an API that is not there yet, has actors, or has none."""

from __future__ import annotations

import http.server
import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[2] / "deploy" / "chart" / "files" / "hooks.py"
GROUP = "/apis/asya.sh/v1alpha1"
TRANSPORTS = [{"name": "rabbit", "spec": {"type": "rabbitmq"}}]
SOON_S = 30.0


def load() -> ModuleType:
    """As it lies in the chart, in no package."""
    spec = importlib.util.spec_from_file_location("hooks", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Cluster:
    """An API of canned answers, each path's in turn; the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.seen: list[tuple[str, str, Any]] = []
        cluster = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.split("?")[0]
                cluster.seen.append((self.command, self.path, json.loads(body) if body else None))
                turns = cluster.answers.get(f"{self.command} {path}", [(404, {"message": "not found"})])
                code, said = turns.pop(0) if len(turns) > 1 else turns[0]
                self.send_response(code)
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            do_GET = do_PATCH = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                """Not a word."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load()
    monkeypatch.setattr(module, "LOOK_PAUSE_S", 0.01)
    return module


@pytest.fixture
def api(hooks: ModuleType, cluster: Cluster, tmp_path: Path) -> Any:
    (tmp_path / "token").write_text("secret")
    (tmp_path / "namespace").write_text("asya-system")
    return hooks.Api(cluster.address, tmp_path)


def actor(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "vision", "labels": labels}}


def system(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "vision", "labels": {"asya.sh/system": "true"}}}


def items(*actors: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"items": list(actors)}


def soon() -> float:
    return time.monotonic() + SOON_S


def test_a_transport_is_written_once_the_api_is_there(
    hooks: ModuleType, cluster: Cluster, api: Any, capsys: Any
) -> None:
    path = f"PATCH {GROUP}/transports/rabbit"
    cluster.answers[path] = [(404, {}), (503, {"message": "no server yet"}), (200, {})]
    hooks.write_transports(api, TRANSPORTS, soon())
    method, url, body = cluster.seen[-1]
    assert (method, url) == ("PATCH", f"{GROUP}/transports/rabbit?fieldManager=asya-chart&force=true")
    assert body == {"apiVersion": "asya.sh/v1alpha1", "kind": "Transport", "metadata": {"name": "rabbit"},
                    "spec": {"type": "rabbitmq"}}  # fmt: skip
    assert len(cluster.seen) == 3
    assert "transport rabbit: waits: no server yet\n" in capsys.readouterr().out


def test_a_transport_that_is_wrong_is_not_tried_again(hooks: ModuleType, cluster: Cluster, api: Any) -> None:
    cluster.answers[f"PATCH {GROUP}/transports/rabbit"] = [(422, {"message": "spec.rabbitmq: is missing"})]
    with pytest.raises(hooks.Refused, match=r"transport rabbit: spec\.rabbitmq: is missing"):
        hooks.write_transports(api, TRANSPORTS, soon())
    assert len(cluster.seen) == 1


def test_an_api_that_never_comes_is_given_up(hooks: ModuleType, cluster: Cluster, api: Any) -> None:
    cluster.answers[f"PATCH {GROUP}/transports/rabbit"] = [(503, {"message": "no server"})]
    with pytest.raises(hooks.TooLate, match="not in time: no server"):
        hooks.write_transports(api, TRANSPORTS, time.monotonic())


def test_actors_of_users_keep_the_release(hooks: ModuleType, cluster: Cluster, api: Any) -> None:
    found = [actor(f"resize-{number}") for number in range(12)]
    cluster.answers[f"GET {GROUP}/asyncactors"] = [items(*found, system("x-sink"))]
    with pytest.raises(hooks.Refused) as refused:
        hooks.refuse_while_actors(api, TRANSPORTS, soon(), "asya")
    said = str(refused.value)
    assert "\n" not in said
    assert ": vision/resize-0, vision/resize-1," in said and ", and 2 more." in said
    assert "x-sink" not in said
    assert ": kubectl delete asyncactors --all --namespace vision." in said
    assert said.endswith("helm rollback asya")
    assert {method for method, _, _ in cluster.seen} == {"GET"}


def test_system_actors_are_waited_for_before_transports_go(hooks: ModuleType, cluster: Cluster, api: Any) -> None:
    cluster.answers[f"GET {GROUP}/asyncactors"] = [items(system("x-sink")), items()]
    cluster.answers[f"DELETE {GROUP}/transports/rabbit"] = [(200, {})]
    hooks.refuse_while_actors(api, TRANSPORTS, soon(), "asya")
    assert [method for method, _, _ in cluster.seen] == ["GET", "GET", "DELETE"]


def test_what_the_server_kept_goes_and_may_be_gone_already(
    hooks: ModuleType, cluster: Cluster, api: Any, capsys: Any
) -> None:
    secret = "/api/v1/namespaces/asya-system/secrets/asya-serving"
    cluster.answers[f"DELETE {secret}"] = [(200, {})]
    hooks.clean(api, soon())
    assert [path for _, path, _ in cluster.seen] == [path.format("asya-system") for path in hooks.KEPT_BY_SERVER]
    assert "Left: the namespace asya-system, and the database" in capsys.readouterr().out
