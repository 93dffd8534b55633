"""The dashboard: serves the built pages beside the interface.

Only what the build wrote is served, from memory: there is no path to walk out of. Pages and the
interface share addresses such as /transactions/…: who asks for HTML gets the page.
"""

from __future__ import annotations

import gzip
import logging
import mimetypes
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.types import Scope

logger = logging.getLogger(__name__)

CONTENT_POLICY: Final = (
    "default-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing inline and nothing foreign, so that nobody's text can become a script."""

_INDEX: Final = "/index.html"
# The page that shows the HTTP interface is no part of the dashboard's.
_PAGES: Final = {"/docs": "/docs.html"}
_ASSETS: Final = "/assets/"
_FILE_BYTES_MAX: Final = 8 * 1024 * 1024
# A page's address; anything else is no page, whoever asks for it.
_PAGE = re.compile(r"(/[A-Za-z0-9_-]+)*/?")
# Addresses that are never pages.
_NO_PAGES: Final = (
    "/assets", "/auth/", "/oauth/", "/health", "/metrics", "/events", "/analytics/",
)  # fmt: skip
_COMPRESSED_MIN: Final = 1024
_COMPRESSIBLE: Final = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the build, ready to be sent; `encoded` by content encoding, best first."""

    body: bytes
    encoded: tuple[tuple[str, bytes], ...]
    media_type: str
    etag: str
    is_immutable: bool


class Dashboard:
    """The built dashboard in a directory, read when it is first asked for and when it changes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, _File] = {}
        self._version: tuple[int, int] | None = None

    def answer(self, scope: Scope) -> Response | None:
        """Return the page or file that a GET asks for, or None when it asks the interface."""
        path: str = scope["path"]
        accept, accept_encoding, if_none_match = _wishes(scope)
        if "text/html" in accept and _is_page(path):
            # Another build has another index; its files come with it.
            self._read_if_changed()
            path = _PAGES.get(path.rstrip("/"), _INDEX)
        elif path == "/":
            self._read_if_changed()
            path = _INDEX
        elif not self._files:
            self._read_if_changed()
        file = self._files.get(path)
        return None if file is None else _respond(file, accept_encoding, if_none_match)

    def _read_if_changed(self) -> None:
        try:
            found = (self._directory / _INDEX[1:]).stat()
        except OSError:
            self._files, self._version = {}, None
            return
        version = (found.st_mtime_ns, found.st_size)
        if version != self._version:
            self._files = _read(self._directory)
            self._version = version
            logger.info("the dashboard has %d files", len(self._files))


def _is_page(path: str) -> bool:
    return _PAGE.fullmatch(path) is not None and not path.startswith(_NO_PAGES)


def _wishes(scope: Scope) -> tuple[str, str, str]:
    accept = accept_encoding = if_none_match = b""
    for name, value in scope["headers"]:
        if name == b"accept":
            accept += value
        elif name == b"accept-encoding":
            accept_encoding += value
        elif name == b"if-none-match":
            if_none_match = value
    return (
        accept.decode("latin-1"),
        accept_encoding.decode("latin-1"),
        if_none_match.decode("latin-1"),
    )


def _respond(file: _File, accept_encoding: str, if_none_match: str) -> Response:
    headers = {
        "Cache-Control": (
            "public, max-age=31536000, immutable" if file.is_immutable else "no-cache"
        ),
        "Content-Security-Policy": CONTENT_POLICY,
        "ETag": file.etag,
        "Vary": "Accept, Accept-Encoding",
    }
    if if_none_match == file.etag:
        return Response(None, 304, headers)
    body = file.body
    for encoding, encoded in file.encoded:
        if encoding in accept_encoding:
            headers["Content-Encoding"] = encoding
            body = encoded
            break
    return Response(body, 200, headers, file.media_type)


def _read(directory: Path) -> dict[str, _File]:
    """Read the build's files, by path; hidden files, source maps and links are left out."""
    root = directory.resolve()
    files = {}
    for found in sorted(root.rglob("*")):
        relative = found.relative_to(root)
        is_served = (
            found.is_file()
            and not any(part.startswith(".") for part in relative.parts)
            and found.suffix not in {".map", ".br", ".gz"}
            and found.resolve().is_relative_to(root)
            and found.stat().st_size <= _FILE_BYTES_MAX
        )
        if is_served:
            files[f"/{relative.as_posix()}"] = _file(found, f"/{relative.as_posix()}")
    return files


def _file(found: Path, path: str) -> _File:
    body = found.read_bytes()
    media_type = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    if media_type == "text/javascript":
        media_type = "application/javascript"
    encoded = []
    brotli = found.with_name(f"{found.name}.br")
    if brotli.is_file():
        encoded.append(("br", brotli.read_bytes()))
    if len(body) >= _COMPRESSED_MIN and media_type.startswith(_COMPRESSIBLE):
        encoded.append(("gzip", gzip.compress(body, mtime=0)))
    return _File(
        body=body,
        encoded=tuple(encoded),
        media_type=media_type,
        etag=f'"{sha256(body).hexdigest()[:32]}"',
        # The build puts a hash of its content into the name of every asset.
        is_immutable=path.startswith(_ASSETS),
    )
