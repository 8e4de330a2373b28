"""The kinds of KEDA that a cluster is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from private_cluster.keda_programs import kinds_in
from private_cluster.layout import ClusterError


def test_each_file_goes_to_the_path_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "keda.sh_scaledobjects.yaml").write_text("kind: CustomResourceDefinition\n")
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scaledobjects.keda.sh"
    assert kinds_in(tmp_path) == {path: "kind: CustomResourceDefinition\n"}


def test_a_build_without_kinds_is_told(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="has no kinds of KEDA"):
        kinds_in(tmp_path)
