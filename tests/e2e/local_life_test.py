"""A project on this machine from up to down: namespaces, kubectl beside the command, broken saves, what comes next."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from asya_project import ACTORS, PATIENCE_S, ROOT, Project, actor, until

HANDLERS = """from pathlib import Path


def echo(payload):
    print("echoing", payload, flush=True)
    return {"payload": payload, "code": Path(__file__).parent.name}
"""
BROKEN = HANDLERS + "\n\ndef broken(:\n"
FLOW = r"""apiVersion: asya.sh/v1alpha1
kind: Flow
metadata:
  name: trial
  annotations: {local.asya.sh/try: "'{\"name\": \"Ada\"}'"}
spec: {entrypoint: echo}
"""


@pytest.fixture
def made(project: Project) -> Project:
    """A project of one actor."""
    project.write(asya__yaml=actor("echo", "steps.echo"), steps__py=HANDLERS)
    return project


def test_kubectl_may_apply_what_up_has_made(made: Project, tmp_path: Path) -> None:
    """The code stays where it is, also for an actor that only kubectl made."""
    built = subprocess.run([ROOT / "tools" / "build-go", "kubectl"], stdout=subprocess.PIPE, text=True, check=True)
    kubectl = [built.stdout.strip().splitlines()[-1], "--kubeconfig", str(tmp_path / "kc")]
    made.run("up", ".")
    (tmp_path / "kc").write_text(made.run("kubeconfig").out)
    made.write(asya__yaml=actor("echo", "steps.echo") + actor("other", "steps.echo"))
    subprocess.run([*kubectl, "apply", "-f", str(made.folder / "asya.yaml")], env={"PATH": os.environ["PATH"],
                   "HOME": str(tmp_path)}, check=True, timeout=PATIENCE_S)  # fmt: skip
    for name in ("echo", "other"):
        assert made.run("send", name, "1", "--wait").json() == {"payload": 1, "code": "project"}
    annotations = made.get(f"{ACTORS}/echo")["metadata"]["annotations"]
    assert annotations["local.asya.sh/source-dir"] == str(made.folder)
    assert "source-dir" not in annotations["kubectl.kubernetes.io/last-applied-configuration"]
    made.run("apply", "-f", "asya.yaml")
    assert "local.asya.sh/source-dir" in made.get(f"{ACTORS}/other")["metadata"]["annotations"]


def test_a_broken_save_is_shown_though_nothing_runs(made: Project) -> None:
    """With its line, and until it is mended; whoever waits is told."""
    made.run("up", ".")
    module = made.folder / "steps.py"
    module.write_text(BROKEN)
    until(lambda: "steps.py, line 9: SyntaxError" in made.condition("echo", "Ready").get("message", ""), "the line")
    assert made.row("echo")["STATUS"] == "Degraded"
    assert made.get(f"{ACTORS}/echo")["status"]["infrastructure"]["workload"]["replicas"] == 0
    sending = made.start("send", "echo", "2", "--wait")
    assert sending.stderr is not None
    told = sending.stderr.readline()
    while "is starting" in told:  # a busy machine takes its time
        told = sending.stderr.readline()
    assert told.startswith("echo is not ready: ")
    assert "SyntaxError" in told
    module.write_text(HANDLERS)
    out, _ = sending.communicate(timeout=PATIENCE_S)
    assert json.loads(out)["payload"] == 2
    until(lambda: made.row("echo")["STATUS"] == "Napping", "it rests")


def test_up_tells_broken_code_and_stays_up(made: Project) -> None:
    """The next save mends it."""
    made.write(steps__py=BROKEN)
    done = made.run("up", ".", code=1)
    assert "error: echo: steps.py, line 9: SyntaxError: " in done.err
    assert "is up at http://127.0.0.1:" in done.err
    made.write(steps__py=HANDLERS)
    assert made.run("send", "echo", "3", "--wait").json()["payload"] == 3


def test_up_makes_the_namespaces_of_its_objects(made: Project) -> None:
    """Those of the manifest and that of the option, the first time and again."""
    here = actor("echo", "steps.echo").replace("name: echo", "name: echo, namespace: team")
    made.write(asya__yaml=here + actor("echo", "steps.echo"))
    for _ in range(2):
        done = made.run("up", ".", "-n", "crew")
        # The second time it may still be what it was when the project was stopped.
        assert {row["STATUS"] for row in done.rows()} <= {"Napping", "Ready"}
        assert len(done.rows()) == 2
        for space in ("team", "crew"):
            assert made.run("send", "echo", "4", "--wait", "-n", space).json()["payload"] == 4
        made.run("down")


def test_up_says_what_to_type_next(made: Project) -> None:
    """What the author of a flow says can be tried; otherwise only that a payload is wanted."""
    assert "next: asya send echo PAYLOAD --wait\n" in made.run("up", ".").err
    made.run("down")
    made.write(asya__yaml=actor("echo", "steps.echo") + FLOW)
    done = made.run("up", ".")
    command = done.err.split("next: asya ")[1].strip()
    assert command == 'send trial \'{"name": "Ada"}\' --wait'


def test_a_second_up_says_so_before_it_installs_anything(made: Project) -> None:
    """The requirements have changed meanwhile."""
    made.run("up", ".")
    made.write(requirements__txt="--no-index\nno-such-scales\n")
    assert "is up already" in made.run("up", ".", code=1).err
    assert list(made.state.glob("python-*")) == []


def test_down_takes_away_environments_that_no_actor_names(made: Project) -> None:
    """Each is large; that of the requirements now, and those that actors name, stay."""
    named = made.state / "python-named"
    for folder in (named, made.state / "python-old"):
        (folder / "bin").mkdir(parents=True)
    manifest = actor("echo", "steps.echo")
    note = f"annotations: {{local.asya.sh/python: {named}/bin/python}}"
    made.write(asya__yaml=manifest + actor("other", "steps.echo").replace("name: other", f"name: other, {note}"))
    made.run("up", ".", code=None)
    made.run("down")
    assert [folder.name for folder in made.state.glob("python-*")] == ["python-named"]


def test_requirements_that_were_deleted_take_their_environment_along(made: Project) -> None:
    """Handlers run with the machine's interpreter again, and the next down takes the folder away."""
    made.write(requirements__txt="--no-index\n")
    made.run("up", ".")
    assert ".asya/local/python-" in made.get(f"{ACTORS}/echo")["metadata"]["annotations"]["local.asya.sh/python"]
    (made.folder / "requirements.txt").unlink()
    made.run("down")
    assert len(list(made.state.glob("python-*"))) == 1
    made.run("up", ".")
    assert "local.asya.sh/python" not in made.get(f"{ACTORS}/echo")["metadata"]["annotations"]
    assert made.run("send", "echo", "1", "--wait").json() == {"payload": 1, "code": "project"}
    made.run("down")
    assert list(made.state.glob("python-*")) == []


def test_down_ends_the_local_server_whatever_asya_server_says(made: Project) -> None:
    """That variable names where commands go, not what runs here."""
    made.run("up", ".")
    assert "stopped" in made.run("down", ASYA_SERVER="http://127.0.0.1:1").err
    assert not (made.state / "server.json").exists()


def test_an_actor_named_server_has_logs(made: Project) -> None:
    """They are not those of the server."""
    made.run("up", ".")
    assert '"serving"' in made.run("logs", "server").out
    made.write(asya__yaml=actor("server", "steps.echo"))
    made.run("apply", "-f", "asya.yaml")
    made.run("send", "server", '"a word"', "--wait")
    shown = made.run("logs", "server")
    assert "echoing a word" in shown.out
    assert '"serving"' not in shown.out
    assert str(made.state / "logs" / "server.log") in shown.err


def test_tasks_beyond_the_limit_are_told(made: Project) -> None:
    """With the way to them."""
    made.run("up", ".")
    made.run("pause", "actor", "echo")
    sent = [made.run("send", "echo", str(n)).out.strip() for n in range(3)]
    first = made.run("tasks", "--limit", "2")
    assert "there are more: --cursor " in first.err
    cursor = first.err.split("--cursor ")[1].split(",")[0]
    second = made.run("tasks", "--limit", "2", "--cursor", cursor)
    assert "more" not in second.err
    assert sorted(row["ID"] for row in first.rows() + second.rows()) == sorted(sent)


def test_kinds_for_authors_of_platforms_are_objects_as_all_others(made: Project) -> None:
    """Compositions and functions."""
    made.run("up", ".")
    for kind in ("composition", "functions"):
        assert f"no {kind} found" in made.run("get", kind).err
        assert "not found" in made.run("describe", kind, "none", code=3).err
        assert "not found" in made.run("delete", kind, "none", code=3).err


def test_a_folder_is_rendered_as_a_whole(made: Project) -> None:
    """As `asya apply -f FOLDER` takes it: an actor may name a flavor of another file."""
    flavor = "apiVersion: asya.sh/v1alpha1\nkind: Flavor\nmetadata: {name: small}\nspec: {concurrency: 7}\n"
    made.write(asya__yaml=actor("echo", "steps.echo", "  flavors: [small]\n"), flavor__yaml=flavor)
    printed = made.run("render", "-f", ".").out
    assert "ASYA_CONCURRENCY" in printed
    whole = (made.folder / "asya.yaml").read_text() + flavor
    assert made.run("render", "-f", "-", stdin=whole).out == printed
    program = Path(made.environment["ASYA_BIN"]) / "asya-server"
    done = subprocess.run([program, "render", "-f", made.folder], capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "is a folder" in done.stderr
