"""`python -m tests.fuzz.run --seed N --minutes M`: every operation, again and again.

Each round asks every operation of the OpenAPI document with requests of its own seed. One line a
round; what was found is printed with the seed that finds it again, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from traceback import format_exc

import pytest

from tests.api.conftest import serving
from tests.conftest import PostgresServer
from tests.faults import servers
from tests.fuzz.fuzzing import document, make_fuzzer, operations

_EXAMPLES = 50


def main() -> int:
    """Fuzz until the time is over; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--minutes", type=float, default=30.0)
    wanted = parser.parse_args()
    end = time.monotonic() + 60 * wanted.minutes
    failures = 0
    _say(f"seed {wanted.seed}")
    with servers.running_postgres() as started, serving(PostgresServer(started.url)) as served:
        fuzzer = make_fuzzer(served.system)
        seed = wanted.seed
        while time.monotonic() < end:
            found = asked = 0
            for name, operation in operations(document()).items():
                try:
                    fuzzer.fuzz(operation, examples=_EXAMPLES, seed=seed)
                except (Exception, pytest.fail.Exception):  # noqa: BLE001 - it is what was looked for
                    found += 1
                    _say(f"seed {seed}: {name}\n{format_exc()}")
                asked += 1
                if time.monotonic() > end:
                    break
            _say(f"seed {seed}: {found} of {asked} operations gave a wrong answer")
            failures += found
            seed += 1
    return 1 if failures else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
