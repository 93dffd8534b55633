"""Login: signing in, at the start and again when a session has ended.

By password, and by a one-time code where the account asks for one; or by approving a code in the
dashboard, so that no password is typed here; or by going on with a session that was remembered. In
the second case it lies over the screen that was in front, which stays as it was.
"""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar
from urllib.parse import urlsplit

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Static

from aether_tui.answers import Wait
from aether_tui.client import GatewayClient
from aether_tui.memory import Remembered, SignInMemory
from aether_tui.problems import CodeNeeded, GatewayError, SignedOut, Unreachable, WrongCode
from aether_tui.theme import BLUE, BRIGHT, MUTED, Glyphs
from aether_tui.values import DeviceCodes, Identity
from aether_tui.widgets.key_hints import KeyHints
from aether_tui.widgets.lines import Lines

# RFC 5321, section 4.5.3.1; a password of more bytes than this is nobody's.
_EMAIL_LENGTH_MAX = 254
_PASSWORD_LENGTH_MAX = 256
_CODE_LENGTH_MAX = 64
# RFC 8628, section 3.5: so much longer after each "slow down".
_SLOWER_S = 5.0
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_OWED = (
    "Your account must have a second factor first: set it up in the dashboard, on the page of "
    "your account, then sign in here."
)


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
        Binding(
            "f3",
            "ask_for_codes",
            "Without password",
            id="login.device",
            tooltip="Approve this console in the dashboard, where you are signed in",
        ),
        Binding("escape", "give_up_code", "Back", id="login.back", tooltip="Back to the password"),
        # With priority: a field hands the key on, and what is typed after it in the same breath
        # would still be the field's.
        Binding("tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
        Binding("enter", "to_password", "Next", show=False, priority=True),
        Binding("ctrl+q", "app.quit", "Quit", id="login.quit", tooltip="Leave the console"),
    ]

    def __init__(
        self,
        client: GatewayClient,
        glyphs: Glyphs,
        email: str,
        reason: str,
        *,
        memory: SignInMemory | None = None,
        remembered: Remembered | None = None,
    ) -> None:
        """remembered: a session to go on with, if the gateway agrees."""
        super().__init__()
        self._client = client
        self._glyphs = glyphs
        self._memory = memory if memory is not None and memory.is_ours else None
        self._remembered = remembered
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
        self._code = Input(
            placeholder="one-time code", id="code", max_length=_CODE_LENGTH_MAX, compact=True
        )
        is_wanted = self._memory is not None and self._memory.is_wanted
        self._remember = Checkbox(
            Text("Remember me on this machine"), is_wanted, id="remember", compact=True
        )
        self._device = Lines(id="device")
        self._message = Static(reason, id="login-message", classes="message", markup=False)

    def compose(self) -> ComposeResult:
        """A card in the middle."""
        with Vertical(id="login", classes="card"):
            yield Static("AETHER", classes="card-title", markup=False)
            yield Static(self._client.base_url, id="login-server", markup=False)
            yield Static(self._line_safety(), id="login-safety", markup=False)
            yield self._email
            yield self._password
            yield self._code
            yield self._device
            if self._memory is not None:
                yield self._remember
            yield self._message
            with Horizontal(classes="buttons"):
                yield Button("Sign in", id="sign-in", variant="primary", compact=True)
        yield KeyHints()

    def on_mount(self) -> None:
        """Begin with what is missing; or with nothing, where a session is remembered."""
        (self._password if self._email.value else self._email).focus()
        if self._remembered is not None:
            self._resume(self._remembered)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits the way that was chosen."""
        if action == "to_password":
            return self.focused is self._email
        if action == "give_up_code":
            return self.has_class("-device")
        if action in {"toggle_password", "ask_for_codes"}:
            return not self.has_class("-device")
        return super().check_action(action, parameters)

    def action_toggle_password(self) -> None:
        """Show the password, or hide it again."""
        self._password.password = not self._password.password

    def action_to_password(self) -> None:
        """Go on from the e-mail address."""
        self.set_focus(self._password)

    # --- by password ---

    @on(Input.Submitted)
    @on(Button.Pressed, "#sign-in")
    def _submit(self) -> None:
        email, password = self._email.value.strip(), self._password.value
        if self._remembered is not None and email == self._remembered.email and not password:
            self._resume(self._remembered)
            return
        if not email or not password:
            self._say("E-mail and password are both needed.")
            (self._password if email else self._email).focus()
            return
        code = self._code.value.strip()
        if self.has_class("-code") and not code:
            self._say(str(CodeNeeded()))
            self._code.focus()
            return
        self._say(f"Signing in{self._glyphs.ellipsis}", is_error=False)
        self._sign_in(email, password, code or None)

    @work(exclusive=True, group="sign-in")
    async def _sign_in(self, email: str, password: str, code: str | None) -> None:
        self._begin_to_remember(email)
        try:
            identity = await self._client.sign_in(email, password, code)
        except (CodeNeeded, WrongCode) as error:
            self.add_class("-code")
            self._say(str(error), is_error=isinstance(error, WrongCode))
            self._code.value = ""
            self._code.focus()
        except GatewayError as error:
            self._say(str(error))
            self._password.focus()
            self._password.select_all()
        else:
            await self._enter(identity)

    # --- by a remembered session ---

    @work(exclusive=True, group="sign-in")
    async def _resume(self, remembered: Remembered) -> None:
        self._say(f"Going on as {remembered.email}{self._glyphs.ellipsis}", is_error=False)
        try:
            identity = await self._client.resume(remembered.refresh_token)
        except SignedOut:
            self._remembered = None
            self._say("The remembered sign-in has ended. Sign in again.")
        except Unreachable as error:
            # It is as good as it was: Enter tries again.
            self._say(f"{error} Enter tries again.")
        except GatewayError as error:
            self._say(str(error))
        else:
            await self._enter(identity)

    # --- by a code that is approved elsewhere ---

    @work(exclusive=True, group="sign-in")
    async def action_ask_for_codes(self) -> None:
        """Show a code, and wait until somebody has approved it."""
        self._say(f"Asking for a code{self._glyphs.ellipsis}", is_error=False)
        try:
            codes = await self._client.ask_for_codes()
            self._show_device(is_shown=True)
            identity = await self._wait_for_approval(codes)
        except GatewayError as error:
            self._show_device(is_shown=False)
            self._say(str(error))
        else:
            await self._enter(identity)

    def action_give_up_code(self) -> None:
        """Sign in by password after all."""
        self.workers.cancel_group(self, "sign-in")
        self._show_device(is_shown=False)
        self._say("", is_error=False)

    async def _wait_for_approval(self, codes: DeviceCodes) -> Identity:
        end = time.monotonic() + codes.expires_in
        interval_s = codes.interval
        ask_at = time.monotonic() + interval_s
        self._begin_to_remember(self._email.value.strip())
        self._say("Waiting for the approval.", is_error=False)
        while True:
            self._device.show(self._describe_codes(codes, end - time.monotonic()))
            await asyncio.sleep(min(1.0, max(0.0, ask_at - time.monotonic())))
            if time.monotonic() < ask_at:
                continue
            try:
                found = await self._client.collect_session(codes)
            except Unreachable as error:
                self._say(str(error))
                found = Wait.AS_BEFORE
            if isinstance(found, Identity):
                return found
            interval_s += _SLOWER_S if found is Wait.LONGER else 0.0
            ask_at = time.monotonic() + interval_s

    def _describe_codes(self, codes: DeviceCodes, left_s: float) -> Text:
        minutes, seconds = divmod(max(0, int(left_s)), 60)
        return Text.assemble(
            ("Open, where you are signed in to the dashboard:\n", MUTED),
            (codes.verification_uri, BRIGHT),
            ("\n\nand approve the code\n\n", MUTED),
            (f"    {codes.user_code}    ", f"bold reverse {BLUE}"),
            (f"\n\nIt is good for {minutes}:{seconds:02d} more.", MUTED),
        )

    def _show_device(self, *, is_shown: bool) -> None:
        self.set_class(is_shown, "-device")
        if is_shown:
            self.set_focus(None)
            self._device.can_focus = True
            self._device.focus()
        else:
            self._password.focus()
        self.refresh_bindings()

    # --- in ---

    def _begin_to_remember(self, email: str) -> None:
        """Before the first token comes: whose it is, and whether it is kept."""
        if self._memory is not None:
            self._memory.email = email
            self._memory.is_wanted = self._remember.value

    async def _enter(self, identity: Identity) -> None:
        if identity.second_factor == "owed":
            await self._client.sign_out()
            self._show_device(is_shown=False)
            self._say(_OWED)
            return
        self._password.value = ""
        self._code.value = ""
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
