"""`asya up --cluster` and `asya down --cluster` beside programs that stand in for a cluster: phases, order and errors.

No cluster is started here. The stand-ins write down how they were called and say what a test tells them to.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asya_cli import cluster
from asya_cli.failure import OPERATION_FAILED, REFUSED
from asya_cli.main import main

KUBECONFIG = "/clusters/asya/kubeconfig"
# As tools/testcluster: phases, then what to export.
STARTED = f"""\
echo 'cluster asya'
echo '  certificates                            1.5 s'
echo '  all                                    36.1 s'
echo 'export KUBECONFIG={KUBECONFIG}'
"""


class StandIn:
    """A checkout whose programs only write down how they were called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "called"
        for folder in ("tools", "deploy/chart", "build/images", "bin"):
            (root / folder).mkdir(parents=True)
        self.log.touch()
        (root / "deploy" / "chart" / "Chart.yaml").touch()
        for image in cluster.IMAGES:
            self.archive(image).write_text(image)
        self.program("tools/testcluster", f'[ "$1" != up ] || {{\n{STARTED}}}\n')
        self.program("tools/build-go", f"echo {root}/bin/$1\n")
        for name in ("kubectl", "helm", "unshare"):
            self.program(f"bin/{name}")

    def archive(self, image: str) -> Path:
        return self.root / "build" / "images" / f"asya-{image}.tar"

    def program(self, path: str, script: str = "") -> None:
        file = self.root / path
        file.write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >>{self.log}\n{script}')
        file.chmod(0o755)

    @property
    def called(self) -> list[str]:
        return self.log.read_text().replace(str(self.root), "ROOT").splitlines()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn(tmp_path / "checkout")
    monkeypatch.setattr(cluster, "installation", lambda: made.root)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{made.root / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("SUDO_USER", raising=False)
    return made


def asya(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_the_cluster_comes_before_images_and_images_before_the_chart(stand_in: StandIn) -> None:
    done = asya("up", "--cluster")
    assert done.exit_code == 0, done.output
    loads = [f"testcluster load-image --name asya ROOT/build/images/asya-{image}.tar" for image in cluster.IMAGES]
    assert stand_in.called[:-3] == [
        "unshare --net --mount --pid --fork true", "testcluster up --name asya", "build-go kubectl", "build-go helm",
        *loads,
    ]  # fmt: skip
    apply, upgrade, wait = stand_in.called[-3:]
    assert apply == f"kubectl apply --kubeconfig={KUBECONFIG} --filename=-"
    assert upgrade.startswith(f"helm upgrade asya ROOT/deploy/chart --install --kubeconfig={KUBECONFIG} ")
    assert " --set=postgresql.enabled=true --set=postgresql.broker=true --set=scaler.tls=false " in upgrade
    assert wait.startswith(f"kubectl wait --kubeconfig={KUBECONFIG} --for=condition=Available apiservice/")


def test_each_phase_is_told_with_its_time_and_then_what_to_type(stand_in: StandIn) -> None:
    done = asya("up", "--cluster")
    phases = re.findall(r"^  (\S.*?) +(\d+\.\d) s$", done.output, re.M)
    assert [name for name, _ in phases] == [
        "certificates", "all", "kubectl, helm", *(f"image asya-{image}" for image in cluster.IMAGES),
        "chart, until its pods are ready", "API asya.sh",
    ]  # fmt: skip
    assert ("all", "36.1") in phases
    _, _, commands = done.output.partition("next:\n")
    assert commands.lstrip().startswith(f"export KUBECONFIG={KUBECONFIG}\n")
    assert "export PATH" not in commands, "kubectl and helm are found as it is"
    assert f"kubectl apply --filename {stand_in.root}/examples/cluster/copy.yaml\n" in commands
    assert f'{stand_in.root}/bin/asya send copy \'{{"text": "hi"}}\' --wait --namespace hello\n' in commands
    assert commands.rstrip().endswith("bin/asya down --cluster")
    assert done.output.count("export KUBECONFIG") == 1


def test_what_is_not_on_the_path_is_put_there(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kubectl", "helm"):
        (stand_in.root / "elsewhere" / name).mkdir(parents=True)
        (stand_in.root / "bin" / name).rename(stand_in.root / "elsewhere" / name / name)
    stand_in.program("tools/build-go", f"echo {stand_in.root}/elsewhere/$1/$1\n")
    monkeypatch.setattr("shutil.which", lambda name: None)
    done = asya("up", "--cluster")
    folder = stand_in.root / "elsewhere"
    assert f'export PATH="{folder}/kubectl:{folder}/helm:$PATH"' in done.output


def test_values_are_given_to_the_chart(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("transports: []\n")
    done = asya("up", "--cluster", "--values", str(tmp_path / "values.yaml"))
    assert done.exit_code == 0, done.output
    assert f"--values={tmp_path / 'values.yaml'}" in stand_in.log.read_text()


def test_images_that_were_built_anew_bring_new_pods(stand_in: StandIn) -> None:
    asya("up", "--cluster")
    asya("up", "--cluster")
    stand_in.archive("server").write_text("another")
    asya("up", "--cluster")
    first, again, later = re.findall(r"podAnnotations\.images=(\w+)", stand_in.log.read_text())
    assert first == again != later


def test_with_sudo_it_is_said_whose_the_cluster_is(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "sudo -s" not in asya("up", "--cluster").output
    monkeypatch.setenv("SUDO_USER", "ann")
    assert "typed in a shell of root (sudo -s)" in asya("up", "--cluster").output


def refused(done: Result, stand_in: StandIn, *said: str) -> None:
    """With these words, before any cluster is begun."""
    assert done.exit_code == REFUSED, done.output
    assert all(word in done.output for word in said), done.output
    assert not any(line.startswith("testcluster") for line in stand_in.called)


def test_a_user_who_is_not_root_is_told_what_to_type(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for command in ("up", "down"):
        refused(asya(command, "--cluster"), stand_in, "a cluster needs root",
                f"try: sudo {stand_in.root}/bin/asya {command} --cluster")  # fmt: skip


def test_another_system_than_linux_is_refused(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    refused(asya("up", "--cluster"), stand_in, "a cluster needs Linux; this is darwin")


def test_an_installation_without_sources_is_refused(stand_in: StandIn) -> None:
    (stand_in.root / "tools" / "testcluster").unlink()
    for command in ("up", "down"):
        refused(asya(command, "--cluster"), stand_in, "tools/testcluster is not there", "in a checkout")


def test_images_that_are_not_built_are_named_with_the_command(stand_in: StandIn) -> None:
    stand_in.archive("relay").unlink()
    stand_in.archive("crew").unlink()
    refused(asya("up", "--cluster"), stand_in, "images are not built: asya-relay, asya-crew in",
            f"try: make -C {stand_in.root} images")  # fmt: skip


def test_a_machine_without_network_namespaces_is_refused_with_what_it_said(stand_in: StandIn) -> None:
    stand_in.program("bin/unshare", "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1\n")
    refused(asya("up", "--cluster"), stand_in, "make a network namespace: unshare: unshare failed: Operation not",
            "a container has to be privileged")  # fmt: skip


@pytest.mark.parametrize("words", [("folder",), ("--port", "1"), ("-n", "team"), ("--database", "postgres://x")])
def test_what_is_of_a_project_is_refused_beside_a_cluster(stand_in: StandIn, words: tuple[str, ...]) -> None:
    refused(asya("up", *words, "--cluster"), stand_in, "is of a project, and --cluster starts none")


def test_values_are_refused_without_a_cluster(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").touch()
    refused(asya("up", str(tmp_path), "--values", str(tmp_path / "values.yaml")), stand_in, "which only --cluster")


def test_a_cluster_that_does_not_start_ends_it(stand_in: StandIn) -> None:
    stand_in.program("tools/testcluster", "echo '  certificates                            1.5 s'; exit 1\n")
    done = asya("up", "--cluster")
    assert done.exit_code == OPERATION_FAILED
    assert "  certificates" in done.output
    assert "the cluster did not start; the lines above say why" in done.output
    assert not any(line.startswith(("helm", "kubectl")) for line in stand_in.called)


def test_a_chart_that_cannot_be_installed_is_told_with_the_last_that_helm_said(stand_in: StandIn) -> None:
    script = "for n in $(seq 50); do echo warning $n >&2; done; echo 'Error: context deadline exceeded' >&2; exit 1\n"
    stand_in.program("bin/helm", script)
    done = asya("up", "--cluster")
    assert done.exit_code == OPERATION_FAILED
    assert "helm upgrade failed:" in done.output and "Error: context deadline exceeded" in done.output
    assert "warning 1\n" not in done.output
    assert f"KUBECONFIG={KUBECONFIG} kubectl get events" in done.output and "down --cluster" in done.output
    assert "API asya.sh" not in done.output and "next:" not in done.output


def test_a_program_that_is_not_there_is_an_error_and_no_traceback(stand_in: StandIn) -> None:
    (stand_in.root / "bin" / "kubectl").unlink()
    done = asya("up", "--cluster")
    assert done.exit_code == OPERATION_FAILED
    assert f"{stand_in.root}/bin/kubectl: No such file or directory" in done.output


def test_down_ends_the_same_cluster(stand_in: StandIn) -> None:
    done = asya("down", "--cluster")
    assert done.exit_code == 0, done.output
    assert stand_in.called == ["testcluster down --name asya"]
    assert asya("down", "folder", "--cluster").exit_code == REFUSED


def test_a_cluster_that_does_not_go_is_a_failure(stand_in: StandIn) -> None:
    stand_in.program("tools/testcluster", "exit 1\n")
    done = asya("down", "--cluster")
    assert done.exit_code == OPERATION_FAILED
    assert "not wholly away" in done.output
