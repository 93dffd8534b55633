"""The gateway's client: nothing else in the console calls it, but `conversation.py` beneath.

In:   questions of the screens.
Out:  frozen values (`values.py`) whose texts have passed `clean_all`, or a `GatewayError`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

import httpx

from aether_tui.answers import read_answer, read_event
from aether_tui.conversation import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, Conversation
from aether_tui.events import EventParser, StreamBroken
from aether_tui.problems import NotUnderstood
from aether_tui.values import (
    Alert,
    AlertChange,
    AuditEntry,
    Budget,
    BulkResolution,
    DeadLetter,
    Event,
    Forecast,
    LogTail,
    OpenedLetter,
    Pipeline,
    Process,
    Processes,
    StreamDepth,
    Summary,
    Suppression,
    Trace,
    Transaction,
)

# The feed sends a heartbeat every 10 s: two missing ones mean that the line is dead.
FEED_SILENCE_MAX_S = 25.0

TOGETHER_COUNT_MAX = 200
"""Alerts that the gateway decides in one call."""


class GatewayClient(Conversation):
    """Every question that the console asks, and every act. Close it after use."""

    async def transactions(
        self, *, limit: int, account_id: str | None = None, until: datetime | None = None
    ) -> tuple[Transaction, ...]:
        """The newest transactions that the caller may see, newest first. limit: 1 to 500.

        until: only those accepted before it.
        """
        query = {"limit": str(limit)} | ({"account_id": account_id} if account_id else {})
        if until is not None:
            query["until"] = until.isoformat()
        return await self._get("/transactions/", tuple[Transaction, ...], query)

    async def transaction(self, transaction_id: str) -> Transaction:
        """One transaction. Raises NotFound."""
        return await self._get(f"/transactions/{quote(transaction_id, safe='')}", Transaction)

    async def alerts(
        self,
        *,
        status: str,
        limit: int,
        by_expected_loss: bool = False,
        at: datetime | None = None,
    ) -> tuple[Alert, ...]:
        """Alerts that are `open` or `resolved`, newest first, or the open ones by expected loss.

        at: those that were so then.
        """
        query = {"status": status, "limit": str(limit)} | _at(at)
        if by_expected_loss:
            query["order"] = "expected_loss"
        return await self._get("/alerts/", tuple[Alert, ...], query)

    async def alert(self, alert_id: str) -> Alert:
        """One alert. Raises NotFound."""
        return await self._get(_alert_path(alert_id), Alert)

    async def alert_history(self, alert_id: str, *, limit: int) -> tuple[AlertChange, ...]:
        """What people did to an alert, newest first."""
        path = f"{_alert_path(alert_id)}/history"
        return await self._get(path, tuple[AlertChange, ...], {"limit": str(limit)})

    async def alert_transactions(self, alert_id: str, *, limit: int) -> tuple[Transaction, ...]:
        """The transactions of an alert's burst, newest first."""
        path = f"{_alert_path(alert_id)}/transactions"
        return await self._get(path, tuple[Transaction, ...], {"limit": str(limit)})

    # --- acts upon alerts; each may raise AlertChanged, with what somebody else did ---

    async def take_next_alert(self) -> Alert | None:
        """Take the open alert with the largest expected loss that nobody has, if there is one."""
        answer = await self._send("POST", "/alerts/next")
        if answer.status_code == httpx.codes.NO_CONTENT:
            return None
        return read_answer(answer, Alert)

    async def take_alert(self, alert_id: str) -> Alert:
        """Lock an alert for oneself, or prolong one's lock."""
        return await self._triage(alert_id, "take")

    async def release_alert(self, alert_id: str) -> Alert:
        """Give one's lock up."""
        return await self._triage(alert_id, "release")

    async def assign_alert(self, seen: Alert, assignee: str | None) -> Alert:
        """Say whose an alert is, by e-mail address; None: nobody's."""
        return await self._triage(seen.id, "assign", {"assignee": assignee}, seen.version)

    async def note_alert(self, alert_id: str, note: str) -> Alert:
        """Add a note for colleagues."""
        return await self._triage(alert_id, "note", {"note": note})

    async def resolve_alert(self, seen: Alert, *, resolution: str, note: str) -> Alert:
        """Decide the version of an alert that was seen: `fraud` or `legitimate`."""
        body = {"resolution": resolution, "note": note}
        return await self._triage(seen.id, "resolve", body, seen.version)

    async def reopen_alert(self, seen: Alert) -> Alert:
        """Take a resolution back."""
        return await self._triage(seen.id, "reopen", version=seen.version)

    async def resolve_alerts(
        self, seen: Sequence[Alert], *, resolution: str, note: str
    ) -> tuple[BulkResolution, ...]:
        """Decide several alerts alike, at most `TOGETHER_COUNT_MAX`; says what became of each."""
        alerts = [{"id": alert.id, "version": alert.version} for alert in seen]
        body = {"alerts": alerts, "resolution": resolution, "note": note}
        answer = await self._send("POST", "/alerts/resolve", json=body)
        return read_answer(answer, tuple[BulkResolution, ...])

    # --- detectors that are silent for an account ---

    async def suppressions(self, account_id: str) -> tuple[Suppression, ...]:
        """Those in force for an account (needs `alerts:read`)."""
        query = {"account_id": account_id}
        return await self._get("/suppressions/", tuple[Suppression, ...], query)

    async def silence(
        self, account_id: str, detector: str, *, duration_s: int, note: str
    ) -> Suppression:
        """Silence a detector for an account, for so many seconds (needs `alerts:write`)."""
        body = {
            "account_id": account_id,
            "detector": detector,
            "duration_s": duration_s,
            "note": note,
        }
        return read_answer(await self._send("POST", "/suppressions/", json=body), Suppression)

    async def end_silence(self, suppression_id: int) -> Suppression:
        """Let the detector be heard again."""
        path = f"/suppressions/{suppression_id}/end"
        return read_answer(await self._send("POST", path), Suppression)

    async def forecast(self, at: datetime | None = None) -> Forecast:
        """The load so far and the load to come; or as they were. Raises NotRecorded."""
        return await self._get("/analytics/forecast", Forecast, _at(at))

    async def summary(self) -> Summary:
        """Counts over all accounts (needs `analytics:read`)."""
        return await self._get("/analytics/summary", Summary)

    async def budget(self) -> Budget:
        """What the budget of alerts cuts at (needs `alerts:read`)."""
        return await self._get("/alerts/budget", Budget)

    async def stream_depth(self) -> StreamDepth:
        """The true backlog."""
        return await self._get("/transactions/stream/length", StreamDepth)

    async def pipeline(self, at: datetime | None = None) -> Pipeline:
        """Shards, positions and the identity (needs `operations:read`). Raises NotRecorded.

        at: as they were recorded at that minute.
        """
        return await self._get("/operations/pipeline", Pipeline, _at(at))

    async def trace(self, transaction_id: str) -> Trace:
        """A transaction's way through the pipeline (needs `operations:read`). Raises NotFound."""
        return await self._get(f"/operations/trace/{quote(transaction_id, safe='')}", Trace)

    async def processes(self) -> Processes:
        """What runs on the gateway's machine (needs `operations:read`)."""
        return await self._get("/operations/processes", Processes)

    async def process_log(self, name: str, *, lines: int) -> LogTail:
        """The end of a process's log (needs `operations:read`). Raises NotFound."""
        path = f"/operations/processes/{quote(name, safe='')}/log"
        return await self._get(path, LogTail, {"lines": str(lines)})

    async def restart_process(self, name: str) -> Process:
        """Ask a process to end in good order, so that it is started afresh (needs `admin`)."""
        path = f"/operations/processes/{quote(name, safe='')}/restart"
        return read_answer(await self._send("POST", path), Process)

    async def audit(self, *, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries of the audit trail, newest first (needs `audit:read`)."""
        return await self._get("/audit/", tuple[AuditEntry, ...], {"limit": str(limit)})

    async def dead_letters(self, *, state: str, limit: int) -> tuple[DeadLetter, ...]:
        """What could not be written, newest first (needs `operations:read`).

        state: open, replayed, discarded or all.
        """
        query = {"state": state, "limit": str(limit)}
        return await self._get("/operations/dead-letters", tuple[DeadLetter, ...], query)

    async def dead_letter(self, letter_id: str) -> OpenedLetter:
        """One with its fields, where its bytes can be read. Raises NotFound."""
        return await self._get(_letter_path(letter_id), OpenedLetter)

    async def replay_dead_letter(self, letter_id: str) -> DeadLetter:
        """Let it try again, once. Raises Settled."""
        answer = await self._send("POST", f"{_letter_path(letter_id)}/replay")
        return read_answer(answer, DeadLetter)

    async def discard_dead_letter(self, letter_id: str, note: str) -> DeadLetter:
        """Give it up for good. Raises Settled."""
        path = f"{_letter_path(letter_id)}/discard"
        return read_answer(await self._send("POST", path, json={"note": note}), DeadLetter)

    async def events(
        self, last_event_id: str | None
    ) -> AsyncGenerator[list[tuple[Event, str | None]], None]:
        """Follow the live feed after `last_event_id`: batches of events with their ids.

        Ends when the gateway closes the feed; raises a GatewayError when it breaks or is silent
        for longer than two heartbeats. Events of a kind unknown to this console are left out.
        """
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        limits = httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, read=FEED_SILENCE_MAX_S)
        parser = EventParser()
        try:
            async with contextlib.aclosing(self._open("/events", headers, limits)) as chunks:
                async for chunk in chunks:
                    batch = [event for raw in parser.feed(chunk) for event in read_event(raw)]
                    if batch:
                        yield batch
        except StreamBroken as error:
            raise NotUnderstood(f"The live feed is not one of Aether's: {error}.") from error

    async def _triage(
        self,
        alert_id: str,
        act: str,
        body: Mapping[str, object] | None = None,
        version: int | None = None,
    ) -> Alert:
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        path = f"{_alert_path(alert_id)}/{act}"
        return read_answer(await self._send("POST", path, json=body, headers=headers), Alert)


def _at(instant: datetime | None) -> dict[str, str]:
    return {} if instant is None else {"at": instant.isoformat()}


def _letter_path(letter_id: str) -> str:
    return f"/operations/dead-letters/{quote(letter_id, safe='')}"


def _alert_path(alert_id: str) -> str:
    return f"/alerts/{quote(alert_id, safe='')}"
