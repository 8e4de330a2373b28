"""Measures what a relay on SQS costs under load: calls of SQS a hop, and memory.

Runs in moto's own environment (make bench-sqs), because boto3 is there: it fills the queue and looks at the other end,
so that nothing of the transport measures itself. Calls are counted twice, by the relay's own metric and by the server.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from private_moto import ACCESS_KEY, SECRET_KEY, PrivateMoto

ROOT = Path(__file__).resolve().parents[2]
REGION = "bench-1"
CALLS_MOST = 0.35
RESIDENT_MOST_MIB = 20.0
LIMIT_S = 300.0
PAYLOAD_BYTES = 1024
OF_RELAY = ("ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "GetQueueUrl")


def fill(client: Any, url: str, count: int) -> None:
    """Envelopes for the actor `echo`, whose next is `next`."""
    for begin in range(0, count, 10):
        entries = []
        for number in range(begin, min(begin + 10, count)):
            envelope = {
                "id": f"id-{number}",
                "route": {"prev": [], "curr": "echo", "next": ["next"]},
                "headers": {"x-asya-mesh-status": "off"},
                "status": {"phase": "pending", "actor": "echo", "attempt": 1, "max_attempts": 1},
                "payload": {"text": "x" * PAYLOAD_BYTES},
            }
            entries.append({"Id": str(number - begin), "MessageBody": json.dumps(envelope)})
        client.send_message_batch(QueueUrl=url, Entries=entries)


def depth(client: Any, url: str) -> int:
    """Messages that wait in a queue."""
    name = "ApproximateNumberOfMessages"
    return int(client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def until(reached: Any, what: str) -> None:
    """Waits for a state."""
    deadline = time.monotonic() + LIMIT_S
    while not reached():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {LIMIT_S:g} s: {what}")
        time.sleep(0.1)


def ask(path: str) -> str:
    """The relay's metrics, over the Unix socket it serves them on."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
        peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")
        text = b""
        while chunk := peer.recv(65536):
            text += chunk
    return text.decode()


def calls_of_metric(text: str) -> int:
    """All calls that the relay says it has made."""
    return int(sum(float(value) for value in re.findall(r"^asya_actor_sqs_calls_total\{[^}]*\} (\S+)", text, re.M)))


def resident_mib(pid: int) -> float:
    """Largest resident size of a process so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def bar(name: str, value: float, limit: float) -> bool:
    """Prints one bar; whether it was met."""
    met = value <= limit
    print(f"bar {name} value={value:.3f} limit<={limit:g} {'ok' if met else 'short'}", flush=True)
    return met


def measure(server: PrivateMoto, folder: Path, programs: Path, hops: int, concurrency: int) -> bool:
    """One relay with a native echo, `hops` messages waiting at its start."""
    client = boto3.client("sqs", region_name=REGION, endpoint_url=server.url, aws_access_key_id=ACCESS_KEY,
                          aws_secret_access_key=SECRET_KEY)  # fmt: skip
    urls = {
        name: client.create_queue(QueueName=f"asya-default-{name}")["QueueUrl"] for name in ("echo", "next", "x-sink")
    }
    fill(client, urls["echo"], hops)
    counted = f"{server.url}/asya/calls?region={REGION}"
    before = json.loads(urllib.request.urlopen(counted, timeout=30).read())
    echo = subprocess.Popen([programs / "bench_echo_runtime", folder], cwd=folder)
    environment = {
        **os.environ, "ASYA_ACTOR_NAME": "echo", "ASYA_NAMESPACE": "default", "ASYA_TRANSPORT": "sqs",
        "ASYA_AWS_REGION": REGION, "ASYA_SQS_ENDPOINT": server.url, "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "ASYA_SOCKET_DIR": str(folder), "ASYA_CONCURRENCY": str(concurrency),
        "ASYA_METRICS_ADDR": f"unix:{folder}/metrics.sock", "ASYA_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    began = time.monotonic()
    relay = subprocess.Popen([programs / "asya-relay-sqs"], env=environment, cwd=folder)
    try:
        until(lambda: depth(client, urls["next"]) >= hops, "all messages at the next actor")
        took = time.monotonic() - began
        until(lambda: json.loads(urllib.request.urlopen(counted, timeout=30).read()).get("DeleteMessageBatch", 0)
              >= hops / 10, "the deletes")  # fmt: skip
        after = json.loads(urllib.request.urlopen(counted, timeout=30).read())
        metric = calls_of_metric(ask(f"{folder}/metrics.sock"))
        resident = resident_mib(relay.pid)
    finally:
        for process in (relay, echo):
            process.kill()
            process.wait(30)
    # Those of ours that fill the queue came before.
    served = {action: after.get(action, 0) - before.get(action, 0) for action in OF_RELAY}
    total = sum(served.values())
    print(f"{hops} hops in {took:.1f} s at concurrency {concurrency}: {served}; the relay counts {metric}")
    # Long polls under way are counted by the server at their begin, by the relay at their end.
    agree = abs(total - metric) <= 5
    print(f"the counts {'agree' if agree else 'differ'}")
    good = bar("sqs-calls-a-hop", total / hops, CALLS_MOST)
    return bar("sqs-relay-rss-mib", resident, RESIDENT_MOST_MIB) and good and agree


def main() -> int:
    """The command line: run.py [--programs FOLDER] [--hops N] [--concurrency N] [--strict]."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--hops", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--strict", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, PrivateMoto() as server:
        good = measure(server, Path(folder), given.programs.resolve(), given.hops, given.concurrency)
    return 1 if given.strict and not good else 0


sys.exit(main())
