"""Who is calling and what they may do.

In:   the Authorization header of a request; the keys and revocations that PostgreSQL keeps, with
      the news of them from Valkey.
Out:  a Caller, or NotAuthenticated, Unavailable; as a dependency of a route also NotPermitted.
A token is verified once and remembered; afterwards it costs a microsecond. Every time it is
checked against what was revoked. A process that has not heard from Valkey for a second asks it
before it believes a token, and when it gets no answer it refuses: it fails closed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase

from aether_api.auditing import Pace
from aether_api.news import AGE_MAX_S, TROUBLES, RevocationNews
from aether_api.policy import Declared, Policy
from aether_core.cancellation import heed_cancellation
from aether_core.database.connection import Pool, Session
from aether_core.database.revocations import Revocation
from aether_core.errors import DatabaseUnavailable, NotAuthenticated, Unavailable
from aether_core.identity import keys
from aether_core.identity.keys import KeyRing
from aether_core.identity.passwords import PasswordHasher
from aether_core.identity.roles import SCOPES
from aether_core.identity.tokens import AccessClaims, read_kid, verify_access_token
from aether_core.settings import Settings
from aether_core.stream.publisher import Redis

logger = logging.getLogger(__name__)

CACHE_SIZE_MAX: Final = 10_000
"""Verified tokens that a process remembers: about a kilobyte each."""

_KEYS_EVERY_S: Final = 1.0
_UNKNOWN_KEY_S: Final = 0.2
_KEYS_AGE_MAX_S: Final = 3.0
_SCHEME: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a person or a service, and what they may do."""

    subject: str
    """`users.id` as text, or `clients.id`."""
    kind: Literal["user", "client"]
    role: str | None
    """customer, analyst, operator or admin; None for a client."""
    scopes: frozenset[str]
    account_id: str | None
    """The user's own account."""
    token_id: str
    """`jti`."""
    expires_at: float
    """Epoch seconds."""
    session_id: str | None = None
    """The sign-in that the token belongs to; None for a client."""
    token_version: int = 0
    """The version of the subject that the token was issued for."""


class Access:
    """Decides about tokens, one instance a gateway process; `run` must be running beside it."""

    def __init__(self, settings: Settings, pool: Pool, redis: Redis) -> None:
        self.settings = settings
        self.pool = pool
        self.redis = redis
        self.hasher = PasswordHasher(settings.identity.bcrypt_cost)
        self.pace = Pace()
        self.sealing_key = keys.load_sealing_key(settings)
        self._cache: dict[str, Caller] = {}
        self._news = RevocationNews(pool, redis)
        self._revoked = self._news.revoked
        self._ring: KeyRing | None = None
        self._ring_at = -1e9
        self._unknown_key_at = -1e9
        self._key_lock = asyncio.Lock()

    async def authenticate(self, authorization: str | None) -> Caller:
        """Return who sends this Authorization header. Raises NotAuthenticated, Unavailable."""
        if authorization is None:
            raise NotAuthenticated
        caller = self._cache.get(authorization)
        if caller is None:
            caller = await self._verify(authorization)
        elif caller.expires_at <= time.time():
            del self._cache[authorization]
            raise NotAuthenticated("The access token has expired.", "invalid_token")
        if time.monotonic() - self._news.heard_at > AGE_MAX_S:
            await self._news.catch_up()
        if self._revoked.voids(
            caller.token_id, caller.session_id, caller.subject, caller.token_version
        ):
            raise NotAuthenticated("The access token was revoked; sign in again.", "invalid_token")
        return caller

    def recognise(self, authorization: str) -> Caller | None:
        """Return who sends a header that is known and in force, without asking anybody.

        None: it is for `authenticate` to look into.
        """
        caller = self._cache.get(authorization)
        if (
            caller is None
            or caller.expires_at <= time.time()
            or time.monotonic() - self._news.heard_at > AGE_MAX_S
            or self._revoked.voids(
                caller.token_id, caller.session_id, caller.subject, caller.token_version
            )
        ):
            return None
        return caller

    async def examine(self, token: str) -> AccessClaims:
        """Return what a token says, if it is in force. Raises NotAuthenticated, Unavailable."""
        claims = await self._claims(token)
        if time.monotonic() - self._news.heard_at > AGE_MAX_S:
            await self._news.catch_up()
        if self._revoked.voids(claims.jti, claims.sid, claims.sub, claims.ver):
            raise NotAuthenticated("The access token was revoked; sign in again.", "invalid_token")
        return claims

    async def run(self) -> None:
        """Follow keys and revocations until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._news.follow(), name="access-follow")
                group.create_task(self._news.reconcile(), name="access-reconcile")
                group.create_task(self._follow_keys(), name="access-keys")
        finally:
            self.hasher.close()

    async def key_ring(self) -> KeyRing:
        """Return the keys, read again when they are old. Raises DatabaseUnavailable."""
        if self._ring is None or time.monotonic() - self._ring_at > _KEYS_AGE_MAX_S:
            await self._load_keys()
        assert self._ring is not None  # noqa: S101 - for the type checker
        return self._ring

    async def rotate_keys(self, connection: Session, *, void_older: bool) -> str:
        """Make a new signing key in the caller's transaction; `reload_keys` after its commit."""
        return await keys.rotate_signing_key(connection, self.sealing_key, void_older=void_older)

    async def reload_keys(self) -> None:
        """Read the keys afresh, since they were changed here; others do within a second or so."""
        await self._load_keys()

    async def apply(self, revocation: Revocation) -> None:
        """Let a revocation that is durable take effect: here at once, elsewhere by the stream."""
        await self._news.spread(revocation)

    async def note_reuse(self, revocation: Revocation | None) -> None:
        """Tell everybody of a sign-in that ended because a token of it came twice, if one did."""
        if revocation is not None:
            logger.warning(
                "A token or code came a second time; the sign-in %s was ended.", revocation.subject
            )
            await self.apply(revocation)

    # --- beneath ---

    async def _verify(self, authorization: str) -> Caller:
        """Verify a token that is seen for the first time, and remember it."""
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise NotAuthenticated
        claims = await self._claims(authorization[len(_SCHEME) :])
        caller = Caller(
            subject=claims.sub,
            kind="client" if claims.is_client else "user",
            role=claims.role,
            scopes=frozenset(claims.scope.split()),
            account_id=claims.account_id,
            token_id=claims.jti,
            expires_at=float(claims.exp),
            session_id=claims.sid,
            token_version=claims.ver,
        )
        while len(self._cache) >= CACHE_SIZE_MAX:
            del self._cache[next(iter(self._cache))]
        self._cache[authorization] = caller
        return caller

    async def _claims(self, token: str) -> AccessClaims:
        kid = read_kid(token)
        if self._ring is None:
            await self._load_keys()
        elif kid not in self._ring.verifying and time.monotonic() > self._unknown_key_at:
            # A key made a moment ago, or somebody's invention: these cost us a few looks a second.
            self._unknown_key_at = time.monotonic() + _UNKNOWN_KEY_S
            await self._load_keys()
        assert self._ring is not None  # noqa: S101 - for the type checker
        identity = self.settings.identity
        return verify_access_token(
            token, self._ring.verifying, issuer=identity.issuer, audience=identity.audience
        )

    async def _follow_keys(self) -> None:
        while True:
            heed_cancellation()
            try:
                await self._load_keys()
            except Unavailable as error:
                logger.debug("The keys cannot be read: %s", error)
            await asyncio.sleep(_KEYS_EVERY_S)

    async def _load_keys(self) -> None:
        """Read the keys; several who need them share one reading. Raises DatabaseUnavailable."""
        came_at = time.monotonic()
        async with self._key_lock:
            if self._ring is not None and self._ring_at >= came_at:
                return
            try:
                async with self.pool.acquire(timeout=2) as connection:
                    ring = await keys.load_key_ring(connection, self.sealing_key)
            except TROUBLES as error:
                raise DatabaseUnavailable from error
            if self._ring is not None and self._ring.verifying.keys() - ring.verifying.keys():
                # A key is gone: what it signed is no longer good.
                self._cache.clear()
            self._ring, self._ring_at = ring, time.monotonic()


class Requirement(Declared, SecurityBase):
    """A dependency of a route that needs somebody: who calls, if they may."""

    model = BearerModel(
        bearerFormat="JWT",
        description="An access token from `POST /auth/login` or `POST /oauth/token`.",
    )
    scheme_name = "bearer"

    async def __call__(self, request: Request) -> Caller:
        """Return the caller of a request. Raises NotAuthenticated, NotPermitted, Unavailable."""
        caller = await access_of(request).authenticate(authorization_of(request))
        self.policy.check(caller)
        return caller


@cache
def require(scope: str | None = None, *, is_for_people: bool = False) -> Requirement:
    """Return a dependency that lets through who is signed in and has this scope (None: any).

    is_for_people: services may not, whatever their scopes.
    """
    return Requirement(Policy(scope, is_for_people=is_for_people))


Administrator: TypeAlias = Annotated[Caller, Depends(require("admin"))]
"""The caller of a route for those who manage users, clients and keys."""
Person: TypeAlias = Annotated[Caller, Depends(require(is_for_people=True))]
"""The caller of a route that is not for services."""


def authorization_of(request: Request) -> str | None:
    """Return the Authorization header. Raises NotAuthenticated when there are two."""
    found = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if not found:
        return None
    if len(found) > 1:
        raise NotAuthenticated("There are two Authorization headers.", "invalid_request")
    return bytes(found[0]).decode("latin-1")


def access_of(request: Request) -> Access:
    """Return the Access of the gateway that serves this request."""
    access: Access = request.app.state.access
    return access


def document_security(document: dict[str, Any]) -> None:
    """Let an OpenAPI document offer client credentials wherever it asks for a bearer token."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["oauth2"] = {
        "type": "oauth2",
        "description": "For services: `aether client add` prints an id and a secret.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": dict(SCOPES)}},
    }
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            if any("bearer" in s for s in operation.get("security", [])):
                operation["security"].append({"oauth2": []})
