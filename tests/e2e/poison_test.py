"""A message that kills its worker each time: what a person is told of it."""

from __future__ import annotations

from asya_project import Project, actor

HANDLER = """
import ctypes


def read(payload):
    ctypes.string_at(0)
"""


def test_a_dead_letter_says_how_its_worker_died(project: Project) -> None:
    """After five deaths; the signal as its supervisor saw it."""
    project.write(asya__yaml=actor("read", "steps.read"), steps__py=HANDLER)
    project.run("up", ".")
    failed = project.run("send", "read", "--wait", code=1).err
    assert "RuntimeCrash: the worker died 5 times in the middle of this call (killed by SIGSEGV)" in failed
