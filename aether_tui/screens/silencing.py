"""Silencing: a detector is silenced for an alert's account, or heard again, by keys.

In:   the alert under the cursor.
Out:  one call of the gateway; what came of it is said. First which detector, then for how long,
      then why: nothing is sent before the last.
"""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType

from aether_tui.problems import GatewayError, SignedOut
from aether_tui.screens.triage import TriageScreen, act_binding
from aether_tui.theme import BRIGHT, FAINT
from aether_tui.values import Alert, Suppression
from aether_tui.widgets.card import Card
from aether_tui.wording import write_instant

_DETECTORS: Final = (
    "amount", "population", "velocity", "takeover", "account", "merchant", "merchant_velocity",
    "novelty", "repetition",
)  # fmt: skip
_DURATIONS: Final = {3_600: "an hour", 86_400: "a day", 604_800: "7 days", 2_592_000: "30 days"}
_FAILED: Final = "Nothing silenced"


class SilencingScreen(TriageScreen):
    """Triage, and the key that silences."""

    BINDINGS: ClassVar[list[BindingType]] = [
        act_binding(
            "h",
            "silence",
            "Silence",
            "Silence a detector for the alert's account, or let it be heard again",
            show=False,
        ),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer it to those who may decide alerts."""
        if action != "silence":
            return super().check_action(action, parameters)
        return (
            not self.is_typing
            and self.desk.session.may("alerts:write")
            and self.table.cursor_row is not None
        )

    @work(exclusive=True, group="silence")
    async def action_silence(self) -> None:
        """Ask which detector; one that is silent can be heard again."""
        alert = self.table.cursor_row
        if alert is None:
            return
        try:
            silent = {s.detector: s for s in await self.desk.client.suppressions(alert.account_id)}
        except SignedOut as error:
            self._session_is_over(error)
            return
        except GatewayError as error:
            self.notify(str(error), title=_FAILED, severity="error", markup=False)
            return
        # What spoke up stands first.
        spoke = [r.detector for r in alert.reasons if r.detector in _DETECTORS]
        ordered = list(dict.fromkeys((*spoke, *_DETECTORS)))
        acts = [
            Binding(str(number), name, f"hear {name} again" if name in silent else name)
            for number, name in enumerate(ordered, 1)
        ]

        def chosen(detector: str | None) -> None:
            if detector in silent:
                self._end(silent[detector])
            elif detector is not None:
                self._ask_how_long(alert, detector)

        self.app.push_screen(Card("Silence a detector?", _about(alert, silent), acts), chosen)

    def _ask_how_long(self, alert: Alert, detector: str) -> None:
        about = Text.assemble(
            (detector, f"bold {BRIGHT}"),
            f" is silent for {alert.account_id}; all other detectors go on.\n",
        )
        acts = [
            Binding(str(number), str(duration_s), words)
            for number, (duration_s, words) in enumerate(_DURATIONS.items(), 1)
        ]

        def chosen(duration_s: str | None) -> None:
            if duration_s is not None:
                self._ask_why(alert, detector, int(duration_s))

        self.app.push_screen(Card("For how long?", about, acts), chosen)

    def _ask_why(self, alert: Alert, detector: str, duration_s: int) -> None:
        about = Text.assemble(
            (detector, f"bold {BRIGHT}"),
            f" for {_DURATIONS[duration_s]}",
            ("   account ", FAINT),
            alert.account_id,
        )
        ask = self._ask_for(alert, "silence", "Reason, for colleagues", "A reason is needed.")

        def silence(note: str) -> None:
            self._silence(alert, detector, duration_s, note)

        self._ask("Silence it?", about, "Silence", ask, silence)

    @work(group="silence")
    async def _silence(self, alert: Alert, detector: str, duration_s: int, note: str) -> None:
        try:
            made = await self.desk.client.silence(
                alert.account_id, detector, duration_s=duration_s, note=note
            )
        except SignedOut as error:
            self._session_is_over(error)
        except GatewayError as error:
            self.notify(str(error), title=_FAILED, severity="error", markup=False)
        else:
            self._drop_draft(alert, "silence")
            until = write_instant(made.expires_at)
            self.notify(f"{detector} is silent until {until}.", markup=False)

    @work(group="silence")
    async def _end(self, suppression: Suppression) -> None:
        try:
            await self.desk.client.end_silence(suppression.id)
        except SignedOut as error:
            self._session_is_over(error)
        except GatewayError as error:
            self.notify(str(error), title="Still silent", severity="error", markup=False)
        else:
            self.notify(f"{suppression.detector} is heard again.", markup=False)


def _about(alert: Alert, silent: dict[str, Suppression]) -> Text:
    about = Text.assemble(("account ", FAINT), (alert.account_id, BRIGHT), "\n")
    for one in silent.values():
        about.append(
            f"{one.detector} is silent until {write_instant(one.expires_at)}, by {one.created_by}"
        )
        about.append(f': "{one.note}"\n' if one.note else "\n")
    return about
