"""``asya up --cluster`` and ``asya down --cluster``: a Kubernetes of one node on this machine with asya.sh in it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from asya_cli.failure import REFUSED, Failure
from asya_cli.output import note
from asya_cli.project import installation

NAME = "asya"  # of the cluster, and of the release in it
NAMESPACE = "asya-system"
IMAGES = ("server", "relay", "crew", "postgresql")
CALL_LIMIT_S = 900  # for a program to be built, an image to be loaded, the chart to be installed
INSTALL_LIMIT = "10m"
API_LIMIT = "180s"
SHOWN_LINES = 12
NAMESPACE_MANIFEST = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels: {{pod-security.kubernetes.io/enforce: restricted}}
"""
UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "true")
EXPORT = "export KUBECONFIG="
EXAMPLE = "examples/cluster/copy.yaml"
PROXY_PORT = 8001  # kubectl's own default


@dataclass(frozen=True)
class Checkout:
    """The source tree that has what a cluster is made of."""

    root: Path

    @property
    def testcluster(self) -> Path:
        """Starts and ends clusters."""
        return self.root / "tools" / "testcluster"

    @property
    def chart(self) -> Path:
        """Of Helm."""
        return self.root / "deploy" / "chart"

    def archive(self, image: str) -> Path:
        """What `make images` writes."""
        return self.root / "build" / "images" / f"asya-{image}.tar"

    @property
    def command(self) -> str:
        """How a person types our command when it is not on the PATH of root."""
        return str(self.root / "bin" / "asya")


@dataclass(frozen=True)
class Tools:
    """Programs of others, as they are called."""

    kubectl: str
    helm: str
    kubeconfig: str


def checkout() -> Checkout:
    """That of this command; fails where it was installed without the sources."""
    found = Checkout(installation())
    missing = [path for path in (found.testcluster, found.chart / "Chart.yaml") if not path.is_file()]
    if missing:
        raise Failure(f"a cluster is made by the sources of Asya, and {missing[0]} is not there",
                      "bin/asya up --cluster in a checkout of the repository", REFUSED)  # fmt: skip
    return found


def require_root(made_by: Checkout, command: str) -> None:
    """Fail for users who may make no namespaces, before anything is built."""
    if sys.platform != "linux":
        raise Failure(f"a cluster needs Linux; this is {sys.platform}", "a virtual machine with Debian 12", REFUSED)
    if os.geteuid() != 0:
        raise Failure("a cluster needs root: it makes namespaces, mounts and control groups",
                      f"sudo {made_by.command} {command} --cluster", REFUSED)  # fmt: skip


def require_machine(made_by: Checkout) -> None:
    """Fail with what to type where the cluster could not start, or would have nothing to run."""
    missing = [f"asya-{image}" for image in IMAGES if not made_by.archive(image).is_file()]
    if missing:
        folder = made_by.archive(IMAGES[0]).parent
        raise Failure(f"images are not built: {', '.join(missing)} in {folder}", f"make -C {made_by.root} images",
                      REFUSED)  # fmt: skip
    try:
        tried = subprocess.run(UNSHARE, capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False)
    except OSError as error:
        raise Failure(f"unshare cannot be run: {error.strerror}", "apt-get install util-linux", REFUSED) from error
    if tried.returncode != 0:
        said = (tried.stderr.strip() or f"exit status {tried.returncode}").splitlines()[-1]
        other = "a machine or a virtual machine of its own; a container has to be privileged"
        raise Failure(f"this machine lets nobody make a network namespace: {said}", other, REFUSED)


@contextlib.contextmanager
def phase(name: str) -> Iterator[None]:
    """Prints the name and the seconds once the block is through, as tools/testcluster does."""
    started = time.monotonic()
    yield
    click.echo(f"  {name:<36} {time.monotonic() - started:6.1f} s")


def run(words: Sequence[str | Path], fix: str, stdin: str | None = None) -> str:
    """What the program printed; a failure with the last that it said."""
    name = Path(words[0]).name
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False)
    except OSError as error:
        raise Failure(f"{words[0]}: {error.strerror}", fix) from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{name} {words[1]} has not ended in {CALL_LIMIT_S} s", fix) from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()[-SHOWN_LINES:]
        raise Failure(f"{name} {words[1]} failed:\n" + "\n".join("  " + line for line in lines), fix)
    return done.stdout


def start(made_by: Checkout) -> str:
    """Starts the cluster, which tells its own phases; gives the path of its kubeconfig."""
    kubeconfig = ""
    with subprocess.Popen([made_by.testcluster, "up", "--name", NAME], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(EXPORT):
                kubeconfig = shlex.split(line)[1].partition("=")[2]
            else:
                click.echo(line, nl=False)
    if process.returncode != 0 or not kubeconfig:
        fix = f"mend that and type it again; {made_by.command} down --cluster takes away what is there"
        raise Failure("the cluster did not start; the lines above say why", fix)
    return kubeconfig


def find_tools(made_by: Checkout, kubeconfig: str, fix: str) -> Tools:
    """Those of the checkout, built the first time."""
    found = [run([made_by.root / "tools" / "build-go", name], fix).strip() for name in ("kubectl", "helm")]
    return Tools(found[0], found[1], kubeconfig)


def digest_of(made_by: Checkout) -> str:
    """Of the images: where they were built anew under the same tag, pods have to be made anew."""
    digest = hashlib.sha256()
    for image in IMAGES:
        with made_by.archive(image).open("rb") as archive:
            digest.update(hashlib.file_digest(archive, "sha256").digest())
    return digest.hexdigest()[:16]


def install(made_by: Checkout, tools: Tools, values: Sequence[Path], fix: str) -> None:
    """Writes the release, or upgrades it."""
    for image in IMAGES:
        with phase(f"image asya-{image}"):
            run([made_by.testcluster, "load-image", "--name", NAME, made_by.archive(image)], fix)
    with phase("chart, until its pods are ready"):
        run([tools.kubectl, "apply", f"--kubeconfig={tools.kubeconfig}", "--filename=-"], fix, NAMESPACE_MANIFEST)
        # KEDA would have to be told of a CA; here nobody else can reach either.
        run([tools.helm, "upgrade", NAME, made_by.chart, "--install", f"--kubeconfig={tools.kubeconfig}",
             f"--namespace={NAMESPACE}", "--set=postgresql.enabled=true", "--set=postgresql.broker=true",
             "--set=scaler.tls=false",
             f"--set-string=server.podAnnotations.images={digest_of(made_by)}",
             *(f"--values={path}" for path in values), "--wait", f"--timeout={INSTALL_LIMIT}"], fix)  # fmt: skip
    with phase("API asya.sh"):
        run([tools.kubectl, "wait", f"--kubeconfig={tools.kubeconfig}", "--for=condition=Available",
             "apiservice/v1alpha1.asya.sh", f"--timeout={API_LIMIT}"], fix)  # fmt: skip


def next_commands(made_by: Checkout, tools: Tools) -> list[str]:
    """What to type, in this order."""
    lines = [f"export KUBECONFIG={shlex.quote(tools.kubeconfig)}"]
    own = [str(Path(path).parent) for path in (tools.kubectl, tools.helm) if shutil.which(Path(path).name) is None]
    if own:
        lines.append(f'export PATH="{":".join(own)}:$PATH"')
    lines += [
        "kubectl create namespace hello",
        f"kubectl apply --filename {made_by.root}/{EXAMPLE}",
        f"kubectl proxy --port {PROXY_PORT} &",
        f"export ASYA_SERVER=http://127.0.0.1:{PROXY_PORT}",
        f"""{made_by.command} send copy '{{"text": "hi"}}' --wait --namespace hello""",
        f"{made_by.command} get actors --namespace hello",
        f"{made_by.command} down --cluster",
    ]
    return lines


def up(values: Sequence[Path]) -> None:
    """Starts the cluster where it is not up, and installs or upgrades asya.sh in it."""
    started = time.monotonic()
    made_by = checkout()
    require_root(made_by, "up")
    require_machine(made_by)
    kubeconfig = start(made_by)
    fix = (
        f"KUBECONFIG={kubeconfig} kubectl get events --all-namespaces shows what the cluster says; then type it again,"
        f" or {made_by.command} down --cluster"
    )
    with phase("kubectl, helm"):
        tools = find_tools(made_by, kubeconfig, fix)
    install(made_by, tools, values, fix)
    note(f"\nasya.sh is up in a cluster of this machine after {time.monotonic() - started:.1f} s")
    note("not for production, and gone when the machine stops")
    if os.environ.get("SUDO_USER"):
        note("the cluster is root's: what follows is typed in a shell of root (sudo -s)")
    note("next:")
    for line in next_commands(made_by, tools):
        note(f"  {line}")


def down() -> None:
    """Ends the cluster, and takes away all that it had."""
    made_by = checkout()
    require_root(made_by, "down")
    done = subprocess.run([made_by.testcluster, "down", "--name", NAME], check=False)
    if done.returncode != 0:
        raise Failure("the cluster is not wholly away; the lines above say why", "mend that and type it again")
