"""The private PostgreSQL starts, keeps what was committed over a kill, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from private_postgres import PrivatePostgres, binaries

SCRIPT = Path(__file__).resolve().parent / "postgres"


def ask(dsn: str, sql: str) -> str:
    """What psql answers to one statement."""
    done = subprocess.run([str(binaries() / "psql"), dsn, "-Atqc", sql], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_keeps_committed_rows_over_a_kill_and_removes_its_folder(tmp_path: Path) -> None:
    server = PrivatePostgres(tmp_path)
    with server:
        ask(server.dsn, "create table kept (n int); insert into kept values (7)")
        first = server.pid
        server.kill()
        server.start()
        assert server.pid != first
        assert ask(server.dsn, "select n from kept") == "7"
        folder = Path(server.dsn.split()[0].removeprefix("host="))
        assert folder.exists()
    assert not folder.exists()


def test_serve_ends_when_its_stdin_closes(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, str(SCRIPT), "serve", str(tmp_path)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    dsn = process.stdout.readline().strip()
    assert ask(dsn, "select 41 + 1") == "42"
    process.stdin.close()
    assert process.wait(30) == 0
    assert not Path(dsn.split()[0].removeprefix("host=")).exists()


def test_run_hands_the_connection_string_and_the_exit_code() -> None:
    script = 'psql "$ASYA_TEST_POSTGRES" -Atqc "select current_database()"; exit 3'
    environment = dict(os.environ, PATH=f"{binaries()}:{os.environ['PATH']}")
    done = subprocess.run([sys.executable, str(SCRIPT), "run", "bash", "-c", script], capture_output=True, text=True,
                          check=False, env=environment)  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (3, "asya")


def test_a_wrong_command_line_says_what_is_accepted() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "restart"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "serve [FOLDER]" in done.stderr
