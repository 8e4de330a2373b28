#!/usr/bin/env python3
"""Checks every #include of the C++ code against layers.txt: who may include whom, and third-party headers' homes."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import source_tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)
SYSTEM_FOLDERS = ("sys/", "netinet/", "arpa/", "linux/", "net/")
SYSTEM_HEADERS = frozenset(
    "dirent.h dlfcn.h endian.h errno.h fcntl.h grp.h netdb.h poll.h pthread.h pwd.h sched.h signal.h spawn.h stdint.h "
    "stdio.h stdlib.h string.h termios.h time.h unistd.h cxxabi.h execinfo.h malloc.h fnmatch.h glob.h".split()
)
TEST_LIBRARIES = ("gtest/", "gmock/", "rapidcheck")
EVERYTHING = "everything"


@dataclass
class Layers:
    """layers.txt, parsed: allowed folders (transitive), folders allowed everywhere but in some, third-party homes."""

    allowed: dict[str, set[str]] = field(default_factory=dict)
    everywhere: dict[str, set[str]] = field(default_factory=dict)
    homes: dict[str, set[str]] = field(default_factory=dict)

    def folder_of(self, path: str) -> str | None:
        """The layer a path belongs to: the longest listed folder that holds it."""
        found = [name for name in self.allowed if path.startswith(name + "/")]
        return max(found, key=len) if found else None

    def may_include(self, user: str, used: str) -> bool:
        """Whether product code of layer `user` may include layer `used`."""
        if used == user:
            return True
        if EVERYTHING in self.allowed[user]:
            return used != "tests" or user in ("tests", "bench")
        denied = self.everywhere.get(used)
        if denied is not None:
            return user not in denied
        return used in self.allowed[user]

    def home_of(self, header: str) -> set[str] | None:
        """The layers that may name a third-party header; None when it is not listed."""
        found = [prefix for prefix in self.homes if header.startswith(prefix)]
        return self.homes[max(found, key=len)] if found else None


def parse_layers(text: str) -> Layers:
    """Reads layers.txt. A line that names an unknown folder, and a cycle, are errors (ValueError)."""
    layers = Layers()
    section = ""
    direct: dict[str, list[str]] = {}
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        if line.startswith("["):
            section = line
            continue
        name, _, rest = line.partition(":")
        words = rest.split()
        if section == "[third-party]":
            layers.homes[name] = set(words)
        elif section == "[everywhere]":
            layers.everywhere[name] = set(words[1:])
        else:
            direct[name] = words
    for name in direct:
        layers.allowed[name] = _closure(name, direct, ())
    return layers


def _closure(name: str, direct: dict[str, list[str]], path: tuple[str, ...]) -> set[str]:
    if name in path:
        raise ValueError(f"layers.txt: a cycle: {' -> '.join((*path, name))}")
    reached: set[str] = set()
    for used in direct[name]:
        if used == EVERYTHING:
            reached.add(EVERYTHING)
            continue
        if used not in direct:
            raise ValueError(f"layers.txt: {name} names {used}, which has no line of its own")
        reached |= {used} | _closure(used, direct, (*path, name))
    return reached


def includes_of(text: str) -> list[tuple[int, bool, str]]:
    """Every #include of a text as (line, quoted, name)."""
    return [
        (text.count("\n", 0, match.start()) + 1, match.group(1) == '"', match.group(2))
        for match in INCLUDE.finditer(text)
    ]


def check(root: Path) -> list[str]:
    """All violations under `root`, as path:line: text."""
    layers = parse_layers((root / "layers.txt").read_text())
    names = [name for name in source_tree.tracked(root) if name.endswith(source_tree.CPP)]
    includes = {name: includes_of((root / name).read_text()) for name in names}
    problems = []
    for name in names:
        user = layers.folder_of(name)
        if name.startswith("bench/spikes/"):
            continue  # single programs outside the build: what they measure is the libraries themselves
        if user is None:
            problems.append(f"{name}:1: its folder has no line in layers.txt")
            continue
        tests = _only_for_tests(name, includes[name])
        for line, quoted, header in includes[name]:
            reason = _own(layers, name, user, header, includes) if quoted else _foreign(layers, user, header, tests)
            if reason:
                problems.append(f"{name}:{line}: {reason}")
        problems += _reached(layers, name, user, includes)
    return problems


def _own(layers: Layers, name: str, user: str, header: str, known: dict[str, list[tuple[int, bool, str]]]) -> str:
    if header not in known:
        return f'"{header}" is not a file of the repository (includes are written from its root)'
    used = layers.folder_of(header)
    if used is None or _only_for_tests(name, known[name]):
        return ""
    if _only_for_tests(header, known[header]):
        return f"product code includes {header}, which is only for tests"
    if not layers.may_include(user, used):
        return f"{user} may not include {used} ({header})"
    return ""


def _only_for_tests(name: str, includes: list[tuple[int, bool, str]]) -> bool:
    """Test files, and headers that name a test library: product code cannot include either."""
    names_test_library = any(not quoted and header.startswith(TEST_LIBRARIES) for _, quoted, header in includes)
    return source_tree.is_test(name) or (name.endswith(".h") and names_test_library)


def _foreign(layers: Layers, user: str, header: str, tests: bool) -> str:
    home = layers.home_of(header)
    if home is None:
        standard = "/" not in header and "." not in header
        if standard or header.startswith(SYSTEM_FOLDERS) or header in SYSTEM_HEADERS:
            return ""
        return f"<{header}> is not listed in layers.txt: say which folder is its only home"
    if user in home or (header.startswith(TEST_LIBRARIES) and tests):
        return ""
    return f"<{header}> may be named only in {', '.join(sorted(home))}"


def _reached(layers: Layers, name: str, user: str, known: dict[str, list[tuple[int, bool, str]]]) -> list[str]:
    """Layers that a product file reaches through the headers it includes."""
    if _only_for_tests(name, known[name]):
        return []
    todo, seen, problems = [(name, "")], {name}, []
    while todo:
        current, through = todo.pop()
        for _, quoted, header in known[current]:
            if not quoted or header in seen or header not in known:
                continue
            seen.add(header)
            todo.append((header, through or header))
            used = layers.folder_of(header)
            if through and used and not layers.may_include(user, used):
                problems.append(f"{name}:1: reaches {header} through {through}, and {user} may not include {used}")
    return problems


def main() -> int:
    """Prints the violations; the exit code says whether there are any."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root)
    for problem in problems:
        print(problem)
    print(f"check_layers: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
