"""A private RabbitMQ node for tests and measurements: own folder, ports and epmd; it ends with its starter."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from free_ports import free_ports
from private_server import PrivateServer, die_with_parent, run, serve

START_LIMIT_S = 240  # six on a quiet machine
STOP_LIMIT_S = 30
START_TRIES = 3  # somebody else may take a free port before the node does
STATISTICS_MS = 200  # between two countings for the management API; 5000 by default
# What rabbitmq.conf has no words for: counting quorum queues as often, a sample each second, not each fifth, and
# looking each second, not each minute, for messages that are held for too long.
SAMPLES = "[{605, 1}]"
ADVANCED = (
    f"[{{rabbit, [{{quorum_tick_interval, {STATISTICS_MS}}}, {{channel_tick_interval, 1000}}]}},"
    f" {{rabbitmq_management_agent, [{{sample_retention_policies,"
    f" [{{global, {SAMPLES}}}, {{basic, {SAMPLES}}}, {{detailed, {SAMPLES}}}]}}]}}].\n"
)
LOOPBACK = "127.0.0.1"
CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
PROGRAMS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/sbin/rabbitmq-server")


class PrivateRabbitmq(PrivateServer):
    """One node in `folder` (a fresh temporary one when None) on free ports of the loopback, or of `address`.

    `addresses` has what a test's environment needs. Node and epmd die with the thread that started them, also when that
    one is killed. `settings` are further lines of its rabbitmq.conf. `user` and `password` are the administrator's;
    guest, the usual one, is let in from the loopback alone.
    """

    name = "RabbitMQ"

    def __init__(self, folder: Path | None = None, settings: dict[str, str] | None = None, *,
                 address: str = LOOPBACK, user: str = "guest", password: str = "guest") -> None:  # fmt: skip
        self._settings = settings or {}
        self._address, self._user, self._password = address, user, password
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._root = Path(tempfile.mkdtemp(prefix="asya-rabbitmq-", dir=folder))
        self._node: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._ports: list[int] = []

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The node."""
        return self._node

    @property
    def addresses(self) -> dict[str, str]:
        """Names and values for the environment of whoever uses the node."""
        amqp, tls, management = self._ports[:3]
        return {
            "ASYA_TEST_RABBITMQ": f"amqp://{self._user}:{self._password}@{self._address}:{amqp}/",
            "ASYA_TEST_RABBITMQ_TLS": f"amqps://{self._user}:{self._password}@localhost:{tls}/",
            "ASYA_TEST_RABBITMQ_CA": str(self._root / "tls.crt"),
            "ASYA_TEST_RABBITMQ_MANAGEMENT": f"http://{self._address}:{management}",
        }

    @property
    def log(self) -> str:
        """What the node wrote so far."""
        path = self._root / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> dict[str, str]:
        """Starts the node, on its earlier data and ports if there are any; returns the addresses once it answers."""
        if self._ports:
            self._launch()
            self.wait_until(self._answers, START_LIMIT_S)
            return self.addresses
        self._make_certificate()
        for tries_left in reversed(range(START_TRIES)):
            self._ports = free_ports(5)
            self._configure()
            self._launch()
            try:
                self.wait_until(self._answers, START_LIMIT_S)
            except RuntimeError:
                self._end()
                if tries_left == 0 or "eaddrinuse" not in self.log:
                    raise
            else:
                break
        return self.addresses

    def write_queue_names(self) -> None:
        """Has the node write down which quorum queues there are.

        RabbitMQ 3.10 does so some seconds after a queue was made: Ra keeps the names in a dets table it never syncs.
        One that is killed before that comes back with an empty queue of that name which never has a leader.
        """
        self.control("eval", "dets:sync(ra_directory_reverse).")

    def kill(self) -> None:
        """Ends the node at once, as kill -9 does; `start` brings it back on the same data and ports."""
        if self._node is not None:
            self._node.kill()
            self._node.wait(STOP_LIMIT_S)
            self._node = None

    def control(self, *arguments: str) -> str:
        """What rabbitmqctl answers, run for this node."""
        done = subprocess.run([CONTROL, "-q", *arguments], env=self._environment(), cwd=self._root, capture_output=True,
                              text=True, timeout=START_LIMIT_S, check=False)  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def shut_down(self) -> None:
        """Ends the node in good order, as an operator does; `start` brings it back."""
        if self._node is not None:
            self._node.terminate()
            self._node.wait(STOP_LIMIT_S)
            self._node = None

    def stop(self) -> None:
        """Stops node and epmd and removes the data. May be called twice."""
        self._end()
        shutil.rmtree(self._root, ignore_errors=True)

    def _end(self) -> None:
        self.kill()  # nothing of it is kept
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(STOP_LIMIT_S)
            self._epmd = None

    def _make_certificate(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                   "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                   "-keyout", str(self._root / "tls.key"), "-out", str(self._root / "tls.crt")]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=STOP_LIMIT_S)

    def _configure(self) -> None:
        amqp, tls, management = self._ports[:3]
        lines = {
            "default_user": self._user,
            "default_pass": self._password,
            "listeners.tcp.1": f"{self._address}:{amqp}",
            "listeners.ssl.1": f"{self._address}:{tls}",
            "ssl_options.certfile": self._root / "tls.crt",
            "ssl_options.keyfile": self._root / "tls.key",
            "ssl_options.cacertfile": self._root / "tls.crt",
            "management.tcp.ip": self._address,
            "management.tcp.port": management,
            "disk_free_limit.absolute": "1MB",
            "collect_statistics_interval": STATISTICS_MS,
            "log.file.level": "warning",
        } | self._settings
        (self._root / "rabbitmq.conf").write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))
        (self._root / "advanced.config").write_text(ADVANCED)
        (self._root / "plugins").write_text("[rabbitmq_management].\n")

    def _environment(self) -> dict[str, str]:
        amqp, _, _, distribution, epmd = self._ports
        root = self._root
        return {
            **os.environ, "HOME": str(root), "RABBITMQ_NODENAME": f"asya{amqp}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution), "RABBITMQ_MNESIA_BASE": str(root / "data"),
            "RABBITMQ_LOG_BASE": str(root / "log"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(root / "plugins"),
            "RABBITMQ_PID_FILE": str(root / "pid"), "RABBITMQ_CONFIG_FILE": str(root / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(root / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(root / "no-such-file"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false +sbwt none +sbwtdcpu none +sbwtdio none",
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(epmd),
            # The script then becomes the node, as under systemd, rather than its parent: one process to end.
            "NOTIFY_SOCKET": str(root / "nobody-listens"),
        }  # fmt: skip

    def _launch(self) -> None:
        program = next((path for path in PROGRAMS if Path(path).exists()), None) or shutil.which("rabbitmq-server")
        if program is None:
            raise RuntimeError("no RabbitMQ server found: run tools/install")
        root = self._root
        environment = self._environment()
        with open(root / "output", "ab") as output:
            if self._epmd is None:
                # The one that Erlang would start by itself stays behind for ever.
                self._epmd = subprocess.Popen(
                    ["epmd"], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=root,
                    preexec_fn=die_with_parent,
                )  # fmt: skip
            self._node = subprocess.Popen(
                [program], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=root,
                preexec_fn=die_with_parent,
            )  # fmt: skip

    def _answers(self) -> bool:
        amqp, tls, management = self._ports[:3]
        try:
            for port in (amqp, tls):
                socket.create_connection((self._address, port), timeout=1).close()
            urllib.request.urlopen(f"http://{self._address}:{management}/", timeout=2).close()
        except (OSError, urllib.error.URLError):
            return False
        return True


def main(arguments: list[str]) -> int:
    """The command line of tools/rabbitmq."""
    if arguments[:1] == ["serve"] and len(arguments) <= 2:
        return serve(PrivateRabbitmq(Path(arguments[1]) if len(arguments) == 2 else None))
    if arguments[:1] == ["run"] and len(arguments) >= 2:
        return run(PrivateRabbitmq(), arguments[1:])
    print("usage: tools/rabbitmq serve [FOLDER] | run COMMAND...", file=sys.stderr)
    return 2
