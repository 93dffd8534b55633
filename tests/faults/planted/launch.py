"""`python -m tests.faults.planted.launch BUG run writer`: Aether with a bug planted in it.

This is the one place where our own code is patched: it makes the broken build that the oracle must
recognise. The patch lives in the child process alone; everything else about it is real.
"""

from __future__ import annotations

import sys

from aether_cli.main import main
from tests.faults.planted.bugs import BUGS

if __name__ == "__main__":
    BUGS[sys.argv.pop(1)]()
    main()
