"""The crash audit in a small size; its seed is printed, and the full size is run by hand."""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import audit
import audited_project
import pytest

ENVELOPES = 600
KILLS = 6
# SQS and Pub/Sub have the matrix in its small form; their audit is run by hand.
PLACES = ("sqlite", "postgres", "rabbitmq")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_lost_failed_or_doubled_when_processes_are_killed(place: str) -> None:
    """kill -9 of relays, runtimes, workers, the server and the broker's processes while envelopes travel."""
    counts, bad = audit.run(ENVELOPES, KILLS, random.SystemRandom().randrange(1 << 32), place)
    assert not bad, counts
    assert counts["succeeded"] + counts["failed as they should"] == ENVELOPES
    assert counts["retried"] >= ENVELOPES // audited_project.RETRY_EVERY * 0.9
