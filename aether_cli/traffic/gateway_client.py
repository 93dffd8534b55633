"""Gateway client: requests of a service, signed in and repeated until their outcome is known.

In:   an address, and the credentials of a service client.
Out:  answers below 500. What may have happened is asked again: whoever writes must give each
      request, or each item of it, an idempotency key.
"""

from __future__ import annotations

import asyncio
import random
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import msgspec

from aether_cli.traffic.http_connection import Answer, Connection, parse_origin
from aether_cli.traffic.own_client import Credentials, OwnClient
from aether_core.errors import AetherError, NotAuthenticated, NotPermitted, Unavailable

_TIMEOUT_S: Final = 60.0
_RETRY_FIRST_S: Final = 0.1
_RETRY_MAX_S: Final = 5.0
_RETRY_AFTER_MAX_S: Final = 30.0
_PATIENCE_FIRST_S: Final = 15.0
# A token is not used to the last second: clocks differ, and a request takes a moment.
_TOKEN_MARGIN_S: Final = 30.0


class FieldProblem(msgspec.Struct, frozen=True):
    """One field that is not valid."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457 problem details, as far as this client reads them."""

    status: int = 0
    detail: str = ""
    errors: tuple[FieldProblem, ...] = ()

    @property
    def reason(self) -> str:
        """One sentence, with the fields that are wrong."""
        if self.errors:
            return " ".join(f"{error.field}: {error.detail}" for error in self.errors)
        return self.detail or f"The gateway answered {self.status}."


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float


class GatewayClient:
    """Speaks to one gateway over as many connections as it is asked for."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | OwnClient,
        *,
        patience_s: float,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        """patience_s: how long nothing at all may succeed before it gives up, once anything has.

        on_trouble: told why a request is repeated.
        """
        self.url = url
        self._origin = parse_origin(url)
        self._credentials = credentials
        # Who was never there is hardly coming back: a wrong address is told soon.
        self._patience_s = min(patience_s, _PATIENCE_FIRST_S)
        self._patience_later_s = patience_s
        self._on_trouble = on_trouble
        self._succeeded_at = time.monotonic()
        self._token = ""
        self._token_until = 0.0
        self._token_lock = asyncio.Lock()
        self.retry_count = 0

    def connection(self) -> Connection:
        """Return a new connection for one request at a time; its user closes it."""
        return Connection(self._origin, _TIMEOUT_S)

    async def request(
        self,
        connection: Connection,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Return the answer to a request, repeated while its outcome is unknown.

        Raises Unavailable when nothing succeeds any more, NotAuthenticated, NotPermitted.
        """
        attempt = 0
        while True:
            token = await self._signed_in(connection)
            signed = {"Authorization": f"Bearer {token}", **(headers or {})}
            try:
                answer = await connection.request(method, path, signed, body)
            except (OSError, TimeoutError) as error:
                await self.pause(attempt, f"{self.url} does not answer: {_what(error)}")
            else:
                problem = read_problem(answer)
                if answer.status == 401:
                    self._forget(token)
                    if attempt:
                        raise NotAuthenticated(problem.reason)
                elif answer.status == 403:
                    raise NotPermitted(problem.reason)
                elif answer.status < 500 and answer.status != 429:
                    self._succeeded_at = time.monotonic()
                    self._patience_s = self._patience_later_s
                    return answer
                else:
                    await self.pause(attempt, problem.reason, _retry_after(answer))
            attempt += 1

    async def pause(self, attempt: int, reason: str, at_least_s: float = 0.0) -> None:
        """Wait before another attempt, longer each time. Raises Unavailable without patience."""
        if time.monotonic() - self._succeeded_at > self._patience_s:
            raise Unavailable(f"Nothing succeeded for {self._patience_s:.0f} s: {reason}")
        self.retry_count += 1
        self._on_trouble(reason)
        back_off = min(_RETRY_MAX_S, _RETRY_FIRST_S * 2.0 ** min(attempt, 10))
        await asyncio.sleep(max(at_least_s, back_off) * random.uniform(0.8, 1.2))  # noqa: S311

    async def _signed_in(self, connection: Connection) -> str:
        """Return a good access token; several who need one share one request."""
        async with self._token_lock:
            attempt = 0
            while time.monotonic() >= self._token_until:
                try:
                    await self._sign_in(connection, is_first=attempt == 0)
                except (OSError, TimeoutError, Unavailable) as error:
                    await self.pause(attempt, f"{self.url} does not answer: {_what(error)}")
                attempt += 1
            return self._token

    async def _sign_in(self, connection: Connection, *, is_first: bool) -> None:
        # RFC 6749 section 4.4; the credentials are form-encoded first (section 2.3.1).
        own = self._credentials if isinstance(self._credentials, OwnClient) else None
        credentials = await self._known()
        pair = f"{quote(credentials.client_id)}:{quote(credentials.client_secret)}"
        answer = await connection.request(
            "POST",
            "/oauth/token",
            {
                "Authorization": f"Basic {b64encode(pair.encode()).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            b"grant_type=client_credentials",
        )
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable(read_problem(answer).reason)
        if answer.status != 200:
            if own is not None and is_first:
                # The database was set up anew since: it does not know our client.
                await asyncio.to_thread(own.renew)
                return
            raise NotAuthenticated(
                f"{self.url} refuses these client credentials: {read_problem(answer).reason}"
            )
        token = msgspec.json.decode(answer.body, type=_Token)
        self._token = token.access_token
        self._token_until = time.monotonic() + max(
            token.expires_in - _TOKEN_MARGIN_S, token.expires_in / 2
        )

    async def _known(self) -> Credentials:
        if isinstance(self._credentials, OwnClient):
            # It may have to be made, which asks the database.
            return await asyncio.to_thread(self._credentials.credentials)
        return self._credentials

    def _forget(self, token: str) -> None:
        """Sign in anew before the next request, unless somebody has already."""
        if token == self._token:
            self._token_until = 0.0


def read_problem(answer: Answer) -> Problem:
    """Return what an answer says is wrong; something in any case."""
    try:
        problem = msgspec.json.decode(answer.body, type=Problem)
    except msgspec.DecodeError:
        return Problem(answer.status)
    return problem if problem.status else Problem(answer.status, problem.detail, problem.errors)


def _retry_after(answer: Answer) -> float:
    """Return the seconds that the gateway asks for (RFC 9110 section 10.2.3), within reason."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), _RETRY_AFTER_MAX_S) if text.isdecimal() else 0.0


def _what(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long."
    if isinstance(error, AetherError):
        return str(error)
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(
        "."
    ) + "."
