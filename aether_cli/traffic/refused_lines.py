"""Refused lines: what a replay could not submit, in a file that can be mended and replayed.

In:   lines with the reason of their refusal, as they are refused.
Out:  FILE.refused.csv: line number, reason, and the line's own fields under their own names.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TextIO

from aether_cli.traffic.payment_files import Malformed, Row
from aether_core.errors import InvalidInput

_FIRST_COLUMNS = ("line", "reason")


class RefusedLines:
    """The file is made with the first line; what an earlier replay left there is replaced.

    It lies beside the file that is replayed, or in the working directory where that is somebody
    else's place.
    """

    def __init__(self, source: Path, wanted: Path | None, columns: tuple[str, ...]) -> None:
        beside = source.with_name(f"{source.name}.refused.csv")
        usable = beside if os.access(beside.parent, os.W_OK) else Path(beside.name)
        self._wanted = wanted or usable
        self._columns = columns
        self._file: TextIO | None = None
        self.path: Path | None = None
        """Where the lines are; None while there are none."""
        _remove_earlier(self._wanted)

    def add(self, row: Row | Malformed, reason: str) -> None:
        """Add a line. Raises InvalidInput when there is no place for it."""
        if self._file is None:
            self._file = self._open()
            self._write(*_FIRST_COLUMNS, *self._columns)
        self._write(str(row.number), reason, *row.fields)

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> TextIO:
        try:
            file = self._wanted.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise InvalidInput(
                "refused", f"{self._wanted} cannot be written: {error.strerror}; see --refused."
            ) from error
        self.path = self._wanted
        return file

    def _write(self, *fields: str) -> None:
        csv.writer(self._file, lineterminator="\n").writerow(fields)  # type: ignore[arg-type]


def _remove_earlier(path: Path) -> None:
    """Remove what an earlier replay left: it would be taken for this one's."""
    try:
        with path.open(encoding="utf-8") as file:
            is_ours = file.readline().startswith(",".join(_FIRST_COLUMNS))
    except (OSError, UnicodeDecodeError):
        return
    if is_ours:
        path.unlink()
