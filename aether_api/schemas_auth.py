"""Bodies of sign-ins and of OAuth 2.0, as the OpenAPI document describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from aether_api.refusals import Responses
from aether_core.identity.password_rule import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN
from aether_core.identity.second_factor import CODE_LENGTH_MAX

_EMAIL = "ada@example.com"
_PASSWORD = "correct horse battery"  # noqa: S105 - an example
_ACCESS_TOKEN = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6…"  # noqa: S105 - an example
_REFRESH_TOKEN = "aether_refresh_8Kx…"  # noqa: S105 - an example
_CUSTOMER_SCOPE = "transactions:read transactions:write"

_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - an example

_USER_CODE = "WDJB-MJHT"

# Far beyond what is taken: what is longer is refused before anything is computed.
_EMAIL_CAP: Final = 320
_PASSWORD_CAP: Final = 1024
_TOKEN_CAP: Final = 4096

Email = Annotated[str, Field(min_length=1, max_length=_EMAIL_CAP, examples=[_EMAIL])]
Password = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_PASSWORD_CAP,
        examples=[_PASSWORD],
        description=(
            f"{PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters, of any kind; not easily"
            " guessed. One chosen before this was so goes on."
        ),
        json_schema_extra={"format": "password"},
    ),
]


CurrentPassword = Annotated[str, Field(min_length=1, max_length=_PASSWORD_CAP)]
OneTimeCode = Annotated[str, Field(min_length=1, max_length=CODE_LENGTH_MAX, examples=["492039"])]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Registration(_Body):
    """Somebody who wants an account. Nobody chooses a role."""

    email: Email
    password: Password


class Credentials(_Body):
    """Somebody who signs in."""

    email: Email
    password: Password
    one_time_code: OneTimeCode | None = Field(
        None,
        description="For an account with a second factor: the app's code, or a recovery code.",
    )
    use_cookie: bool = Field(
        False,
        description=(
            "For browsers: the refresh token goes into an HttpOnly cookie that only `/auth` sees,"
            " and `refresh_token` is null."
        ),
    )


class NewSecondFactor(BaseModel):
    """A secret for an authenticator app, which is confirmed by a code of it."""

    secret: str = Field(examples=[_SECRET], description="Base 32; for apps without a camera.")
    uri: str = Field(
        examples=[f"otpauth://totp/Aether:ada%40example.com?secret={_SECRET}&issuer=Aether"],
        description="The same, to be shown as a QR code.",
    )


class SecondFactorStart(_Body):
    """Who is to have a second factor shows that it is they."""

    current_password: CurrentPassword


class SecondFactorProof(_Body):
    """A code of the app that was just set up."""

    one_time_code: OneTimeCode


class SecondFactorRemoval(SecondFactorStart):
    """Who has a second factor, shown by both."""

    one_time_code: OneTimeCode


class Refresh(_Body):
    """A sign-in that goes on. Without a token the cookie is used."""

    refresh_token: str | None = Field(None, max_length=_TOKEN_CAP, examples=[_REFRESH_TOKEN])


class Registered(BaseModel):
    """An account was made."""

    message: str = Field(examples=["Welcome; sign in to begin."])
    email: str = Field(examples=[_EMAIL])
    user_id: str = Field(examples=["0f4f9d0c-8e52-4e5b-9a3e-0f6b8b1f4b7a"])
    account_id: str = Field(examples=["acc_5f2c8d1e9a3b"])


class Tokens(BaseModel):
    """An OAuth 2.0 token response (RFC 6749 section 5.1)."""

    access_token: str = Field(examples=[_ACCESS_TOKEN])
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind, no token
    expires_in: int = Field(examples=[900], description="Seconds.")
    refresh_token: str | None = Field(
        None, examples=[_REFRESH_TOKEN], description="Good for one use. Null in cookie mode."
    )
    scope: str = Field(examples=[_CUSTOMER_SCOPE])


class TokensWithRecoveryCodes(Tokens):
    """The tokens of a sign-in that goes on, and codes for when the app is lost."""

    recovery_codes: list[str] = Field(
        examples=[["mfrg-gzdf-mztw-q2lk-nnwg-23tp"]],
        description="Shown this once. Each is good once, in the place of a one-time code.",
    )


class Message(BaseModel):
    """That it was done."""

    message: str = Field(examples=["You are signed out."])


class Me(BaseModel):
    """Who is signed in, and what they may do."""

    user_id: str = Field(examples=["0f4f9d0c-8e52-4e5b-9a3e-0f6b8b1f4b7a"])
    email: str = Field(examples=[_EMAIL], description="For a service: its name.")
    role: Literal["customer", "analyst", "operator", "admin", "service"]
    account_id: str | None = Field(examples=["acc_5f2c8d1e9a3b"])
    scopes: list[str] = Field(examples=[_CUSTOMER_SCOPE.split()])
    second_factor: Literal["on", "off", "owed"] | None = Field(
        examples=["on"],
        description=(
            "owed: it must be set up before anything else, and there are no scopes until then."
            " Null for a service."
        ),
    )


class OAuthTokens(BaseModel):
    """An OAuth 2.0 token response; without refresh token for a client's own credentials."""

    access_token: str = Field(examples=[_ACCESS_TOKEN])
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind, no token
    expires_in: int = Field(examples=[900])
    scope: str = Field(examples=["transactions:read_any transactions:write_any"])
    refresh_token: str | None = None


class OAuthError(BaseModel):
    """A refusal (RFC 6749 section 5.2), with the members of a problem (RFC 9457) beside."""

    error: str = Field(examples=["invalid_client"])
    error_description: str = Field(examples=["The client is not known or its secret is wrong."])
    type: str = Field(examples=["/problems/oauth-refused"])
    title: str = Field(examples=["The token request is refused"])
    status: int = Field(examples=[401])
    detail: str = Field(examples=["The client is not known or its secret is wrong."])


class DeviceCodes(BaseModel):
    """What a device shows and asks with (RFC 8628 section 3.2)."""

    device_code: str = Field(examples=["aether_device_Zq3…"], description="For the device alone.")
    user_code: str = Field(examples=[_USER_CODE], description="For the person to type.")
    verification_uri: str = Field(examples=["https://pay.example/device"])
    verification_uri_complete: str = Field(
        examples=[f"https://pay.example/device?code={_USER_CODE}"]
    )
    expires_in: int = Field(examples=[600], description="Seconds.")
    interval: int = Field(examples=[5], description="Seconds between two questions.")


class DeviceRequest(BaseModel):
    """A device that waits for somebody to approve its code."""

    client: str = Field(examples=["Aether console"], description="Which program asks.")
    scopes: list[str] = Field(
        examples=[_CUSTOMER_SCOPE.split()],
        description="What it would get: of what it asks for, what you may do yourself.",
    )
    address: str = Field(examples=["203.0.113.9"], description="Where the device is.")
    requested_at: datetime
    expires_at: datetime


class DeviceDecision(_Body):
    """Whether the device may act for you."""

    approve: bool


class Introspection(BaseModel):
    """What a token says (RFC 7662); only `active` when it is void or not the caller's to ask."""

    active: bool
    scope: str | None = None
    client_id: str | None = None
    token_type: str | None = None
    sub: str | None = None
    iss: str | None = None
    aud: str | None = None
    jti: str | None = None
    iat: int | None = None
    nbf: int | None = None
    exp: int | None = None
    role: str | None = None
    account_id: str | None = None


class Key(BaseModel):
    """A public key (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class KeySet(BaseModel):
    """The keys whose tokens are good at present."""

    keys: list[Key]


class Metadata(BaseModel):
    """How clients find their way (RFC 8414)."""

    issuer: str
    token_endpoint: str
    device_authorization_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]


_CLIENT_FIELDS: Final[dict[str, Any]] = {
    "client_id": {"type": "string", "description": "Unless HTTP Basic is used."},
    "client_secret": {"type": "string"},
}


def form_body(
    properties: dict[str, Any], required: list[str], example: dict[str, str]
) -> dict[str, Any]:
    """Describe a form of OAuth 2.0 for the OpenAPI document."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": properties | _CLIENT_FIELDS,
                        "required": required,
                    },
                    "example": example,
                }
            },
        }
    }


REFUSALS: Final[Responses] = {
    400: {"model": OAuthError, "description": "The request is refused."},
    401: {"model": OAuthError, "description": "The client is not known or its secret is wrong."},
}
TOKEN_FIELDS: Final[dict[str, Any]] = {
    "token": {"type": "string"},
    "token_type_hint": {
        "type": "string",
        "description": "access_token or refresh_token; what is not known is passed over.",
    },
}
