"""Holds the layout: every screen at 80 x 24 and 120 x 40, cell by cell, and its other states.

The pictures are texts in `snapshots/`, so that a change is read in the commit that makes it. With
UPDATE_SNAPSHOTS=1 in the environment they are written anew. Clocks and ages are masked.
"""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Account
from tests.tui.driving import STANDARD, WIDE, Console, open_console
from tests.tui.hostile_gateway import served
from tests.tui.still_gateway import EMAIL, PASSWORD, PAST, make_still_app

SNAPSHOTS = Path(__file__).parent / "snapshots"
DEADLINE_S = 30.0
_STILL_S = 1.0
_SIZES = {"standard": STANDARD, "wide": WIDE}
_MASKS = (
    (re.compile(r"\d\d:\d\d:\d\dZ(?= $)", re.MULTILINE), "hh:mm:ssZ"),
    (re.compile(r"(LIVE|PAUSED) \d\.\ds"), r"\1 n.ns"),
    (re.compile(r"127\.0\.0\.1:\d+ *"), lambda m: "host:port".ljust(len(m[0]))),
    (re.compile(r"trained +\d+d ago"), "trained nd ago"),
)
# Key presses that lead to each picture, from the one before.
_TOUR = {
    "overview": ("1",),
    "transactions": ("2",),
    "transaction": ("up", "up", "enter"),
    "alerts": ("escape", "3"),
    "alert": ("enter",),
    "resolve": ("x",),
    "marked": ("escape", "escape", "m", "m"),
    "decided": ("M", "M", "v"),
    "forecast": ("4",),
    "pipeline": ("5",),
    "system": ("6",),
    "audit": ("7",),
    "help": ("question_mark",),
}

_PAST_TOUR = {
    "pipeline": (),
    "missing": ("full_stop", "full_stop", "full_stop"),
    "alerts": ("comma", "comma", "comma", "3"),
    "alert": ("down", "enter"),
    "transactions": ("escape", "2"),
    "forecast": ("4",),
    "overview": ("1",),
    "dialog": ("b",),
}

_OVER_BUDGET = {
    "budget_per_hour": 30.0,
    "window_hours": 24,
    "raised_per_hour": 41.5,
    "score_cut": 0.9131,
    "open_within": 2,
    "open_below": 4,
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with served(make_still_app()) as url:
        yield url


def _picture(console: Console) -> str:
    text = "\n".join(line.rstrip() + " " for line in console.text().splitlines())
    for pattern, words in _MASKS:
        text = pattern.sub(words, text)
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


async def _check(console: Console, name: str) -> None:
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        _write(path, await _still_picture(console))
        return
    wanted = path.read_text("utf-8")
    end = time.monotonic() + DEADLINE_S
    while (picture := _picture(console)) != wanted:
        if time.monotonic() > end:
            lines = difflib.unified_diff(wanted.splitlines(), picture.splitlines(), lineterm="")
            pytest.fail(f"{path.name} is drawn otherwise:\n" + "\n".join(lines))
        await console.pilot.pause(0.05)


async def _still_picture(console: Console) -> str:
    """What is drawn once it has stood still for a while."""
    picture, since = "", time.monotonic()
    while time.monotonic() - since < _STILL_S:
        await console.pilot.pause(0.05)
        if (now := _picture(console)) != picture:
            picture, since = now, time.monotonic()
    return picture


def _write(path: Path, picture: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(picture, "utf-8")


@pytest.mark.parametrize("size", _SIZES)
async def test_every_screen_is_laid_out_as_it_was(gateway: str, size: str) -> None:
    async with open_console(gateway, _SIZES[size]) as console:
        await console.sees("password")
        await _check(console, f"login-{size}")
        await console.sign_in(Account(EMAIL, PASSWORD))
        await console.sees("LIVE")
        for name, keys in _TOUR.items():
            await console.press(*keys)
            await _check(console, f"{name}-{size}")


@pytest.mark.parametrize("size", _SIZES)
async def test_a_past_minute_is_laid_out_as_it_was(gateway: str, size: str) -> None:
    async with open_console(gateway, _SIZES[size], rewound_to=PAST) as console:
        await console.sign_in(Account(EMAIL, PASSWORD))
        await console.sees("REWOUND")
        for name, keys in _PAST_TOUR.items():
            await console.press(*keys)
            await _check(console, f"rewound-{name}-{size}")


async def test_too_many_alerts_are_laid_out_as_they_were() -> None:
    with served(make_still_app(changed={"/alerts/budget": _OVER_BUDGET})) as url:
        async with open_console(url, STANDARD) as console:
            await console.sign_in(Account(EMAIL, PASSWORD))
            await console.sees("LIVE")
            await console.press("3")
            await _check(console, "alerts-over-budget")


@pytest.mark.parametrize("state", ["empty", "broken"])
async def test_the_other_states_are_laid_out_as_they_were(state: str) -> None:
    app = make_still_app(is_empty=state == "empty", is_broken=state == "broken")
    with served(app) as url:
        async with open_console(url, STANDARD) as console:
            await console.sign_in(Account(EMAIL, PASSWORD))
            await console.sees("LIVE")
            for digit, name in (("1", "overview"), ("2", "transactions"), ("3", "alerts")):
                await console.press(digit)
                await _check(console, f"{name}-{state}")
