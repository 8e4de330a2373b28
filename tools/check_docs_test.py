"""The document check: the repository's documents are right, and each rule fires on a made-up wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from check_docs import check, has_function

ROOT = Path(__file__).resolve().parent.parent
PARTS = "## Context\nA.\n\n## Decision\nB.\n\n## Consequences\nC.\n\n## Measurement\nD.\n"
ADR = "# 0001. Title\n\nStatus: accepted\n\n" + PARTS
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n- A.\n\n## [1.0.0] - 2026-01-31\n"


def written(root: Path, name: str, text: str) -> list[str]:
    """What the check says about one document beside a file relay/x.cc that defines Settle."""
    for path, content in ((name, text), ("relay/x.cc", "Status Relay::Settle(int a) {\n}\n"), ("Makefile", "test:\n")):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return check(root)


def test_the_documents_are_right() -> None:
    assert check(ROOT) == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("docs/flow.md", "`relay/y.cc:Settle`\n", "names relay/y.cc, which does not exist"),
        ("docs/flow.md", "`relay/x.cc:Gone`\n", "names Gone in relay/x.cc"),
        ("docs/flow.md", "`relay/z.cc`\n", "names relay/z.cc"),
        ("docs/flow.md", "[a](gone.md)\n", "links to gone.md"),
        ("docs/flow.md", "`make tests`\n", "`make tests`, which the Makefile does not have"),
        ("docs/adr/0001-title.md", ADR.replace("## Measurement\nD.\n", ""), "has no part '## Measurement'"),
        ("docs/adr/0001-title.md", ADR.replace("D.\n", ""), "the part '## Measurement' is empty"),
        ("docs/adr/0001-title.md", ADR.replace("Status: accepted", ""), "has no line 'Status"),
        ("docs/adr/0002-title.md", ADR, "begins with '# 0002. Title'"),
        ("docs/adr/title.md", ADR, "is called NNNN-title.md"),
        ("CHANGELOG.md", CHANGELOG.replace("### Added", "### New"), "a kind of change"),
        ("CHANGELOG.md", CHANGELOG.replace("[1.0.0]", "1.0.0"), "a version is"),
        ("CHANGELOG.md", CHANGELOG.replace("## [Unreleased]", ""), "has no '## [Unreleased]'"),
    ],
)
def test_each_rule_fires(tmp_path: Path, name: str, text: str, expected: str) -> None:
    problems = written(tmp_path, name, text)
    assert any(expected in problem for problem in problems), problems


def test_what_is_right_is_not_reported(tmp_path: Path) -> None:
    assert written(tmp_path, "docs/adr/0001-title.md", ADR) == []
    assert written(tmp_path, "CHANGELOG.md", CHANGELOG) == []
    right = "`relay/x.cc:Settle` `relay/x.cc:Relay::Settle` `make test` `other/tree.cc` [a](adr/0001-title.md)\n"
    assert written(tmp_path, "docs/flow.md", right) == []


def test_a_test_is_known_by_its_suite_and_name() -> None:
    text = "TEST_F(Relay, Works) {\n}\nTEST(Other, Fails) {\n}\n"
    assert has_function(text, "x_test.cc", "Relay.Works")
    assert has_function(text, "x_test.cc", "Other.Fails")
    assert not has_function(text, "x_test.cc", "Relay.Fails")


def test_a_call_is_not_a_definition() -> None:
    assert not has_function("void F() {\n  if (a) queue->Settle(b);\n}\n", "x.cc", "Settle")
    assert has_function("class A {\n  virtual void Settle(int a) = 0;\n};\n", "x.h", "Settle")
    assert has_function("struct Settlement {\n};\n", "x.h", "Settlement")
    assert has_function("class A:\n    def settle(self):\n        pass\n", "x.py", "settle")
