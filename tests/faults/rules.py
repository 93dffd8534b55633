"""Rules: at which message of a connection what goes wrong.

In:   the messages that pass a proxy.
Out:  for the first that matches so often as asked: it is held, dropped, delayed, or its connection
      is cut; and whoever waits for it is told.
A rule may watch several links at once and strikes once, wherever its turn comes first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

import pytest

from tests.faults.stage import DEADLINE_S
from tests.faults.wire import Message, Side

if TYPE_CHECKING:
    from tests.faults.proxy import Link


class Moment(StrEnum):
    """Where in relation to its message a rule strikes."""

    BEFORE = "before"
    """The proxy has the message, the receiver nothing of it."""
    INSIDE = "inside"
    """The receiver has the first half of its bytes."""
    AFTER = "after"
    """The receiver has it."""


class Action(StrEnum):
    """What a rule does when it strikes."""

    HOLD = "hold"
    """Nothing more passes in this direction until `release`, `discard` or `cut`."""
    DROP = "drop"
    """The rest of this message never arrives; the connection goes on."""
    CUT = "cut"
    """The connection breaks on both sides; what was held back never arrives."""
    NOTE = "note"
    """Nothing: it only tells."""


class Rule:
    """One fault at one point. Made by `Link.rule` and its shorthands, or for several links."""

    def __init__(
        self,
        label: str,
        *,
        side: Side = Side.REQUEST,
        moment: Moment = Moment.BEFORE,
        nth: int = 1,
        action: Action = Action.HOLD,
        delay_s: float = 0.0,
        where: Callable[[Message], bool] | None = None,
    ) -> None:
        """nth: counted from 1, over all links and connections that it watches.

        delay_s: waited before the action.
        where: which of the messages with this label count; None: all.
        """
        self.label = label
        self.side = side
        self.moment = moment
        self.action = action
        self.delay_s = delay_s
        self.link: Link | None = None
        """Where it struck."""
        self._left = nth
        self._where = where
        self._struck = threading.Event()
        self._verdict: asyncio.Future[Action] | None = None
        self._early: Action | None = None

    def __str__(self) -> str:
        return f"{self.action} {self.moment} {self.side} {self.label}"

    @property
    def has_struck(self) -> bool:
        """Whether its message came."""
        return self._struck.is_set()

    def wait(self, deadline_s: float = DEADLINE_S) -> None:
        """Wait until it strikes; fail when it does not."""
        if not self._struck.wait(deadline_s):
            pytest.fail(f"waited {deadline_s:.0f} s in vain for: {self}")

    # --- of the proxy, on its loop ---

    def takes(self, message: Message, side: Side, link: Link) -> bool:
        """Count a message; whether the rule strikes at it."""
        if self.label != message.label or self.side != side or self._left <= 0:
            return False
        if self._where is not None and not self._where(message):
            return False
        self._left -= 1
        if self._left:
            return False
        self.link = link
        return True

    async def strike(self) -> Action:
        """Tell that it struck; return what becomes of the rest, once that is decided."""
        self._verdict = asyncio.get_running_loop().create_future()
        self._struck.set()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.action is not Action.HOLD:
            return self.action
        if self._early is not None:
            return self._early
        return await self._verdict

    def decide(self, action: Action) -> None:
        """Let go of what is held: NOTE lets it pass."""
        self._left = 0
        self._early = action
        if self._verdict is not None and not self._verdict.done():
            self._verdict.set_result(action)
