"""``asya up`` and ``asya down``: the local server of a project."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from asya_cli import cluster, environment, manifests
from asya_cli.client import Client, collection, segment
from asya_cli.failure import NOT_FOUND, REFUSED, UNREACHABLE, Failure
from asya_cli.output import note, table
from asya_cli.project import (
    Server,
    forget,
    installation,
    local_server,
    manifests_of,
    program,
    project_of,
    read_server_file,
    remember,
    state_of,
)
from asya_cli.source import refuse_faulty, runtime_archive

TRY = "local.asya.sh/try"  # arguments of asya send, for the command to type next
DATABASE_VARIABLE = "ASYA_DATABASE_URL"
START_TIMEOUT_S = 120.0  # a server that ends is told at once; this is for disks that are busy with other things
# Waiting for a connection, and for a killed server's claim on the database to end, takes its time.
START_WITH_DATABASE_TIMEOUT_S = 120.0
SETTLE_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 40.0
TELL_TIMEOUT_S = 5.0
DYING_TIMEOUT_S = 60.0
QUIET_STOP_S = 1.5  # most stops take less
POLL_S = 0.02


# What PostgreSQL's client says, and what a person can do about it.
DATABASE_FIXES = {
    "password": "check user and password in the URL, or put the password into ~/.pgpass or PGPASSWORD",
    "role ": "check the user in the URL, or make it: createuser NAME",
    "does not exist": "check the name of the database in the URL, or make it: createdb NAME",
    "is too old": "upgrade PostgreSQL, or name another server",
    "use the newer program": "run the asya that wrote it, or name another database",
    "PostgreSQL: ": "check that PostgreSQL runs there and takes connections: psql URL -c 'select 1'",
}


def alive(pid: int) -> bool:
    """Whether a process of that id has not ended with all its threads; the first may be a zombie long before the last.

    proc_pid_stat(5): the state is the third field, the number of threads the twentieth.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z" or int(fields[17]) > 1


def command_of(pid: int) -> list[bytes]:
    """What the process was started with; nothing of one that has been killed and still holds its files."""
    try:
        return [part for part in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if part]
    except OSError:
        return []


def serves(server: Server) -> bool:
    """Whether the server's process runs; its number may have become that of another program since, after a reboot."""
    return alive(server.pid) and any(part.rpartition(b"/")[2] == b"asya-server" for part in command_of(server.pid))


def wait_while_dying(pid: int) -> None:
    """A killed process keeps its locks until what it was writing is written: seconds, on a busy disk."""
    deadline = time.monotonic() + DYING_TIMEOUT_S
    while alive(pid) and not command_of(pid) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def refuse_running(project: Path) -> None:
    """Fail if the project is up."""
    running = read_server_file(state_of(project))
    if running:
        wait_while_dying(running.pid)
    if running and serves(running):
        where = f"{running.url} (process {running.pid})"
        raise Failure(f"{project.name} is up already at {where}", "asya down, or asya apply -f FILE")


def start(project: Path, port: int, database: str, python: Path | None) -> Server:
    """Start the server in the background and wait until it answers; ``python`` runs handlers of the folder."""
    state = state_of(project)
    (state / "server.json").unlink(missing_ok=True)
    root = installation()
    command = [
        str(program("asya-server")), "local", "--project", str(project), "--state", str(state), "--port", str(port),
        "--relay", str(program("asya-relay")), "--runtime", str(runtime_archive()), "--crew", str(root / "crew"),
        "--python", environment.base_python(), "--project-python", str(python or ""),
    ]  # fmt: skip
    # Not an argument: everybody may read those.
    variables = os.environ | {DATABASE_VARIABLE: database}
    with (state / "logs" / "server.log").open("ab") as log:
        position = log.tell()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                   env=variables)  # fmt: skip
    patience = START_WITH_DATABASE_TIMEOUT_S if database else START_TIMEOUT_S
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        server = read_server_file(state)
        if server and server.pid == process.pid:
            hidden = remember(state)
            if hidden:
                note(f"only commands in this folder find the server, since {hidden}")
            return server
        if process.poll() is not None:
            wrote = last_lines(state, position)
            raise Failure("the server did not start:\n" + wrote, fix_of(wrote, state, port))
        time.sleep(POLL_S)
    process.terminate()
    raise Failure(f"the server was not ready within {patience:g} s:\n" + last_lines(state, position))


def place_of(database: str) -> str:
    """Where a database is, without the credentials for it."""
    if "://" not in database:
        return "PostgreSQL"
    place = urlsplit(database)
    return f"PostgreSQL at {place.netloc.rpartition('@')[2] or 'this machine'}, database {place.path.strip('/')}"


def make_state(project: Path) -> Path:
    """The project's state folder, made where it is missing."""
    state = state_of(project)
    try:
        (state / "logs").mkdir(parents=True, exist_ok=True)
        (state / ".gitignore").write_text("*\n", encoding="utf-8")
        (state / "logs" / "server.log").open("ab").close()
    except OSError as error:
        raise Failure(f"{error.filename or state}: {error.strerror}; the state of the project is kept there",
                      "make the folder writable, or copy the project") from error  # fmt: skip
    return state


def fix_of(wrote: str, state: Path, port: int) -> str:
    """What a person can do about a server that did not start, by what it wrote."""
    if f":{port} " in wrote:
        return "asya up without --port, which takes a free one"
    if "in use by another" in wrote:
        return "asya down, or wait until the other server has stopped"
    for sign, fix in DATABASE_FIXES.items():
        if sign in wrote:
            return fix
    if "asya.db" in wrote:
        return f"put back a copy of {state / 'asya.db'}, or move it away: objects, tasks and queues then begin empty"
    return f"mend that; the whole log is {state / 'logs' / 'server.log'}"


def last_lines(state: Path, position: int) -> str:
    """What the server wrote since it was started; its records of level INFO tell no cause."""
    with (state / "logs" / "server.log").open("rb") as log:
        log.seek(position)
        lines = [x for x in log.read().decode(errors="replace").splitlines() if '"level":"INFO"' not in x]
    return "\n".join("  " + line for line in lines[-12:])


def settle(client: Client, names: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Wait until every actor, by namespace and name, has a phase other than Creating; returns the actors."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while True:
        items: list[dict[str, Any]] = client.json("GET", collection("asyncactors", None))["items"]
        mine = [i for i in items if (i["metadata"]["namespace"], i["metadata"]["name"]) in names]
        phases = [i.get("status", {}).get("phase", "Creating") for i in mine]
        if len(phases) == len(names) and "Creating" not in phases:
            return mine
        if time.monotonic() > deadline:
            return mine
        time.sleep(POLL_S)


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option("--port", default=0, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("-n", "--namespace", default="default", show_default=True, help="Made where it is missing.")
@click.option("--database", default="", envvar=DATABASE_VARIABLE, metavar="URL",
              help="PostgreSQL in place of the SQLite file, as postgres://USER@HOST:PORT/DATABASE; better set "
              f"{DATABASE_VARIABLE} where it holds a password.")  # fmt: skip
@click.option(
    "--cluster",
    "in_cluster",
    is_flag=True,
    help="A Kubernetes of one node with asya.sh in it, in place of "
    "a project; needs root and a checkout with images. The first time builds it, for half an hour.",
)
@click.option("--values", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="With --cluster: values of the chart, such as transports.")  # fmt: skip
def up(folder: Path, port: int, namespace: str, database: str, in_cluster: bool, values: tuple[Path, ...]) -> None:
    """Start a project on this machine: server, store, queues and its actors.

    FOLDER is a project: manifests of asya.sh beside the Python modules they name. Not for production.
    """
    if in_cluster:
        refuse_beside_cluster("folder", "port", "namespace", "database")
        cluster.up([path.resolve() for path in values])
        return
    if values:
        raise Failure("--values are of the chart, which only --cluster installs", "asya up --cluster", REFUSED)
    start_project(folder, port, namespace, database)


def refuse_beside_cluster(*names: str) -> None:
    """Fail if one of these was typed: they are of a project, and --cluster starts none."""
    source = click.get_current_context().get_parameter_source
    typed = [name for name in names if source(name) is ParameterSource.COMMANDLINE]
    if typed:
        what = "FOLDER" if typed[0] == "folder" else f"--{typed[0]}"
        raise Failure(f"{what} is of a project, and --cluster starts none", "kubectl apply, once the cluster is up",
                      REFUSED)  # fmt: skip


def start_project(folder: Path, port: int, namespace: str, database: str) -> None:
    """What `up` does without a cluster."""
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "no such folder"
        raise Failure(f"{folder}: {what}", "name the folder of the manifests", REFUSED)
    started = time.monotonic()
    project = folder.resolve()
    if not (project / ".asya").is_dir() and not manifests_of(project):
        project = project_of(project) or project
    found: list[manifests.Manifest] = []
    for file in manifests_of(project):
        found += manifests.read_file(file, file.name)
    if not found:
        raise Failure(f"{folder}: no manifest of asya.sh here", "write one, as examples/hello/asya.yaml", REFUSED)
    refuse_running(project)
    state = make_state(project)
    python = environment.prepare(project, state)
    refuse_running(project)  # one that was waited for may have started it
    for manifest in found:
        manifests.annotate_local(manifest, project, python)
    server = start(project, port, database, python)
    client = Client(server)
    try:
        for space in sorted({space_of(m, namespace) for m in found if m["kind"] in manifests.NAMESPACED}):
            make_namespace(client, space)
        manifests.apply_all(client, found, namespace)
    except Failure:
        # A server without what the folder asks for would only be in the way of the next attempt.
        stop(server)
        raise
    actors = [m for m in found if m["kind"] == "AsyncActor"]
    show(settle(client, {(space_of(m, namespace), m["metadata"]["name"]) for m in actors}))
    note(f"\n{project.name} is up at {server.url} after {time.monotonic() - started:.1f} s; not for production")
    if database:
        note(f"objects, tasks and queues are in {place_of(database)}; name it again at the next asya up")
    note("the code is this folder's, images are not pulled; saved handlers are reloaded")
    refuse_faulty(actors)
    note(next_command([m for m in found if m["kind"] == "Flow"] or actors, namespace))


def space_of(manifest: manifests.Manifest, namespace: str) -> str:
    """The namespace of an object."""
    return str(manifest["metadata"].get("namespace", namespace))


def make_namespace(client: Client, name: str) -> None:
    """Make a namespace that the project's own objects are in, where it is not there yet."""
    if name == "default":
        return
    try:
        client.call("GET", f"/api/v1/namespaces/{segment(name)}")
    except Failure as failure:
        if failure.exit_code != NOT_FOUND:
            raise
        client.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def next_command(targets: list[manifests.Manifest], namespace: str) -> str:
    """What to type next: to one of the targets, with what its author says can be tried."""
    if not targets:
        return "next: asya get actors"
    target = next((t for t in targets if TRY in (t["metadata"].get("annotations") or {})), targets[0])
    payload = " ".join(str((target["metadata"].get("annotations") or {}).get(TRY, "PAYLOAD")).split())
    space = space_of(target, namespace)
    there = "" if space == "default" else f" -n {space}"
    return f"next: asya send {target['metadata']['name']} {payload} --wait{there}"


def show(actors: list[dict[str, Any]]) -> None:
    """One line an actor: name, phase, handler, and why it is not well."""
    rows = []
    for actor in actors:
        status = actor.get("status", {})
        bad = [c for c in status.get("conditions", []) if c.get("status") == "False"]
        rows.append([actor["metadata"]["name"], status.get("phase", "Creating"), actor["spec"].get("handler", ""),
                     bad[0].get("message", "") if bad else ""])  # fmt: skip
    table(["name", "status", "handler", ""], rows)


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--cluster", "in_cluster", is_flag=True, help="The cluster of asya up --cluster, with all that is in it.")
def down(folder: Path | None, in_cluster: bool) -> None:
    """Stop the local server and everything it started; queues, tasks and results stay for the next up.

    Running calls have 10 s to finish. Those that take longer are given back uncounted, and begin again at the next up.
    """
    if in_cluster:
        refuse_beside_cluster("folder")
        cluster.down()
        return
    if folder is not None:
        project = project_of(folder.resolve()) or folder.resolve()
        server = read_server_file(state_of(project))
    else:
        server = local_server()
    if server is None or not server.pid or server.state is None or not serves(server):
        if server is not None and server.state is not None:
            forget(server.state)
        raise Failure("no local server is running", exit_code=UNREACHABLE)
    used = interpreters(Client(server))
    stop(server)
    if used is not None:
        remove_environments(server.state, used)
    note("stopped")


def remove_environments(state: Path, used: set[Path]) -> None:
    """Take away the environments that no actor names; nothing runs with them now."""
    with contextlib.suppress(Failure):
        # Actors made by kubectl name none, and run with that of the project's requirements.txt.
        own = environment.prepare(state.parents[1], state, make=False)
        environment.remove_others(state, used | ({own} if own else set()))


def interpreters(client: Client) -> set[Path] | None:
    """The interpreters that actors of the server name; None when it does not tell."""
    try:
        items = client.json("GET", collection("asyncactors", None), timeout_s=TELL_TIMEOUT_S)["items"]
    except Failure:
        return None
    return {Path(i["metadata"].get("annotations", {}).get(manifests.PYTHON, "")) for i in items}


def stop(server: Server) -> None:
    """End a local server; it lets running work finish first, for a while."""
    assert server.state is not None
    os.kill(server.pid, signal.SIGTERM)
    begun = time.monotonic()
    deadline = begun + STOP_TIMEOUT_S
    told = False
    while alive(server.pid):
        if not told and time.monotonic() > begun + QUIET_STOP_S:
            told = True
            note("running calls have 10 s to finish …")
        if time.monotonic() > deadline:
            raise Failure(f"process {server.pid} is still finishing its work", f"wait, or kill -9 {server.pid}")
        time.sleep(POLL_S)
    (server.state / "server.json").unlink(missing_ok=True)
    forget(server.state)
