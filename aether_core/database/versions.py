"""Scoring versions: which there are, which is live, which runs in shadow, since when and by whom.

In:   what somebody wants scoring to be set to, and when that is to count.
Out:  the versions and their runs, with an order for every shard's stream in the same database
      transaction: scoring follows it from the place where the order enters the stream.
A version never changes; another is made instead. Version 0 is what the settings say. At most one
is live and one in shadow at a time; they change one after another, under the lock of the orders.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from aether_core.database.connection import Session
from aether_core.database.controls import add_order, lock_orders
from aether_core.errors import InvalidInput, NeverInShadow, NotFound, VersionConflict
from aether_core.scoring import DETECTORS, Arrangement, Thresholds, Version
from aether_core.scoring.version import EMPHASIS_MAX

if TYPE_CHECKING:
    from asyncpg import Record

Role = Literal["live", "shadow"]
State = Literal["draft", "shadow", "live", "former"]

_RUNNING: Final = {"live": "live", "shadow": "in shadow"}
_NEXT_RUN: Final = "nextval(pg_get_serial_sequence('scoring_runs', 'id'))"

_VERSIONS: Final = """
SELECT v.*, present.role, past.shadowed_at, past.promoted_at
FROM scoring_versions AS v
LEFT JOIN scoring_runs AS present ON present.number = v.number AND present.ended_at IS NULL
CROSS JOIN LATERAL (
  SELECT max(began_at) FILTER (WHERE r.role = 'shadow') AS shadowed_at,
         max(began_at) FILTER (WHERE r.role = 'live') AS promoted_at
  FROM scoring_runs AS r WHERE r.number = v.number
) AS past
"""


class KeptVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version, and what has become of it.

    state: `draft` never ran; `shadow` and `live` run now; `former` ran. shadowed_at, promoted_at:
    when it last began to run so.
    """

    number: int
    review_min: float
    decline_min: float
    emphasis: dict[str, float]
    note: str | None
    created_at: datetime | None
    """None for version 0, which is as old as the settings."""
    created_by: str | None
    state: State
    shadowed_at: datetime | None
    promoted_at: datetime | None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A time during which a version was live, or ran in shadow."""

    id: int
    role: Role
    number: int
    began_order: int
    began_at: datetime
    began_by: str
    previous: int | None = None
    ended_order: int | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None


def audit_details(version: KeptVersion) -> dict[str, str | int | bool]:
    """Return what the audit trail keeps of a version that was made or began to run."""
    return {
        "review_min": f"{version.review_min:g}",
        "decline_min": f"{version.decline_min:g}",
        "emphasis": emphasis_text(version.emphasis),
    }


def emphasis_text(emphasis: dict[str, float]) -> str:
    """Write an emphasis for people: `velocity 0.5, amount 2`; empty where all count as they are."""
    return ", ".join(f"{detector} {factor:g}" for detector, factor in emphasis.items())


def settings_version(thresholds: Thresholds) -> KeptVersion:
    """Return version 0, which is live: what the settings say."""
    return KeptVersion(
        number=0,
        review_min=thresholds.review_min,
        decline_min=thresholds.decline_min,
        emphasis={},
        note="what the settings say",
        created_at=None,
        created_by=None,
        state="live",
        shadowed_at=None,
        promoted_at=None,
    )


def check_version(review_min: float, decline_min: float, emphasis: dict[str, float]) -> None:
    """Raise InvalidInput for what no version may say."""
    for name, value in (("review_min", review_min), ("decline_min", decline_min)):
        if not 0.0 <= value <= 1.0:
            raise InvalidInput(name, "A threshold is 0 to 1.")
    if decline_min < review_min:
        raise InvalidInput("decline_min", "What is declined must be at least what is reviewed.")
    for detector, factor in emphasis.items():
        if detector not in DETECTORS:
            raise InvalidInput("emphasis", f"A detector is one of {', '.join(DETECTORS)}.")
        if not 0.0 <= factor <= EMPHASIS_MAX:
            raise InvalidInput("emphasis", f"An emphasis is 0 to {EMPHASIS_MAX:g}.")


def on_the_wire(version: KeptVersion) -> Version:
    """Return a version as scoring takes it."""
    return Version(
        version.number, Thresholds(version.review_min, version.decline_min), version.emphasis
    )


async def add_version(
    connection: Session,
    *,
    review_min: float,
    decline_min: float,
    emphasis: dict[str, float],
    note: str | None,
    by: str,
) -> KeptVersion:
    """Keep a version; it does nothing until it runs. Raises InvalidInput."""
    check_version(review_min, decline_min, emphasis)
    number: int = await connection.fetchval(
        "INSERT INTO scoring_versions"
        " (review_min, decline_min, emphasis, note, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, clock_timestamp(), $5) RETURNING number",
        review_min,
        decline_min,
        {d: f for d, f in emphasis.items() if f != 1.0},
        note,
        by,
    )
    return await find_version(connection, number)


async def find_version(connection: Session, number: int) -> KeptVersion:
    """Return a version that somebody made. Raises NotFound."""
    row = await connection.fetchrow(_VERSIONS + " WHERE v.number = $1", number)
    if row is None:
        raise NotFound("scoring version")
    return _view(row)


async def find_versions(
    connection: Session, *, before: int | None, limit: int
) -> list[KeptVersion]:
    """Return up to `limit`, newest first; never version 0. before: a number (the next page)."""
    rows = await connection.fetch(
        _VERSIONS + " WHERE $1::bigint IS NULL OR v.number < $1 ORDER BY v.number DESC LIMIT $2",
        before,
        limit,
    )
    return [_view(row) for row in rows]


async def find_present(connection: Session) -> dict[Role, Run]:
    """Return the runs that go on: the live one (none: the settings decide) and the shadow's."""
    rows = await connection.fetch("SELECT * FROM scoring_runs WHERE ended_at IS NULL")
    return {row["role"]: _run(row) for row in rows}


async def find_live_version(connection: Session, thresholds: Thresholds) -> KeptVersion:
    """Return the version that decides. thresholds: of the settings, which are version 0."""
    number = _number((await find_present(connection)).get("live"))
    return await find_version(connection, number) if number else settings_version(thresholds)


async def find_runs(connection: Session, *, limit: int) -> list[Run]:
    """Return the last runs, newest first: the history of what decided."""
    rows = await connection.fetch("SELECT * FROM scoring_runs ORDER BY id DESC LIMIT $1", limit)
    return [_run(row) for row in rows]


async def find_last_shadow_run(connection: Session, number: int) -> Run | None:
    """Return the last time that a version ran in shadow."""
    row = await connection.fetchrow(
        "SELECT * FROM scoring_runs WHERE role = 'shadow' AND number = $1 ORDER BY id DESC LIMIT 1",
        number,
    )
    return None if row is None else _run(row)


async def begin_shadow(connection: Session, number: int, *, by: str) -> KeptVersion:
    """Let a version run in shadow from now on, in place of what does so now.

    Raises NotFound; VersionConflict for one that runs already.
    """
    await lock_orders(connection)
    version = await find_version(connection, number)
    if version.state in _RUNNING:
        raise VersionConflict(f"Version {number} is {_RUNNING[version.state]} already.")
    present = await find_present(connection)
    # The order names the run, and the run its order: the number comes first.
    run: int = await connection.fetchval(f"SELECT {_NEXT_RUN}")
    order = await _arrange(connection, _number(present.get("live")), number, run)
    if "shadow" in present:
        await _end(connection, present["shadow"], order, by)
    await _begin(connection, "shadow", number, order, by, run=run)
    return await find_version(connection, number)


async def end_shadow(connection: Session, *, by: str) -> Run | None:
    """Let nothing run in shadow; return the run that was ended, None when there was none."""
    await lock_orders(connection)
    present = await find_present(connection)
    if "shadow" not in present:
        return None
    order = await _arrange(connection, _number(present.get("live")), 0, 0)
    return await _end(connection, present["shadow"], order, by)


async def promote(
    connection: Session, number: int, *, by: str, needs_shadow: bool = True
) -> KeptVersion:
    """Let a version decide from now on; a shadow of its own ends, another's goes on.

    Raises NotFound; VersionConflict when it is live already; NeverInShadow for one that has never
    run in shadow, where that is needed.
    """
    await lock_orders(connection)
    version = await find_version(connection, number)
    if version.state == "live":
        raise VersionConflict(f"Version {number} is live already.")
    if needs_shadow and version.shadowed_at is None and version.promoted_at is None:
        raise NeverInShadow(number)
    present = await find_present(connection)
    await _go_live(
        connection,
        present,
        number,
        previous=present["live"].id if "live" in present else None,
        by=by,
    )
    return await find_version(connection, number)


async def roll_back(connection: Session, *, live: int, by: str) -> int:
    """Let the version decide that the live one was promoted over; return its number.

    Going back again goes further back, at last to the settings (version 0). Raises VersionConflict
    when there is nothing to go back to, or another version than `live` is live: two people who take
    the same one back do so once.
    """
    await lock_orders(connection)
    present = await find_present(connection)
    decides = present.get("live")
    if live != _number(decides):
        raise VersionConflict(f"Version {_number(decides)} is live, not {live}.")
    if decides is None or (decides.number == 0 and decides.previous is None):
        raise VersionConflict("The settings decide already; there is nothing to go back to.")
    row = await connection.fetchrow("SELECT * FROM scoring_runs WHERE id = $1", decides.previous)
    earlier = None if row is None else _run(row)
    await _go_live(
        connection,
        present,
        _number(earlier),
        previous=None if earlier is None else earlier.previous,
        by=by,
    )
    return _number(earlier)


async def _go_live(
    connection: Session, present: dict[Role, Run], number: int, *, previous: int | None, by: str
) -> None:
    """Let a version decide; of what runs at present all ends but another version's shadow."""
    kept = present.get("shadow")
    if kept is not None and kept.number == number:
        kept = None
    order = await _arrange(connection, number, _number(kept), 0 if kept is None else kept.id)
    for run in present.values():
        if run is not kept:
            await _end(connection, run, order, by)
    await _begin(connection, "live", number, order, by, previous=previous)


async def _arrange(connection: Session, live: int, shadow: int, run: int) -> int:
    """Order which versions count from now on (0: the settings, or none); return its number."""
    return await add_order(
        connection,
        Arrangement(await _find_wire(connection, live), await _find_wire(connection, shadow), run),
    )


async def _begin(
    connection: Session,
    role: Role,
    number: int,
    order: int,
    by: str,
    *,
    run: int | None = None,
    previous: int | None = None,
) -> None:
    await connection.execute(
        "INSERT INTO scoring_runs"  # noqa: S608 - constants
        " (id, role, number, began_order, began_at, began_by, previous) OVERRIDING SYSTEM VALUE"
        f" VALUES (coalesce($1::bigint, {_NEXT_RUN}), $2, $3, $4, clock_timestamp(), $5, $6)",
        run,
        role,
        number or None,
        order,
        by,
        previous,
    )


async def _end(connection: Session, run: Run, order: int, by: str) -> Run:
    (row,) = await connection.fetch(
        "UPDATE scoring_runs SET ended_order = $2, ended_at = clock_timestamp(), ended_by = $3"
        " WHERE id = $1 RETURNING *",
        run.id,
        order,
        by,
    )
    return _run(row)


async def _find_wire(connection: Session, number: int) -> Version | None:
    return None if number == 0 else on_the_wire(await find_version(connection, number))


def _number(run: Run | None) -> int:
    return 0 if run is None else run.number


def _run(row: Record) -> Run:
    return Run(**{**dict(row), "number": row["number"] or 0})


def _view(row: Record) -> KeptVersion:
    has_run = row["shadowed_at"] is not None or row["promoted_at"] is not None
    return KeptVersion(
        number=row["number"],
        review_min=row["review_min"],
        decline_min=row["decline_min"],
        emphasis=row["emphasis"],
        note=row["note"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        state=row["role"] or ("former" if has_run else "draft"),
        shadowed_at=row["shadowed_at"],
        promoted_at=row["promoted_at"],
    )
