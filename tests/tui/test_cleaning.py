"""Proves that no text from outside can carry an order to the terminal past the client.

What `clean` lets through is checked by Unicode's own categories, not by a list of known tricks.
"""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_tui.cleaning import TEXT_LENGTH_MAX, clean, clean_all
from tests.tui.hostile import HOSTILE_TEXTS


def is_harmless(text: str) -> bool:
    """Nothing that a terminal obeys, nothing invisible, nothing that breaks or turns a line."""
    return not any(
        unicodedata.category(character)[0] == "C" or unicodedata.category(character) in {"Zl", "Zp"}
        for character in text
    )


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=2000))
def test_nothing_harmful_passes(text: str) -> None:
    cleaned = clean(text)
    assert is_harmless(cleaned)
    assert len(cleaned) <= TEXT_LENGTH_MAX
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_t03_t05_hostile_texts_become_one_harmless_line(text: str) -> None:
    cleaned = clean(text)
    assert is_harmless(cleaned)
    assert len(cleaned.splitlines()) <= 1


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=200))
def test_ordinary_text_stays_what_it_is(text: str) -> None:
    assert clean(text) == unicodedata.normalize("NFC", text)


def test_every_text_of_an_answer_is_cleaned_keys_included() -> None:
    answer = {"\x1bkey": ["\x1b]0;x\x07", {"inner": "\u202e", "number": 1.5, "nothing": None}]}
    cleaned = json.dumps(clean_all(answer), ensure_ascii=False)
    assert is_harmless(cleaned)
    assert '"number": 1.5, "nothing": null' in cleaned


def test_a_letter_does_not_grow_over_its_neighbours() -> None:
    assert len(clean("Z" + "\u0489" * 500)) <= 4
