"""`kubectl proxy`, which is how the command line reaches a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def proxied(proxy: subprocess.Popen[str]) -> Iterator[str]:
    """Its address; it was begun with ``--port=0``, and ends with this."""
    with proxy:
        assert proxy.stdout is not None
        try:
            yield "http://" + proxy.stdout.readline().strip().rpartition(" ")[2]
        finally:
            proxy.terminate()
