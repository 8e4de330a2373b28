"""The crash audit in a small size; its seed is printed, and the full size is run by hand."""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import audit
import pytest

ENVELOPES = 600
KILLS = 6


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_nothing_is_lost_failed_or_doubled_when_processes_are_killed(store: str) -> None:
    """kill -9 of relays, runtimes, the server and PostgreSQL's processes while envelopes travel."""
    counts = audit.run(ENVELOPES, KILLS, random.SystemRandom().randrange(1 << 32), store)
    assert counts.pop("succeeded") == ENVELOPES
    assert counts.pop("retried") >= ENVELOPES // audit.RETRY_EVERY * 0.9
    assert not any(counts.values()), counts
