"""The list of packages is read from the layers of an archive, the last one that has it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from container_images.sbom import Package, packages_of, spdx
from private_cluster.layout import ClusterError

BEFORE = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n"
AFTER = """Package: libstdc++6
Status: install ok installed
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 1:12.2.0-14+deb12u1
Description: a library
 Package: of which the text looks like a field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

"""


def packed(files: dict[str, bytes], mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def image(path: Path, *layers: dict[str, bytes]) -> Path:
    """An OCI archive of those layers, packed as buildah does."""
    blobs: dict[str, bytes] = {}

    def kept(content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{name}"] = content
        return f"sha256:{name}"

    manifest = {"layers": [{"digest": kept(packed(layer, "w:gz"))} for layer in layers]}
    index = {"manifests": [{"digest": kept(json.dumps(manifest).encode())}]}
    path.write_bytes(packed({"index.json": json.dumps(index).encode(), **blobs}, "w"))
    return path


def test_the_last_layer_that_has_the_list_says_what_is_installed(tmp_path: Path) -> None:
    archive = image(
        tmp_path / "image.tar",
        {"./var/lib/dpkg/status": BEFORE.encode()},
        {"var/lib/dpkg/status": AFTER.encode()},
        {"usr/local/bin/asya-server": b"program"},
    )
    (found,) = packages_of(archive)
    assert found == Package("libstdc++6", "1:12.2.0-14+deb12u1", "amd64", "gcc-12")
    assert found.purl == "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12"


def test_an_image_without_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="var/lib/dpkg/status"):
        packages_of(image(tmp_path / "image.tar", {"pause": b"program"}))


def test_the_document_names_each_package_once_and_as_part_of_the_image() -> None:
    packages = [Package(name, "1", "all", name) for name in ("one", "two")]
    document = spdx("localhost/asya-server:1", "1", packages)
    named = document["packages"]
    relations = document["relationships"]
    assert isinstance(named, list) and isinstance(relations, list)
    assert [each["name"] for each in named] == ["localhost/asya-server:1", "one", "two"]
    contained = [each["relatedSpdxElement"] for each in relations if each["relationshipType"] == "CONTAINS"]
    assert contained == [each["SPDXID"] for each in named[1:]]
    assert document == spdx("localhost/asya-server:1", "1", packages)
