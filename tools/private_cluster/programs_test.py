"""Programs that do not come up are told with the file to look at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from private_cluster.layout import ClusterError
from private_cluster.programs import Programs

LIMIT_S = 20
WATCHING = """
import sys
from pathlib import Path
from private_cluster.programs import Programs
programs = Programs(Path(sys.argv[1]))
programs.start("short", "sh", "-c", f"echo run >> {sys.argv[1]}/runs; exit 3")
programs.watch()
"""


def test_a_program_that_ends_is_told_at_once_with_its_log(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    programs.start("broken", "sh", "-c", "echo no such setting; exit 3")
    with pytest.raises(ClusterError) as raised:
        programs.wait_until("broken", lambda: False, LIMIT_S)
    assert f"broken ended with 3: look at {tmp_path / 'broken.log'}\nno such setting" in str(raised.value)


def test_a_program_that_is_not_ready_in_time_is_told_with_its_log(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    programs.start("slow", "sleep", "1000")
    with pytest.raises(ClusterError, match=f"slow was not ready within 0.1 s: look at {tmp_path / 'slow.log'}"):
        programs.wait_until("slow", lambda: False, 0.1)
    process = programs.process("slow")
    process.kill()
    process.wait(LIMIT_S)


def test_a_program_that_is_not_installed_is_told_with_what_installs_it(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no-such-program is not there: `make install-cluster`"):
        Programs(tmp_path).start("gone", "no-such-program")


def test_a_program_that_ends_later_is_started_anew(tmp_path: Path) -> None:
    tools = Path(__file__).resolve().parents[1]
    with subprocess.Popen([sys.executable, "-c", WATCHING, tmp_path], stdout=subprocess.PIPE, text=True,
                          env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tools)}) as watching:  # fmt: skip
        assert watching.stdout is not None
        for _ in range(2):
            assert "short ended with 3, starting it anew" in watching.stdout.readline()
        watching.kill()
    assert (tmp_path / "runs").read_text().count("run") >= 2
