"""`aether openapi`: prints the gateway's OpenAPI document, without a server."""

from __future__ import annotations

import json

import typer
from pydantic import SecretStr

from aether_core.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command()(openapi)


def openapi() -> None:
    """Print the OpenAPI document of the gateway as JSON."""
    from aether_api.app import create_app

    # Nothing is opened before an application runs: any addresses do.
    unused = Settings(database_url=SecretStr("unused"), redis_url=SecretStr("unused"))
    typer.echo(json.dumps(create_app(unused).openapi(), indent=2, ensure_ascii=False))
