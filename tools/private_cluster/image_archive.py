"""Writes OCI image archives of one layer, byte for byte the same for the same files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BLOCK_BYTES = 1 << 20
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Member:
    """One entry of the layer."""

    info: tarfile.TarInfo
    source: Path | None = None
    content: bytes = b""

    @classmethod
    def file(cls, name: str, source: Path) -> Member:
        """A file as it is here; its time stays, since Python compares it with that in its compiled files."""
        status = source.stat()
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = status.st_size, status.st_mode & 0o7777, int(status.st_mtime)
        return cls(info, source=source)

    @classmethod
    def text(cls, name: str, text: str) -> Member:
        """A file of that text."""
        info = tarfile.TarInfo(name)
        info.size = len(text.encode())
        return cls(info, content=text.encode())

    @classmethod
    def link(cls, name: str, target: str) -> Member:
        """A symbolic link."""
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        return cls(info)

    @classmethod
    def folder(cls, name: str, mode: int) -> Member:
        """An empty folder."""
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, mode
        return cls(info)


@dataclass(frozen=True)
class ImageSettings:
    """What runs in it when the pod says nothing else."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""

    def as_config(self, layer: str) -> dict[str, Any]:
        """The configuration of an image of that one layer."""
        config: dict[str, Any] = {"Env": [f"PATH={PATH}"], "WorkingDir": "/", "User": self.user}
        if self.entrypoint:
            config["Entrypoint"] = list(self.entrypoint)
        if self.command:
            config["Cmd"] = list(self.command)
        return {
            "architecture": architecture(),
            "os": "linux",
            "created": EPOCH,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer]},
            "history": [{"created": EPOCH}],
        }


def architecture() -> str:
    """Of this machine, by the name that images use."""
    machine = os.uname().machine
    return ARCHITECTURES.get(machine, machine)


def write_archive(archive: Path, name: str, members: Iterable[Member], settings: ImageSettings) -> None:
    """An archive that `ctr images import` takes; it appears whole or not at all."""
    with tempfile.TemporaryFile(dir=archive.parent) as layer:
        _write_layer(layer, members)
        blobs, index = _documents(name, layer, settings)
        new = archive.with_suffix(f".{os.getpid()}")
        with tarfile.open(new, "w") as out:
            _add(out, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            _add(out, "index.json", index)
            for content in blobs:
                _add(out, "blobs/sha256/" + hashlib.sha256(content).hexdigest(), content)
            info = tarfile.TarInfo("blobs/sha256/" + _digest(layer).removeprefix("sha256:"))
            info.size = _size(layer)
            layer.seek(0)
            out.addfile(info, layer)
        new.rename(archive)


def _write_layer(layer: BinaryIO, members: Iterable[Member]) -> None:
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.GNU_FORMAT) as out:
        for member in members:
            if member.source is not None:
                with member.source.open("rb") as source:
                    out.addfile(member.info, source)
            else:
                out.addfile(member.info, io.BytesIO(member.content))


def _documents(name: str, layer: BinaryIO, settings: ImageSettings) -> tuple[list[bytes], bytes]:
    """The configuration and the manifest, and the index that names the manifest."""
    digest = _digest(layer)
    config = _json(settings.as_config(digest))
    kind = "application/vnd.oci.image"
    layers = [{"mediaType": f"{kind}.layer.v1.tar", "digest": digest, "size": _size(layer)}]
    described = {"mediaType": f"{kind}.config.v1+json", **_named(config)}
    manifest = _json(
        {"schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "config": described, "layers": layers}
    )
    entry = {
        "mediaType": f"{kind}.manifest.v1+json",
        **_named(manifest),
        "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rsplit(":", 1)[-1]},
        "platform": {"architecture": architecture(), "os": "linux"},
    }
    return [config, manifest], _json({"schemaVersion": 2, "mediaType": f"{kind}.index.v1+json", "manifests": [entry]})


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _named(content: bytes) -> dict[str, Any]:
    return {"digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}


def _digest(layer: BinaryIO) -> str:
    layer.seek(0)
    hashed = hashlib.sha256()
    while block := layer.read(BLOCK_BYTES):
        hashed.update(block)
    return "sha256:" + hashed.hexdigest()


def _size(layer: BinaryIO) -> int:
    return layer.seek(0, os.SEEK_END)


def _add(out: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    out.addfile(info, io.BytesIO(content))
