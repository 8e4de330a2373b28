"""``asya kubeconfig``: a kubeconfig with which kubectl talks to the local server."""

from __future__ import annotations

import base64

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
