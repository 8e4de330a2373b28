"""Builds the images with buildah, in a storage of its own that goes with the build."""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from container_images.base import local_base
from container_images.buildah import Buildah
from container_images.sbom import packages_of, spdx
from private_cluster.layout import ClusterError
from private_cluster.machine import command
from private_cluster.phases import phase

FILES = Path(__file__).resolve().parents[2] / "deploy" / "images"
SCRATCH = ".scratch-"
# By image: the programs that it holds.
IMAGES = {"server": ("asya-server",), "relay": ("asya-relay*",), "crew": (), "postgresql": ()}


@dataclass(frozen=True)
class Plan:
    """What is built, of what."""

    base: str  # an image, or empty: one that is made here
    programs: Path
    runtime: Path
    crew: Path
    output: Path
    registry: str
    version: str
    revision: str

    def name(self, image: str) -> str:
        """By which pods call it."""
        return f"{self.registry}/asya-{image}:{self.version}"


def build(plan: Plan, images: list[str]) -> Iterator[Path]:
    """Builds them one after the other; yields the archive of each when it is whole."""
    plan.output.mkdir(parents=True, exist_ok=True)
    with (plan.output / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in plan.output.glob(f"{SCRATCH}*"):  # by a build that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=plan.output) as folder:
            scratch = Path(folder)
            buildah = Buildah(scratch / "storage")
            base = plan.base
            if not base:
                with phase("base: Debian 12"):
                    base = f"oci-archive:{local_base(buildah)}"
            for image in images:
                with phase(plan.name(image)):
                    archive = _build(plan, image, base, buildah, scratch)
                yield archive


def _build(plan: Plan, image: str, base: str, buildah: Buildah, scratch: Path) -> Path:
    context = scratch / image
    context.mkdir()
    _fill(plan, image, context)
    archive = plan.output / f"asya-{image}.tar"
    new = scratch / archive.name
    buildah.build(FILES / f"Containerfile.{image}", context, plan.name(image),
                  {"BASE": base, "VERSION": plan.version, "REVISION": plan.revision})  # fmt: skip
    buildah.save(plan.name(image), new)
    document = spdx(plan.name(image), plan.version, packages_of(new))
    (plan.output / f"asya-{image}.spdx.json").write_text(json.dumps(document, indent=1) + "\n")
    return new.rename(archive)


def _fill(plan: Plan, image: str, context: Path) -> None:
    """What the Containerfile copies."""
    for pattern in IMAGES[image]:
        programs = sorted(plan.programs.glob(pattern))
        if not programs:
            raise ClusterError(f"{plan.programs} has no {pattern}: `make programs` builds them")
        for program in programs:
            command("strip", "-o", context / program.name, program)
    if image in ("server", "crew"):
        if not plan.runtime.is_file():
            raise ClusterError(f"{plan.runtime} is not there: `make programs` builds it")
        shutil.copyfile(plan.runtime, context / "asya_runtime.pyz")
    if image == "postgresql":
        shutil.copy(FILES / "serve-postgresql", context)
    if image == "crew":
        (context / "asya_crew").mkdir()
        for source in plan.crew.glob("asya_crew/*.py"):
            if not source.name.endswith("_test.py"):
                shutil.copyfile(source, context / "asya_crew" / source.name)
