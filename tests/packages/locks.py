"""The lock files, read strictly: what is installed is named with its version and its digest.

In:   requirements*.lock (pip's own form) and package-lock.json (npm's, version 3).
Out:  the packages that they lock, and a sentence for each line that locks nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

Registry = Literal["PyPI", "npm"]

# A name, one exact version, perhaps a condition, then nothing but digests.
_PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(\[[a-z0-9,_-]+\])?==(?P<version>[0-9][A-Za-z0-9.!+_-]*)"
    r"(\s*;[^#]*?)?(?P<digests>(\s+--hash=\S+)*)"
)
_SHA256 = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_SHA512 = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")
_NPM_REGISTRY = "https://registry.npmjs.org/"


@dataclass(frozen=True, slots=True)
class Locked:
    """One package as a lock file has it. name: as the registry compares names."""

    registry: Registry
    name: str
    version: str
    file: str


def read_requirements(text: str, file: str) -> tuple[list[Locked], list[str]]:
    """Return what pip would install from a lock file, and what is wrong with the file.

    A line that is no exact version, or has no SHA-256 digest, or one of another kind, is wrong; so
    are options (another index), addresses and paths.
    """
    locked, wrong = [], []
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _PINNED.fullmatch(line)
        if match is None:
            wrong.append(f"{file}: `{line[:60]}` does not lock one version")
            continue
        digests = match["digests"].split()
        if not digests or not all(_SHA256.fullmatch(digest) for digest in digests):
            wrong.append(f"{file}: {match['name']} has no SHA-256 digest, or another one")
        name = re.sub(r"[-_.]+", "-", match["name"]).lower()
        locked.append(Locked("PyPI", name, match["version"], file))
    if not locked:
        wrong.append(f"{file}: locks nothing")
    return locked, wrong


def read_npm(text: str, file: str) -> tuple[list[Locked], list[str]]:
    """Return what npm would install from a lock file, and what is wrong with the file.

    An entry without a SHA-512 digest, or from elsewhere than npm's registry, is wrong.
    """
    document = json.loads(text)
    if document.get("lockfileVersion") != 3:
        return [], [f"{file}: is not of lockfileVersion 3"]
    locked, wrong = [], []
    for place, entry in document["packages"].items():
        if not place:  # the dashboard itself
            continue
        name = entry.get("name") or place.rpartition("node_modules/")[2]
        if not _SHA512.fullmatch(entry.get("integrity", "")):
            wrong.append(f"{file}: {name} has no SHA-512 digest")
        # Without an address it comes from the registry, and the digest fixes what it is.
        if not entry.get("resolved", _NPM_REGISTRY).startswith(_NPM_REGISTRY):
            wrong.append(f"{file}: {name} does not come from {_NPM_REGISTRY}")
        locked.append(Locked("npm", name, entry.get("version", ""), file))
    if not locked:
        wrong.append(f"{file}: locks nothing")
    return locked, wrong
