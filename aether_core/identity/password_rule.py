"""Which passwords are taken: long enough, and not what everybody tries first.

In:   a password somebody chose, and their e-mail address.
Out:  nothing, or InvalidInput with the reason.
Length is what helps (NIST SP 800-63B section 3.1.1.2), so no kinds of characters are demanded. But
twelve characters that are one known word, a walk over the keyboard or a short pattern over and
over are guessed as soon as eight: such pieces count for little, and all pieces together must be
worth something.
"""

from __future__ import annotations

import re
from typing import Final

from aether_core.errors import InvalidInput
from aether_core.identity.common_passwords import COMMON_PASSWORDS, COMMON_WORDS

PASSWORD_LENGTH_MIN: Final = 12
"""Characters."""
PASSWORD_LENGTH_MAX: Final = 128
"""Characters; all of them count (`passwords.py`)."""

# In half characters: a letter or a sign of no keyboard is worth one, a digit or another sign a
# half, what is known less than it is long. Twelve letters of no pattern are worth 24,
# "summer2026!!" is worth 8.
_WORTH_MIN: Final = 12
_WORTH_LETTER: Final = 2
_WORTH_OTHER: Final = 1
_WORTH_WORD: Final = 4
_WORTH_WALK: Final = 2
_OWN_LENGTH_MIN: Final = 4
_PIECE_LENGTH_MIN: Final = 4
_PATTERN_LENGTH_MAX: Final = 7

_WALKS: Final = tuple(
    walk
    for line in (
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890",
        "qwertyuiop",
        "qwertzuiop",
        "azertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "yxcvbnm",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
        "qazwsxedcrfvtgbyhnujm",
        "1q2w3e4r5t6y7u8i9o0p",
        "!@#$%^&*()",
    )
    for walk in (line, line[::-1])
)
_SAME: Final = re.compile(r"(.)\1{2,}", re.DOTALL)
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
# What people write for a letter.
_PLAIN_LETTERS: Final = str.maketrans("@43!105$7", "aaeiiosst")


def check_password(password: str, email: str, *, field: str = "password") -> None:
    """Raise InvalidInput for a password that is too short, too long or easily guessed.

    email: in its normal form. field: how the request calls it.
    """
    if len(password) < PASSWORD_LENGTH_MIN:
        raise InvalidInput(field, f"A password has at least {PASSWORD_LENGTH_MIN} characters.")
    if len(password) > PASSWORD_LENGTH_MAX:
        raise InvalidInput(field, f"A password has at most {PASSWORD_LENGTH_MAX} characters.")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in password):
        raise InvalidInput(field, "This password is not valid Unicode.")
    reason = _weakness(password.strip().casefold(), email)
    if reason is not None:
        raise InvalidInput(field, f"This password {reason}; choose another.")


def _weakness(plain: str, email: str) -> str | None:
    """Return why a password is easily guessed, if it is."""
    if plain in COMMON_PASSWORDS:
        return "is one of the commonest"
    if _is_repeated(plain):
        return "repeats one short pattern"
    own = {email, *re.split(r"[@.+_-]", email), email.partition("@")[0], "aether"}
    own = {part for part in own if len(part) >= _OWN_LENGTH_MIN}
    worth, kinds = _worth(plain, own)
    if worth >= _WORTH_MIN:
        return None
    if "own" in kinds:
        return "contains little beyond your e-mail address or our name"
    if "word" in kinds:
        return "contains little beyond a common word"
    return "is mostly a walk over the keyboard, a count or one character"


def _is_repeated(plain: str) -> bool:
    """Whether a text is one short pattern over and over, the last time perhaps in part."""
    return any(
        plain == (plain[:size] * (len(plain) // size + 1))[: len(plain)]
        for size in range(1, min(_PATTERN_LENGTH_MAX, len(plain) // 2) + 1)
    )


def _worth(plain: str, own: set[str]) -> tuple[int, set[str]]:
    """Return what a text is worth in half characters, and which kinds of known pieces it has."""
    letters = plain.translate(_PLAIN_LETTERS)
    worth, kinds, place = 0, set(), 0
    while place < len(plain):
        kind, size, piece_worth = _piece_at(plain, letters, place, own)
        worth += piece_worth
        if kind:
            kinds.add(kind)
        place += size
    return worth, kinds


def _piece_at(plain: str, letters: str, place: int, own: set[str]) -> tuple[str, int, int]:
    """Return the kind, the length and the worth of the longest known piece that begins here."""
    is_plain = plain[place].isascii() and not plain[place].isalpha()
    found = ("", 1, _WORTH_OTHER if is_plain else _WORTH_LETTER)
    for part in own:
        if plain.startswith(part, place) and len(part) > found[1]:
            found = ("own", len(part), 0)
    for size in range(min(_WORD_LENGTH_MAX, len(plain) - place), _PIECE_LENGTH_MIN - 1, -1):
        if size <= found[1]:
            break
        if letters[place : place + size] in COMMON_WORDS:
            found = ("word", size, _WORTH_WORD)
            break
    size = _walk_at(plain, place)
    return ("walk", size, _WORTH_WALK) if size > found[1] else found


def _walk_at(plain: str, place: int) -> int:
    """Return how long a walk, a year or one character over and over is that begins here; or 0."""
    same = _SAME.match(plain, place)
    longest = len(same[0]) if same else 0
    if longest < _PIECE_LENGTH_MIN and _YEAR.match(plain, place):
        longest = _PIECE_LENGTH_MIN
    for walk in _WALKS:
        size = max(longest + 1, _PIECE_LENGTH_MIN)
        while place + size <= len(plain) and plain[place : place + size] in walk:
            longest = size
            size += 1
    return longest


_WORD_LENGTH_MAX: Final = max(map(len, COMMON_WORDS))
