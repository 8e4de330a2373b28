"""Images for the node, made of what Debian has installed here: no container engine and no registry."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from private_cluster.image_archive import ImageSettings, Member, write_archive
from private_cluster.machine import command
from private_cluster.node import PAUSE_IMAGE

PYTHON_IMAGE = "localhost/python:1"
BUILD_LIMIT_S = 60

# A process that holds the namespaces of a pod: it ends when it is told to, and takes in the orphans of others.
PAUSE_PROGRAM = """
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int number) { (void)number; _exit(0); }
static void reap(int number) { (void)number; while (waitpid(-1, NULL, WNOHANG) > 0) {} }

int main(void) {
  struct sigaction action = {0};
  action.sa_handler = end;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  action.sa_handler = reap;
  action.sa_flags = SA_NOCLDSTOP;
  sigaction(SIGCHLD, &action, NULL);
  for (;;) pause();
}
"""

PYTHON_PACKAGES = ("python3", "dash", "coreutils")
LEFT_OUT = re.compile(r"/usr/share/(doc|man|info|locale|lintian|bug|doc-base|applications|pixmaps|menu)/")
MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


def images() -> list[Path]:
    """The archives of the pause image and of a small Python, from the tool cache or made now."""
    return [_cached("pause", PAUSE_PROGRAM, _make_pause), _cached("python", _versions(), _make_python)]


def _cached(name: str, made_from: str, make: Callable[[Path], None]) -> Path:
    code = b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("image*.py")))
    key = hashlib.sha256(code + made_from.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("ASYA_TOOL_CACHE") or Path.home() / ".cache" / "asya")
    archive = cache / f"image-{name}-{key}" / f"{name}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        make(archive)
    return archive


def _make_pause(archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="asya-pause-") as folder:
        program, source = Path(folder) / "pause", Path(folder) / "pause.c"
        source.write_text(PAUSE_PROGRAM)
        command("gcc", "-Os", "-static", "-s", "-o", program, source, limit_s=BUILD_LIMIT_S)
        write_archive(archive, PAUSE_IMAGE, [Member.file("pause", program)], ImageSettings(entrypoint=("/pause",)))


def _make_python(archive: Path) -> None:
    settings = ImageSettings(command=("python3",))
    write_archive(archive, PYTHON_IMAGE, _python_members(), settings)


def _versions() -> str:
    return command(
        "dpkg-query", "--show", "--showformat", "${Package} ${Version}\n", *sorted(_closure(PYTHON_PACKAGES))
    )


def _closure(names: Iterable[str]) -> set[str]:
    """Those packages with all that they depend on, of what is installed."""
    found: set[str] = set()
    wanted = set(names)
    while wanted:
        found |= wanted
        listed = command("dpkg-query", "--show", "--showformat", "${Pre-Depends}, ${Depends}\n", *sorted(wanted))
        alternatives = {re.split(r"[ (:]", choice.strip())[0] for choice in re.split(r"[,|\n]", listed)}
        wanted = _installed(alternatives - {""}) - found - {"dpkg", "debconf"}
    return found


def _installed(names: Iterable[str]) -> set[str]:
    words = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n", *sorted(names)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
    return {line.split()[1] for line in done.stdout.split("\n") if line.startswith("installed ")}


def _python_members() -> Iterator[Member]:
    """The files of the packages, in a tree whose /bin and /lib are links into /usr, with users and a place to write."""
    for name, target in MERGED.items():
        yield Member.link(name, target)
    listed = command("dpkg-query", "--listfiles", *sorted(_closure(PYTHON_PACKAGES)))
    for path in sorted({_merged(line) for line in listed.split("\n") if line.startswith("/") and len(line) > 2}):
        source = Path("/") / path
        if LEFT_OUT.match(f"/{path}/") or path in MERGED.values() or not os.path.lexists(source):
            continue
        if source.is_symlink():
            yield Member.link(path, os.readlink(source))
        elif source.is_file():
            yield Member.file(path, source)
            yield from _compiled(path, source)
    yield Member.link("usr/bin/sh", "dash")
    yield Member.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    yield Member.text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
    for name, mode in {"tmp": 0o1777, "root": 0o700, "proc": 0o755, "sys": 0o755, "dev": 0o755, "run": 0o755}.items():
        yield Member.folder(name, mode)


def _merged(path: str) -> str:
    """Where a file lies once /lib and its like are links."""
    first, _, rest = path.strip("/").partition("/")
    return f"{MERGED.get(first, first)}/{rest}" if rest else MERGED.get(first, first)


def _compiled(path: str, source: Path) -> Iterator[Member]:
    """What the installation has compiled: without, each start of a pod would do it."""
    if source.suffix == ".py":
        for compiled in source.parent.glob(f"__pycache__/{source.stem}.cpython-3??.pyc"):
            yield Member.file(f"{Path(path).parent}/__pycache__/{compiled.name}", compiled)
