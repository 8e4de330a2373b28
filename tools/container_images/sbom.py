"""What an image is made of, as SPDX 2.3: read from the archive itself, not from what was meant to be in it."""

from __future__ import annotations

import email.parser
import hashlib
import json
import re
import tarfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from private_cluster.layout import ClusterError

STATUS = "var/lib/dpkg/status"
SPDX_VERSION = "SPDX-2.3"


@dataclass(frozen=True)
class Package:
    """One of Debian, as dpkg has it."""

    name: str
    version: str
    architecture: str
    source: str

    @property
    def purl(self) -> str:
        """By which scanners look for what is known of it."""
        name, version = (urllib.parse.quote(part, safe="~") for part in (self.name, self.version))
        return f"pkg:deb/debian/{name}@{version}?arch={self.architecture}&distro=debian-12"


def packages_of(archive: Path) -> list[Package]:
    """The packages of an image in an OCI archive, by name."""
    with tarfile.open(archive) as image:
        index = json.load(_member(image, "index.json"))
        manifest = json.load(_blob(image, index["manifests"][0]["digest"]))
        # What a layer has of it replaces what those before it had.
        for layer in reversed(manifest["layers"]):
            with tarfile.open(fileobj=_blob(image, layer["digest"])) as files:
                for entry in files:
                    if entry.isfile() and entry.name.removeprefix("./") == STATUS:
                        text = files.extractfile(entry)
                        assert text is not None
                        return sorted(_packages(text.read().decode()), key=lambda package: package.name)
    raise ClusterError(f"{archive} has no {STATUS}: it is not made of Debian packages")


def _member(image: tarfile.TarFile, name: str) -> IO[bytes]:
    found = image.extractfile(name)
    assert found is not None
    return found


def _blob(image: tarfile.TarFile, digest: str) -> IO[bytes]:
    return _member(image, "blobs/" + digest.replace(":", "/"))


def _packages(status: str) -> Iterator[Package]:
    for paragraph in re.split(r"\n\n+", status.strip()):
        fields = email.parser.HeaderParser().parsestr(paragraph)
        if fields["Status"] == "install ok installed":
            source = (fields["Source"] or fields["Package"]).split(" ")[0]
            yield Package(fields["Package"], fields["Version"], fields["Architecture"], source)


def spdx(image: str, version: str, packages: list[Package]) -> dict[str, object]:
    """The document. It has no time in it: the same packages give the same text."""
    contents = hashlib.sha256("\n".join(package.purl for package in packages).encode()).hexdigest()
    whole = {"SPDXID": "SPDXRef-image", "name": image, "versionInfo": version, "downloadLocation": "NOASSERTION",
             "filesAnalyzed": False, "primaryPackagePurpose": "CONTAINER"}  # fmt: skip
    parts = [_spdx_package(number, package) for number, package in enumerate(packages)]
    return {
        "spdxVersion": SPDX_VERSION,
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": image,
        "documentNamespace": f"urn:asya:sbom:{contents}",
        "creationInfo": {"created": "1970-01-01T00:00:00Z", "creators": ["Tool: asya-tools-images"]},
        "packages": [whole, *parts],
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image"),
            *(_relation("SPDXRef-image", "CONTAINS", str(part["SPDXID"])) for part in parts),
        ],
    }


def _spdx_package(number: int, package: Package) -> dict[str, object]:
    return {
        "SPDXID": f"SPDXRef-package-{number}",
        "name": package.name,
        "versionInfo": package.version,
        "sourceInfo": f"built from the Debian source package {package.source}",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl}
        ],
    }


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
