"""Structured logs: one JSON object a line, for every process.

In:   the records of Python's logging, ours and those of the libraries.
Out:  lines on standard error; supervisord keeps them in one file a process.
Everything outside printable ASCII is escaped, so that nobody's text can forge a line or drive a
terminal. What looks like a secret is blanked: URLs' passwords, bearer tokens, JSON Web Tokens.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

LogLevel = Literal["debug", "info", "warning", "error"]

_TEXT_LENGTH_MAX = 8_000
"""Characters of one text in a line; more helps nobody and fills the disk."""

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s/@]+@"), r"\1:***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), "***"),
    (
        re.compile(
            r"(?i)(password|passwd|secret|access_token|refresh_token|authorization|cookie)"
            r"([\"']?\s*[=:]\s*[\"']?)[^\s\"',;&}]+"
        ),
        r"\1\2***",
    ),
)

# What every record carries; anything else came with `extra=` and is shown under its own name.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """Makes one line of a record; `process` says which of Aether's processes wrote it."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "message": _clean(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD and name not in line:
                plain = value if isinstance(value, bool | int | float | None) else str(value)
                line[name] = _clean(plain) if isinstance(plain, str) else plain
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["trace"] = _clean(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True)


def configure_logging(process: str, level: LogLevel = "info") -> None:
    """Send this process's logs to standard error as JSON lines; call it once at its start.

    Warnings and exceptions that nobody caught are logged as well.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These say at each start that they exist, or quote every URL.
    for chatty in ("alembic.runtime.plugins", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_crash


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("aether").critical("%s", error, exc_info=(kind, error, trace))


def blank_secrets(text: str) -> str:
    """Return a text without what looks like a password, a token or a key in it."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _clean(text: str) -> str:
    text = blank_secrets(text)
    if len(text) > _TEXT_LENGTH_MAX:
        # The end of a trace says more than its beginning.
        text = "…" + text[-_TEXT_LENGTH_MAX:]
    return text
