"""All that scoring remembers of one shard.

In:   nothing, or the bytes of a snapshot.
Out:  a record for each account, changed in place, the population, what labels have taught; bytes
      for the next snapshot.
Relies on one owner: the writer of the shard.

One account takes 170 bytes in flat buffers, beside its name and its place in a dictionary: some
380 bytes of memory and 180 of snapshot. The flat buffer is what makes a snapshot of 100,000
accounts a copy of a few milliseconds.
"""

from __future__ import annotations

import contextlib
import struct
from collections import deque

import msgspec

from aether_core.scoring import novelty, spending
from aether_core.scoring.decision import Thresholds
from aether_core.scoring.fusion import Evidence, LayerWeights
from aether_core.scoring.learning import KEPT, Learner
from aether_core.scoring.novelty import HABIT
from aether_core.scoring.population import (
    AMOUNT_FORM,
    OWN_FORM,
    CurrencyPopulation,
    Population,
)
from aether_core.scoring.rush import Rush, rush_form
from aether_core.scoring.spells import ACCOUNT, MERCHANT, LifeTable, Spell
from aether_core.scoring.spending import SPENDING
from aether_core.scoring.tails import Tail
from aether_core.scoring.version import Arrangement, InForce

_FORMAT_VERSION = 5

_READABLE = (2, 3, 4, 5)
"""Earlier ones lack what stands at the end; the records of 2 and 3 lack the count of a day."""

_FIRST_WITH_DAY = 4

RECORD = struct.Struct("<11dH")
"""One account: last and first occurred_at (s), counts short, long, day, recent, habit;
count, mean and squares of the log amounts in its first currency; the chance of a takeover;
that currency's index."""
BASELINE = struct.Struct("<3d")
"""One further currency of an account: count, mean and squares of its log amounts."""


_RECORD_BEFORE_4 = struct.Struct("<10dH")


class _Currency(msgspec.Struct, array_like=True, frozen=True):
    anchor: float
    mean: float
    count: float
    counts: list[float]
    table: list[float]


class _Snapshot(msgspec.Struct, array_like=True, frozen=True):
    version: int
    currencies: list[str]
    accounts: list[str]
    records: bytes
    baseline_keys: list[tuple[int, int]]
    baselines: bytes
    seen: int
    refresh_at: int
    populations: dict[str, _Currency]
    own_counts: list[float]
    own_table: list[float]
    merchant_spells: dict[str, Spell]
    account_spells: dict[str, Spell]
    merchant_lives: LifeTable
    account_lives: LifeTable
    weights: LayerWeights
    examples: list[tuple[Evidence, bool]]
    unfitted: int
    suppressions: dict[str, dict[str, int]]
    last_order: int
    arrangement: Arrangement = Arrangement()
    rushes: dict[str, Rush] = {}
    habits: bytes = b""
    spendings: bytes = b""


class ShardState:
    """The accounts of one shard, in the order in which they were first seen, and the rest."""

    __slots__ = (
        "account_lives",
        "account_spells",
        "accounts",
        "baseline_places",
        "baselines",
        "currencies",
        "habits",
        "last_order",
        "learner",
        "live",
        "merchant_lives",
        "merchant_spells",
        "population",
        "records",
        "rush_form",
        "rushes",
        "shadow",
        "shadow_run",
        "spendings",
        "suppressions",
    )

    def __init__(self, shards: int = 1) -> None:
        """Begin with nothing known. shards: how many the accounts are spread over."""
        self.rush_form = rush_form(shards)
        self.accounts: dict[str, int] = {}
        """Account → offset of its record in `records`."""
        self.records = bytearray()
        self.habits = bytearray()
        """Beside each record, in the same order, what is familiar to the account: `novelty`."""
        self.spendings = bytearray()
        """Beside each record, in the same order, what the account has spent: `spending`."""
        self.currencies: dict[str, int] = {}
        """Currency → its index in the records."""
        self.baseline_places: dict[tuple[int, int], int] = {}
        """(number of the account, index of a further currency) → offset in `baselines`."""
        self.baselines = bytearray()
        self.population = Population()
        self.merchant_spells: dict[str, Spell] = {}
        """Merchants with a confirmed fraud."""
        self.rushes: dict[str, Rush] = {}
        """Merchant → how many accounts pay there."""
        self.account_spells: dict[str, Spell] = {}
        """Accounts with a confirmed fraud."""
        self.merchant_lives = LifeTable(MERCHANT)
        self.account_lives = LifeTable(ACCOUNT)
        self.learner = Learner()
        self.suppressions: dict[str, dict[str, int]] = {}
        """Account → detector → until when it is silent (ms since 1970)."""
        self.live: InForce | None = None
        """The version that decides; None for what the settings say."""
        self.shadow: InForce | None = None
        self.shadow_run = 0
        self.last_order = 0
        """Number of the last control entry that was taken."""
        self.refresh_lives()

    def __len__(self) -> int:
        return len(self.accounts)

    def refresh_lives(self) -> None:
        """Let the spells that were observed count."""
        self.merchant_lives.refresh()
        self.account_lives.refresh()

    def arrange(self, arrangement: Arrangement) -> None:
        """Let versions decide, and run in shadow, from now on."""
        live, shadow = arrangement.live, arrangement.shadow
        self.live = None if live is None else InForce(live)
        self.shadow = None if shadow is None else InForce(shadow)
        self.shadow_run = arrangement.run

    def in_force(self, thresholds: Thresholds) -> tuple[Thresholds, LayerWeights]:
        """Return what decides: of the live version, or these thresholds where none is live."""
        if self.live is None:
            return thresholds, self.learner.weights
        return self.live.version.thresholds, self.live.weights(self.learner.weights)

    def to_bytes(self) -> bytes:
        """Return a snapshot; the same history gives the same bytes."""
        return msgspec.msgpack.encode(
            _Snapshot(
                version=_FORMAT_VERSION,
                currencies=list(self.currencies),
                accounts=list(self.accounts),
                records=bytes(self.records),
                baseline_keys=list(self.baseline_places),
                baselines=bytes(self.baselines),
                seen=self.population.seen,
                refresh_at=self.population.refresh_at,
                populations={
                    name: _Currency(one.anchor, one.mean, one.count, *one.tail.parts())
                    for name, one in self.population.currencies.items()
                },
                own_counts=self.population.own.counts,
                own_table=self.population.own.surprises,
                merchant_spells=self.merchant_spells,
                account_spells=self.account_spells,
                merchant_lives=self.merchant_lives,
                account_lives=self.account_lives,
                weights=self.learner.weights,
                examples=list(self.learner.examples),
                unfitted=self.learner.unfitted,
                suppressions=self.suppressions,
                last_order=self.last_order,
                arrangement=Arrangement(
                    None if self.live is None else self.live.version,
                    None if self.shadow is None else self.shadow.version,
                    self.shadow_run,
                ),
                rushes=self.rushes,
                habits=bytes(self.habits),
                spendings=bytes(self.spendings),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes, shards: int = 1) -> ShardState:
        """Return the state of a snapshot of one of so many shards.

        Raises ValueError for bytes that are no snapshot of this version: the state is then
        rebuilt from the committed transactions.
        """
        snapshot = _decode(data)
        state = cls(shards)
        state.currencies = {currency: i for i, currency in enumerate(snapshot.currencies)}
        state.accounts = {a: i * RECORD.size for i, a in enumerate(snapshot.accounts)}
        state.records = bytearray(snapshot.records)
        state.baseline_places = {k: i * BASELINE.size for i, k in enumerate(snapshot.baseline_keys)}
        state.baselines = bytearray(snapshot.baselines)
        state.population = _population_of(snapshot)
        state.merchant_spells = snapshot.merchant_spells
        state.account_spells = snapshot.account_spells
        state.merchant_lives = snapshot.merchant_lives
        state.account_lives = snapshot.account_lives
        state.learner.weights = snapshot.weights
        state.learner.examples = deque(snapshot.examples, maxlen=KEPT)
        state.learner.unfitted = snapshot.unfitted
        state.suppressions = snapshot.suppressions
        state.last_order = snapshot.last_order
        state.arrange(snapshot.arrangement)
        state.rushes = snapshot.rushes
        state.habits = bytearray(snapshot.habits or novelty.FRESH * len(snapshot.accounts))
        state.spendings = bytearray(snapshot.spendings or spending.FRESH * len(snapshot.accounts))
        return state


def _decode(data: bytes) -> _Snapshot:
    try:
        snapshot = msgspec.msgpack.decode(data, type=_Snapshot)
    except msgspec.MsgspecError as error:
        raise ValueError("These bytes are no scoring snapshot; rebuild the state.") from error
    if snapshot.version not in _READABLE:
        raise ValueError(
            f"This scoring snapshot has version {snapshot.version}, not {_FORMAT_VERSION}; "
            "rebuild the state."
        )
    if snapshot.version < _FIRST_WITH_DAY:
        snapshot = msgspec.structs.replace(snapshot, records=_with_day(snapshot.records))
    if (
        len(snapshot.records) != RECORD.size * len(snapshot.accounts)
        or len(snapshot.baselines) != BASELINE.size * len(snapshot.baseline_keys)
        or len(snapshot.habits) not in (0, HABIT.size * len(snapshot.accounts))
        or len(snapshot.spendings) not in (0, SPENDING.size * len(snapshot.accounts))
    ):
        raise ValueError("This scoring snapshot is cut short; rebuild the state.")
    return snapshot


def _with_day(records: bytes) -> bytes:
    """Return records of before version 4 with a day's count: what is known of it is an hour's."""
    with contextlib.suppress(struct.error):
        return b"".join(
            RECORD.pack(*fields[:4], fields[3], *fields[4:])
            for fields in _RECORD_BEFORE_4.iter_unpack(records)
        )
    return b""


def _population_of(snapshot: _Snapshot) -> Population:
    population = Population()
    population.seen = snapshot.seen
    population.refresh_at = snapshot.refresh_at
    population.own = Tail(OWN_FORM, snapshot.own_counts, snapshot.own_table)
    for name, kept in snapshot.populations.items():
        currency = population.currencies[name] = CurrencyPopulation(kept.anchor)
        currency.mean, currency.count = kept.mean, kept.count
        currency.tail = Tail(AMOUNT_FORM, kept.counts, kept.table)
    return population
