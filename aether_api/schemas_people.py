"""Bodies of the administration of users, clients and keys, and of a user's own sign-ins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from aether_api.schemas_auth import CurrentPassword, Email, Password
from aether_core.identity.clients import (
    CLIENT_NAME_LENGTH_MAX,
    OVERLAP_S_DEFAULT,
    OVERLAP_S_MAX,
)
from aether_core.identity.roles import Role

_USER_ID = "0f4f9d0c-8e52-4e5b-9a3e-0f6b8b1f4b7a"
_CLIENT_ID = "client_3f8e5c0b7a9d1e24"
_INSTANT = "2026-11-24T09:30:00.000000Z"
_SCOPES = ["transactions:read_any", "transactions:write_any"]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


# --- users ---


class NewUser(_Body):
    """Somebody who is to sign in."""

    email: Email
    role: Role = "customer"


class RoleChange(_Body):
    """The role that a user gets."""

    role: Role


class User(BaseModel):
    """Somebody who can sign in."""

    user_id: UUID = Field(examples=[_USER_ID])
    email: str = Field(examples=["ada@example.com"])
    role: Role
    account_id: str = Field(examples=["acc_5f2c8d1e9a3b"])
    is_active: bool
    created_at: datetime = Field(examples=[_INSTANT])
    last_sign_in_at: datetime | None = Field(examples=[_INSTANT])
    has_second_factor: bool = Field(description="Whether one-time codes are asked for.")
    session_count: int = Field(examples=[2], description="Sign-ins that have not ended.")


class UserWithPassword(User):
    """A user with a password made at random. It is shown this once; let them change it."""

    password: str = Field(examples=["u7Jm0yq5r1sV9cXe2LhA"])


# --- one's own ---


class PasswordChange(_Body):
    """Another password for who is signed in."""

    current_password: CurrentPassword
    new_password: Password


class SignIn(BaseModel):
    """A sign-in that goes on."""

    session_id: UUID = Field(examples=["7d0b0f7e-53c1-4f0a-8a52-6a1d7f1f9f11"])
    client: str = Field(
        examples=["aether"], description="The client through which; `aether`: our own consoles."
    )
    created_at: datetime = Field(examples=[_INSTANT])
    last_used_at: datetime = Field(
        examples=[_INSTANT], description="When it was last refreshed, or begun."
    )
    expires_at: datetime = Field(
        examples=[_INSTANT], description="When it ends by itself, unless it is used before."
    )
    address: str = Field(examples=["192.0.2.7"], description="Where it was used last.")
    user_agent: str = Field(examples=["Mozilla/5.0 …"])
    is_current: bool = Field(description="Whether this request belongs to it.")


# --- clients ---


class NewServiceClient(_Body):
    """A service that is to act for itself."""

    name: Annotated[
        str, Field(min_length=1, max_length=CLIENT_NAME_LENGTH_MAX, examples=["billing"])
    ]
    scopes: Annotated[list[str], Field(min_length=1, max_length=50, examples=[_SCOPES])]


class Rotation(_Body):
    """How a client's secret is replaced."""

    overlap_s: int = Field(
        OVERLAP_S_DEFAULT,
        ge=0,
        le=OVERLAP_S_MAX,
        description=(
            "Seconds for which the older secret goes on beside the new one. 0, for a secret that"
            " was stolen, voids the client's tokens as well."
        ),
    )


class ServiceClient(BaseModel):
    """A service that acts for itself, by OAuth 2.0 client credentials."""

    client_id: str = Field(examples=[_CLIENT_ID])
    name: str = Field(examples=["billing"])
    scopes: list[str] = Field(examples=[_SCOPES])
    is_active: bool
    created_at: datetime = Field(examples=[_INSTANT])
    rotated_at: datetime | None = Field(
        examples=[_INSTANT], description="When its secret was replaced last."
    )
    older_secret_until: datetime | None = Field(
        examples=[_INSTANT], description="Until when the secret before the present one is good."
    )
    secret_count: int = Field(
        examples=[1], ge=0, le=2, description="Secrets that are good now; none once it was revoked."
    )


class ClientWithSecret(ServiceClient):
    """A client with a secret that was just made. It is shown this once."""

    client_secret: str = Field(examples=["aether_secret_…"])


# --- keys ---


class KeyRotation(_Body):
    """How the signing key is replaced."""

    void_older: bool = Field(
        False,
        description=(
            "Forget the older keys at once, after a theft: every access token is void; sign-ins go"
            " on with their refresh tokens."
        ),
    )


class SigningKey(BaseModel):
    """A key that signs access tokens, or did."""

    kid: str = Field(examples=["pQ3v1mX9aBcD"])
    created_at: datetime = Field(examples=[_INSTANT])
    state: Literal["next", "signing", "retired"] = Field(
        description=(
            "next: published, signs in a few seconds. signing: signs now. retired: verifies until"
            " its last token has expired."
        )
    )
    retired_at: datetime | None = Field(examples=[None])
