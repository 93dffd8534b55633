"""What cannot be written is set aside with its bytes and its reason; its neighbours are written.

Poison is appended straight to the stream, as only a broken or hostile gateway could. It stands
first, in the middle and last; scores must be those of a stream that never held it.
"""

from __future__ import annotations

import msgspec
import pytest

from aether_core.transaction import encode_transaction
from tests.worker.pipeline import Pipeline, transaction

POISON = {
    "not MessagePack": b"\xc1",
    "empty": b"",
    "another kind of entry": msgspec.msgpack.encode([99, "x"]),
    "a field is missing": msgspec.msgpack.encode([1, "u", "a"]),
    "wrong type": msgspec.msgpack.encode([1, "u", "a", "many", "EUR", "m", "purchase", 0]),
    "no such currency": encode_transaction(transaction(currency="XXX")),
    "negative amount": encode_transaction(transaction(minor_units=-5)),
    "amount beyond bigint": encode_transaction(transaction(minor_units=2**63)),
    "year 300000": encode_transaction(transaction(occurred_at_us=2**63)),
    "NUL in a text": encode_transaction(transaction(merchant="a\0b")),
    "NUL in metadata": encode_transaction(transaction(metadata={"k": "a\0b"})),
    "NUL and far too large": encode_transaction(transaction(minor_units=10**14, merchant="\0")),
}


@pytest.mark.parametrize("place", [0, 5, 10])
async def test_neighbours_are_written_in_order(pipeline: Pipeline, place: int) -> None:
    poison: dict[str, bytes] = {}
    good: list[str] = []
    for number, payload in enumerate(POISON.values()):
        account = f"account {number}"
        around = [(account, encode_transaction(transaction(account, 1_000 + i))) for i in range(10)]
        ids = await pipeline.accept_payloads([*around[:place], (account, payload), *around[place:]])
        poison[ids.pop(place)] = payload
        good += ids
    await pipeline.write_everything()
    assert [str(row["id"]) for row in await pipeline.rows()] == sorted(good)
    letters = await pipeline.connection.fetch("SELECT * FROM dead_letters")
    assert {str(letter["id"]): letter["payload"] for letter in letters} == poison
    assert all(letter["error"] for letter in letters)
    dead = await pipeline.column("SELECT sum(dead_letter_count)::bigint FROM positions")
    assert dead == [len(POISON)]


async def test_a_batch_of_nothing_but_poison_is_set_aside(pipeline: Pipeline) -> None:
    payloads = [("a", payload) for payload in POISON.values()]
    ids = await pipeline.accept_payloads(payloads)
    await pipeline.write_everything()
    assert await pipeline.rows() == []
    letters = await pipeline.column("SELECT id FROM dead_letters ORDER BY id")
    assert [str(letter) for letter in letters] == ids


async def test_scores_are_those_of_a_stream_without_the_poison(pipeline: Pipeline) -> None:
    amounts = [1_000, 1_200, 900, 1_100, 950]
    poison = transaction("a", 10**14, merchant="\0")
    twin = [transaction("twin", amount) for amount in amounts]
    await pipeline.accept(
        *(transaction("a", amount) for amount in amounts[:3]),
        poison,
        *(transaction("a", amount) for amount in amounts[3:]),
        *twin,
    )
    await pipeline.write_everything()
    scores: dict[str, list[float]] = {}
    for row in await pipeline.rows():
        scores.setdefault(row["account_id"], []).append(row["score"])
    assert scores["a"] == scores["twin"]
    assert len(scores["a"]) == len(amounts)
