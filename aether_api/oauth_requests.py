"""Requests of OAuth 2.0: their one form, and the client that shows who it is.

In:   a request for one of the addresses under `/oauth/`.
Out:  its parameters, each once; the client whose secret is right; or OAuthRefused.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from fastapi import Request

from aether_api.access import Access, authorization_of
from aether_api.auditing import note_act
from aether_core.database.audit import NOBODY
from aether_core.database.clients import Client, find_client
from aether_core.database.connection import borrow
from aether_core.errors import OAuthRefused
from aether_core.identity.clients import is_secret_of
from aether_core.identity.refreshing import CONSOLE_CLIENT_ID

AUTHENTICATION_METHODS: Final = ("client_secret_basic", "client_secret_post")
"""How a client may show its secret (RFC 8414 section 2)."""

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES: Final = ("client_credentials", "refresh_token", DEVICE_GRANT)
"""What `/oauth/token` takes."""

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_FIELD_COUNT_MAX: Final = 20
_VALUE_LENGTH_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of a request; each stands in it once."""

    values: dict[str, str]

    def get(self, name: str) -> str | None:
        """Return a parameter; one without a value is as good as none (section 3.2)."""
        return self.values.get(name) or None

    def need(self, name: str) -> str:
        """Return a parameter. Raises OAuthRefused when it is missing."""
        value = self.get(name)
        if value is None:
            raise OAuthRefused("invalid_request", f"The parameter {name} is missing.")
        return value


async def read_form(request: Request) -> Form:
    """Read the parameters. Raises OAuthRefused for anything but one plain form."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM_TYPE:
        raise OAuthRefused("invalid_request", f"The body must be {_FORM_TYPE}.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode(),
            keep_blank_values=True,
            max_num_fields=_FIELD_COUNT_MAX,
            errors="strict",
        )
    except ValueError as error:
        raise OAuthRefused("invalid_request", "The body cannot be read.") from error
    values = dict(pairs)
    if len(values) != len(pairs):
        raise OAuthRefused("invalid_request", "A parameter stands twice.")
    if any(len(value) > _VALUE_LENGTH_MAX for value in values.values()):
        raise OAuthRefused("invalid_request", "A parameter is too long.")
    return Form(values)


async def authenticate_client(access: Access, request: Request, form: Form) -> Client | None:
    """Return the client that shows a secret; None when none is shown. Raises OAuthRefused."""
    shown = _basic_credentials(request)
    secret = form.get("client_secret")
    if shown is None and secret is not None:
        shown = (form.need("client_id"), secret)
    elif shown is not None and secret is not None:
        raise OAuthRefused("invalid_request", "The client shows its secret in two ways.")
    if shown is None:
        return None
    identifier, secret = shown
    client = None
    if identifier.isascii() and identifier.isprintable():
        async with borrow(access.pool) as connection:
            client = await find_client(connection, identifier)
    is_right = is_secret_of(client, secret)
    if client is None or not is_right:
        await _note_failure(access, request, client)
        raise OAuthRefused("invalid_client", "The client is not known or its secret is wrong.")
    return client


async def _note_failure(access: Access, request: Request, client: Client | None) -> None:
    # What is shown as the id of a client that does not exist may be a secret.
    subject = client.id if client is not None else ""
    unlisted = access.pace.take(f"fail {subject}")
    if unlisted is None:
        return
    async with borrow(access.pool) as connection:
        await note_act(
            connection,
            request,
            "session.fail",
            NOBODY,
            subject=subject,
            outcome="failure",
            details={
                "is_disabled": client is not None and not client.is_active,
                "unlisted": unlisted,
            },
        )


def client_id_of(client: Client | None, form: Form) -> str | None:
    """Return the id of who asks; None for a name that is not shown to be right by a secret.

    Our own consoles have no secret, and need not name themselves.
    """
    if client is not None:
        return client.id
    return CONSOLE_CLIENT_ID if form.get("client_id") in {None, CONSOLE_CLIENT_ID} else None


def need_client_id(client: Client | None, form: Form) -> str:
    """The same; raises OAuthRefused where the name is not shown to be right."""
    found = client_id_of(client, form)
    if found is None:
        raise OAuthRefused("invalid_client", "The client is not known or its secret is wrong.")
    return found


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    authorization = authorization_of(request)
    if authorization is None or authorization[:6].lower() != "basic ":
        return None
    try:
        decoded = base64.b64decode(authorization[6:].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthRefused("invalid_client", "The client's credentials are malformed.") from error
    identifier, separator, secret = decoded.partition(":")
    if not separator:
        raise OAuthRefused("invalid_client", "The client's credentials are malformed.")
    # Section 2.3.1: both are form-encoded before they are put together.
    return unquote_plus(identifier), unquote_plus(secret)
