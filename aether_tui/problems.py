"""Everything that can go wrong between the console and the gateway.

Each error is one sentence that a person on call can act on; its text was cleaned where it arose.

    GatewayError
    ├── Unreachable         no answer: the address, the network, TLS, a time limit
    ├── SignedOut           the session has ended; sign in again
    ├── WrongCredentials    e-mail or password is wrong, and we are not told which
    ├── CodeNeeded          the password is right; a one-time code is asked for besides
    ├── WrongCode           the one-time code is wrong, or was used before
    ├── NotApproved         a device code was denied, or ran out
    ├── TooManyAttempts     wait this long
    ├── Refused             signed in, but this is not allowed
    ├── NotFound            nothing with this id that the caller may see
    │   └── NotRecorded     nothing is kept of that minute
    ├── AlertChanged        somebody else was first, and what they did
    ├── Settled             it was done before, and is not done again
    ├── ServerFailed        5xx, or another status that nobody expected
    └── NotUnderstood       the answer has another shape: server and console are of different ages
"""

from __future__ import annotations

from aether_tui.values import AlertChange


class GatewayError(Exception):
    """Root of all failures of a call to the gateway; `str(error)` is one sentence."""


class Unreachable(GatewayError):
    """The gateway gave no answer."""


class SignedOut(GatewayError):
    """The session has ended; only a new sign-in helps."""

    def __init__(self, detail: str = "The session has ended. Sign in again.") -> None:
        super().__init__(detail)


class WrongCredentials(GatewayError):
    """E-mail or password is wrong."""

    def __init__(self) -> None:
        super().__init__("E-mail or password is wrong.")


class CodeNeeded(GatewayError):
    """The password is right; the account asks for a one-time code besides."""

    def __init__(self) -> None:
        super().__init__("Type your one-time code, or a recovery code.")


class WrongCode(GatewayError):
    """The password is right, the one-time code is not."""

    def __init__(self) -> None:
        super().__init__("The code is wrong, or was used before.")


class NotApproved(GatewayError):
    """Nobody approves this device's code any more."""


class TooManyAttempts(GatewayError):
    """The gateway asks to wait. `retry_after_s`: seconds."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(f"{detail} Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class Refused(GatewayError):
    """The caller may not do this."""


class NotFound(GatewayError):
    """There is nothing with this id that the caller may see."""


class NotRecorded(NotFound):
    """Nothing is kept of that minute; the sentence names the nearest of which something is."""


class AlertChanged(GatewayError):
    """Somebody else was first. `change` is the last thing that they did."""

    def __init__(self, detail: str, change: AlertChange) -> None:
        super().__init__(detail)
        self.change = change


class Settled(GatewayError):
    """What was wanted was done before, by somebody, and is not done again."""


class ServerFailed(GatewayError):
    """The gateway answered with a failure. `request_id` finds it in the server's log."""

    def __init__(self, detail: str, status: int, request_id: str | None = None) -> None:
        super().__init__(detail if request_id is None else f"{detail} (request {request_id})")
        self.status = status
        self.request_id = request_id


class NotUnderstood(GatewayError):
    """The answer does not have the shape that this console knows."""
