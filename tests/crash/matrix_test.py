"""The crash matrix in its small form; its seed is printed, and the full form is run by hand."""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import matrix
import pytest
from places import PLACES


@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", PLACES)
def test_every_envelope_is_accounted_for_whoever_dies_at_whatever_step(place: str) -> None:
    """Death at each step of the relay, and the quick faults, once each."""
    counts, bad = matrix.run(place, random.SystemRandom().randrange(1 << 32), small=True)
    assert not bad, counts
    assert counts["succeeded"] > 0
