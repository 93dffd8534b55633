"""Known servers: gateways by name, as a person has written them down for their consoles.

In:   `servers.toml` in the user's configuration of Aether.
Out:  one server's address and how its console begins; CannotStart with what to write where.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer

from aether_core.errors import CannotStart

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FIELDS = {"url": str, "email": str, "read_only": bool, "ascii": bool, "theme": str}
_KINDS: dict[type, str] = {str: "text in quotes", bool: "true or false"}


@dataclass(frozen=True)
class KnownServer:
    """A gateway, and how its console begins unless the command says otherwise."""

    url: str
    email: str = ""
    read_only: bool = False
    ascii: bool = False
    theme: str = ""


def configuration_directory() -> Path:
    """Where a person's configuration of Aether is kept."""
    return Path(typer.get_app_dir("aether"))


def check_address(address: str) -> str:
    """Return an address that can be one of a gateway. Raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{address} is no address like http://host:8420")
    return address


def find_server(name: str, file: Path | None = None) -> KnownServer:
    """Return the server of this name. Raises CannotStart."""
    path = file or configuration_directory() / "servers.toml"
    example = f'Write\n\n[{name}]\nurl = "https://aether.example.com"\n\ninto {path}.'
    try:
        known = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CannotStart(f"There are no servers by name yet. {example}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CannotStart(f"{path} cannot be read: {error}.") from error
    entry = known.get(name)
    if not isinstance(entry, dict) or not _NAME.fullmatch(name):
        names = ", ".join(sorted(known)) or "none"
        raise CannotStart(f"There is no server {name}; there are: {names}. {example}")
    for field, value in entry.items():
        kind = _FIELDS.get(field)
        if kind is None:
            raise CannotStart(f"{path}: [{name}] knows no {field}; it knows {', '.join(_FIELDS)}.")
        if not isinstance(value, kind):
            raise CannotStart(f"{path}: {field} of [{name}] must be a {_KINDS[kind]}.")
    try:
        check_address(entry.get("url", ""))
    except ValueError as error:
        raise CannotStart(f"{path}: url of [{name}]: {error}.") from error
    return KnownServer(**entry)
