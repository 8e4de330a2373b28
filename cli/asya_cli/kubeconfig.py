"""``asya kubeconfig``: a kubeconfig with which kubectl talks to the local server."""

from __future__ import annotations

import base64
import contextlib
import os
import stat
import sys

import click

from asya_cli.failure import Failure
from asya_cli.objects import namespace_option, server_option
from asya_cli.output import data
from asya_cli.project import find_server


@click.command()
@namespace_option
@server_option
def kubeconfig(namespace: str, server: str | None) -> None:
    """Print a kubeconfig: asya kubeconfig > kc; kubectl --kubeconfig kc get asya."""
    found = find_server(server)
    if not found.tls_url:
        raise Failure("only a local server's kubeconfig can be printed")
    keep_private()
    ca = base64.b64encode(found.ca_pem.encode()).decode()
    data(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "asya", "cluster": {"server": found.tls_url, "certificate-authority-data": ca}}],
            "users": [{"name": "asya", "user": {"token": found.token}}],
            "contexts": [{"name": "asya", "context": {"cluster": "asya", "user": "asya", "namespace": namespace}}],
            "current-context": "asya",
        },
        "yaml",
    )


def keep_private() -> None:
    """Take the rights of others off the file that is printed to: the shell has made it for everybody to read."""
    # Where files have no modes, or nothing can be told of the output, it is printed all the same.
    with contextlib.suppress(OSError):
        output = sys.stdout.fileno()
        status = os.fstat(output)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
            os.fchmod(output, 0o600)
