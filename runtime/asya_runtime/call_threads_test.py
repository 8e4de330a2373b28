"""Which jobs in threads belong to a call."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace
from typing import Any, cast

from asya_runtime.call_threads import CALLER, CallThreads


def test_the_lookups_of_the_loop_belong_to_no_call() -> None:
    """They take as long as a name server does, and end by themselves."""
    jobs: set[Any] = set()
    go = threading.Event()
    token = CALLER.set(cast(Any, SimpleNamespace(jobs=jobs)))
    with CallThreads(max_workers=1) as threads:
        held = threads.submit(go.wait)
        lookup = threads.submit(socket.getaddrinfo, "127.0.0.1", 80)
        assert jobs == {held}
        go.set()
        assert lookup.result()
    assert not jobs
    CALLER.reset(token)
