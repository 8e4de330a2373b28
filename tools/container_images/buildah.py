"""buildah without a daemon, a registry or settings of the machine: chroot and plain folders, inside containers too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from private_cluster.machine import command

BUILD_LIMIT_S = 1800
APT_SETTINGS = Path("/etc/apt")
APT_KEYS = Path("/usr/share/keyrings")
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}  # Debian's buildah comes without one


class Buildah:
    """With a storage that is a folder of whoever builds, and goes with it."""

    def __init__(self, storage: Path) -> None:
        storage.mkdir(parents=True)
        self._policy = storage / "policy.json"
        self._policy.write_text(json.dumps(POLICY))
        self._settings = {APT_SETTINGS: storage / "apt", APT_KEYS: storage / "keyrings"}
        for settings, copy in self._settings.items():
            if settings.is_dir():
                shutil.copytree(settings, copy, ignore_dangling_symlinks=True)
        # Overlays need a kernel that allows them here; plain copies work everywhere.
        self._program = ("buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run"),
                         "--storage-driver", "vfs")  # fmt: skip

    def build(self, file: Path, context: Path, name: str, arguments: dict[str, str]) -> None:
        """Builds an image of that name: one layer on that of its base."""
        words = ["build", "--isolation", "chroot", "--layers=false", "--format", "oci", "--quiet", "--tag", name]
        words += ["--signature-policy", str(self._policy), "--network", "host"]
        for settings, copy in self._settings.items():
            # The package sources are those of this machine; they do not become part of the image. Packages that are
            # installed may write there, so it is a copy.
            if copy.is_dir():
                words += ["--volume", f"{copy}:{settings}"]
        for key, value in arguments.items():
            words += ["--build-arg", f"{key}={value}"]
        command(*self._program, *words, "--file", file, context, limit_s=BUILD_LIMIT_S)

    def save(self, name: str, archive: Path) -> None:
        """Writes the image as an OCI archive."""
        words = ["push", "--quiet", "--signature-policy", str(self._policy)]
        command(*self._program, *words, name, f"oci-archive:{archive}:{name}", limit_s=BUILD_LIMIT_S)
