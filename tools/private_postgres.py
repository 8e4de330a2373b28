"""A private PostgreSQL for tests and measurements, reached by a Unix socket, that ends with whoever started it."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from free_ports import free_ports
from private_server import PrivateServer, die_with_parent, run, serve

START_LIMIT_S = 240  # one on a quiet machine
STOP_LIMIT_S = 30
USER = "asya"
DATABASE = "asya"
SOCKET_PATH_LIMIT = 90  # sockaddr_un holds 107 bytes and PostgreSQL appends /.s.PGSQL.5432


def binaries() -> Path:
    """The folder of the newest PostgreSQL server on this machine."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if found:
        return Path(found[-1]).parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise RuntimeError("no PostgreSQL server found: run tools/install")


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as: None for ourselves; PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("running as root, and neither the user postgres nor nobody exists to drop to")


class PrivatePostgres(PrivateServer):
    """One server in `folder` (a fresh temporary one when None). `dsn` is a libpq connection string.

    `durable` keeps fsync on: wanted by benchmarks, wasted in tests (killing a process does not lose page cache).
    With an `address` it is reached there too, on `port`, with `password`; otherwise it opens no port at all.
    The data stands in `folder` where the unprivileged user can reach it, else in a temporary folder; either way
    `stop` removes it. The server dies with the thread that started it, also when that one is killed.
    """

    name = "PostgreSQL"

    def __init__(self, folder: Path | None = None, *, durable: bool = False, options: tuple[str, ...] = (),
                 address: str = "", password: str = "") -> None:  # fmt: skip
        self._owner = _unprivileged()
        self._durable = durable
        self._options = options
        self._address, self._password = address, password
        self.port = free_ports(1)[0] if address else 5432  # otherwise no more than a part of the socket's name
        self._process: subprocess.Popen[bytes] | None = None
        self._root = self._make_root(folder)
        self._place = ("-h", str(self._root), "-p", str(self.port), "-U", USER)
        self.dsn = f"host={self._root} port={self.port} user={USER} dbname={DATABASE}"

    @property
    def addresses(self) -> dict[str, str]:
        """The dsn, under the name that tests read."""
        return {"ASYA_TEST_POSTGRES": self.dsn}

    @property
    def greeting(self) -> list[str]:
        """The dsn alone."""
        return [self.dsn]

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The postmaster."""
        return self._process

    def backends(self) -> list[int]:
        """The processes that serve clients of the database, by their ids."""
        assert self._process is not None
        pid = self._process.pid
        found = []
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with contextlib.suppress(OSError):  # it has just ended
                if f" {USER} {DATABASE} ".encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
        return found

    @property
    def log(self) -> str:
        """What the server wrote so far."""
        path = self._root / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> str:
        """Makes the database on the first call, starts the server and returns the dsn once it answers."""
        if not (self._root / "data").exists():
            self._initialise()
        settings = [
            f"listen_addresses={self._address}",
            f"port={self.port}",
            f"unix_socket_directories={self._root}",
            "max_connections=200",
        ]
        if not self._durable:
            settings += ["fsync=off", "full_page_writes=off"]
        command = [str(binaries() / "postgres"), "-D", str(self._root / "data")]
        for setting in (*settings, *self._options):
            command += ["-c", setting]
        with open(self._root / "log", "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._root, preexec_fn=self._drop
            )
        self.wait_until(self._answers, START_LIMIT_S)
        found = self._run("psql", *self._place, "-d", "postgres", "-Atc",
                          f"select 1 from pg_database where datname = '{DATABASE}'")  # fmt: skip
        if found.strip() != "1":
            self._run("createdb", *self._place, DATABASE)
            if self._address:
                self._run("psql", *self._place, "-d", DATABASE, "-c",
                          f"alter role {USER} password '{self._password}'")  # fmt: skip
        return self.dsn

    def kill(self) -> None:
        """Ends every process of the server at once (as kill -9 does); `start` brings it back on the same data."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(STOP_LIMIT_S)
            self._process = None

    def shut_down(self) -> None:
        """Ends the server in good order, whoever is connected; `start` brings it back on the same data."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STOP_LIMIT_S)
            self._process = None

    def stop(self) -> None:
        """Stops the server and removes its data. May be called twice."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self._root, ignore_errors=True)

    def _make_root(self, folder: Path | None) -> Path:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            wanted = folder.resolve() / "postgres"
            if len(str(wanted)) <= SOCKET_PATH_LIMIT and self._reachable(folder.resolve()):
                wanted.mkdir(mode=0o700, exist_ok=True)
                self._give(wanted)
                return wanted
        made = Path(tempfile.mkdtemp(prefix="asya-postgres-"))
        self._give(made)
        return made

    def _reachable(self, folder: Path) -> bool:
        if self._owner is None:
            return True
        probe = subprocess.run(["test", "-x", str(folder)], check=False, cwd="/", preexec_fn=self._drop)
        return probe.returncode == 0

    def _give(self, path: Path) -> None:
        if self._owner is not None:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _drop(self) -> None:
        if self._owner is not None:
            os.setgroups([])
            os.setgid(self._owner.pw_gid)
            os.setuid(self._owner.pw_uid)
        # After setuid, which clears it.
        die_with_parent(signal.SIGQUIT)

    def _initialise(self) -> None:
        self._run("initdb", "-D", str(self._root / "data"), "-U", USER, "-A", "trust", "-E", "UTF8",
                  "--no-locale", "--no-sync", "--no-instructions")  # fmt: skip
        if self._address:
            with open(self._root / "data" / "pg_hba.conf", "a") as rules:
                rules.write(f"host all {USER} all scram-sha-256\n")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run([str(binaries() / program), *arguments], cwd=self._root, preexec_fn=self._drop,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=START_LIMIT_S,
                              check=False)  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stdout.strip()}")
        return done.stdout

    def _answers(self) -> bool:
        probe = [str(binaries() / "pg_isready"), "-q", *self._place, "-d", "postgres"]
        return subprocess.run(probe, check=False).returncode == 0


def main(arguments: list[str]) -> int:
    """The command line of tools/postgres."""
    usage = "usage: tools/postgres [--durable] serve [FOLDER] | [--durable] run COMMAND..."
    durable = arguments[:1] == ["--durable"]
    arguments = arguments[1:] if durable else arguments
    if arguments[:1] == ["serve"] and len(arguments) <= 2:
        return serve(PrivatePostgres(Path(arguments[1]) if len(arguments) == 2 else None, durable=durable))
    if arguments[:1] == ["run"] and len(arguments) >= 2:
        return run(PrivatePostgres(durable=durable), arguments[1:])
    print(usage, file=sys.stderr)
    return 2
