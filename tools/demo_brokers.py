"""The documents example on each broker, changed in nothing but `transport:`: real pages are read, one file is refused.

tools/demo-brokers [rabbitmq] [postgres] [sqs] [pubsub]      all four without a name
"""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

from asya_cli.client import Client
from asya_cli.environment import prepare
from asya_cli.output import table
from asya_cli.project import read_server_file, state_of
from asya_cli.tasks import hops
from asya_cli.waiting import wait_for
from demo import ASYA, NOT_AN_IMAGE, PROJECT, copy_example, image_folder, say, show
from private_moto import ACCESS_KEY, SECRET_KEY, PrivateMoto
from private_postgres import PrivatePostgres
from private_pubsub import PrivatePubsub
from private_rabbitmq import PrivateRabbitmq

IMAGES = ("page.png", "text.png", "astronaut.png")
COMMAND_LIMIT_S = 300
TRANSPORT = """\
apiVersion: asya.sh/v1alpha1
kind: Transport
metadata: {{name: {name}}}
spec:
  type: {type}
  {type}: {block}
"""


@dataclass
class Broker:
    """One that runs: what `transport:` says, the block of its Transport, and what a person would set up for it."""

    transport: str
    block: str = ""  # none where the server has such a Transport by itself
    variables: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def rabbitmq() -> Iterator[Broker]:
    """A node of its own."""
    with PrivateRabbitmq() as node:
        port = urlparse(node.addresses["ASYA_TEST_RABBITMQ"]).port
        management = node.addresses["ASYA_TEST_RABBITMQ_MANAGEMENT"]
        yield Broker("rabbitmq", f"{{host: 127.0.0.1, port: {port}, managementUrl: {management}}}")


@contextlib.contextmanager
def postgres() -> Iterator[Broker]:
    """A server of its own, which holds objects and tasks as well."""
    with PrivatePostgres() as server:
        folder = server.dsn.split()[0].removeprefix("host=")
        yield Broker("postgres", variables={"ASYA_DATABASE_URL": f"postgres://asya@/asya?host={folder}"})


@contextlib.contextmanager
def sqs() -> Iterator[Broker]:
    """A moto of its own."""
    with PrivateMoto() as server:
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        block = f'{{region: demo-1, endpoint: "{server.url}", credentialsSecretRef: {{name: aws}}}}'
        yield Broker("sqs", block, secret=keys)


@contextlib.contextmanager
def pubsub() -> Iterator[Broker]:
    """A pstest of its own."""
    with PrivatePubsub() as server:
        yield Broker("pubsub", f'{{projectId: demo, endpoint: "{server.addresses["ASYA_TEST_PUBSUB"]}"}}')


BROKERS: dict[str, Callable[[], contextlib.AbstractContextManager[Broker]]] = {
    "rabbitmq": rabbitmq,
    "postgres": postgres,
    "sqs": sqs,
    "pubsub": pubsub,
}


def make_project(folder: Path, broker: Broker) -> None:
    """A copy of the example whose actors say `transport:`, with the Transport and the installed environment beside."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(".asya", "__pycache__"))
    before = (folder / "asya.yaml").read_text()
    lines = []
    for line in before.splitlines(keepends=True):
        lines.append(line)
        if line.startswith("  handler: "):
            lines.append(f"  transport: {broker.transport}\n")
    (folder / "asya.yaml").write_text("".join(lines))
    print("".join(difflib.unified_diff(before.splitlines(keepends=True), lines, "asya.yaml", "asya.yaml", n=0)))
    if broker.block:
        text = TRANSPORT.format(name=broker.transport, type=broker.transport, block=broker.block)
        (folder / "transport.yaml").write_text(text)
        print(text)
    state = state_of(folder)
    state.mkdir(parents=True)
    python = prepare(PROJECT, state_of(PROJECT), make=False)
    assert python is not None
    (state / python.parents[1].name).symlink_to(python.parents[1])
    secret = state / "secrets" / f"asya-transport-{broker.transport}"
    for name, value in broker.secret.items():
        secret.mkdir(parents=True, exist_ok=True)
        (secret / name).write_text(value)


def run_on(name: str, folder: Path) -> list[str]:
    """Everything on one broker; a row of what came of it."""
    say(f"{name}: the only change")
    with BROKERS[name]() as broker:
        make_project(folder, broker)
        variables = {**os.environ, "XDG_STATE_HOME": str(folder.parent / "home"), **broker.variables}

        def asya(*arguments: str) -> str:
            done = subprocess.run([ASYA, *arguments], cwd=folder, env=variables, stdout=subprocess.PIPE, text=True,
                                  timeout=COMMAND_LIMIT_S, check=True)  # fmt: skip
            return done.stdout.strip()

        try:
            asya("up")
            return [name, *_work(asya, folder)]
        finally:
            asya("down")


def _work(asya: Callable[..., str], folder: Path) -> list[str]:
    server = read_server_file(state_of(folder))
    assert server is not None
    client = Client(server)
    images = image_folder()
    began = time.monotonic()
    sent = {image: asya("send", "ocr-flow", "--file", f"image={images / image}") for image in (*IMAGES, NOT_AN_IMAGE)}
    tasks = {image: wait_for(client, "default", task) for image, task in sent.items()}
    taken_s = time.monotonic() - began
    for image, task in tasks.items():
        show(image, task)
    page = tasks["page.png"]
    assert "Region-based" in page["result"]["text"], page
    assert tasks["text.png"]["status"] == "succeeded", tasks["text.png"]
    assert tasks[NOT_AN_IMAGE]["error"]["type"] == "prep.NotAnImage", tasks[NOT_AN_IMAGE]
    letters = client.json("GET", "/api/v1/dead-letters")["items"]
    assert [letter["actor"] for letter in letters] == ["prep"], letters
    return [str(page["result"]["words"]), str(len(hops(page))), str(len(letters)), f"{taken_s:.0f}"]


def main() -> None:
    """Ends with exit code 0 only if everything was as it should be."""
    names = sys.argv[1:] or list(BROKERS)
    if unknown := set(names) - set(BROKERS):
        sys.exit(f"usage: tools/demo-brokers [{'] ['.join(BROKERS)}], not {', '.join(sorted(unknown))}")
    copy_example()
    state_of(PROJECT).mkdir(parents=True, exist_ok=True)
    (state_of(PROJECT) / ".gitignore").write_text("*\n")  # as `asya up` does
    prepare(PROJECT, state_of(PROJECT))
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="asya-demo-") as folder:
            rows.append(run_on(name, Path(folder) / "documents"))
    say("the documents example, changed in nothing but `transport:`")
    table(["broker", "words of page.png", "hops", "dead letters", "seconds"], rows)


if __name__ == "__main__":
    main()
