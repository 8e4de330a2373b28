"""The documents example on real input: results, times a hop, replicas over time, a dead letter edited and replayed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from asya_cli.client import Client, collection
from asya_cli.environment import prepare
from asya_cli.output import table
from asya_cli.project import find_server, read_server_file, state_of
from asya_cli.tasks import hops, payload_of
from asya_cli.waiting import wait_for

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "documents"
PROJECT = ROOT / "build" / "demo" / "documents"  # a copy: what a person keeps in the example's own server is theirs
ASYA = str(ROOT / "bin" / "asya")
IMAGES = ["page.png", "text.png", "astronaut.png", "coffee.png", "rocket.jpg"]
NOT_AN_IMAGE = "README.txt"
SAMPLE_PERIOD_S = 0.1
ZERO_TIMEOUT_S = 60.0


def say(text: str) -> None:
    """A heading between the steps."""
    print(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def asya(*arguments: str, **environment: str) -> str:
    """Run one command as a person would, showing it and what it prints."""
    print("$ asya " + shlex.join(arguments), flush=True)
    done = subprocess.run(
        [ASYA, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=1800,
        check=True,
    )
    print(done.stdout, end="", flush=True)
    return done.stdout


class Replicas(threading.Thread):
    """Samples the replica counts of all actors until it is stopped; keeps a row for each change."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.rows: list[tuple[float, dict[str, int]]] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        """Poll the actors' status."""
        started = time.monotonic()
        while not self.stopped.wait(SAMPLE_PERIOD_S):
            counts = replicas(self.client)
            if not self.rows or self.rows[-1][1] != counts:
                self.rows.append((time.monotonic() - started, counts))


def replicas(client: Client) -> dict[str, int]:
    """Replicas of each actor now, system actors too."""
    items = client.json("GET", collection("asyncactors", "default"))["items"]
    return {
        i["metadata"]["name"]: i.get("status", {}).get("infrastructure", {}).get("workload", {}).get("replicas", 0)
        for i in items
    }


def image_folder() -> Path:
    """The photographs and pages that ship inside the scikit-image wheel of the project's environment."""
    python = prepare(PROJECT, state_of(PROJECT), make=False)
    assert python is not None
    code = "import pathlib, skimage; print(pathlib.Path(skimage.__file__).parent / 'data')"
    found = subprocess.run([str(python), "-c", code], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return Path(found.stdout.strip())


def show(name: str, task: dict[str, Any]) -> None:
    """One input: its result and what each hop took."""
    result = task.get("result") or {}
    error = task.get("error") or {}
    if task["status"] == "succeeded":
        print(f"\n{name}: {result['words']} words, title {result['title']!r}")
        if result["text"]:
            print("  | " + result["text"].replace("\n", "\n  | "))
    else:
        print(f"\n{name}: {task['status']}: {error.get('type', '')}: {error.get('message', '')}")
    table(["actor", "attempt", "in queue", "cold start", "work"], hops(task))


def edit_and_replay(letter_id: str, image: Path) -> dict[str, Any]:
    """Replace the file in the dead letter by an image, through the editor that `asya replay --edit` opens."""
    with tempfile.TemporaryDirectory() as folder:
        editor = Path(folder) / "editor.py"
        payload = payload_of(None, (f"image={image}",))
        editor.write_text(f"import pathlib, sys\npathlib.Path(sys.argv[1]).write_text({json.dumps(payload)!r})\n")
        return dict(json.loads(asya("replay", letter_id, "--edit", "--wait", "-o", "json",
                                    EDITOR=f"{sys.executable} {editor}", VISUAL="")))  # fmt: skip


def leftovers(marks: list[str]) -> list[str]:
    """Processes whose command line or environment names the project's state."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if any(mark.encode() in text for mark in marks):
            found.append(f"{entry.name}: {text[:120]!r}")
    return found


def work(client: Client) -> None:
    """Send everything at once, show what came of it, then the dead letter."""
    folder = image_folder()
    say(f"sending {len(IMAGES)} images and one file that is none")
    sent = {}
    for name in [*IMAGES, NOT_AN_IMAGE]:
        task_id = asya("send", "ocr-flow", "--file", f"image={folder / name}").strip()
        sent[name] = task_id
    say("results")
    tasks = {name: wait_for(client, "default", task_id) for name, task_id in sent.items()}
    for name, task in tasks.items():
        show(name, task)
    page = tasks["page.png"]["result"]["text"]
    assert "Region-based" in page, f"page.png was read as {page!r}"
    assert tasks[NOT_AN_IMAGE]["status"] == "failed", tasks[NOT_AN_IMAGE]
    say("the dead letter: shown, edited, replayed")
    asya("dead-letters")
    letter = client.json("GET", "/api/v1/dead-letters")["items"][0]
    asya("dead-letters", letter["id"])
    result = edit_and_replay(letter["id"], folder / "page.png")
    assert "Region-based" in result["text"], result


def copy_example() -> None:
    """Bring the copy up to date; its environment, which takes its time to make, stays with its state."""
    PROJECT.mkdir(parents=True, exist_ok=True)
    for old in PROJECT.iterdir():
        if old.is_file():
            old.unlink()
    shutil.copytree(EXAMPLE, PROJECT, ignore=shutil.ignore_patterns(".asya", "__pycache__"), dirs_exist_ok=True)


def wait_for_zero(client: Client) -> None:
    """Wait until no actor has a replica."""
    deadline = time.monotonic() + ZERO_TIMEOUT_S
    while any(replicas(client).values()):
        assert time.monotonic() < deadline, f"replicas did not return to 0: {replicas(client)}"
        time.sleep(SAMPLE_PERIOD_S)


def main() -> None:
    """Run the whole demonstration; ends with exit code 0 only if everything was as it should be."""
    started = time.monotonic()
    state = state_of(PROJECT)
    copy_example()
    if read_server_file(state):
        subprocess.run([ASYA, "down", str(PROJECT)], check=False, timeout=60)
    for name in ("asya.db", "asya.db-wal", "asya.db-shm"):
        (state / name).unlink(missing_ok=True)
    say("asya up, in a copy of examples/documents")
    asya("up", str(PROJECT.relative_to(Path.cwd())) if PROJECT.is_relative_to(Path.cwd()) else str(PROJECT))
    server = read_server_file(state) or find_server(None)
    client = Client(server)
    watching = Replicas(client)
    watching.start()
    try:
        work(client)
        say("back to zero")
        wait_for_zero(client)
        time.sleep(2 * SAMPLE_PERIOD_S)
        watching.stopped.set()
        watching.join()
        names = sorted({name for _, counts in watching.rows for name in counts})
        table(["seconds", *names], [[f"{at:.1f}", *(counts.get(n, 0) for n in names)] for at, counts in watching.rows])
        asya("why", "actor", "ocr")
    finally:
        watching.stopped.set()
        asya("down", str(PROJECT))
    left = leftovers([str(state) + "/asya", "asya-server local --project " + str(PROJECT)])
    assert not left, f"processes are left: {left}"
    say(f"done in {time.monotonic() - started:.0f} s; nothing is left running")


if __name__ == "__main__":
    main()
