"""Proves that System shows what supervisord runs, and that a restart is one, and is on the record.

An installation of its own, as `aether up` starts it: only there is a supervisord to ask.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aether_tui.widgets.confirm import ConfirmDialog
from aether_tui.widgets.log_lines import draw_log
from tests.running import Account, InstalledSystem, RunningSystem, installed_system
from tests.tui.driving import STANDARD, WIDE, signed_in


@pytest.fixture(scope="module")
def installed() -> Iterator[InstalledSystem]:
    with (
        tempfile.TemporaryDirectory(prefix="aether-system-") as directory,
        installed_system(Path(directory) / "home") as system,
    ):
        system.up()
        yield system


def _processes(system: InstalledSystem, account: Account) -> dict[str, dict[str, Any]]:
    with system.http(account) as http:
        found = http.get("/operations/processes").json()
    assert found["is_supervised"]
    return {process["name"]: process for process in found["processes"]}


@pytest.mark.slow
@pytest.mark.parametrize("size", [STANDARD, WIDE])
async def test_processes_and_the_log_of_the_one_under_the_cursor_are_shown(
    installed: InstalledSystem, size: tuple[int, int]
) -> None:
    async with signed_in(installed, installed.admin, size) as console:
        await console.press("6")
        await console.sees("writer:writer-1", "gateway:gateway-1", "postgres", "running", "MiB")
        await console.sees("%")  # from the second reading on
        await console.sees("the last", "lines of forecaster")
        await console.press("down")
        await console.sees("lines of gateway:gateway-1", "info")


@pytest.mark.slow
async def test_an_admin_restarts_a_writer_and_it_is_on_the_record(
    installed: InstalledSystem,
) -> None:
    before = _processes(installed, installed.admin)["writer:writer-1"]
    assert before["memory_bytes"] > 10_000_000
    assert before["cpu_seconds"] > 0
    async with signed_in(installed, installed.admin) as console:
        await console.press("6")
        await console.sees("writer:writer-1")
        await console.press("end")
        await console.sees("lines of writer:writer-1", "R Restart")
        await console.press("R")
        await console.sees("Restart?", "Nothing that was accepted is lost")
        await console.press("tab", "enter")
        await console.sees("ends and starts afresh")

        def is_another() -> bool:
            now = _processes(installed, installed.admin)["writer:writer-1"]
            return bool(now["state"] == "RUNNING" and now["pid"] != before["pid"])

        await console.wait(is_another, "another writer")
        assert _processes(installed, installed.admin)["writer:writer-1"]["restarts"] == 1
        await console.press("7")
        await console.sees("Audit trail", "process.restart", "writer:writer-1", "success")
        await console.press("slash", *"action:process", "enter", "enter")
        await console.sees("SHA-256", installed.admin.email)


@pytest.mark.slow
def test_operators_read_logs_and_restart_nothing(installed: InstalledSystem) -> None:
    operator = installed.make_user("operator")
    with installed.http(operator) as http:
        log = http.get("/operations/processes/writer-1/log", params={"lines": 5}).json()
        assert log["name"] == "writer:writer-1"
        assert 1 <= len(log["lines"]) <= 5
        refused = http.post("/operations/processes/writer-1/restart")
        assert refused.status_code == httpx.codes.FORBIDDEN
        missing = http.get("/operations/processes/nobody/log")
        assert missing.status_code == httpx.codes.NOT_FOUND
    with installed.http(installed.admin) as http:
        # The servers of the data are no matter of a key in a console.
        refused = http.post("/operations/processes/postgres/restart")
        assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        answer = http.get("/operations/processes/writer-1/log", params={"lines": 501})
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_without_a_supervisord_it_says_so(system: RunningSystem, operator: Account) -> None:
    async with signed_in(system, operator) as console:
        await console.press("6")
        await console.sees("No supervisord runs the gateway that answered")
        await console.press("R")
        assert not isinstance(console.app.screen, ConfirmDialog)


async def test_read_only_offers_no_restart(system: RunningSystem, admin: Account) -> None:
    async with signed_in(system, admin, is_read_only=True) as console:
        await console.press("7")
        await console.sees("Audit trail", "session.begin")
        await console.press("6")
        await console.sees("Processes")
        assert "R Restart" not in console.text()


def test_log_lines_are_for_people_and_what_is_no_json_stands_as_it_is() -> None:
    line = (
        '{"at": "2026-11-27T16:26:03.791+00:00", "level": "warning", "logger": "aether_api.x",'
        ' "message": "waiting\\u001b[2J for [bold]it[/]"}'
    )
    lines = [line, "LOG:  checkpoint starting", '{"at": 5}', ""]
    drawn = [drawn.plain for drawn in draw_log(lines)]
    assert drawn[0].startswith("16:26:03 warning ")
    assert "[bold]it[/]" in drawn[0]
    assert "\x1b" not in drawn[0]
    assert drawn[1:] == lines[1:]
