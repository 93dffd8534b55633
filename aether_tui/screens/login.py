"""Login: signing in, at the start and again when a session has ended.

In the second case it lies over the screen that was in front, which stays as it was.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from aether_tui.client import GatewayClient
from aether_tui.problems import GatewayError
from aether_tui.theme import Glyphs
from aether_tui.values import Identity
from aether_tui.widgets.key_hints import KeyHints

# RFC 5321, section 4.5.3.1; a password of more bytes than this is nobody's.
_EMAIL_LENGTH_MAX = 254
_PASSWORD_LENGTH_MAX = 256
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class LoginScreen(ModalScreen[Identity]):
    """Returns who has signed in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f2",
            "toggle_password",
            "Show password",
            id="login.show",
            tooltip="Show or hide the password",
        ),
        Binding("ctrl+q", "app.quit", "Quit", id="login.quit", tooltip="Leave the console"),
    ]

    def __init__(self, client: GatewayClient, glyphs: Glyphs, email: str, reason: str) -> None:
        super().__init__()
        self._client = client
        self._glyphs = glyphs
        self._email = Input(
            email, placeholder="e-mail", id="email", max_length=_EMAIL_LENGTH_MAX, compact=True
        )
        self._password = Input(
            placeholder="password",
            id="password",
            password=True,
            max_length=_PASSWORD_LENGTH_MAX,
            compact=True,
        )
        self._message = Static(reason, id="login-message", classes="message", markup=False)

    def compose(self) -> ComposeResult:
        """A card in the middle."""
        with Vertical(id="login", classes="card"):
            yield Static("AETHER", classes="card-title", markup=False)
            yield Static(self._client.base_url, id="login-server", markup=False)
            yield Static(self._line_safety(), id="login-safety", markup=False)
            yield self._email
            yield self._password
            yield self._message
            with Horizontal(classes="buttons"):
                yield Button("Sign in", id="sign-in", variant="primary", compact=True)
        yield KeyHints()

    def on_mount(self) -> None:
        """Begin with what is missing."""
        (self._password if self._email.value else self._email).focus()

    def action_toggle_password(self) -> None:
        """Show the password, or hide it again."""
        self._password.password = not self._password.password

    @on(Input.Submitted, "#email")
    def _email_done(self) -> None:
        self._password.focus()

    @on(Input.Submitted, "#password")
    @on(Button.Pressed, "#sign-in")
    def _submit(self) -> None:
        email, password = self._email.value.strip(), self._password.value
        if not email or not password:
            self._say("E-mail and password are both needed.")
            (self._password if email else self._email).focus()
            return
        self._say(f"Signing in{self._glyphs.ellipsis}", is_error=False)
        self._sign_in(email, password)

    @work(exclusive=True, group="sign-in")
    async def _sign_in(self, email: str, password: str) -> None:
        try:
            identity = await self._client.sign_in(email, password)
        except GatewayError as error:
            self._say(str(error))
            self._password.focus()
            self._password.select_all()
            return
        self._password.value = ""
        self.dismiss(identity)

    def _say(self, sentence: str, *, is_error: bool = True) -> None:
        self._message.set_class(not is_error, "-calm")
        self._message.update(sentence)

    def _line_safety(self) -> str:
        address = urlsplit(self._client.base_url)
        if address.scheme == "https":
            return f"{self._glyphs.good} encrypted (TLS)"
        if address.hostname in _LOOPBACK:
            return f"{self._glyphs.dot} on this machine"
        return f"{self._glyphs.warn} NOT ENCRYPTED: the password crosses the network in the clear"
