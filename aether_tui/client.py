"""The gateway's client: the only module of the console that calls it.

In:   questions of the screens.
Out:  frozen values (`values.py`) whose texts have passed `clean_all`, or a `GatewayError`.
Tokens live in memory only. The access token is renewed silently; however many calls find it
expired, one renewal is made, and it is finished even when the caller has gone away: a rotated
refresh token that nobody kept would look like theft, and end the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from aether_tui.answers import not_understood, problem_of, reaching, read_answer, read_event
from aether_tui.events import EventParser, StreamBroken
from aether_tui.problems import GatewayError, NotUnderstood, SignedOut, WrongCredentials
from aether_tui.values import (
    Alert,
    DeadLetter,
    Event,
    Forecast,
    Identity,
    Pipeline,
    StreamDepth,
    Summary,
    Transaction,
)

ANSWER_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
# The feed sends a heartbeat every 10 s: two missing ones mean that the line is dead.
FEED_SILENCE_MAX_S = 25.0
# Renew a little early, so that an ordinary call is never refused first.
_RENEW_BEFORE_EXPIRY_S = 30.0

_T = TypeVar("_T")


class _Tokens(msgspec.Struct, frozen=True):
    """An OAuth 2.0 token response; never shown, so it does not pass `clean`."""

    access_token: str
    expires_in: float
    refresh_token: str | None = None


class GatewayClient:
    """A conversation with one gateway, signed in or not. Close it after use."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        host = urlsplit(self.base_url).hostname
        self._http = httpx.AsyncClient(
            base_url=self.base_url,
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # This machine is never reached through somebody's proxy.
            trust_env=host not in {"127.0.0.1", "localhost", "::1"},
            headers={"User-Agent": "aether-tui"},
        )
        self._tokens: _Tokens | None = None
        self._renew_at = 0.0
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Forget the tokens and close the connections."""
        if self._renewal is not None:
            await asyncio.wait([self._renewal])
        self._tokens = None
        await self._http.aclose()

    # --- the session ---

    async def sign_in(self, email: str, password: str) -> Identity:
        """Begin a session. Raises WrongCredentials, TooManyAttempts, Unreachable, …"""
        answer = await self._exchange("/auth/login", {"email": email, "password": password})
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise WrongCredentials
        self._keep_tokens(answer)
        return await self.identity()

    async def sign_out(self) -> None:
        """End the session here and, as far as the gateway can be reached, there."""
        if self._tokens is None:
            return
        with contextlib.suppress(GatewayError):
            await self._send("POST", "/auth/logout")
        self._tokens = None

    async def identity(self) -> Identity:
        """Who is signed in, with role and scopes."""
        return await self._get("/auth/me", Identity)

    # --- questions ---

    async def transactions(
        self, *, limit: int, account_id: str | None = None
    ) -> tuple[Transaction, ...]:
        """The newest transactions that the caller may see, newest first. limit: 1 to 500."""
        query = {"limit": str(limit)} | ({"account_id": account_id} if account_id else {})
        return await self._get("/transactions/", tuple[Transaction, ...], query)

    async def transaction(self, transaction_id: str) -> Transaction:
        """One transaction. Raises NotFound."""
        return await self._get(f"/transactions/{quote(transaction_id, safe='')}", Transaction)

    async def alerts(self, *, status: str, limit: int) -> tuple[Alert, ...]:
        """Alerts that are `open` or `resolved`, newest first."""
        return await self._get(
            "/alerts/", tuple[Alert, ...], {"status": status, "limit": str(limit)}
        )

    async def alert(self, alert_id: str) -> Alert:
        """One alert. Raises NotFound."""
        return await self._get(f"/alerts/{quote(alert_id, safe='')}", Alert)

    async def resolve_alert(self, alert_id: str, *, resolution: str, note: str) -> Alert:
        """Decide an alert: `fraud` or `legitimate`. Raises AlreadyDecided."""
        answer = await self._send(
            "POST",
            f"/alerts/{quote(alert_id, safe='')}/resolve",
            json={"resolution": resolution, "note": note},
        )
        return read_answer(answer, Alert)

    async def forecast(self) -> Forecast:
        """The load so far and the load to come."""
        return await self._get("/analytics/forecast", Forecast)

    async def summary(self) -> Summary:
        """Counts over all accounts (needs `analytics:read`)."""
        return await self._get("/analytics/summary", Summary)

    async def stream_depth(self) -> StreamDepth:
        """The true backlog."""
        return await self._get("/transactions/stream/length", StreamDepth)

    async def pipeline(self) -> Pipeline:
        """Shards, positions and the identity (needs `operations:read`)."""
        return await self._get("/operations/pipeline", Pipeline)

    async def dead_letters(self, *, limit: int) -> tuple[DeadLetter, ...]:
        """What could not be written, newest first (needs `operations:read`)."""
        return await self._get(
            "/operations/dead-letters", tuple[DeadLetter, ...], {"limit": str(limit)}
        )

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

    # --- beneath ---

    async def _get(self, path: str, kind: type[_T], query: Mapping[str, str] | None = None) -> _T:
        return read_answer(await self._send("GET", path, params=query), kind)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Call with the access token. A 401 means that nothing was done, so one retry is safe."""
        token = await self._access_token()
        with reaching(self.base_url):
            answer = await self._http.request(
                method, path, params=params, json=json, headers=_bearer(token)
            )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            token = await self._renewed(token)
            with reaching(self.base_url):
                answer = await self._http.request(
                    method, path, params=params, json=json, headers=_bearer(token)
                )
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise SignedOut
        return answer

    async def _open(
        self, path: str, headers: Mapping[str, str], limits: httpx.Timeout
    ) -> AsyncGenerator[bytes, None]:
        """Bytes of an endless answer."""
        token = await self._access_token()
        for is_last_try in (False, True):
            with reaching(self.base_url):
                async with self._http.stream(
                    "GET", path, headers={**headers, **_bearer(token)}, timeout=limits
                ) as answer:
                    if answer.is_success:
                        async for chunk in answer.aiter_bytes():
                            yield chunk
                        return
                    if answer.status_code != httpx.codes.UNAUTHORIZED:
                        await answer.aread()
                        raise problem_of(answer)
            if is_last_try:
                raise SignedOut
            token = await self._renewed(token)

    async def _access_token(self) -> str:
        if self._tokens is None:
            raise SignedOut
        if time.monotonic() >= self._renew_at:
            return await self._renewed(self._tokens.access_token)
        return self._tokens.access_token

    async def _renewed(self, used_token: str) -> str:
        """Return a token other than `used_token`, joining a renewal that is under way."""
        if self._tokens is None:
            raise SignedOut
        if self._tokens.access_token == used_token:
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(self._renew(), name="renew-access-token")
                # Whoever asked may be gone by then; the failure is no news to anybody else.
                self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
            # Shielded: a screen that is left must not tear a rotation in two.
            await asyncio.shield(self._renewal)
        if self._tokens is None:
            raise SignedOut
        return self._tokens.access_token

    async def _renew(self) -> None:
        refresh_token = self._tokens.refresh_token if self._tokens else None
        if refresh_token is None:
            raise SignedOut
        answer = await self._exchange("/auth/refresh", {"refresh_token": refresh_token})
        if answer.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED}:
            self._tokens = None
            raise SignedOut
        self._keep_tokens(answer)

    async def _exchange(self, path: str, body: Mapping[str, str]) -> httpx.Response:
        with reaching(self.base_url):
            return await self._http.post(path, json=body)

    def _keep_tokens(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise problem_of(answer)
        try:
            tokens = msgspec.json.decode(answer.content, type=_Tokens)
        except msgspec.DecodeError as error:
            raise not_understood(answer) from error
        early = min(_RENEW_BEFORE_EXPIRY_S, tokens.expires_in / 5)
        self._renew_at = time.monotonic() + tokens.expires_in - early
        self._tokens = tokens


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
