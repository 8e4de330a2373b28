"""Images of one program of this machine and the libraries that it loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from private_cluster.image_archive import ImageSettings, Member, write_archive
from private_cluster.machine import command

USER = "65532:65532"


def write_program_image(archive: Path, name: str, program: Path) -> None:
    """An archive of an image whose entrypoint the program is, without a shell, for a user that is not root."""
    settings = ImageSettings(entrypoint=(f"/{program.name}",), user=USER)
    write_archive(archive, name, _members(program), settings)


def _members(program: Path) -> Iterator[Member]:
    yield Member.file(program.name, program)
    for path in sorted(_libraries(program)):
        yield Member.file(path.strip("/"), Path(path).resolve())
    yield Member.folder("tmp", 0o1777)


def _libraries(program: Path) -> set[str]:
    """Of `libssl.so.3 => /lib/…/libssl.so.3 (0x…)` and of the loader, which stands alone, the paths."""
    found = set(re.findall(r"(/\S+) \(0x", command("ldd", program)))
    if not found:
        raise ValueError(f"{program} loads no libraries that ldd knows")
    return found
