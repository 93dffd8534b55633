"""Proves what each term of the filter line lets through, and that nonsense gets a sentence."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_tui.completing import complete
from aether_tui.filtering import (
    ALERT_FIELDS,
    TRANSACTION_FIELDS,
    FilterNotUnderstood,
    parse_filter,
)
from aether_tui.values import Transaction
from tests.tui.rows import alert, transaction


def cafe() -> Transaction:
    # Made when it is needed: the suite may reach a test long after it read the file.
    return transaction(
        7, account="acc-42", amount="1500.00", merchant="Le Café", decision="review", score=0.83
    )


def old() -> Transaction:
    return transaction(8, currency="JPY", amount="900", age=timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "takes_cafe", "takes_old"),
    [
        ("", True, True),
        ("   ", True, True),
        ("decision:review", True, False),
        ("!decision:review", False, True),
        ("amount:>1000", True, False),
        ("amount:>=1500.00", True, False),
        ("amount:<1500", False, True),
        ("amount:1500", True, False),
        ("amount:=900.0", False, True),
        ("score:>=0.8 currency:EUR", True, False),
        ("score:>=0.8 currency:JPY", False, False),
        ("account:acc-42", True, False),
        ("account:=acc-4", False, False),
        ('merchant:"le caf"', True, False),
        ('merchant:"Le Café"', True, False),
        ("since:15m", True, False),
        ("since:3h", True, True),
        ("!since:15m", False, True),
        ("flagged:yes", True, False),
        ("flagged:no", False, True),
        ("café", True, False),
        ("!café", False, True),
        ("CAFÉ review", True, False),
        ("café bakery", False, False),
        ('"le café"', True, False),
        ('"merchant:x"', False, False),
        ("DECISION:Review", True, False),
    ],
)
def test_terms(text: str, takes_cafe: bool, takes_old: bool) -> None:
    chosen = parse_filter(text, TRANSACTION_FIELDS)
    assert chosen.matches(cafe()) is takes_cafe
    assert chosen.matches(old()) is takes_old


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("foo:1", "There is no field foo."),
        ("merchand:x", "did you mean merchant?"),
        ("amount:much", "amount needs a number"),
        ("amount:>", "amount needs a number"),
        ("amount:nan", "amount needs a number"),
        ("score:", "What should score: be compared with?"),
        ("!", "What should ! be compared with?"),
        ("since:soon", "since needs an age"),
        ("flagged:maybe", "flagged is yes or no"),
        ('merchant:"open', "is not closed"),
    ],
)
def test_what_is_not_understood_says_why(text: str, sentence: str) -> None:
    with pytest.raises(FilterNotUnderstood, match="(?i)" + sentence.replace("?", r"\?")):
        parse_filter(text, TRANSACTION_FIELDS)


@given(st.text(max_size=60))
def test_whatever_is_typed_either_filters_or_says_why(text: str) -> None:
    with contextlib.suppress(FilterNotUnderstood):
        assert parse_filter(text, TRANSACTION_FIELDS).matches(cafe()) in {True, False}


@given(st.from_regex(r"[a-z]{1,8}", fullmatch=True))
def test_a_negated_word_takes_exactly_the_others(word: str) -> None:
    plain = parse_filter(word, TRANSACTION_FIELDS)
    negated = parse_filter(f"!{word}", TRANSACTION_FIELDS)
    for row in (cafe(), old()):
        assert plain.matches(row) is not negated.matches(row)


def test_alerts_have_fields_of_their_own() -> None:
    assert parse_filter("score:>0.5 bakery", ALERT_FIELDS).matches(alert(score=0.9))
    with pytest.raises(FilterNotUnderstood):
        parse_filter("kind:refund", ALERT_FIELDS)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("dec", "decision:"),
        ("Merch", "merchant:"),
        ("x !cur", "x !currency:"),
        ("decision:re", "decision:review"),
        ("amount:>5 flagged:y", "amount:>5 flagged:yes"),
        ("decision:", None),
        ("decision:review", None),
        ("merchant:ba", None),
        ("nothing", None),
        ('merchant:"de', None),
        ("", None),
        ("decision:review ", None),
    ],
)
def test_the_last_word_is_completed(typed: str, completed: str | None) -> None:
    assert complete(typed, TRANSACTION_FIELDS) == completed


def test_a_completion_is_always_understood() -> None:
    for name, field in TRANSACTION_FIELDS.items():
        for value in field.values:
            parse_filter(f"{name}:{value}", TRANSACTION_FIELDS)
