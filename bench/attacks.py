"""Attacks played through a running system: how many are flagged, after how many payments, how soon.

A crowd pays for a month; then each kind of attack is played on accounts of its own, which belong to
the crowd. A compromised merchant shows through labels alone: the first payments there are labelled,
as chargebacks are, and those of others afterwards count.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from statistics import median
from typing import Any

import httpx

from aether_core.stream.contract import shard_of
from bench.attack_plans import (
    ATTACKS,
    CROWD_ACCOUNTS,
    CROWD_DAYS,
    DAY,
    LEAKS,
    AttackPayment,
    Leak,
    crowd,
    crowd_begin,
)
from bench.installation import installation, wait_until_written
from bench.results import Result, at_least, at_most

VICTIMS = 8
"""Accounts on which each kind is played."""

KINDS = tuple(kind.name for kind in (*ATTACKS, *LEAKS))

_ALERT_MS_MAX = 1_000.0
"""From the submission of a payment to the answer that it is flagged, its alert committed."""

_WAIT_S = 20
_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one kind. passed: of each flagged attack, the payments that passed before.

    alert_s: seconds from the submission of the flagged payment to the answer that it was.
    """

    name: str
    passed_max: int
    attack_count: int
    passed: tuple[int, ...]
    alert_s: tuple[float, ...]

    @property
    def rate(self) -> float:
        """The share that was flagged."""
        return len(self.passed) / self.attack_count


def run() -> list[Result]:
    """Measure attack_*: shares that are flagged, payments that pass before, time to the alert."""
    results = []
    alert_s: list[float] = []
    with installation() as aether, aether.http(aether.service_token()) as http:
        for played in play_attacks(http):
            alert_s += played.alert_s
            results += [
                at_least(f"attack_{played.name}", played.rate, "", 1.0),
                at_most(
                    f"attack_{played.name}_passed",
                    median(played.passed or (float("inf"),)),
                    "payments",
                    played.passed_max,
                ),
            ]
    results.append(at_most("attack_alert", 1000 * median(alert_s), "ms", _ALERT_MS_MAX))
    return results


def play_attacks(http: httpx.Client) -> list[Played]:
    """Let the crowd pay, then play each kind. http: may submit for anybody, and label."""
    crowd_from = crowd_begin(datetime.now(UTC))
    submit_all(http, crowd(crowd_from))
    victims = iter(f"crowd-{number}" for number in range(CROWD_ACCOUNTS))
    begin = crowd_from + CROWD_DAYS * DAY
    outcomes = []
    for attack in ATTACKS:
        chosen = [next(victims) for _ in range(VICTIMS)]
        found = [_until_flagged(http, attack.play(account, begin)) for account in chosen]
        flagged = [one for one in found if one is not None]
        outcomes.append(
            Played(
                attack.name,
                attack.passed_max,
                VICTIMS,
                tuple(passed for passed, _ in flagged),
                tuple(seconds for _, seconds in flagged),
            )
        )
    for leak in LEAKS:
        accounts = [next(victims) for _ in range(2 * VICTIMS)]
        outcomes.append(_play_leak(http, leak, leak.play(accounts, begin)))
    return outcomes


def submit_all(http: httpx.Client, payments: Iterable[AttackPayment]) -> None:
    """Submit payments together and wait until they are written."""
    lines = "".join(json.dumps(payment.body()) + "\n" for payment in payments)
    answer = http.post(
        "/transactions/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    answer.raise_for_status()
    wait_until_written(http)


def _until_flagged(
    http: httpx.Client, payments: Sequence[AttackPayment]
) -> tuple[int, float] | None:
    """Pay one after another; return how many passed before the first flagged one, and its time."""
    for passed, payment in enumerate(payments):
        began = time.monotonic()
        if _pay(http, payment)["is_flagged"]:
            return passed, time.monotonic() - began
    return None


def _pay(http: httpx.Client, payment: AttackPayment) -> dict[str, Any]:
    """Submit a payment; return the transaction once it is scored."""
    answer = http.post("/transactions/", json=payment.body(), headers={"Prefer": f"wait={_WAIT_S}"})
    found: dict[str, Any] = answer.raise_for_status().json()
    assert found["status"] == "processed", found
    return found


def _play_leak(http: httpx.Client, leak: Leak, payments: Sequence[AttackPayment]) -> Played:
    first, later = payments[:VICTIMS], payments[VICTIMS:]
    label_count = 0
    for payment in first:
        answer = _pay(http, payment)
        if not answer["is_flagged"]:
            path = f"/transactions/{answer['id']}/label"
            http.post(path, json={"resolution": "fraud"}).raise_for_status()
            label_count += 1
    _wait_until_taken(http, later[0], label_count)
    found = [_until_flagged(http, [payment]) for payment in later]
    flagged = [one for one in found if one is not None]
    return Played(
        leak.name,
        0,
        len(later),
        tuple(passed for passed, _ in flagged),
        tuple(seconds for _, seconds in flagged),
    )


def _wait_until_taken(http: httpx.Client, probe: AttackPayment, label_count: int) -> None:
    """Wait until every shard has taken the labels: about a second. Strangers pay there meanwhile.

    Each shard takes them from its own stream, so what one knows tells nothing of another.
    """
    end = time.monotonic() + _DEADLINE_S
    answer = http.get("/transactions/stream/length").raise_for_status()
    shard_count = len(answer.json()["shards"])
    strangers = (f"stranger-{number}" for number in count())
    for shard in range(shard_count):
        while True:
            account = next(one for one in strangers if shard_of(one, shard_count) == shard)
            if _labels_known(_pay(http, replace(probe, account_id=account))) == label_count:
                break
            if time.monotonic() > end:
                raise TimeoutError(f"shard {shard} has not taken {label_count} labels")
            time.sleep(0.2)


def _labels_known(answer: dict[str, Any]) -> int:
    """Return the frauds at its merchant that a payment was held against."""
    found = (one["observed"] for one in answer["reasons"] if one["detector"] == "merchant")
    return int(next(found, 0))
