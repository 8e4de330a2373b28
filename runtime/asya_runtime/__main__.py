"""Starts the command line, as `python -m asya_runtime`."""

import sys

from asya_runtime.main import main

sys.exit(main(sys.argv[1:]))
