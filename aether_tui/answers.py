"""Answers: bytes of the gateway into frozen values whose texts are clean, or into an error.

In:   responses and raw events.
Out:  values of `values.py`, or one of `problems.py` with a sentence for people.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TypeVar

import httpx
import msgspec

from aether_tui.cleaning import clean, clean_all
from aether_tui.events import RawEvent
from aether_tui.problems import (
    AlertChanged,
    CodeNeeded,
    GatewayError,
    NotApproved,
    NotFound,
    NotRecorded,
    NotUnderstood,
    Refused,
    ServerFailed,
    Settled,
    TooManyAttempts,
    Unreachable,
    WrongCode,
    WrongCredentials,
)
from aether_tui.values import (
    Alert,
    AlertChange,
    Counters,
    Event,
    Gap,
    Heartbeat,
    Hello,
    Transaction,
)

_T = TypeVar("_T")
_EVENT_TYPES: Mapping[str, type[Event]] = {
    "hello": Hello,
    "transaction": Transaction,
    "alert": Alert,
    "counters": Counters,
    "gap": Gap,
}


@contextlib.contextmanager
def reaching(base_url: str) -> Iterator[None]:
    """Turn the many ways of not getting an answer into one sentence each."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise Unreachable(f"{base_url} does not answer.") from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"{base_url} stopped answering.") from error
    except httpx.ConnectError as error:
        is_tls = "certificate" in str(error).lower() or "ssl" in str(error).lower()
        reason = "its certificate is not trusted" if is_tls else "the connection was refused"
        raise Unreachable(f"{base_url} cannot be reached: {reason}.") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise Unreachable(f"The connection to {base_url} was lost.") from error


def read_answer(answer: httpx.Response, kind: type[_T]) -> _T:
    """Return the answer as a value of `kind`. Raises the error that it stands for."""
    if not answer.is_success:
        raise problem_of(answer)
    try:
        return msgspec.convert(clean_all(msgspec.json.decode(answer.content)), kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_understood(answer) from error


def read_event(raw: RawEvent) -> list[tuple[Event, str | None]]:
    """The typed event, or nothing when its kind is unknown. A comment is a heartbeat."""
    if not raw.type:
        return [(Heartbeat(), raw.id)]
    kind = _EVENT_TYPES.get(raw.type)
    if kind is None:
        return []
    try:
        return [(msgspec.convert(clean_all(msgspec.json.decode(raw.data)), kind), raw.id)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotUnderstood(
            f"The live feed's {clean(raw.type, 20)} event has an unknown shape: "
            "gateway and console may be of different versions."
        ) from error


class _Problem(msgspec.Struct, frozen=True):
    """The parts of an RFC 9457 document that the console shows."""

    type: str = ""
    title: str = ""
    detail: str = ""
    request_id: str | None = None
    change: AlertChange | None = None
    error: str = ""
    """RFC 6749, section 5.2."""


class Wait(Enum):
    """What to do about a device code that nobody has approved yet (RFC 8628, section 3.5)."""

    AS_BEFORE = "authorization_pending"
    LONGER = "slow_down"


def sign_in_problem(answer: httpx.Response) -> GatewayError:
    """Return what is wrong with a sign-in that was answered 401."""
    match _read_problem(answer).type:
        case "/problems/one-time-code-needed":
            return CodeNeeded()
        case "/problems/wrong-one-time-code":
            return WrongCode()
        case _:
            return WrongCredentials()


def wait_of(answer: httpx.Response) -> Wait:
    """Return how to go on asking for a device's tokens. Raises NotApproved when it is over."""
    match _read_problem(answer).error:
        case Wait.AS_BEFORE.value:
            return Wait.AS_BEFORE
        case Wait.LONGER.value:
            return Wait.LONGER
        case "access_denied":
            raise NotApproved("The code was denied.")
        case _:
            raise NotApproved("The code has run out; ask for a new one.")


def problem_of(answer: httpx.Response) -> GatewayError:
    """Return the error that an unsuccessful answer stands for."""
    problem = _read_problem(answer)
    detail = problem.detail or problem.title or f"The gateway answered {answer.status_code}."
    match answer.status_code:
        case httpx.codes.FORBIDDEN:
            return Refused(detail)
        case httpx.codes.NOT_FOUND:
            is_past = problem.type == "/problems/minute-not-recorded"
            return NotRecorded(detail) if is_past else NotFound(detail)
        case httpx.codes.CONFLICT:
            return (
                Settled(detail) if problem.change is None else AlertChanged(detail, problem.change)
            )
        case httpx.codes.TOO_MANY_REQUESTS:
            wait = answer.headers.get("Retry-After", "")
            return TooManyAttempts(detail, int(wait) if wait.isdecimal() else 60)
        case status:
            return ServerFailed(detail, status, problem.request_id)


def _read_problem(answer: httpx.Response) -> _Problem:
    try:
        return msgspec.convert(clean_all(msgspec.json.decode(answer.content)), _Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Problem()


def not_understood(answer: httpx.Response) -> NotUnderstood:
    """Return the error for an answer of another shape."""
    return NotUnderstood(
        f"The answer to {answer.request.url.path} has an unknown shape: "
        "is this an Aether gateway of another version?"
    )
