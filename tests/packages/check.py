"""`python -m tests.packages.check`: are the packages that we lock whole, new enough and wanted?

The lock files and the rules of our own are always checked. Then the services that list known
flaws are asked; one that cannot be reached is named and changes nothing. Returns 1 when anything is
wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.packages.locks import Locked, read_npm, read_requirements
from tests.packages.rules import find_broken_rules
from tests.packages.services import ask_npm, ask_pip_audit

_CHECKOUT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("requirements.lock", "requirements-dev.lock")
PACKAGE_LOCK = "frontend/package-lock.json"


def main(root: Path = _CHECKOUT) -> int:
    """Check the lock files of a checkout; print what is wrong, and what could not be asked."""
    locked, wrong = _check_here(root)
    asked = []
    # A service cannot read a file that is not whole.
    if not wrong:
        for name, answer in (
            ("pip-audit", ask_pip_audit(root / REQUIREMENTS[0])),
            ("npm audit", ask_npm((root / PACKAGE_LOCK).parent)),
        ):
            wrong += [f"{name}: {finding}" for finding in answer.findings]
            if answer.silence is None:
                asked.append(name)
            else:
                _say(f"{name} could not be asked, or not about everything: {answer.silence}")
    for sentence in wrong:
        _say(sentence)
    if not wrong:
        sources = " and ".join(["our own rules", *asked])
        _say(f"{len(locked)} locked packages have their digests; {sources} know no flaw in them")
    return 1 if wrong else 0


def _check_here(root: Path) -> tuple[list[Locked], list[str]]:
    locked: list[Locked] = []
    wrong: list[str] = []
    for file in REQUIREMENTS:
        found, faults = read_requirements((root / file).read_text(), file)
        locked += found
        wrong += faults
    found, faults = read_npm((root / PACKAGE_LOCK).read_text(), PACKAGE_LOCK)
    return locked + found, wrong + faults + find_broken_rules(locked + found)


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")


if __name__ == "__main__":
    sys.exit(main())
