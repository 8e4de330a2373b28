"""The DNS of a cluster: CoreDNS as a program of the node, at the node's address."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from private_cluster.layout import DOMAIN, NODE_ADDRESS, Place
from private_cluster.programs import Programs

START_LIMIT_S = 60
READY = "127.0.0.1:8181"

# Names of the rest of the world do not exist, and are answered so at once: a cluster has no way there. They have a part
# of their own, since CoreDNS asks `template` before all others, wherever it stands.
COREFILE = """{domain} in-addr.arpa testcluster {{
    bind {node}
    errors
    ready {ready}
    hosts {{
        {node} node.testcluster
        {outside} outside.testcluster
        fallthrough
    }}
    kubernetes {domain} in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods verified
        ttl 1
    }}
}}
. {{
    bind {node}
    errors
    template IN ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


def start_dns(place: Place, programs: Programs, coredns: Path, outside: str) -> None:
    """Goes on at once; needs the API."""
    settings = place.folder / "Corefile"
    text = COREFILE.format(
        node=NODE_ADDRESS, ready=READY, outside=outside, domain=DOMAIN, kubeconfig=place.user("admin")
    )
    settings.write_text(text)
    programs.start("coredns", coredns, "-conf", settings)


def wait_for_dns(programs: Programs) -> None:
    """Until it knows the cluster's Services."""
    programs.wait_until("coredns", _is_ready, START_LIMIT_S)


def _is_ready() -> bool:
    try:
        with urllib.request.urlopen(f"http://{READY}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
