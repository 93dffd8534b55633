"""The service client by which this installation's own commands talk to its gateway.

Made when it is first needed, kept under AETHER_HOME where only its owner can read it. Whoever can
read that directory can reach the database anyway: this gives nothing away.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from aether_cli import services
from aether_cli.home import write_private
from aether_core.errors import InvalidInput
from aether_core.identity.roles import CLIENT_SCOPES_DEFAULT
from aether_core.settings import Settings


class Credentials(msgspec.Struct, frozen=True):
    """Id and secret of a service client."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class OwnClient:
    """The client of one command, such as `replay`, of one installation."""

    settings: Settings
    command: str

    @property
    def _path(self) -> Path:
        return self.settings.key_directory / f"{self.command}.client.json"

    def credentials(self) -> Credentials:
        """Return its credentials; makes it when it is missing. Raises CannotStart."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Credentials)
        except (FileNotFoundError, msgspec.DecodeError):
            return self.renew()

    def renew(self) -> Credentials:
        """Make it anew: it is missing, or the database does not know it any more."""
        # The name says whose it is; several installations may share a database.
        name = f"aether {self.command} {secrets.token_hex(4)}"
        made = services.add_client(name, list(CLIENT_SCOPES_DEFAULT))
        credentials = Credentials(made.client.id, made.secret)
        self.settings.key_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._path.with_suffix(f".{os.getpid()}")
        write_private(partial, msgspec.json.encode(credentials).decode())
        partial.replace(self._path)
        return credentials


def choose_credentials(client_id: str | None, client_secret: str | None) -> Credentials | None:
    """Return what was given; None when nothing was. Raises InvalidInput for half of it."""
    if client_id is None and client_secret is None:
        return None
    if client_id is None or client_secret is None:
        raise InvalidInput(
            "client", "Give both --client-id and --client-secret, or both variables, or neither."
        )
    return Credentials(client_id, client_secret)
