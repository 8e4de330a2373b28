"""Makes asya_crew importable, and the means to run it under the real runtime."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "runtime")]
