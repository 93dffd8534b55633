"""Every error that Aether raises on purpose.

An error keeps its facts as attributes, says what happened and what to do, and knows nothing of
HTTP: `aether_api.problems` maps each class to a status.

    AetherError
    ├── InvalidInput                a value from outside that cannot be accepted; names its field
    │   ├── InvalidAmount
    │   ├── UnknownCurrency
    │   └── InvalidCursor
    ├── InvalidFields               several such values of one request at once
    ├── NotFound                    nothing with this id that the caller may see
    ├── MinuteNotRecorded           nothing is kept of that minute; names the nearest
    ├── Conflict                    somebody else was first
    │   ├── EmailTaken
    │   ├── AlertConflict           keeps the last change that somebody made to the alert
    │   │   ├── AlertAlreadyResolved
    │   │   ├── AlertTaken          somebody else works on it
    │   │   ├── AlertChanged        it is not the version that the caller has seen
    │   │   └── AlertSettled        it was resolved too long ago to be reopened
    │   ├── LastAdmin               without it nobody could manage users any more
    │   ├── SecondFactorExists      it is taken away before another is set up
    │   ├── SecondFactorMissing     there is none to confirm or to take away
    │   ├── OwnRole                 nobody changes what they may do themselves
    │   ├── DeadLetterSettled       it was replayed or discarded before
    │   ├── DeviceCodeSettled       it was approved or denied before
    │   └── ReplayUnderWay          it may be in the stream once more
    ├── DeviceCodeExpired           a device must ask for a new one
    ├── TransactionDiscarded        accepted, could not be written, and given up by an operator
    ├── IdempotencyKeyReused        the key was used before with another body
    ├── CannotBeTogether            all or none was wanted of what lies on several servers
    ├── NotTogether                 another item was refused, and all or none were to be taken
    ├── Refused                     a caller who may not do this
    │   ├── NotAuthenticated
    │   │   ├── OneTimeCodeNeeded   the password is right, and a code is asked for besides
    │   │   └── WrongOneTimeCode
    │   ├── NotPermitted
    │   ├── WrongPassword           the present one, asked for once more
    │   ├── OAuthRefused            RFC 6749 section 5.2
    │   └── TooManyAttempts
    ├── Unavailable                 try again later; nothing was accepted
    │   ├── BacklogFull
    │   ├── StreamUnavailable
    │   ├── OutcomeUnknown          the append may have happened: retry with the same key
    │   └── DatabaseUnavailable
    ├── StreamMismatch              the stream is not the one that the database knows
    ├── PositionMoved               another writer committed this shard: stop, write nothing
    ├── HistoryTooShort             a forecast needs more history
    └── CannotStart                 set-up is wrong; the message says what to do
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from aether_core.alert import AlertChange


class AetherError(Exception):
    """Root of all errors raised on purpose; `str(error)` is one sentence for people."""


class InvalidInput(AetherError):
    """A value from outside is not acceptable. `field` names it in dotted form."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


class InvalidAmount(InvalidInput):
    """An amount that is not positive, exact and within bounds for its currency."""

    def __init__(self, detail: str, field: str = "amount") -> None:
        super().__init__(field, detail)


class UnknownCurrency(InvalidInput):
    """A currency that is not an active ISO 4217 code for payments."""

    def __init__(self, detail: str, field: str = "currency") -> None:
        super().__init__(field, detail)


class InvalidCursor(InvalidInput):
    """A page cursor that this gateway did not make."""

    def __init__(self) -> None:
        super().__init__("cursor", "This cursor is not valid; start again without it.")


class InvalidFields(AetherError):
    """Several values of one request are not acceptable; `fields` names each of them."""

    def __init__(self, fields: list[InvalidInput]) -> None:
        names = ", ".join(field.field for field in fields[:5])
        super().__init__(f"These fields are not valid: {names}.")
        self.fields = tuple(fields)


class NotFound(AetherError):
    """There is no such thing, or none that the caller may know of."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")
        self.what = what


class MinuteNotRecorded(AetherError):
    """Nothing was recorded at a past minute; `before` and `after` are the nearest that were."""

    def __init__(self, minute: datetime, before: datetime | None, after: datetime | None) -> None:
        nearest = [
            f"{words} {near:%Y-%m-%d %H:%M}Z"
            for words, near in (("the last before it is", before), ("the first after it is", after))
            if near is not None
        ]
        super().__init__(
            f"Nothing was recorded at {minute:%Y-%m-%d %H:%M}Z;"
            f" {', '.join(nearest) or 'there is no recorded minute'}."
        )
        self.minute = minute
        self.before = before
        self.after = after


class Conflict(AetherError):
    """The request contradicts what somebody else did first."""


class EmailTaken(Conflict):
    """An account with this e-mail address exists."""

    def __init__(self) -> None:
        super().__init__("This e-mail address is already registered; sign in instead.")


class LastAdmin(Conflict):
    """The only admin who can sign in would be one no more."""

    def __init__(self) -> None:
        super().__init__("This is the last active admin; make somebody else an admin first.")


class OwnRole(Conflict):
    """Somebody would change their own role."""

    def __init__(self) -> None:
        super().__init__("Nobody changes their own role; another admin can.")


class SecondFactorExists(Conflict):
    """One-time codes are asked for already."""

    def __init__(self) -> None:
        super().__init__("There is a second factor already; take it away first.")


class SecondFactorMissing(Conflict):
    """There is no second factor to confirm, or none to take away."""

    def __init__(self) -> None:
        super().__init__("There is no such second factor; set one up first.")


class AlertConflict(Conflict):
    """Somebody else changed the alert first; `change` is the last that somebody made to it."""

    def __init__(self, detail: str, change: AlertChange | None) -> None:
        super().__init__(detail)
        self.change = change


class AlertAlreadyResolved(AlertConflict):
    """The alert carries another resolution."""

    def __init__(
        self, resolution: str, resolved_by: str, change: AlertChange | None = None
    ) -> None:
        detail = f"This alert was already resolved as {resolution} by {resolved_by}."
        super().__init__(detail, change)
        self.resolution = resolution
        self.resolved_by = resolved_by


class AlertTaken(AlertConflict):
    """Somebody else has taken the alert, and their lock has not expired."""

    def __init__(self, taken_by: str, change: AlertChange | None = None) -> None:
        super().__init__(f"This alert is taken by {taken_by} at the moment.", change)
        self.taken_by = taken_by


class AlertChanged(AlertConflict):
    """The alert is not the version any more that the caller has seen."""

    def __init__(self, seen: int, version: int, change: AlertChange | None = None) -> None:
        detail = f"You have seen version {seen} of this alert, and it is at version {version}."
        super().__init__(detail, change)
        self.version = version


class AlertSettled(AlertConflict):
    """The alert was resolved longer ago than a resolution can be taken back."""

    def __init__(self, window_s: float, change: AlertChange | None = None) -> None:
        detail = f"A resolution can be taken back for {window_s:g} seconds, and this one is older."
        super().__init__(detail, change)


class DeadLetterSettled(Conflict):
    """Somebody replayed or discarded the dead letter before."""

    def __init__(self, state: str, settled_by: str) -> None:
        super().__init__(f"This dead letter was already {state} by {settled_by}.")
        self.state = state
        self.settled_by = settled_by


class LabelledByAlert(Conflict):
    """A transaction has the label of the alert that holds it."""

    def __init__(self, alert_id: UUID) -> None:
        super().__init__(f"This transaction is part of alert {alert_id}; resolve that.")


class VersionConflict(Conflict):
    """A scoring version cannot be put to that use as things are."""


class NeverInShadow(VersionConflict):
    """A scoring version would decide that has never run beside the live one."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Version {number} has never run in shadow; let it, or ask to do without.")


class DeviceCodeSettled(Conflict):
    """Somebody approved or denied the device's code before."""

    def __init__(self) -> None:
        super().__init__("This code was used already; let the device show a new one.")


class ReplayUnderWay(Conflict):
    """A replay of the dead letter has begun and nobody knows how it ended."""

    def __init__(self) -> None:
        super().__init__(
            "A replay of this dead letter has begun and its end is not known; replay it again, "
            "which never doubles it, rather than discard it."
        )


class DeviceCodeExpired(AetherError):
    """Nobody decided about the device's code while it was good."""

    def __init__(self) -> None:
        super().__init__("This code has expired; let the device show a new one.")


class TransactionDiscarded(AetherError):
    """A transaction that was accepted, could not be written, and was given up."""

    def __init__(self) -> None:
        super().__init__(
            "This transaction was accepted, could not be processed, and was discarded by an"
            " operator. It has had no effect."
        )


class IdempotencyKeyReused(AetherError):
    """An Idempotency-Key came back with a different body."""

    def __init__(
        self,
        detail: str = "This Idempotency-Key was used for a different request; use a new key.",
    ) -> None:
        super().__init__(detail)


class CannotBeTogether(AetherError):
    """A group of which all or none was to be accepted lies on several servers."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing was accepted: these accounts may lie on different servers of a cluster, which"
            " cannot take all or none. Send one account's transactions, or with on_error=continue."
        )


class NotTogether(AetherError):
    """All of a group or none was to be accepted, and another one of it was refused."""

    def __init__(self) -> None:
        super().__init__("Nothing was accepted, because another item was refused.")


class Refused(AetherError):
    """The caller may not do this."""


class NotAuthenticated(Refused):
    """No acceptable credentials. `reason` is None when none were sent (RFC 6750 section 3.1)."""

    def __init__(self, detail: str = "Sign in first.", reason: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason


class OneTimeCodeNeeded(NotAuthenticated):
    """The password is right; the account asks for a one-time code as well."""

    def __init__(self) -> None:
        super().__init__("Send the code of your authenticator app as `one_time_code` as well.")


class WrongOneTimeCode(NotAuthenticated):
    """The password is right; the one-time code is not, or was used before."""

    def __init__(self) -> None:
        super().__init__("The one-time code is wrong, or was used before.")


class NotPermitted(Refused):
    """Signed in, but without the scope or ownership that this needs."""

    def __init__(self, detail: str = "Your role does not allow this.") -> None:
        super().__init__(detail)


class WrongPassword(Refused):
    """Signed in, but the present password that came with the request is not the right one."""

    def __init__(self) -> None:
        super().__init__("The current password is wrong.")


class OAuthRefused(Refused):
    """A token request that RFC 6749 section 5.2 refuses; `code` is its error code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class TooManyAttempts(Refused):
    """A limit on attempts is reached; it opens again after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many attempts; try again in {retry_after_s} seconds.")
        self.retry_after_s = retry_after_s


class Unavailable(AetherError):
    """Nothing was accepted; try again after `retry_after_s` seconds."""

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class BacklogReason(Enum):
    """Why there is too much work in hand; the value is how metrics and logs call it."""

    LENGTH = "backlog_length"
    """As many entries wait to be written as may."""
    AGE = "backlog_age"
    """The oldest of them waits too long."""
    MEMORY = "memory"
    """The memory of the stream's server is used up."""


class BacklogFull(Unavailable):
    """The stream holds as many unwritten entries as it may, or its memory is used up."""

    def __init__(
        self, reason: BacklogReason = BacklogReason.LENGTH, retry_after_s: int = 2
    ) -> None:
        detail = "The engine has too much work in hand; nothing was accepted."
        super().__init__(detail, retry_after_s)
        self.reason = reason


class StreamUnavailable(Unavailable):
    """The stream's server cannot be reached, or is not ready to accept."""

    def __init__(
        self, detail: str = "The transaction stream is not available; nothing was accepted."
    ) -> None:
        super().__init__(detail, 1)


class OutcomeUnknown(Unavailable):
    """The connection broke during the append; it may or may not have happened."""

    def __init__(self) -> None:
        super().__init__(
            "The outcome is unknown; repeat the request with the same Idempotency-Key.", 1
        )


class DatabaseUnavailable(Unavailable):
    """PostgreSQL cannot be reached or answers too slowly."""

    def __init__(self) -> None:
        super().__init__("The database is not available at the moment.", 1)


class StreamMismatch(AetherError):
    """A shard's stream is not the incarnation that the database expects."""

    def __init__(self, shard: int, detail: str) -> None:
        super().__init__(f"Shard {shard}: {detail}")
        self.shard = shard


class PositionMoved(AetherError):
    """The committed position of a shard is not where this writer left it."""

    def __init__(self, shard: int) -> None:
        super().__init__(f"Shard {shard} was committed by another writer; this one stops.")
        self.shard = shard


class HistoryTooShort(AetherError):
    """A forecast needs `needed` points of history and has `available`."""

    def __init__(self, available: int, needed: int) -> None:
        super().__init__(f"A forecast needs {needed} points of history, there are {available}.")
        self.available = available
        self.needed = needed


class CannotStart(AetherError):
    """The set-up is wrong; the message says what is wrong and what to do."""
