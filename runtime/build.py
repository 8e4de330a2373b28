"""Packs the runtime into one file, `asya_runtime.pyz`: the same bytes for the same sources, standard library only."""

from __future__ import annotations

import argparse
import os
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = "asya_runtime"
# The earliest moment that a zip file can name.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_START = b"import sys\nfrom asya_runtime.main import main\nsys.exit(main(sys.argv[1:]))\n"


def contents() -> dict[str, bytes]:
    """The files of the archive by their names in it."""
    files = {"__main__.py": _START}
    for path in sorted((HERE / PACKAGE).glob("*.py")):
        if not path.name.endswith("_test.py"):
            files[f"{PACKAGE}/{path.name}"] = path.read_bytes()
    return files


def build(target: Path) -> None:
    """Writes the archive whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + "~")
    with open(temporary, "wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        # Stored, not deflated: it loads without zlib, which every runtime process would have to map.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, data in sorted(contents().items()):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = 0o644 << 16
                entry.create_system = 3
                archive.writestr(entry, data)
    temporary.chmod(0o755)
    os.replace(temporary, target)


def main() -> int:
    """Builds to the path given, `out/asya_runtime.pyz` by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", type=Path, default=HERE.parent / "out" / "asya_runtime.pyz")
    target = parser.parse_args().target
    build(target)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
