"""Images of programs of this machine and the libraries that they load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from private_cluster.image_archive import ImageSettings, Member, write_archive
from private_cluster.machine import command

USER = "65532:65532"


def write_program_image(archive: Path, name: str, program: Path, *beside: Path) -> None:
    """An archive of an image whose entrypoint the program is, without a shell, for a user that is not root."""
    settings = ImageSettings(entrypoint=(f"/{program.name}",), user=USER)
    write_archive(archive, name, _members((program, *beside)), settings)


def _members(programs: tuple[Path, ...]) -> Iterator[Member]:
    for program in programs:
        yield Member.file(program.name, program)
    for path in sorted(set().union(*map(_libraries, programs))):
        yield Member.file(path.strip("/"), Path(path).resolve())
    yield Member.folder("tmp", 0o1777)


def _libraries(program: Path) -> set[str]:
    """Of `libssl.so.3 => /lib/…/libssl.so.3 (0x…)` and of the loader, which stands alone, the paths."""
    found = set(re.findall(r"(/\S+) \(0x", command("ldd", program)))
    if not found:
        raise ValueError(f"{program} loads no libraries that ldd knows")
    return found
