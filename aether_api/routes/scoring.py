"""Scoring: its versions; one runs in shadow, is compared, decides, and is taken back."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from aether_api import schemas_scoring as schemas
from aether_api.access import Caller, require
from aether_api.auditing import actor_of, note_act
from aether_api.callers import name_of
from aether_api.fields import DESCRIPTION_LENGTH_MAX, check_text
from aether_api.paging import LIMIT_DEFAULT, LIMIT_MAX, Page
from aether_api.parts import parts_of
from aether_api.query import parse_number
from aether_api.refusals import Responses
from aether_core.database.connection import Session, borrow
from aether_core.database.shadows import compare
from aether_core.database.versions import (
    KeptVersion,
    add_version,
    audit_details,
    begin_shadow,
    end_shadow,
    find_last_shadow_run,
    find_live_version,
    find_present,
    find_runs,
    find_version,
    find_versions,
    promote,
    roll_back,
)
from aether_core.errors import NotFound

router = APIRouter(prefix="/scoring", tags=["scoring"])

MayRead = Annotated[Caller, Depends(require("scoring:read"))]
MayChange = Annotated[Caller, Depends(require("scoring:write"))]

_encode = msgspec.json.Encoder().encode
_RUNS_SHOWN: Final = 100
_NOT_FOUND: Final[Responses] = {404: {"description": "No such version"}}
_REFUSED: Final[Responses] = {
    **_NOT_FOUND,
    409: {"description": "It runs so already, or has never run in shadow"},
}


@router.get("/", response_model=schemas.Scoring)
async def show_scoring(request: Request, _caller: MayRead) -> Response:
    """Show which version decides, which runs in shadow, and which did before."""
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        shadow = (await find_present(connection)).get("shadow")
        return _answer(
            {
                "live": await _find_live(connection, request),
                "shadow": shadow and await find_version(connection, shadow.number),
                "runs": await find_runs(connection, limit=_RUNS_SHOWN),
            }
        )


@router.get("/versions/", response_model=list[schemas.ScoringVersion])
async def list_versions(
    request: Request,
    _caller: MayRead,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List the versions that somebody made, newest first."""
    page = Page(request, cursor)
    async with borrow(parts_of(request).pool) as connection:
        found = await find_versions(connection, before=page.before_number, limit=limit + 1)
    headers = page.cut_by(lambda version: version.number, found, limit)
    return Response(_encode(found), 200, headers, "application/json")


@router.post("/versions/", response_model=schemas.ScoringVersion, status_code=201)
async def make_version(
    request: Request, body: schemas.NewScoringVersion, caller: MayChange
) -> Response:
    """Make a version. It does nothing until it runs, and never changes."""
    note = check_text("note", body.note, DESCRIPTION_LENGTH_MAX) if body.note else None
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        added = await add_version(
            connection,
            review_min=body.review_min,
            decline_min=body.decline_min,
            emphasis={str(detector): factor for detector, factor in body.emphasis.items()},
            note=note,
            by=await name_of(connection, caller),
        )
        await _note(connection, request, caller, "scoring.add", added)
    return _answer(added, 201)


@router.get("/versions/{number}", response_model=schemas.ScoringVersion, responses=_NOT_FOUND)
async def show_version(request: Request, number: str, _caller: MayRead) -> Response:
    """Show one version."""
    async with borrow(parts_of(request).pool) as connection:
        return _answer(await find_version(connection, _read(number)))


@router.get(
    "/versions/{number}/comparison",
    response_model=schemas.Comparison,
    responses={404: {"description": "No such version, or it has never run in shadow"}},
)
async def compare_version(
    request: Request,
    number: str,
    _caller: MayRead,
    differences: Annotated[int, Query(ge=0, le=LIMIT_MAX)] = 20,
) -> Response:
    """Compare a version's last run in shadow with what was live meanwhile."""
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        run = await find_last_shadow_run(connection, _read(number))
        if run is None:
            raise NotFound("run in shadow")
        return _answer(await compare(connection, run, difference_limit=differences))


@router.post("/versions/{number}/shadow", response_model=schemas.ScoringVersion, responses=_REFUSED)
async def let_shadow(request: Request, number: str, caller: MayChange) -> Response:
    """Let a version run in shadow from now on, in place of what does so now.

    It judges every transaction beside the live one, and decides none.
    """
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        version = await begin_shadow(
            connection, _read(number), by=await name_of(connection, caller)
        )
        await _note(connection, request, caller, "scoring.shadow", version)
    return _answer(version)


@router.post("/shadow/end", response_model=schemas.ScoringRun | None)
async def stop_shadow(request: Request, caller: MayChange) -> Response:
    """Let nothing run in shadow; the run that was ended, or null."""
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        run = await end_shadow(connection, by=await name_of(connection, caller))
        if run is not None:
            version = await find_version(connection, run.number)
            await _note(connection, request, caller, "scoring.end_shadow", version)
    return _answer(run)


@router.post(
    "/versions/{number}/promote", response_model=schemas.ScoringVersion, responses=_REFUSED
)
async def make_live(
    request: Request, number: str, caller: MayChange, body: schemas.Promote | None = None
) -> Response:
    """Let a version decide from now on. What was decided before stays."""
    needs_shadow = body is None or not body.without_shadow
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        version = await promote(
            connection,
            _read(number),
            by=await name_of(connection, caller),
            needs_shadow=needs_shadow,
        )
        await _note(connection, request, caller, "scoring.promote", version)
    return _answer(version)


@router.post(
    "/rollback",
    response_model=schemas.ScoringVersion,
    responses={409: {"description": "Another version is live, or there is none before it"}},
)
async def go_back(request: Request, body: schemas.RollBack, caller: MayChange) -> Response:
    """Let the version decide that the live one was promoted over; show it."""
    async with borrow(parts_of(request).pool) as connection, connection.transaction():
        await roll_back(connection, live=body.live, by=await name_of(connection, caller))
        version = await _find_live(connection, request)
        await _note(connection, request, caller, "scoring.rollback", version)
    return _answer(version)


async def _find_live(connection: Session, request: Request) -> KeptVersion:
    return await find_live_version(connection, parts_of(request).settings.scoring.thresholds())


async def _note(
    connection: Session, request: Request, caller: Caller, action: str, version: KeptVersion
) -> None:
    await note_act(
        connection,
        request,
        action,
        actor_of(caller),
        subject=str(version.number),
        details=audit_details(version),
    )


def _read(number: str) -> int:
    """Read a version's number. Raises NotFound."""
    return parse_number(number, "scoring version")


def _answer(content: Any, status: int = 200) -> Response:  # noqa: ANN401 - what msgspec encodes
    return Response(_encode(content), status, media_type="application/json")
