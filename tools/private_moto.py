"""A private moto server, which stands for SQS, S3 and STS in tests: own folder and ports; it ends with its starter."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from free_ports import free_ports
from private_server import PrivateServer, die_with_parent, run, serve

START_LIMIT_S = 240  # two on a quiet machine
STOP_LIMIT_S = 30
START_TRIES = 3  # somebody else may take a free port before the server does
TOOLS = Path(__file__).resolve().parent
# The only credentials it takes: AWS's own example, nobody's.
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def _python() -> Path:
    """The interpreter of moto's own environment."""
    made = subprocess.run([str(TOOLS / "python-environment"), str(TOOLS / "requirements-moto.txt")],
                          check=True, stdout=subprocess.PIPE, text=True)  # fmt: skip
    return Path(made.stdout.strip()) / "bin" / "python"


class PrivateMoto(PrivateServer):
    """One server in `folder` (a fresh temporary one when None) on free ports of the loopback; it keeps nothing.

    `addresses` has what a test's environment needs. The server dies with the thread that started it, also when that one
    is killed. What it does beside moto's own says moto_service.py.
    """

    name = "moto"

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._root = Path(tempfile.mkdtemp(prefix="asya-moto-", dir=folder))
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: list[int] = []

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The server."""
        return self._process

    @property
    def url(self) -> str:
        """Where it answers without TLS."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def addresses(self) -> dict[str, str]:
        """Names and values for the environment of whoever uses the server."""
        return {
            "ASYA_TEST_MOTO": self.url,
            "ASYA_TEST_MOTO_TLS": f"https://localhost:{self._ports[1]}",
            "ASYA_TEST_MOTO_CA": str(self._root / "tls.crt"),
        }

    def say(self, word: str, **values: str) -> Any:
        """What moto_service.py answers to one of its own words."""
        request = urllib.request.Request(f"{self.url}/asya/{word}?{urllib.parse.urlencode(values)}", method="POST")
        with urllib.request.urlopen(request, timeout=STOP_LIMIT_S) as answer:
            return json.loads(answer.read())

    @property
    def log(self) -> str:
        """What the server wrote so far."""
        path = self._root / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> dict[str, str]:
        """Starts the server, on its earlier ports if there are any; returns the addresses once it answers."""
        python = _python()
        if self._ports:
            self._launch(python)
            self.wait_until(self._answers, START_LIMIT_S)
            return self.addresses
        self._make_certificate()
        for tries_left in reversed(range(START_TRIES)):
            self._ports = free_ports(2)
            self._launch(python)
            try:
                self.wait_until(self._answers, START_LIMIT_S)
            except RuntimeError:
                self.kill()
                if tries_left == 0 or "in use" not in self.log:
                    raise
            else:
                break
        return self.addresses

    def stop(self) -> None:
        """Ends the server and removes its folder. May be called twice."""
        self.kill()
        shutil.rmtree(self._root, ignore_errors=True)

    def kill(self) -> None:
        """Ends the server at once; it keeps nothing, so that `start` brings back an empty one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_LIMIT_S)
            self._process = None

    def _make_certificate(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                   "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                   "-keyout", str(self._root / "tls.key"), "-out", str(self._root / "tls.crt")]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=STOP_LIMIT_S)

    def _launch(self, python: Path) -> None:
        command = [str(python), str(TOOLS / "moto_service.py"), *map(str, self._ports),
                   str(self._root / "tls.crt"), str(self._root / "tls.key")]  # fmt: skip
        # Nothing of whoever runs the tests, above all no credentials.
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment["HOME"] = str(self._root)
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        with open(self._root / "output", "ab") as output:
            self._process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=output, cwd=self._root, preexec_fn=die_with_parent)  # fmt: skip

    def _answers(self) -> bool:
        try:
            for port in self._ports:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True


def main(arguments: list[str]) -> int:
    """The command line of tools/moto."""
    if arguments[:1] == ["serve"] and len(arguments) <= 2:
        return serve(PrivateMoto(Path(arguments[1]) if len(arguments) == 2 else None))
    if arguments[:1] == ["run"] and len(arguments) >= 2:
        return run(PrivateMoto(), arguments[1:])
    print("usage: tools/moto serve [FOLDER] | run COMMAND...", file=sys.stderr)
    return 2
