"""AetherError → problem+json: the one table from class to status.

In:   whatever a request raised: our own errors, invalid input, refusals of the framework, errors
      of the servers behind us, unknown crashes.
Out:  RFC 9457 problem details with a stable `type`, a sentence for people, the fields that are
      wrong and the request's id. Never a stack trace, a statement, a path or an internal name.
"""

from __future__ import annotations

import http
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
from fastapi.exceptions import RequestValidationError
from redis import exceptions as redis_errors
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from aether_core import errors
from aether_core.alert import AlertChange
from aether_core.errors import AetherError
from aether_core.stream.publisher import IncarnationMoved

logger = logging.getLogger(__name__)

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"


class MalformedRequest(AetherError):
    """A request that cannot be read: broken JSON, an impossible header."""


class BodyTooLarge(AetherError):
    """The body is longer than this endpoint takes."""

    def __init__(self, size_max: int) -> None:
        super().__init__(f"The body must not be longer than {size_max} bytes.")
        self.size_max = size_max


class UrlTooLong(AetherError):
    """The request's target is longer than any of ours."""

    def __init__(self, length_max: int) -> None:
        super().__init__(f"The address must not be longer than {length_max} bytes.")
        self.length_max = length_max


class HeadTooLarge(AetherError):
    """The request has too many or too long header fields."""

    def __init__(self) -> None:
        super().__init__("The request's head is too large.")


class ExpectationFailed(AetherError):
    """The request expects of the server what HTTP does not have."""

    def __init__(self) -> None:
        super().__init__("Expect: 100-continue is the only expectation that is met.")


class UnsupportedBody(AetherError):
    """The body's media type, character set or encoding is not one that is taken here."""


class TooManyStreams(AetherError):
    """The caller holds as many live feeds open as one may."""

    def __init__(self, count_max: int) -> None:
        super().__init__(f"You have {count_max} live feeds open already; close one first.")
        self.count_max = count_max


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem: its type's last part, its title and the status that it answers."""

    slug: str
    title: str
    status: int


_INVALID_INPUT = ProblemKind("invalid-input", "The request is not valid", 422)
_INTERNAL = ProblemKind("internal-error", "Something went wrong", 500)
_UNAVAILABLE = ProblemKind("unavailable", "Not available at the moment", 503)

PROBLEMS: Final[dict[type[AetherError], ProblemKind]] = {
    AetherError: _INTERNAL,
    errors.InvalidInput: _INVALID_INPUT,
    errors.InvalidFields: _INVALID_INPUT,
    errors.InvalidAmount: ProblemKind("invalid-amount", "The amount is not valid", 422),
    errors.UnknownCurrency: ProblemKind("unknown-currency", "The currency is not known", 422),
    errors.InvalidCursor: ProblemKind("invalid-cursor", "The cursor is not valid", 422),
    errors.NotFound: ProblemKind("not-found", "Not found", 404),
    errors.MinuteNotRecorded: ProblemKind(
        "minute-not-recorded", "Nothing is kept of that minute", 404
    ),
    errors.Conflict: ProblemKind("conflict", "Somebody else was first", 409),
    errors.EmailTaken: ProblemKind("email-taken", "The e-mail address is taken", 409),
    errors.LastAdmin: ProblemKind("last-admin", "The last admin", 409),
    errors.OwnRole: ProblemKind("own-role", "One's own role", 409),
    errors.SecondFactorExists: ProblemKind("second-factor-exists", "There is one already", 409),
    errors.SecondFactorMissing: ProblemKind("second-factor-missing", "There is none", 409),
    errors.AlertConflict: ProblemKind("alert-conflict", "Somebody else was first", 409),
    errors.AlertTaken: ProblemKind("alert-taken", "The alert is taken", 409),
    errors.AlertChanged: ProblemKind("alert-changed", "The alert has changed", 409),
    errors.AlertSettled: ProblemKind("alert-settled", "The alert is settled", 409),
    errors.AlertAlreadyResolved: ProblemKind(
        "alert-already-resolved", "The alert is already resolved", 409
    ),
    errors.LabelledByAlert: ProblemKind("labelled-by-alert", "An alert holds it", 409),
    errors.VersionConflict: ProblemKind(
        "version-conflict", "The version cannot be put to that use", 409
    ),
    errors.NeverInShadow: ProblemKind("never-in-shadow", "It has never run in shadow", 409),
    errors.DeadLetterSettled: ProblemKind(
        "dead-letter-settled", "The dead letter is already settled", 409
    ),
    errors.DeviceCodeSettled: ProblemKind("device-code-settled", "The code is already used", 409),
    errors.DeviceCodeExpired: ProblemKind("device-code-expired", "The code has expired", 410),
    errors.ReplayUnderWay: ProblemKind("replay-under-way", "A replay has begun", 409),
    errors.TransactionDiscarded: ProblemKind(
        "transaction-discarded", "The transaction was discarded", 410
    ),
    errors.IdempotencyKeyReused: ProblemKind(
        "idempotency-key-reused", "The Idempotency-Key was used before", 422
    ),
    errors.CannotBeTogether: ProblemKind(
        "cannot-be-together", "All or none is not possible here", 422
    ),
    errors.NotTogether: ProblemKind("not-together", "Another item was refused", 422),
    errors.Refused: ProblemKind("refused", "Refused", 403),
    errors.NotAuthenticated: ProblemKind("not-authenticated", "Not signed in", 401),
    errors.OneTimeCodeNeeded: ProblemKind(
        "one-time-code-needed", "A one-time code is needed as well", 401
    ),
    errors.WrongOneTimeCode: ProblemKind("wrong-one-time-code", "The code is wrong", 401),
    errors.NotPermitted: ProblemKind("not-permitted", "Not permitted", 403),
    errors.WrongPassword: ProblemKind("wrong-password", "The current password is wrong", 403),
    errors.OAuthRefused: ProblemKind("oauth-refused", "The token request is refused", 400),
    errors.TooManyAttempts: ProblemKind("too-many-attempts", "Too many attempts", 429),
    errors.Unavailable: _UNAVAILABLE,
    errors.BacklogFull: ProblemKind("backlog-full", "Too much work in hand", 503),
    errors.StreamUnavailable: ProblemKind(
        "stream-unavailable", "The transaction stream is not available", 503
    ),
    IncarnationMoved: ProblemKind(
        "stream-unavailable", "The transaction stream is not available", 503
    ),
    errors.OutcomeUnknown: ProblemKind("outcome-unknown", "The outcome is unknown", 503),
    errors.DatabaseUnavailable: ProblemKind(
        "database-unavailable", "The database is not available", 503
    ),
    errors.StreamMismatch: _INTERNAL,
    errors.PositionMoved: _INTERNAL,
    errors.HistoryTooShort: ProblemKind("history-too-short", "Not enough history yet", 409),
    errors.CannotStart: _INTERNAL,
    MalformedRequest: ProblemKind("malformed-request", "The request cannot be read", 400),
    BodyTooLarge: ProblemKind("body-too-large", "The body is too large", 413),
    UrlTooLong: ProblemKind("url-too-long", "The address is too long", 414),
    HeadTooLarge: ProblemKind("head-too-large", "The request's head is too large", 431),
    ExpectationFailed: ProblemKind("expectation-failed", "The expectation cannot be met", 417),
    UnsupportedBody: ProblemKind("unsupported-body", "This kind of body is not taken", 415),
    TooManyStreams: ProblemKind("too-many-streams", "Too many live feeds", 429),
}

_INTERNAL_DETAIL = "Something went wrong on our side; give this request's id when you report it."
_STATUS_DETAIL = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}

# What the servers behind us raise when they are away, restarting, full or too slow. Anything else
# of theirs is a mistake of ours, and a crash.
_DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ConnectionDoesNotExistError,
)
_STREAM_AWAY = (redis_errors.ConnectionError, redis_errors.TimeoutError)


class FieldProblem(msgspec.Struct, frozen=True):
    """One field of a request that is not valid; `field` in dotted form."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details, with the request's id and the fields that are wrong."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    request_id: str | None = None
    errors: tuple[FieldProblem, ...] = ()
    retry_after_s: int | None = None
    change: AlertChange | None = None
    """What somebody else did to the alert."""
    recorded_before: datetime | None = None
    recorded_after: datetime | None = None
    """The nearest minutes of which something is kept."""
    # For OAuth 2.0 clients (RFC 6749 section 5.2), which look for these.
    error: str | None = None
    error_description: str | None = None


def problem_of(error: AetherError, instance: str | None, request_id: str | None) -> Problem:
    """Describe an error that was raised on purpose."""
    kind = _kind_of(type(error))
    is_ours = kind.status < 500 or isinstance(error, errors.Unavailable)
    return Problem(
        type=f"/problems/{kind.slug}",
        title=kind.title,
        status=_status_of(error, kind),
        detail=str(error) if is_ours else _INTERNAL_DETAIL,
        instance=instance,
        request_id=request_id,
        errors=_fields_of(error),
        retry_after_s=(
            error.retry_after_s
            if isinstance(error, errors.TooManyAttempts | errors.Unavailable)
            else None
        ),
        change=error.change if isinstance(error, errors.AlertConflict) else None,
        recorded_before=error.before if isinstance(error, errors.MinuteNotRecorded) else None,
        recorded_after=error.after if isinstance(error, errors.MinuteNotRecorded) else None,
        error=error.code if isinstance(error, errors.OAuthRefused) else None,
        error_description=str(error) if isinstance(error, errors.OAuthRefused) else None,
    )


def respond_to(error: Exception, scope: Scope) -> Response:
    """Turn whatever a request raised into its answer."""
    known = _known(error)
    if known is not None:
        problem = problem_of(known, _instance(scope), request_id_of(scope))
        if problem.status >= 500 and not isinstance(known, errors.Unavailable):
            logger.error("%s", known, exc_info=error, extra={"request_id": problem.request_id})
        return _respond(problem, _headers_of(known))
    if isinstance(error, HTTPException):
        return _respond(_framework_problem(error, scope), dict(error.headers or {}))
    problem = Problem(
        type="/problems/internal-error",
        title=_INTERNAL.title,
        status=500,
        detail=_INTERNAL_DETAIL,
        instance=_instance(scope),
        request_id=request_id_of(scope),
    )
    logger.error("a request crashed", exc_info=error, extra={"request_id": problem.request_id})
    return _respond(problem, {})


async def handle(request: Request, error: Exception) -> Response:
    """Exception handler for the application."""
    return respond_to(error, request.scope)


def request_id_of(scope: Scope) -> str | None:
    """Return the id that the edge gave to this request."""
    found: str | None = scope.get("state", {}).get("request_id")
    return found


def _kind_of(error: type[AetherError]) -> ProblemKind:
    for known in error.__mro__:
        if known in PROBLEMS:
            return PROBLEMS[known]
    return _INTERNAL


def _status_of(error: AetherError, kind: ProblemKind) -> int:
    # RFC 6749 section 5.2: only a client that failed to authenticate is answered 401.
    if isinstance(error, errors.OAuthRefused) and error.code == "invalid_client":
        return 401
    return kind.status


def _known(error: Exception) -> AetherError | None:
    """Return the AetherError that an exception stands for, if it stands for one."""
    if isinstance(error, AetherError):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, _DATABASE_AWAY):
        return errors.DatabaseUnavailable()
    if isinstance(error, _STREAM_AWAY):
        return errors.StreamUnavailable()
    return None


def _invalid(error: RequestValidationError) -> AetherError:
    return errors.InvalidFields(
        [errors.InvalidInput(_field_name(item["loc"]), _sentence(item)) for item in error.errors()]
    )


def _field_name(location: tuple[int | str, ...]) -> str:
    # The first part says where the value was: body, query, path or header.
    return ".".join(str(part) for part in location[1:]) or str(location[0] if location else "body")


def _sentence(item: dict[str, Any]) -> str:
    if item["type"] == "missing":
        return "This field is required."
    if item["type"] == "extra_forbidden":
        return "This field is not known here."
    return f"{item['msg'].rstrip('.')}."


def _fields_of(error: AetherError) -> tuple[FieldProblem, ...]:
    if isinstance(error, errors.InvalidFields):
        return tuple(FieldProblem(one.field, one.detail) for one in error.fields)
    if isinstance(error, errors.InvalidInput):
        return (FieldProblem(error.field, error.detail),)
    return ()


def _headers_of(error: AetherError) -> dict[str, str]:
    if isinstance(error, errors.NotAuthenticated):
        # RFC 6750 section 3.1: without credentials there is no error code to give.
        code = "" if error.reason is None else ' error="invalid_token"'
        return {"WWW-Authenticate": f"Bearer{code}"}
    if isinstance(error, errors.NotPermitted):
        return {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
    if isinstance(error, errors.OAuthRefused):
        headers = {"Content-Type": "application/json"}
        if error.code == "invalid_client":
            headers["WWW-Authenticate"] = 'Basic realm="aether"'
        return headers
    if isinstance(error, errors.TooManyAttempts | errors.Unavailable):
        return {"Retry-After": str(error.retry_after_s)}
    # Who sends too much must not keep the connection busy with it.
    if isinstance(error, BodyTooLarge):
        return {"Connection": "close"}
    return {}


def _framework_problem(error: HTTPException, scope: Scope) -> Problem:
    phrase = http.HTTPStatus(error.status_code).phrase
    return Problem(
        type=f"/problems/{phrase.lower().replace(' ', '-')}",
        title=phrase,
        status=error.status_code,
        detail=_STATUS_DETAIL.get(error.status_code, f"{phrase}."),
        instance=_instance(scope),
        request_id=request_id_of(scope),
    )


def _instance(scope: Scope) -> str:
    # As it was sent: percent-encoded, so that nothing in it can break a line or a header.
    raw: bytes = scope.get("raw_path") or b"/"
    return raw.decode("ascii", "replace")[:500]


def _respond(problem: Problem, headers: dict[str, str]) -> Response:
    return Response(
        msgspec.json.encode(problem),
        problem.status,
        {"Content-Type": PROBLEM_MEDIA_TYPE, **headers},
    )
