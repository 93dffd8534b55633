"""Logs are one JSON object a line, whatever is logged, and blank what looks like a secret."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_core.telemetry import JsonLines


def line_of(message: str, *arguments: object, **extra: object) -> str:
    record = logging.getLogger("test").makeRecord(
        "test", logging.INFO, __file__, 1, message, arguments, None, extra=extra
    )
    return JsonLines("gateway-1").format(record)


@given(st.text())
def test_t03_l03_any_text_stays_one_printable_line(text: str) -> None:
    line = line_of("%s", text, merchant=text)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["process"] == "gateway-1"


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach postgresql://aether:SECRET-1@db:5432/aether",
        "cannot reach redis://:SECRET-1@valkey:6379/0",
        "Authorization: Bearer SECRET-1.aaa",
        "Authorization: Basic SECRET-1AAAA",
        "{'password': 'SECRET-1'}",
        '{"refresh_token": "SECRET-1"}',
        "client_secret=SECRET-1&grant_type=client_credentials",
        "cookie: aether_refresh=SECRET-1",
        "token eyJSECRET-1aa.eyJzdWIi.c2ln",
    ],
)
def test_secrets_are_blanked(text: str) -> None:
    assert "SECRET-1" not in line_of(text)
    assert "SECRET-1" not in line_of("because", reason=text)


def test_an_error_carries_its_trace_without_secrets() -> None:
    try:
        int("redis://:SECRET-1@valkey:6379/0")
    except ValueError:
        record = logging.getLogger("test").makeRecord(
            "test", logging.ERROR, __file__, 1, "failed", (), sys.exc_info()
        )
    line = JsonLines("writer-1").format(record)
    fields = json.loads(line)
    assert fields["error"] == "ValueError"
    assert "redis://:***@valkey" in fields["trace"]
    assert "SECRET-1" not in line


def test_what_comes_as_extra_keeps_its_name_and_kind() -> None:
    fields = json.loads(line_of("written", shard=3, seconds=0.5, transaction_id="0190"))
    assert (fields["shard"], fields["seconds"], fields["transaction_id"]) == (3, 0.5, "0190")
