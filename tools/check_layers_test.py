"""The layer check: the repository keeps its layers, and each rule fires on a made-up bad tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from check_layers import check, parse_layers

ROOT = Path(__file__).resolve().parent.parent
LAYERS = (ROOT / "layers.txt").read_text()


def tree(root: Path, **files: str) -> Path:
    """A folder with layers.txt and the given files; in a name `__` stands for /, a trailing _h for .h."""
    (root / "layers.txt").write_text(LAYERS)
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        path = root / f"{stem.replace('__', '/')}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_repository_keeps_its_layers() -> None:
    assert check(ROOT) == []


def test_layers_txt_has_no_cycle_and_knows_the_star() -> None:
    layers = parse_layers(LAYERS)
    assert "core/json" in layers.allowed["gateway"]
    assert "transports" not in layers.allowed["gateway"]
    with pytest.raises(ValueError, match="a cycle: a -> b -> a"):
        parse_layers("a: b\nb: a\n")
    with pytest.raises(ValueError, match="a names b"):
        parse_layers("a: b\n")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"gateway__x_cc": '#include "transports/y.h"', "transports__y_h": ""}, "gateway may not include transports"),
        ({"core__base__x_h": '#include "core/json/y.h"', "core__json__y_h": ""}, "core/base may not include core/json"),
        (
            {"model__x_cc": '#include "core/observe/y.h"', "core__observe__y_h": ""},
            "model may not include core/observe",
        ),
        ({"server__x_cc": '#include "tests/support/y.h"', "tests__support__y_h": ""}, "which is only for tests"),
        ({"relay__x_cc": "#include <rapidjson/reader.h>"}, "may be named only in core/json"),
        ({"storage__x_cc": "#include <pqxx/pqxx>"}, "may be named only in core/sql"),
        ({"relay__x_cc": "#include <boost/beast.hpp>"}, "may be named only in core/http"),
        ({"scaling__x_cc": "#include <gtest/gtest.h>"}, "may be named only in bench, tests"),
        ({"scaling__x_cc": "#include <left/pad.h>"}, "not listed in layers.txt"),
        ({"scaling__x_cc": '#include "y.h"'}, "not a file of the repository"),
        ({"scaling__x_cc": '#include "scaling/y.h"', "scaling__y_h": "#include <gtest/gtest.h>"}, "only for tests"),
        ({"elsewhere__x_cc": ""}, "has no line in layers.txt"),
        (
            {
                "compositions__x_cc": '#include "ports/y.h"',
                "ports__y_h": '#include "core/observe/z.h"',
                "core__observe__z_h": "",
            },
            "compositions/x.cc:1: reaches core/observe/z.h through ports/y.h",
        ),
    ],
)
def test_each_rule_fires(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    problems = check(tree(tmp_path, **files))
    assert any(expected in problem for problem in problems), problems


def test_what_is_allowed_stays_allowed(tmp_path: Path) -> None:
    allowed = {
        "relay__x_cc": '#include <boost/asio/io_context.hpp>\n#include <sys/socket.h>\n#include "core/observe/log.h"\n',
        "core__observe__log_h": "#include <string>\n",
        "relay__x_test_cc": '#include <gtest/gtest.h>\n#include "tests/support/y.h"\n',
        "tests__support__y_h": "",
        "server__x_cc": '#include "relay/z.h"\n',
        "relay__z_h": "",
        "transports__conformance__suite_h": "#include <gtest/gtest.h>\n",
    }
    assert check(tree(tmp_path, **allowed)) == []
