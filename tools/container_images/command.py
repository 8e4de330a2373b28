"""The command line of tools/images."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from pathlib import Path

from container_images.build import IMAGES, Plan, build
from private_cluster.layout import ClusterError
from private_cluster.phases import say

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Runs the command; its exit code."""
    options = _parser().parse_args(arguments)
    if os.geteuid() != 0:
        say("images: needs root, or `buildah unshare tools/images`")
        return 1
    plan = Plan(
        base=options.base, programs=options.programs.resolve(), runtime=options.runtime.resolve(), crew=ROOT / "crew",
        output=options.output.resolve(), registry=options.registry, version=_version(), revision=_revision(),
    )  # fmt: skip
    try:
        for archive in build(plan, options.images or list(IMAGES)):
            print(archive)
    except ClusterError as error:
        say(f"images: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/images", description="Builds the container images of deploy/images.")
    parser.add_argument("images", nargs="*", type=_image, metavar="NAME", help=f"{', '.join(IMAGES)}; else all")
    parser.add_argument("--base", default="", help="Debian 12 to build on, such as debian:12-slim; else one is made "
                        "here of this machine's own package sources")  # fmt: skip
    parser.add_argument("--registry", default="localhost", help="the first part of the images' names")
    parser.add_argument("--programs", type=Path, default=ROOT / "build" / "release" / "bin", help="folder of them")
    parser.add_argument("--runtime", type=Path, default=ROOT / "build" / "asya_runtime.pyz", help="asya_runtime.pyz")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "images", help="folder of the archives")
    return parser


def _image(name: str) -> str:
    if name not in IMAGES:
        raise argparse.ArgumentTypeError(f'"{name}" is none of {", ".join(IMAGES)}')
    return name


def _version() -> str:
    found = re.search(r"project\(asya VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
    assert found is not None
    return found[1]


def _revision() -> str:
    words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--match="]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
