"""An image of one program has what it needs to start, and no more."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

from private_cluster.program_image import write_program_image


def test_a_program_comes_with_its_libraries_and_their_loader(tmp_path: Path) -> None:
    """Under the paths at which they are looked for; it is not root that runs it."""
    program = Path(sys.executable).resolve()
    write_program_image(tmp_path / "image.tar", "localhost/one:1", program)
    with tarfile.open(tmp_path / "image.tar") as archive:
        blobs = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        texts = [json.loads(text) for blob in blobs.values() if blob and (text := blob.read()).startswith(b'{"')]
        config = next(text["config"] for text in texts if "config" in text and "rootfs" in text)
        (layer,) = next(text["layers"] for text in texts if "layers" in text)
        name = "blobs/sha256/" + layer["digest"].removeprefix("sha256:")
        blob = archive.extractfile(name)
        assert blob is not None
        with tarfile.open(fileobj=blob) as files:
            names = set(files.getnames())
    assert config["Entrypoint"] == [f"/{program.name}"]
    assert config["User"] == "65532:65532"
    assert program.name in names
    assert any("libc.so" in one for one in names) and any("ld-linux" in one for one in names)
    assert not any(one.endswith("/sh") for one in names)
