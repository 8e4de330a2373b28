"""What the programs of a node are told."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from private_cluster.layout import Place
from private_cluster.node import containerd_settings


def paths_of(settings: Any) -> list[str]:
    """All absolute paths in settings."""
    if isinstance(settings, dict):
        return [path for value in settings.values() for path in paths_of(value)]
    return [settings] if isinstance(settings, str) and settings.startswith("/") else []


def test_containerd_makes_folders_in_the_cluster_s_own_alone() -> None:
    """The default for programs that are installed by it, which it makes at its start, is /opt/containerd."""
    place = Place("one", Path("/clusters/one"))
    settings = tomllib.loads(containerd_settings(place, place.folder / "networks"))
    assert settings["plugins"]["io.containerd.internal.v1.opt"] == {"path": "/clusters/one/opt"}
    outside = [path for path in paths_of(settings) if not path.startswith("/clusters/one/")]
    assert outside == ["/usr/lib/cni"]  # read alone
