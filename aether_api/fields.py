"""The fields of a submission: what each may hold, checked one by one.

In:   values whose types are right.
Out:  the same values, fit to be kept in PostgreSQL and shown in consoles; or InvalidInput, which
      names the field and never repeats its content.
"""

from __future__ import annotations

import re
import time
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from aether_core.errors import InvalidInput
from aether_core.transaction import us_of_instant

MERCHANT_LENGTH_MAX: Final = 140
LOCATION_LENGTH_MAX: Final = 140
DESCRIPTION_LENGTH_MAX: Final = 500
METADATA_COUNT_MAX: Final = 20
METADATA_TEXT_LENGTH_MAX: Final = 200
METADATA_INTEGER_MAX: Final = 2**53 - 1
"""Largest whole number that every JSON reader keeps exactly."""
ACCOUNT_PATTERN: Final = "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
METADATA_KEY_PATTERN: Final = "[A-Za-z][A-Za-z0-9_.-]{0,39}"
OCCURRED_AT_MIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
OCCURRED_AHEAD_MAX: Final = timedelta(days=1)
"""How far another machine's clock may be ahead of ours."""
KEY_PATTERN: Final = "[!-~]{1,128}"

Scalar: TypeAlias = "str | int | bool | None"

_ACCOUNT = re.compile(ACCOUNT_PATTERN)
_METADATA_KEY = re.compile(METADATA_KEY_PATTERN)
_KEY = re.compile(KEY_PATTERN)
_PRINTABLE_ASCII = re.compile(r"[ -~]+")
_OCCURRED_US_MIN = us_of_instant(OCCURRED_AT_MIN)
_OCCURRED_AHEAD_US_MAX = OCCURRED_AHEAD_MAX // timedelta(microseconds=1)
# Names that mean something to JavaScript objects, whatever they hold.
_METADATA_KEYS_REFUSED = frozenset({"constructor", "prototype"})
# Joiners that emoji and several scripts need; every other format character hides or reorders text.
_JOINERS = frozenset("\u200c\u200d")
# Letters of some languages carry two or three marks; more is there to spoil the lines around it.
_MARKS_MAX = 4


def check_key(key: str) -> str:
    """Return an idempotency key that is well formed. Raises InvalidInput."""
    if _KEY.fullmatch(key) is None:
        raise InvalidInput("idempotency_key", "A key has 1 to 128 visible ASCII characters.")
    return key


def check_account(account_id: str) -> str:
    """Return an account's name that is well formed. Raises InvalidInput."""
    if _ACCOUNT.fullmatch(account_id) is None:
        raise InvalidInput(
            "account_id", "An account has 1 to 64 letters, digits and . _ : - characters."
        )
    return account_id


def check_text(field: str, text: str, length_max: int) -> str:
    """Return one line of text that is fit to be kept and shown. Raises InvalidInput."""
    if _PRINTABLE_ASCII.fullmatch(text) is None:
        _check_characters(field, text)
    if len(text) > length_max:
        raise InvalidInput(field, f"This text has {len(text)} characters; {length_max} are taken.")
    if text.isspace():
        raise InvalidInput(field, "This text must not be blank.")
    return text


def check_instant(instant: datetime) -> int:
    """Return when something occurred, in microseconds since the epoch. Raises InvalidInput."""
    if instant.tzinfo is None:
        raise InvalidInput("occurred_at", "The instant needs a zone, such as Z or +02:00.")
    us = us_of_instant(instant)
    if us < _OCCURRED_US_MIN:
        raise InvalidInput("occurred_at", "The instant must not lie before the year 2000.")
    if us > now_us() + _OCCURRED_AHEAD_US_MAX:
        raise InvalidInput("occurred_at", "The instant must not lie more than a day ahead.")
    return us


def check_metadata(metadata: dict[str, Scalar]) -> dict[str, Scalar]:
    """Return a small flat map of scalars that is well formed. Raises InvalidInput."""
    if len(metadata) > METADATA_COUNT_MAX:
        raise InvalidInput("metadata", f"At most {METADATA_COUNT_MAX} entries are taken.")
    for key, value in metadata.items():
        if _METADATA_KEY.fullmatch(key) is None or key in _METADATA_KEYS_REFUSED:
            raise InvalidInput(
                "metadata",
                "A key begins with a letter and has up to 40 letters, digits and . _ - characters.",
            )
        field = f"metadata.{key}"
        if isinstance(value, str):
            if value:
                check_text(field, value, METADATA_TEXT_LENGTH_MAX)
        elif value is not None and abs(value) > METADATA_INTEGER_MAX:
            raise InvalidInput(field, "This number is too large to be kept exactly.")
    return metadata


def now_us() -> int:
    """Return this instant in microseconds since the epoch."""
    return time.time_ns() // 1000


def _check_characters(field: str, text: str) -> None:
    if not text:
        raise InvalidInput(field, "This text must not be empty.")
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        # Control, surrogate, private and unassigned characters, line and paragraph separators.
        if category in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} or (
            category == "Cf" and character not in _JOINERS
        ):
            raise InvalidInput(
                field, f"The character U+{ord(character):04X} is not taken in this text."
            )
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _MARKS_MAX:
            raise InvalidInput(field, "This text has too many combining marks in a row.")
