"""Bad input, as a table: one clear message with cause and fix, a non-zero exit, and nothing is changed."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asya_project import Project, actor, until

HANDLERS = "def echo(payload):\n    return payload\n"
GOOD = actor("echo", "steps.echo")
MANY_FAULTS = """\
apiVersion: asya.sh/v1alpha1
kind: AsyncActor
metadata: {name: Bad_Name}
spec:
  image: 7
  handler: "no colon or dot"
  imagePullPolicy: Sometimes
  concurrency: 0
  scaling: {minReplicaCount: 11, maxReplicaCount: 10, queueLength: many}
  resiliency:
    actorTimeout: soon
    policies: {default: {maxAttempts: 0, backoff: cubic}}
    rules: [{errors: [ValueError], policy: missing}]
"""
FAULTS = {
    "metadata.name": "Bad_Name",
    "spec.image": "7",
    "spec.handler": "no colon or dot",
    "spec.imagePullPolicy": "IfNotPresent",
    "spec.concurrency": "0",
    "spec.scaling.minReplicaCount": "11",
    "spec.scaling.queueLength": "many",
    "spec.resiliency.actorTimeout": "soon",
    "spec.resiliency.policies[default].maxAttempts": "0",
    "spec.resiliency.policies[default].backoff": "exponential",
    "spec.resiliency.rules[0].policy": "missing",
}
OVERSIZE_BYTES = 11 << 20  # one payload may have 10 MiB
OVER_BODY_BYTES = 13 << 20  # one request may have 12 MiB


@dataclasses.dataclass(frozen=True)
class Case:
    """A wrong command: what it is, its arguments, its files, its exit code and what the message has to hold."""

    name: str
    arguments: tuple[str, ...]
    code: int
    told: tuple[str, ...]
    files: dict[str, str | int] = dataclasses.field(default_factory=dict)  # a number: so many bytes of JSON string


ON_A_SERVER = [
    Case("every wrong field", ("apply", "-f", "bad.yaml"), 5, tuple(FAULTS), {"bad.yaml": MANY_FAULTS}),
    Case("every wrong value", ("apply", "-f", "bad.yaml"), 5, tuple(FAULTS.values()), {"bad.yaml": MANY_FAULTS}),
    Case("good beside bad", ("apply", "-f", "bad.yaml"), 5, ("spec.image", "nothing was applied"),
         {"bad.yaml": actor("fine", "steps.echo") + GOOD.replace("test:latest", "7").replace("echo", "other")}),
    Case("same name twice", ("apply", "-f", "bad.yaml"), 5, ("AsyncActor other", "Duplicate value", "nothing was"),
         {"bad.yaml": actor("fine", "steps.echo") + 2 * actor("other", "steps.echo")}),
    Case("same queue twice", ("apply", "-f", "bad.yaml", "--dry-run"), 5, ("AsyncActor other", '"asya-default-fine"'),
         {"bad.yaml": actor("fine", "steps.echo") + actor("other", "steps.echo", "  actor: fine\n")}),
    Case("unknown field", ("apply", "-f", "bad.yaml"), 5, ("spec.handlr",),
         {"bad.yaml": GOOD.replace("handler:", "handlr:").replace("name: echo", "name: other")}),
    Case("wrong kind", ("apply", "-f", "bad.yaml"), 5, ("'AsyncActr'", "AsyncActor, Flow"),
         {"bad.yaml": GOOD.replace("AsyncActor", "AsyncActr")}),
    Case("no name", ("apply", "-f", "bad.yaml"), 5, ("metadata.name: Required",),
         {"bad.yaml": GOOD.replace("{name: echo}", "{}")}),
    Case("not YAML", ("apply", "-f", "bad.yaml"), 5, ("bad.yaml: not YAML", "line 1"),
         {"bad.yaml": "apiVersion: [asya.sh/v1alpha1"}),
    Case("no object", ("apply", "-f", "bad.yaml"), 5, ("apiVersion and kind",), {"bad.yaml": "- a\n"}),
    Case("no file", ("apply", "-f", "none.yaml"), 5, ("none.yaml: no such file",)),
    Case("malformed JSON", ("send", "echo", '{"n": '), 5, ("not JSON", "quote it")),
    Case("payload file missing", ("send", "echo", "@none.json"), 5, ("@none.json: No such file",)),
    Case("file argument", ("send", "echo", "--file", "image"), 5, ("KEY=PATH",)),
    Case("file argument missing", ("send", "echo", "--file", "image=none.png"), 5, ("none.png: No such file",)),
    Case("file argument a folder", ("send", "echo", "--file", "image=."), 5, ("image=.", "Is a directory")),
    Case("unknown actor", ("send", "nobody", "{}"), 3, ('"nobody"', "echo")),
    Case("unknown next actor", ("send", "echo", "{}", "--next", "echo", "--next", "nobody"), 3,
         ("next[1]", '"nobody"', "known there: echo")),
    Case("negative timeout", ("send", "echo", "{}", "--timeout", "-1"), 5, ("timeout", "-1")),
    Case("oversize payload", ("send", "echo", "@big.json"), 5, ("at most 10485760 are accepted", "a reference"),
         {"big.json": OVERSIZE_BYTES}),
    Case("oversize body", ("send", "echo", "@big.json"), 5, ("larger than this server accepts", "a reference"),
         {"big.json": OVER_BODY_BYTES}),
    Case("unknown task", ("task", "none"), 3, ("none",)),
    Case("unknown dead letter", ("dead-letters", "none"), 3, ("none",)),
    Case("replay of nothing", ("replay", "none"), 3, ("none",)),
    Case("replay of no JSON", ("replay", "none", "--payload", "{"), 5, ("not JSON",)),
    Case("unknown object", ("get", "actor", "nobody"), 3, ('"nobody" not found',)),
    Case("delete nothing", ("delete", "actor", "nobody"), 3, ('"nobody" not found',)),
    Case("pause nothing", ("pause", "actor", "nobody"), 3, ('"nobody" not found',)),
    Case("unknown resource", ("get", "pods"), 2, ("'pods'", "actors")),
    Case("no logs", ("logs", "nobody"), 3, ('"nobody" not found',)),
    Case("no logs to follow", ("logs", "nobody", "-f"), 3, ('"nobody" not found',)),
    Case("why of nothing", ("why", "actor", "nobody"), 3, ('"nobody" not found',)),
    Case("no decisions", ("why", "actor", "echo", "--last", "0"), 2, ("--last", "x>=1")),
    Case("payload of nothing", ("send", "echo", ""), 5, ("payload is empty", "{}")),
    Case("dots for a name", ("task", ".."), 3, ("'..' is no name",)),
    Case("slash in a name", ("get", "actor", "a/b"), 3, ('"a/b" not found',)),
    Case("no token", ("get", "actors", "--server", "{url}"), 5, ("ASYA_TOKEN",)),
    Case("server without port", ("get", "actors", "--server", "http://[::1"), 4, ("no URL", "http://127.0.0.1:8080")),
    Case("server without scheme", ("get", "actors", "--server", "localhost:1"), 4, ("no URL", "http://127.0.0.1:8080")),
    Case("date in a manifest", ("apply", "-f", "bad.yaml"), 5, ("document 1", "date", "in quotes"),
         {"bad.yaml": GOOD.replace("{name: echo}", "{name: echo, labels: {day: 2026-01-01}}")}),
    Case("kind is a list", ("apply", "-f", "bad.yaml"), 5, ("['AsyncActor'] is unknown",),
         {"bad.yaml": GOOD.replace("AsyncActor", "[AsyncActor]")}),
    Case("alias in itself", ("apply", "-f", "bad.yaml"), 5, ("an alias contains itself",),
         {"bad.yaml": "apiVersion: asya.sh/v1alpha1\nkind: Flow\nmetadata: {name: f}\nspec: &a {x: *a}\n"}),
    Case("annotations are a list", ("apply", "-f", "bad.yaml"), 5, ("metadata.annotations: Invalid value",),
         {"bad.yaml": GOOD.replace("{name: echo}", "{name: echo, annotations: [a]}")}),
    Case("nothing of ours", ("apply", "-f", "bad.yaml"), 5, ("no object of asya.sh",), {"bad.yaml": ""}),
    Case("unknown namespace", ("apply", "-f", "asya.yaml", "-n", "nowhere"), 3,
         ('namespaces "nowhere" not found', "kubectl create namespace nowhere")),
    Case("all and one", ("get", "actor", "echo", "-A"), 2, ("no NAME",)),
    Case("edit and payload", ("replay", "none", "--edit", "--payload", "{}"), 2, ("exclude each other",)),
    Case("second up", ("up", "."), 1, ("is up already at http://127.0.0.1:", "asya down")),
    Case("render", ("render", "-f", "bad.yaml"), 5, ("spec.handler", "spec.concurrency"), {"bad.yaml": MANY_FAULTS}),
    Case("render of a missing file", ("render", "-f", "none.yaml"), 5, ("none.yaml: cannot be read",)),
    Case("render of an empty folder", ("render", "-f", ".asya"), 5, (".asya: no .yaml or .yml file in it",)),
    Case("tasks without number", ("tasks", "--limit", "501"), 2, ("--limit", "1<=x<=500")),
    Case("render of nothing", ("render",), 2, ("-f FILE and crds",)),
    Case("render of both", ("render", "crds", "-f", "asya.yaml"), 2, ("-f FILE and crds",)),
    Case("render of a word", ("render", "cards"), 2, ("'cards'", "crds")),
]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A running project that bad input has to leave as it is."""
    home = tmp_path_factory.mktemp("served")
    project = Project(home / "project", home)
    project.write(asya__yaml=GOOD, steps__py=HANDLERS)
    project.run("up", ".")
    yield project
    project.down()


def contents(project: Project) -> list[str]:
    """What exists on the server: objects, and tasks."""
    api = "/apis/asya.sh/v1alpha1"
    names = [f"{p}/{i['metadata']['name']}:{i['metadata']['generation']}"
             for p in ("asyncactors", "flows") for i in project.get(f"{api}/{p}")["items"]]  # fmt: skip
    return names + [task["id"] for task in project.get("/api/v1/tasks", namespace="default")["items"]]


@pytest.mark.parametrize("case", ON_A_SERVER, ids=lambda case: case.name)
def test_is_refused_and_changes_nothing(served: Project, case: Case) -> None:
    """One row of the table on a running server."""
    before = contents(served)
    for name, text in case.files.items():
        whole = f'"{"x" * text}"' if isinstance(text, int) else text
        (served.folder / name).write_text(whole)
    try:
        done = served.run(*[word.replace("{url}", served.server().url) for word in case.arguments], code=case.code)
    finally:
        for name in case.files:
            (served.folder / name).unlink()
    assert "Traceback" not in done.err
    assert done.out == ""
    for words in case.told:
        assert words in done.err
    assert contents(served) == before


def occupied_state(project: Project) -> tuple[str, ...]:
    (project.folder / ".asya").write_text("a file where the folder should be")
    return ("up", ".")


def broken_store(project: Project) -> tuple[str, ...]:
    project.state.mkdir(parents=True)
    (project.state / "asya.db").write_bytes(b"this is no database, but whatever it is belongs to somebody " * 100)
    return ("up", ".")


def store_is_a_folder(project: Project) -> tuple[str, ...]:
    (project.state / "asya.db").mkdir(parents=True)
    return ("up", ".")


def not_a_folder(project: Project) -> tuple[str, ...]:
    return ("up", "asya.yaml")


def missing_folder(project: Project) -> tuple[str, ...]:
    return ("up", "nowhere")


def no_manifest(project: Project) -> tuple[str, ...]:
    (project.folder / "asya.yaml").unlink()
    return ("up", ".")


def wrong_port(project: Project) -> tuple[str, ...]:
    return ("up", ".", "--port", "70000")


def wrong_kind(project: Project) -> tuple[str, ...]:
    project.write(asya__yaml=GOOD.replace("AsyncActor", "Actor"))
    return ("up", ".")


def no_text(project: Project) -> tuple[str, ...]:
    (project.folder / "asya.yaml").write_bytes(b"# \xff\n" + GOOD.encode())
    return ("up", ".")


def wrong_fields(project: Project) -> tuple[str, ...]:
    project.write(asya__yaml=GOOD + MANY_FAULTS)
    return ("up", ".")


Mischief = Callable[[Project], tuple[str, ...]]
AT_THE_START: list[tuple[Mischief, tuple[str, ...]]] = [
    (occupied_state, (".asya", "Not a directory", "try:")),
    (broken_store, ("asya.db", "not a database", "try: ")),
    (store_is_a_folder, ("asya.db", "try:")),
    (not_a_folder, ("asya.yaml: not a folder", "try:")),
    (missing_folder, ("nowhere: no such folder", "try:")),
    (no_manifest, ("no manifest of asya.sh", "examples/hello")),
    (wrong_port, ("70000", "65535")),
    (wrong_kind, ("'Actor'", "AsyncActor, Flow")),
    (no_text, ("asya.yaml: not UTF-8 at byte 2",)),
    (wrong_fields, (*FAULTS, "nothing was applied")),
]


@pytest.mark.parametrize(("mischief", "told"), AT_THE_START, ids=lambda value: getattr(value, "__name__", ""))
def test_up_says_what_is_wrong_and_leaves_nothing(project: Project, mischief: Mischief, told: tuple[str, ...]) -> None:
    """One row: `asya up` fails with the cause, no server stays, and what was in the folder is still there."""
    project.write(asya__yaml=GOOD, steps__py=HANDLERS)
    arguments = mischief(project)
    before = {p: p.read_bytes() for p in (project.folder / ".asya", project.state / "asya.db") if p.is_file()}
    done = project.run(*arguments, code=None)
    assert done.code not in (0, None)
    assert "Traceback" not in done.err
    assert done.err.count("error: ") == 1, done.err
    for words in told:
        assert words in done.err
    assert not (project.state / "server.json").exists()
    assert {p: p.read_bytes() for p in before} == before
    project.run("get", "actors", code=4)


def test_a_busy_port_is_named(project: Project) -> None:
    """The port of somebody else's socket is refused, and the next up works."""
    project.write(asya__yaml=GOOD, steps__py=HANDLERS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = project.run("up", ".", "--port", port, code=1)
    assert port in done.err
    assert "in use" in done.err
    assert "try:" in done.err
    project.run("up", ".")


@pytest.mark.parametrize(
    ("name", "handler", "source", "told"),
    [
        ("no-module", "nowhere.echo", "", ("nowhere",)),
        ("no-function", "steps.nothing", HANDLERS, ("nothing",)),
        ("no-import", "steps.echo", "import no_such_package\n" + HANDLERS, ("no_such_package", "steps.py", "1")),
        ("no-syntax", "steps.echo", "\ndef echo(:\n", ("SyntaxError", "steps.py", "2")),
        ("raises", "steps.py:echo", "raise RuntimeError('no model')\n" + HANDLERS, ("RuntimeError", "no model")),
    ],
)
def test_a_handler_that_cannot_load_is_told_and_holds_its_work(
    served: Project, name: str, handler: str, source: str, told: tuple[str, ...]
) -> None:
    """The cause is told when it is applied, unless only running the code shows it, and stands in the conditions.

    The task waits, uncounted, and is done once the code is mended.
    """
    folder = served.folder.parent / name
    folder.mkdir()
    (folder / "asya.yaml").write_text(actor(name, handler))
    (folder / "steps.py").write_text(source)
    applied = served.run("apply", "-f", str(folder / "asya.yaml"), code=0 if name == "raises" else 1)
    assert f"asyncactor/{name} created" in applied.out
    if name != "raises":
        assert applied.err.startswith(f"error: {name}: ")
        assert all(words in applied.err for words in told)
        assert "mend the code and save it" in applied.err
    task = served.run("send", name, "[1]").out.strip()

    def message() -> str:
        conditions = served.get(f"/apis/asya.sh/v1alpha1/namespaces/default/asyncactors/{name}")["status"]["conditions"]
        return " ".join(str(c.get("message", "")) for c in conditions if c["status"] == "False")

    until(lambda: all(words in message() for words in told), f"{told} in the conditions")
    assert served.get(f"/api/v1/tasks/{task}")["status"] in ("pending", "running")
    (folder / "steps.py").write_text(HANDLERS + "nothing = echo\n")
    (folder / "nowhere.py").write_text(HANDLERS)
    assert served.run("task", task, "--wait", "-o", "json").json()["result"] == [1]
    served.run("delete", "actor", name)


def test_the_server_names_every_wrong_option(tmp_path: Path, project: Project) -> None:
    """asya-server tells all mistakes of its command line at once."""
    program = Path(project.environment["ASYA_BIN"]) / "asya-server"
    done = subprocess.run(
        [program, "local", "--colour", "--project", "relative", "--port", "high", "--log-level", "LOUD"],
        env={"PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 64
    for words in ("--colour: unknown option; ", "--crew", "--project", '"relative"', '"high"', '"LOUD"', "WARNING"):
        assert words in done.stderr
    assert list(tmp_path.iterdir()) == [project.folder]


def test_commands_without_a_server_say_so(project: Project) -> None:
    """Also when the server was killed and left its server.json behind."""
    project.write(asya__yaml=GOOD, steps__py=HANDLERS)
    assert "asya up FOLDER" in project.run("get", "actors", code=4).err
    project.run("up", ".")
    server = project.server()
    os.kill(server.pid, 9)
    done = until(lambda: (d := project.run("get", "actors", code=None)).code and d, "the server is gone")
    assert done.code == 4
    assert "no server answers at" in done.err
    assert "asya up FOLDER" in done.err
    project.run("up", ".")
    assert "echo" in project.run("get", "actors").out
