"""Conversation: HTTP with one gateway, in the name of whoever has signed in.

In:   requests of `client.py`.
Out:  answers as values whose texts have passed `clean_all`, or a `GatewayError`.
The access token is renewed silently; however many calls find it expired, one renewal is made, and
it is finished even when the caller has gone away: a rotated refresh token that nobody kept would
look like theft, and end the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from aether_tui.answers import (
    Wait,
    not_understood,
    problem_of,
    reaching,
    read_answer,
    sign_in_problem,
    wait_of,
)
from aether_tui.problems import GatewayError, SignedOut
from aether_tui.values import DeviceCodes, Identity

ANSWER_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
# Renew a little early, so that an ordinary call is never refused first.
_RENEW_BEFORE_EXPIRY_S = 30.0

# The consoles' own client: public, it has no secret (RFC 8628, section 3.1).
_CLIENT_ID = "aether"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_T = TypeVar("_T")


class _Tokens(msgspec.Struct, frozen=True):
    """An OAuth 2.0 token response; never shown, so it does not pass `clean`."""

    access_token: str
    expires_in: float
    refresh_token: str | None = None


class Conversation:
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
        self.on_refresh_token: Callable[[str | None], None] = lambda _: None
        """Hears of each new refresh token, and of the end of the session."""

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

    async def sign_in(self, email: str, password: str, code: str | None = None) -> Identity:
        """Begin a session. code: of an authenticator app, or for recovery.

        Raises WrongCredentials, CodeNeeded, WrongCode, TooManyAttempts, Unreachable, …
        """
        body = {"email": email, "password": password}
        answer = await self._exchange(
            "/auth/login", body if code is None else {**body, "one_time_code": code}
        )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise sign_in_problem(answer)
        self._keep_tokens(answer)
        return await self.identity()

    async def resume(self, refresh_token: str) -> Identity:
        """Go on with a session of before. Raises SignedOut when it has ended, Unreachable, …"""
        self._set_tokens(_Tokens("", 0.0, refresh_token))
        self._renew_at = 0.0
        return await self.identity()

    async def ask_for_codes(self) -> DeviceCodes:
        """Ask for codes by which somebody approves this console elsewhere (RFC 8628)."""
        answer = await self._form("/oauth/device_authorization", {"client_id": _CLIENT_ID})
        return read_answer(answer, DeviceCodes)

    async def collect_session(self, codes: DeviceCodes) -> Identity | Wait:
        """Ask once whether the codes were approved. Raises NotApproved when they never will be."""
        fields = {
            "grant_type": _DEVICE_GRANT,
            "device_code": codes.device_code,
            "client_id": _CLIENT_ID,
        }
        answer = await self._form("/oauth/token", fields)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            return wait_of(answer)
        self._keep_tokens(answer)
        return await self.identity()

    async def sign_out(self) -> None:
        """End the session here and, as far as the gateway can be reached, there."""
        if self._tokens is None:
            return
        with contextlib.suppress(GatewayError):
            await self._send("POST", "/auth/logout")
        self._set_tokens(None)

    async def identity(self) -> Identity:
        """Who is signed in, with role and scopes."""
        return await self._get("/auth/me", Identity)

    # --- calls ---

    async def _get(self, path: str, kind: type[_T], query: Mapping[str, str] | None = None) -> _T:
        return read_answer(await self._send("GET", path, params=query), kind)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Call with the access token. A 401 means that nothing was done, so one retry is safe."""

        async def call(token: str) -> httpx.Response:
            with reaching(self.base_url):
                return await self._http.request(
                    method,
                    path,
                    params=params,
                    json=json,
                    headers={**(headers or {}), **_bearer(token)},
                )

        token = await self._access_token()
        answer = await call(token)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            answer = await call(await self._renewed(token))
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
            self._set_tokens(None)
            raise SignedOut
        self._keep_tokens(answer)

    async def _form(self, path: str, fields: Mapping[str, str]) -> httpx.Response:
        with reaching(self.base_url):
            return await self._http.post(path, data=dict(fields))

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
        self._set_tokens(tokens)

    @property
    def refresh_token(self) -> str | None:
        """By which the session is gone on with; good for one use."""
        return self._tokens.refresh_token if self._tokens is not None else None

    def _set_tokens(self, tokens: _Tokens | None) -> None:
        self._tokens = tokens
        self.on_refresh_token(tokens.refresh_token if tokens is not None else None)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
