"""The command line of tools/testcluster."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from private_cluster.layout import ClusterError, Place
from private_cluster.phases import say
from private_cluster.start import entered, load_image, require_machine, start
from private_cluster.state import State, controllers_left_on, locked, remove, remove_killed, require_ours
from private_server import run_beside

DEFAULT_NAME = "default"


def main(arguments: list[str]) -> int:
    """Runs one command; its exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        require_machine()
        return int(options.do(options))
    except ClusterError as error:
        say(f"testcluster: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/testcluster", description="A real Kubernetes of one node, for tests.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, do: object, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--name", default=DEFAULT_NAME, help="of the cluster; several can run side by side")
        command.set_defaults(do=do)
        return command

    up = add("up", _up, "Starts a cluster that stays until `down`; says how long each phase took.")
    add("kubeconfig", _kubeconfig, "Prints the path of the administrator's kubeconfig.")
    add("load-image", _load_image, "Gives the node the images of an OCI or docker archive.").add_argument(
        "archive", type=Path)  # fmt: skip
    enter = add("enter", _enter, "Runs a command in the cluster's network, where Services and pods have addresses.")
    add("down", _down, "Ends a cluster and takes away all that it had.")
    run = add("run", _run, "Runs a command beside a cluster that lasts as long as the command.")
    run.set_defaults(name=None)
    for command in (up, run):
        command.add_argument("--without-keda", action="store_true", help="leaves KEDA out, and its build")
    for command in (enter, run):
        command.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND...")
    return parser


def _place(name: str) -> Place:
    """That of a name, looked at before anything is written beside it."""
    place = Place.of(name)
    require_ours(place)
    return place


def _up(options: argparse.Namespace) -> int:
    place = _place(options.name)
    with locked(place):
        state = State.read(place)
        if state is not None and state.alive:
            say(f"cluster {place.name} is up already")
        else:
            _start(place, options, tied=False)
    print(f"export KUBECONFIG={place.kubeconfig}")
    return 0


def _start(place: Place, options: argparse.Namespace, tied: bool) -> State:
    for name in remove_killed():
        say(f"removed what a killed run of cluster {name} had left")
    if State.read(place) is not None:
        say(f"removing what a killed run of cluster {place.name} has left")
    started = time.monotonic()
    print(f"cluster {place.name}", flush=True)
    state = start(place, with_keda=not options.without_keda, tied=tied)
    print(f"  {'all':<36} {time.monotonic() - started:6.1f} s", flush=True)
    return state


def _kubeconfig(options: argparse.Namespace) -> int:
    _running(options.name)
    print(Place.of(options.name).kubeconfig)
    return 0


def _load_image(options: argparse.Namespace) -> int:
    print(load_image(_running(options.name), options.archive), end="")
    return 0


def _enter(options: argparse.Namespace) -> int:
    state = _running(options.name)
    return subprocess.run(
        [*entered(state), *_words(options)], env=_environment(options.name, state), check=False
    ).returncode


def _down(options: argparse.Namespace) -> int:
    place = _place(options.name)
    started = time.monotonic()
    with locked(place):
        if not place.folder.exists():
            say(f"cluster {place.name} is not up")
            return 0
        _remove(place)
    print(f"cluster {place.name} is down after {time.monotonic() - started:.1f} s")
    return 0


def _run(options: argparse.Namespace) -> int:
    words = _words(options)
    place = _place(options.name or f"run-{os.getpid()}")
    with locked(place):
        state = State.read(place)
        if state is not None and state.alive:
            raise ClusterError(f"cluster {place.name} is up already, and would be down after the command")
        try:
            state = _start(place, options, tied=True)
            return run_beside(words, _environment(place.name, state))
        finally:
            if State.read(place) is not None:  # else the start failed, and its logs are wanted
                _remove(place)


def _remove(place: Place) -> None:
    """Takes it away, and tells what of the machine's stays changed."""
    state = State.read(place)
    remove(place)
    if state is not None and (names := controllers_left_on(state)):
        say(f"turned on for all control groups since cluster {place.name} began, and left on: {' '.join(names)}")


def _words(options: argparse.Namespace) -> list[str]:
    words: list[str] = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        raise ClusterError("no command was given")
    return words


def _environment(name: str, state: State) -> dict[str, str]:
    """What a command beside a cluster finds."""
    return {
        **os.environ,
        "KUBECONFIG": str(Place.of(name).kubeconfig),
        "ASYA_TEST_CLUSTER": name,
        "ASYA_TEST_CLUSTER_ADDRESS": state.inside,
        "ASYA_TEST_CLUSTER_MACHINE": state.outside,
    }


def _running(name: str) -> State:
    state = State.read(_place(name))
    if state is None or not state.alive:
        raise ClusterError(f"cluster {name} is not up: tools/testcluster up --name {name}")
    return state
