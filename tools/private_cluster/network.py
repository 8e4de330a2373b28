"""The links of a cluster: a pair of which one end is on the machine, and the bridge of the pods."""

from __future__ import annotations

import ipaddress
import json
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from private_cluster.layout import (
    BRIDGE,
    NODE_ADDRESS,
    POD_NETWORK,
    SERVICE_NETWORK,
    UPLINK,
    ClusterError,
)
from private_cluster.machine import command

PAIRS = ipaddress.IPv4Network("10.99.0.0/16")  # of these each cluster takes four addresses
PAIR_PREFIX = 30
LINK_LIMIT_S = 10
LOOK_PAUSE_S = 0.01


def free_pair(name: str, taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """Four addresses that no route of the machine names; the same for the same name where they are free."""
    networks = list(taken)
    pairs = list(PAIRS.subnets(new_prefix=PAIR_PREFIX))
    first = zlib.crc32(name.encode()) % len(pairs)
    for pair in pairs[first:] + pairs[:first]:
        if not any(pair.overlaps(network) for network in networks):
            return pair
    raise ClusterError(f"the machine has routes for all of {PAIRS}, from which a cluster takes its link")


def routed_networks() -> list[ipaddress.IPv4Network]:
    """What the machine has routes for, its default route left out."""
    routes: list[dict[str, Any]] = json.loads(command("ip", "-json", "-4", "route", "show", "table", "main") or "[]")
    return [ipaddress.IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]


def make_link(link: str, address: str, process: int) -> None:
    """On the machine: the pair, its inner end given to the network of a process."""
    command("ip", "link", "add", link, "type", "veth", "peer", "name", UPLINK, "netns", str(process))
    command("ip", "address", "add", f"{address}/{PAIR_PREFIX}", "dev", link)
    command("ip", "link", "set", link, "up")


def make_inner_network(address: str) -> None:
    """In the cluster's network: loopback, the inner end, the bridge, and the way of packets between them."""
    command("ip", "link", "set", "lo", "up")
    command("ip", "address", "add", f"{address}/{PAIR_PREFIX}", "dev", UPLINK)
    command("ip", "link", "set", UPLINK, "up")
    command("ip", "link", "add", BRIDGE, "type", "bridge")
    command("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", BRIDGE)
    command("ip", "link", "set", BRIDGE, "up")
    # Without a default route the kernel would refuse addresses of Services before kube-proxy's rules see them.
    command("ip", "route", "add", SERVICE_NETWORK, "dev", BRIDGE)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    bridged = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if bridged.exists():  # A pod that calls a Service of which it is a part.
        bridged.write_text("1")
    # The machine has no route back to pods.
    command("iptables", "--wait", "-t", "nat", "-A", "POSTROUTING", "-s", POD_NETWORK, "-o", UPLINK, "-j", "MASQUERADE")
    _wait_for_carrier()


def _wait_for_carrier() -> None:
    deadline = time.monotonic() + LINK_LIMIT_S
    while "LOWER_UP" not in command("ip", "link", "show", UPLINK):
        if time.monotonic() > deadline:
            raise ClusterError(f"the link to the machine was not up within {LINK_LIMIT_S} s")
        time.sleep(LOOK_PAUSE_S)
