"""The archives of images hold what they say, and are the same each time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from private_cluster.image_archive import ImageSettings, Member, write_archive


def write(folder: Path) -> dict[str, bytes]:
    """Writes an image and returns the files of its archive."""
    folder.mkdir()
    program = folder / "program"
    program.write_bytes(b"#!/bin/sh\n")
    program.chmod(0o755)
    os.utime(program, (1_700_000_000, 1_700_000_000))
    members = [
        Member.link("bin", "usr/bin"),
        Member.file("usr/bin/program", program),
        Member.text("etc/passwd", "root\n"),
        Member.folder("tmp", 0o1777),
    ]
    write_archive(
        folder / "image.tar", "localhost/one:2", members, ImageSettings(entrypoint=("/bin/program",), user="7")
    )
    with tarfile.open(folder / "image.tar") as archive:
        return {info.name: archive.extractfile(info).read() for info in archive}  # type: ignore[union-attr]


def blob(files: dict[str, bytes], named: dict[str, Any]) -> bytes:
    """What a document names, once its digest and size are right."""
    content = files["blobs/sha256/" + named["digest"].removeprefix("sha256:")]
    assert named == named | {"digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}
    return content


def test_every_document_names_the_next_by_digest_and_size(tmp_path: Path) -> None:
    files = write(tmp_path / "a")
    entry = json.loads(files["index.json"])["manifests"][0]
    assert entry["annotations"]["io.containerd.image.name"] == "localhost/one:2"
    manifest = json.loads(blob(files, entry))
    config = json.loads(blob(files, manifest["config"]))
    assert config["config"]["Entrypoint"] == ["/bin/program"] and config["config"]["User"] == "7"
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    with tarfile.open(fileobj=io.BytesIO(blob(files, manifest["layers"][0]))) as layer:
        found = {info.name: info for info in layer}
        assert found["bin"].linkname == "usr/bin"
        assert found["usr/bin/program"].mode == 0o755
        assert found["tmp"].isdir() and found["tmp"].mode == 0o1777
        assert layer.extractfile("etc/passwd").read() == b"root\n"  # type: ignore[union-attr]
        assert {(info.uid, info.gid) for info in found.values()} == {(0, 0)}


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert (tmp_path / "a" / "image.tar").read_bytes() == (tmp_path / "b" / "image.tar").read_bytes()
