"""The gateway's process: uvicorn on an inherited socket or on host and port.

On SIGTERM it takes no new connections, ends the live feeds, finishes the requests that are under
way and closes; `_GRACE_S` later it ends regardless.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import time
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from aether_api.app import GatewayApp, create_app, end_long_requests
from aether_api.edge import FEED_PATH
from aether_api.express import ExpressLane
from aether_api.protocol import BoundedProtocol
from aether_core.errors import AetherError, CannotStart
from aether_core.settings import Settings

logger = logging.getLogger(__name__)

_GRACE_S: Final = 8
_FEED_GRACE_S: Final = 1.0
_KEEP_ALIVE_S: Final = 30
_BACKLOG: Final = 2048
# A peer that vanished is noticed after so long, also while we have something to send to it.
_TCP_USER_TIMEOUT_MS: Final = 20_000
_SWEEP_TICKS: Final = 10
"""Tenths of a second between two looks for clients that are too slow."""


class _Server(uvicorn.Server):
    """Ends quietly on a signal, and loudly when a loop beside the requests fails."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app
        self.failure: BaseException | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second SIGINT forces it."""
        super().handle_exit(sig, frame)
        # uvicorn would raise the signal once more after a graceful end, and so end with an error.
        self._captured_signals.clear()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; what is there by then stays, and need not be looked at for garbage again."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: now and then close what is too slow."""
        if counter % _SWEEP_TICKS == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol) and connection.is_too_slow(now):
                    connection.transport.close()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the live feeds, which would never end by themselves, and then all the rest."""
        end_long_requests(self._app)
        asyncio.get_running_loop().call_later(_FEED_GRACE_S, self._break_off_feeds)
        await super().shutdown(sockets)

    def _break_off_feeds(self) -> None:
        """Close the live feeds whose clients take nothing, and would be waited for."""
        for connection in list(self.server_state.connections):
            if (
                isinstance(connection, BoundedProtocol)
                and connection.flow.write_paused
                and connection.cycle.scope["path"] == FEED_PATH
            ):
                connection.transport.abort()

    def fail(self, error: BaseException) -> None:
        """Stop because a loop failed."""
        self.failure = error
        self.should_exit = True


def serve(settings: Settings, listen_fd: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Blocks.

    listen_fd: a listening socket that is inherited; None: host and port of the settings.
    Raises CannotStart when the port is taken or the set-up is wrong, AetherError when a part fails.
    """
    listener = _listen(settings, listen_fd)
    server: _Server
    app = create_app(settings, on_failure=lambda error: server.fail(error))
    server = _Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=_protocol(settings, app),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.gateway.trusted_proxies),
            forwarded_allow_ips=settings.gateway.trusted_proxies or None,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        ),
        app,
    )
    logger.info("the gateway listens on %s", settings.base_url)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        # uvicorn's word for a failed start; ours says why, as the last line of the log.
        if server.failure is None:
            raise
    if isinstance(server.failure, AetherError):
        raise server.failure
    if server.failure is not None:
        raise AetherError(f"The gateway failed: {server.failure!r}") from server.failure


def _protocol(settings: Settings, app: GatewayApp) -> type[BoundedProtocol]:
    class Protocol(BoundedProtocol):
        connection_count_max = settings.gateway.connection_count_max
        body_bytes_max = settings.gateway.body_bytes_max
        bulk_bytes_max = settings.gateway.bulk_bytes_max
        lane = ExpressLane(
            app,
            body_bytes_max=settings.gateway.body_bytes_max,
            trusts_proxies=bool(settings.gateway.trusted_proxies),
            has_origins=bool(settings.gateway.cors_origins),
        )

    return Protocol


def _listen(settings: Settings, listen_fd: int | None) -> socket.socket:
    if listen_fd is not None:
        listener = socket.socket(fileno=listen_fd)
    else:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            listener.close()
            raise CannotStart(
                f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}); "
                "set AETHER_PORT to a free port."
            ) from error
        listener.listen(_BACKLOG)
    if listener.family != socket.AF_UNIX:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TCP_USER_TIMEOUT_MS)
    listener.setblocking(False)
    return listener
