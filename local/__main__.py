"""`python3 -m local <command>`: what the Makefile's targets call."""

import sys

OLDEST = (3, 10)

if sys.version_info < OLDEST:
    found = ".".join(str(part) for part in sys.version_info[:3])
    sys.exit("Python " + found + " (" + sys.executable + ") is too old; run with 3.10 or newer: PYTHON=python3.12.")

from local.commands import main

sys.exit(main(sys.argv[1:]))
