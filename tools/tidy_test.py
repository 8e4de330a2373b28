"""The style check: the repository is tidy, and each rule fires on a made-up bad file."""

from __future__ import annotations

from pathlib import Path

import pytest

from function_length import in_cpp
from tidy import Problem, check

ROOT = Path(__file__).resolve().parent.parent
HEADER = "// A thing that is made up.\n#pragma once\n"
LONG_BODY = "  Go();\n" * 61


def problems_of(root: Path, name: str, text: str, *, built: bool = True) -> list[Problem]:
    """What the check says about one file in an otherwise empty tree that builds and includes it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if built:
        (root / "CMakeLists.txt").write_text(f"add_library(all user.cc {path.name})\n")
        (root / "user.cc").write_text(f'#include "{name}"\n' if name.endswith(".h") else "")
    return check(root)


def test_the_repository_is_tidy() -> None:
    assert check(ROOT) == []


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("relay/x.cc", "int a;\n" * 401, "file-length"),
        ("relay/x.cc", "void F() {\n" + LONG_BODY + "}\n", "function-length"),
        ("relay/x.cc", "// " + "x" * 118 + "\n", "line-length"),
        ("relay/Bad-name.cc", "", "file-name"),
        ("relay/queue_manager.cc", "", "file-name"),
        ("relay/x.cc", "// TO" + "DO: later\n", "open-end"),
        ("docs/x.md", "see /" + "root/notes.md\n", "machine-path"),
        ("docs/x.md", "from https://" + "registry.example.org/x\n", "registry"),
        ("relay/x.cc", 'auto a = std::getenv("A");\n', "getenv"),
        ("relay/x.cc", "std::this_thread::sleep_for(1s);\n", "sleep"),
        ("relay/x.cc", "auto now = std::chrono::steady_clock::now();\n", "real-clock"),
        ("relay/x.cc", 'std::system("ls");\n', "shell"),
        ("relay/x.cc", "sprintf(a, b);\n", "unbounded-copy"),
        ("relay/x.cc", "int a = atoi(b);\n", "silent-parse"),
        ("relay/x.cc", "auto* a = std::gmtime(&b);\n", "static-time"),
        ("relay/x.cc", "thread.detach();\n", "detach"),
        ("relay/x.cc", "std::regex a;\n", "regex"),
        ("relay/x.cc", "using namespace std;\n", "using-namespace"),
        ("relay/x.cc", "co_await a;\n", "subset"),
        ("relay/x.cc", "F();  // NOLINT\n", "nolint"),
        ("relay/x.h", "#pragma once\n", "header-sentence"),
        ("relay/x.h", "// A thing.\n", "pragma-once"),
        ("cli/x.py", "A = 1\n", "header-sentence"),
        ("cli/x.py", '"""X."""\nimport os\nos.system("ls")\n', "shell"),
        ("cli/x.py", '"""X."""\ntry:\n    pass\nexcept:\n    pass\n', "bare-except"),
        ("cli/x_test.py", '"""X."""\nimport time\n\n\ndef test_x() -> None:\n    time.sleep(1)\n', "sleep"),
    ],
)
def test_each_rule_fires(tmp_path: Path, name: str, text: str, rule: str) -> None:
    assert rule in {problem.rule for problem in problems_of(tmp_path, name, text)}


def test_a_file_that_nobody_builds_or_includes_is_dead(tmp_path: Path) -> None:
    assert [p.rule for p in problems_of(tmp_path, "relay/x.cc", "", built=False)] == ["dead-file"]
    assert [p.path for p in problems_of(tmp_path, "relay/y.h", HEADER, built=False)] == ["relay/x.cc", "relay/y.h"]


def test_what_is_right_is_not_reported(tmp_path: Path) -> None:
    right = (
        'const char* kText = "std::getenv( system( FIX";  // sleep_for(1s) in words\n'
        "using namespace std::chrono_literals;\n"
        "Result(T value);  // NOLINT(google-explicit-constructor): a value or an error\n"
    )
    assert problems_of(tmp_path, "relay/x.cc", right) == []
    (tmp_path / "relay/x.cc").unlink()
    assert problems_of(tmp_path, "relay/main.cc", 'int main() { return std::getenv("A") != nullptr; }\n') == []
    poll = '"""X."""\nimport time\n\n\ndef test_x() -> None:\n    while wait():\n        time.sleep(0.01)\n'
    (tmp_path / "relay/main.cc").unlink()
    assert problems_of(tmp_path, "cli/x_test.py", poll) == []


def test_the_exceptions_list_only_shrinks(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    listed = tmp_path / "tools/tidy_exceptions.txt"
    listed.write_text("regex relay/x.cc  # made up\n")
    assert problems_of(tmp_path, "relay/x.cc", "std::regex a;\n") == []
    problems = problems_of(tmp_path, "relay/x.cc", "int a;\n")
    assert [(p.rule, p.text) for p in problems] == [
        ("exception", "regex relay/x.cc is no longer needed: take the line out")
    ]
    listed.write_text("regex relay/x.cc\n")
    assert {p.rule for p in problems_of(tmp_path, "relay/x.cc", "std::regex a;\n")} == {"exception", "regex"}


def test_functions_are_found_where_braces_mislead() -> None:
    text = """
namespace asya {
struct Point {
  int x = 0;
  Point(int a) : x{a}, y_(a) {
    Go();
  }
  bool operator()(int a) const noexcept { return a > 0; }
};
constexpr int kTable[] = {
  1, 2
};
template <class T>
auto Make(std::function<void()> f = {}) -> T {
  if (f) { const char* brace = "}"; }
  return T{};
}
class Later final : public Base {
 public:
  ~Later() override {
  }
};
}  // namespace asya
"""
    assert [(found.name, found.lines) for found in in_cpp(text)] == [
        ("Point", 3),
        ("operator", 1),
        ("Make", 4),
        ("~Later", 2),
    ]
