"""What the code may not say, each with the reason and the places where it is right."""

from __future__ import annotations

import re
from typing import NamedTuple


class Banned(NamedTuple):
    """`pattern` is refused in files matching `where` and not matching `but`; in tests only when `in_tests`."""

    rule: str
    pattern: re.Pattern[str]
    reason: str
    where: re.Pattern[str]
    but: re.Pattern[str]
    in_tests: bool


_CPP = r"\.(cc|h)$"
_NEVER = r"(?!)"


def _ban(rule: str, pattern: str, reason: str, *, where: str = _CPP, but: str = _NEVER, tests: bool = True) -> Banned:
    return Banned(rule, re.compile(pattern), reason, re.compile(where), re.compile(but), tests)


BANNED = (
    _ban("getenv", r"\b(std::|::)?(secure_)?getenv\s*\(",
         "the environment is read in main, config and environment files",
         but=r"(^|/)(main|config\w*|environment\w*|\w+_(config|environment))\.cc$|^tests/support/", tests=False),
    _ban("sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w.:])sleep\s*\(",
         "nothing waits by sleeping: wait for the event, with a deadline", tests=False),
    _ban("real-clock", r"\b(system_clock|steady_clock|high_resolution_clock)::now\s*\(",
         "time comes from the injected Clock (core/base/clock.h)", but=r"^core/base/|(^|/)main\.cc$", tests=False),
    _ban("shell", r"(?<![\w.>])(std::)?(system|popen)\s*\(", "a shell reads its argument: start the program itself"),
    _ban("unbounded-copy", r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(", "writes past its end: std::string"),
    _ban("silent-parse", r"(?<![\w.])(std::)?(ato[ilf]|atoll|rand|srand)\s*\(",
         "cannot report an error (from_chars) or be seeded by a test (core/base/random.h)"),
    _ban("static-time", r"(?<![\w.])(std::)?(localtime|gmtime|asctime|ctime)\s*\(", "its buffer is shared by threads"),
    _ban("detach", r"\.detach\s*\(\s*\)", "a detached thread cannot be stopped or joined"),
    _ban("regex", r"\bstd::(basic_)?regex\b", "std::regex overflows the stack on long input"),
    _ban("using-namespace", r"\busing\s+namespace\s+(?!\w*(::\w+)*_?literals\b)", "hides where a name comes from"),
    _ban("subset", r"\bstd::(views|expected|format|source_location)\b|\bco_(await|return|yield)\b",
         "not in what GCC 12 and clang 14 both accept"),
    _ban("shell", r"\bos\.system\s*\(|\bshell\s*=\s*True", "a shell reads its argument: start the program itself",
         where=r"\.py$"),
    _ban("bare-except", r"\bexcept\s*:", "also catches KeyboardInterrupt and SystemExit: name the class",
         where=r"\.py$"),
)  # fmt: skip

NOLINT = re.compile(r"NOLINT(NEXTLINE|BEGIN)?")
GOOD_NOLINT = re.compile(r"NOLINT((NEXTLINE|BEGIN)?\([\w.,-]+\): \S|END\([\w.,-]+\))")
OPEN_END = re.compile(r"\b(" + "FIX" + "ME|" + "TO" + "DO|" + "XX" + r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.:/$}~*-])/(" + "work|" + "root|" + r"home)/\w")
REGISTRY = re.compile(r"https?://[A-Za-z0-9.-]*(registry|mirror|proxy|pypi|crates|artifact)[A-Za-z0-9.-]*\.")
FILE_NAME = re.compile(r"^[a-z0-9_]+\.(cc|h|py)$")
EMPTY_WORDS = re.compile(r"(^|_)(manager|helper|helpers|util|utils|common|misc)(_|\.|$)")
