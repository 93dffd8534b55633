"""Processes: what runs on this machine, the end of a log, and a restart by administrators."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from aether_api import schemas_processes
from aether_api.access import Caller, require
from aether_api.auditing import actor_of, note_act
from aether_api.fields import check_text
from aether_api.parts import parts_of
from aether_api.processes import LOG_LINES_MAX, find_processes, read_log, restart_process
from aether_core.database.connection import borrow

router = APIRouter(prefix="/operations/processes", tags=["operations"])

READ: Final = "operations:read"
RESTART: Final = "admin"

_encode = msgspec.json.Encoder().encode
_NAME_LENGTH_MAX: Final = 100
_Name = Annotated[str, Path(max_length=_NAME_LENGTH_MAX, examples=["writer:writer-1"])]
_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "No such process on this machine"}
}


@router.get("", response_model=schemas_processes.Processes)
async def processes(
    request: Request, _caller: Annotated[Caller, Depends(require(READ))]
) -> Response:
    """Show each process with its state, uptime, restarts, processor time and memory.

    Those of the machine that answers, under its supervisord; elsewhere `is_supervised` is false.
    """
    found = await asyncio.to_thread(find_processes, parts_of(request).settings)
    return Response(_encode(found), media_type="application/json")


@router.get("/{name}/log", response_model=schemas_processes.LogTail, responses=_NOT_FOUND)
async def log(
    request: Request,
    name: _Name,
    _caller: Annotated[Caller, Depends(require(READ))],
    lines: Annotated[int, Query(ge=1, le=LOG_LINES_MAX)] = 100,
) -> Response:
    """Show the end of a process's log, oldest line first."""
    settings = parts_of(request).settings
    checked = check_text("name", name, _NAME_LENGTH_MAX)
    found = await asyncio.to_thread(read_log, settings, checked, lines)
    return Response(_encode(found), media_type="application/json")


@router.post(
    "/{name}/restart",
    status_code=202,
    response_model=schemas_processes.Process,
    responses=_NOT_FOUND,
)
async def restart(
    request: Request, name: _Name, caller: Annotated[Caller, Depends(require(RESTART))]
) -> Response:
    """Ask a writer, the forecaster or a gateway to end in good order; it is started afresh.

    What is in hand is finished first. The servers of the data are restarted on the machine.
    """
    parts = parts_of(request)
    checked = check_text("name", name, _NAME_LENGTH_MAX)
    process = await asyncio.to_thread(restart_process, parts.settings, checked)
    async with borrow(parts.pool) as connection, connection.transaction():
        await note_act(
            connection,
            request,
            "process.restart",
            actor_of(caller),
            subject=process.name,
            details={"pid": process.pid or 0},
        )
    return Response(_encode(process), 202, media_type="application/json")
