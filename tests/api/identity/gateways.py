"""Gateways in this process for the tests of identity: the real application over real servers."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from aether_api.access import Access
from aether_api.app import create_app
from aether_core.database import users
from aether_core.database.connection import borrow
from aether_core.database.users import User
from aether_core.identity import accounts, clients
from aether_core.identity.clients import NewClient
from aether_core.identity.roles import Role
from aether_core.settings import Settings
from tests.api import documented

PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Gateway:
    """One gateway; several of them over the same servers are several machines."""

    app: FastAPI
    http: httpx.AsyncClient

    @property
    def access(self) -> Access:
        """What decides about tokens here."""
        access: Access = self.app.state.access
        return access

    def from_address(
        self, address: str, base_url: str = "http://gateway.example"
    ) -> httpx.AsyncClient:
        """Return a client at another address."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 40000)), base_url=base_url
        )

    async def make_user(self, role: Role = "customer", password: str = PASSWORD) -> User:
        """Add a user as the command line does."""
        password_hash = await self.access.hasher.hash(password)
        async with borrow(self.access.pool) as connection:
            return await accounts.create_user(
                connection,
                email=f"{role}-{os.urandom(4).hex()}@example.com",
                password_hash=password_hash,
                role=role,
            )

    async def make_client(self, *scopes: str) -> NewClient:
        """Add a service client as the command line does."""
        async with borrow(self.access.pool) as connection:
            return await clients.create_client(
                connection, f"service {os.urandom(4).hex()}", list(scopes)
            )

    async def login(self, user: User, **extra: object) -> dict[str, Any]:
        """Sign a user in and return the answer."""
        answer = await self.http.post(
            "/auth/login", json={"email": user.email, "password": PASSWORD, **extra}
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def me(self, token: str) -> httpx.Response:
        """Ask who a token belongs to."""
        return await self.http.get("/auth/me", headers={"Authorization": f"Bearer {token}"})

    async def form(
        self, path: str, fields: Mapping[str, str], client: NewClient | None = None
    ) -> httpx.Response:
        """Send a form, with a client's credentials by HTTP Basic."""
        auth = None if client is None else (client.client.id, client.secret)
        return await self.http.post(path, data=dict(fields), auth=auth or httpx.USE_CLIENT_DEFAULT)

    async def signing_key(self) -> tuple[str, Ed25519PrivateKey]:
        """Return the key that signs here, for tokens that only look right."""
        signing = (await self.access.key_ring()).signing
        return signing.kid, signing.private_key


@asynccontextmanager
async def running_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Run a gateway for as long as the context lasts."""
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://gateway.example",
            timeout=30,
            event_hooks={"response": [documented.check_soon]},
        ) as http,
    ):
        yield Gateway(app, http)


def claims_of(user: User, settings: Settings, **changes: object) -> dict[str, Any]:
    """Return the claims of a token for this user; a change to None leaves a claim out."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": settings.identity.issuer,
        "aud": settings.identity.audience,
        "sub": str(user.id),
        "client_id": "aether",
        "jti": os.urandom(8).hex(),
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "scope": "transactions:read transactions:write",
        "ver": user.token_version,
        "sid": str(UUID(bytes=os.urandom(16))),
        "role": user.role,
        "account_id": user.account_id,
    }
    return {k: v for k, v in (claims | changes).items() if v is not None}


async def current(gateway: Gateway, user: User) -> User:
    """Return a user as it is now."""
    async with borrow(gateway.access.pool) as connection:
        found = await users.find_user(connection, user.id)
    assert found is not None
    return found
