"""A Debian 12 to build images on, made of this machine's package sources where no registry can be asked."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from container_images.buildah import Buildah
from private_cluster.machine import command

RELEASE = "bookworm"
NAME = "localhost/debian:12-slim"
BUILD_LIMIT_S = 1800
# As in the slim images of Debian: such files are not unpacked by packages that come later either.
EXCLUDED = """path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
"""
LEFT_OUT = ("usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/groff", "usr/share/lintian",
            "var/cache/apt", "var/lib/apt/lists", "var/log")  # fmt: skip


def local_base(buildah: Buildah) -> Path:
    """Its OCI archive, from the tool cache or made now."""
    key = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("ASYA_TOOL_CACHE") or Path.home() / ".cache" / "asya")
    archive = cache / f"image-debian-{key}" / "debian.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="asya-debian-", dir="/var/tmp") as folder:
            _make(buildah, Path(folder))
        new = archive.with_suffix(f".{os.getpid()}")
        buildah.save(NAME, new)
        new.rename(archive)
    return archive


def _make(buildah: Buildah, folder: Path) -> None:
    root, context = folder / "root", folder / "context"
    context.mkdir()
    command("debootstrap", "--variant=minbase", RELEASE, root, *_mirror(), limit_s=BUILD_LIMIT_S)
    for path in LEFT_OUT:
        shutil.rmtree(root / path, ignore_errors=True)
    for path in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log"):
        (root / path).mkdir(parents=True)
    for file in sorted((root / "usr/share/doc").rglob("*"), reverse=True):
        if file.is_dir() and not file.is_symlink():
            if not any(file.iterdir()):
                file.rmdir()
        elif file.name != "copyright":
            file.unlink()
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(EXCLUDED)
    # Which sources it was made of is nobody's business but this machine's.
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    for name in ("resolv.conf", "hostname"):
        (root / "etc" / name).unlink(missing_ok=True)
    command("tar", "-C", root, "--exclude", "./dev/*", "-cf", context / "root.tar", ".", limit_s=BUILD_LIMIT_S)
    shutil.rmtree(root)
    (folder / "Containerfile").write_text('FROM scratch\nADD root.tar /\nCMD ["bash"]\n')
    buildah.build(folder / "Containerfile", context, NAME, {})


def _mirror() -> tuple[str, ...]:
    """Where this machine gets its packages from; debootstrap's own default when apt does not say."""
    listed = command("apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {RELEASE}").split()
    return tuple(listed[:1])
