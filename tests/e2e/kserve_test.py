"""An actor whose work a KServe V2 server does: MLServer with a real ONNX model, which tells the kinds of files."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asya_project import ROOT, Project, until

sys.path.insert(0, str(ROOT / "tools"))

from free_ports import free_ports
from private_server import die_with_parent

SERVER = """\
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from onnxruntime import InferenceSession

class Kinds(MLModel):
    async def load(self):
        self.session = InferenceSession(self.settings.parameters.uri)
        return True

    async def predict(self, request):
        (found,) = self.session.run(None, {"bytes": NumpyCodec.decode_input(request.inputs[0])})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("target_label", found)])
"""
MANIFEST = """\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {{name: kinds}}
spec:
  endpoint: {{url: "http://127.0.0.1:{port}/v2/models/kinds", protocol: v2, input: /tensors, output: /answer}}
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The environment of the server and its model."""
    made = subprocess.run(
        [ROOT / "tools" / "python-environment", ROOT / "tools" / "requirements-kserve.txt"],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return Path(made.stdout.strip())


@pytest.fixture(scope="module")
def model(python: Path) -> Path:
    """The model's file, which stands in a wheel beside its configuration."""
    (found,) = python.glob("lib/python*/site-packages/magika/models/standard_v3_3/model.onnx")
    return found


@pytest.fixture
def port(python: Path, model: Path, tmp_path: Path) -> Iterator[int]:
    """Of an MLServer that is ready."""
    http, grpc, metrics = free_ports(3)
    folder, log = tmp_path / "kinds", tmp_path / "mlserver.log"
    folder.mkdir()
    (folder / "kinds.py").write_text(SERVER)
    settings = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    (folder / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0}))
    model_settings = {"name": "kinds", "implementation": "kinds.Kinds", "parameters": {"uri": str(model)}}
    (folder / "model-settings.json").write_text(json.dumps(model_settings))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python / "bin" / "mlserver", "start", folder], stdout=output, stderr=output, preexec_fn=die_with_parent
        )

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/models/kinds/ready", timeout=5):
                return True
        except OSError:
            return False

    try:
        until(ready, "the model is loaded")
        yield http
    finally:
        process.kill()
        process.wait()


def tensor(file: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """What the model reads of a file: its first and last bytes, each filled up to its size."""
    text, fill = file.read_bytes().strip(), settings["padding_token"]
    first, last = list(text[: settings["beg_size"]]), list(text[-settings["end_size"] :])
    first += [fill] * (settings["beg_size"] - len(first))
    last = [fill] * (settings["end_size"] - len(last)) + last
    return {"name": "bytes", "shape": [1, len(first + last)], "datatype": "INT32", "data": first + last}


def test_a_real_model_tells_the_kinds_of_files(project: Project, model: Path, port: int) -> None:
    """Tensors go through the queue to the model, and its answers come back beside what was sent."""
    settings = json.loads((model.parent / "config.min.json").read_text())
    project.write(asya__yaml=MANIFEST.format(port=port))
    project.run("up", ".")
    files = {"python": Path(__file__), "cpp": ROOT / "relay" / "relay.cc", "markdown": ROOT / "README.md"}
    tasks = {
        kind: project.post(
            "/api/v1/tasks", {"payload": {"kind": kind, "tensors": {"inputs": [tensor(file, settings)]}}}, actor="kinds"
        )["id"]
        for kind, file in files.items()
    }
    for kind, task in tasks.items():
        result = json.loads(project.run("task", task, "--wait", "-o", "json").out)["result"]
        assert result["kind"] == kind
        (output,) = result["answer"]["outputs"]
        best = max(range(len(output["data"])), key=output["data"].__getitem__)
        assert settings["target_labels_space"][best] == kind
    refused = project.post("/api/v1/tasks", {"payload": {"tensors": {"inputs": []}}}, actor="kinds")["id"]
    until(lambda: project.get(f"/api/v1/tasks/{refused}")["status"] == "failed", "the server's refusal")
    assert project.get(f"/api/v1/tasks/{refused}")["error"]["type"].startswith("http.")
