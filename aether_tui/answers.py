"""Answers: bytes of the gateway into frozen values whose texts are clean, or into an error.

In:   responses and raw events.
Out:  values of `values.py`, or one of `problems.py` with a sentence for people.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TypeVar

import httpx
import msgspec

from aether_tui.cleaning import clean, clean_all
from aether_tui.events import RawEvent
from aether_tui.problems import (
    AlreadyDecided,
    GatewayError,
    NotFound,
    NotUnderstood,
    Refused,
    ServerFailed,
    TooManyAttempts,
    Unreachable,
)
from aether_tui.values import Alert, Counters, Event, Gap, Heartbeat, Hello, Transaction

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

    title: str = ""
    detail: str = ""
    request_id: str | None = None


def problem_of(answer: httpx.Response) -> GatewayError:
    """Return the error that an unsuccessful answer stands for."""
    try:
        problem = msgspec.convert(clean_all(msgspec.json.decode(answer.content)), _Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Problem()
    detail = problem.detail or problem.title or f"The gateway answered {answer.status_code}."
    match answer.status_code:
        case httpx.codes.FORBIDDEN:
            return Refused(detail)
        case httpx.codes.NOT_FOUND:
            return NotFound(detail)
        case httpx.codes.CONFLICT:
            return AlreadyDecided(detail)
        case httpx.codes.TOO_MANY_REQUESTS:
            wait = answer.headers.get("Retry-After", "")
            return TooManyAttempts(detail, int(wait) if wait.isdecimal() else 60)
        case status:
            return ServerFailed(detail, status, problem.request_id)


def not_understood(answer: httpx.Response) -> NotUnderstood:
    """Return the error for an answer of another shape."""
    return NotUnderstood(
        f"The answer to {answer.request.url.path} has an unknown shape: "
        "is this an Aether gateway of another version?"
    )
