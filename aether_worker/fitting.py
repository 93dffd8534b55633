"""Fitting: one process that fits models, so that a fit never holds up an event loop.

In:   a history of load.
Out:  the report on it, within a time limit.
The process is started when it is first needed, kept between fits (its libraries take seconds to
load), killed when a fit takes too long, and ends by itself when its parent is gone, however that
died.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aether_core.forecasting.report import LoadHistory, LoadReport

# Behind the gateway and the writers, but not out of the race: at 10 a fit on a busy machine takes
# twenty times as long, and the forecast is missing just when the load is high.
_NICENESS = 5


class FitAborted(Exception):
    """A fit failed or took too long, or its process died; the last forecast is kept."""


class FittingProcess:
    """Fits one history at a time in a process of its own."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._executor: ProcessPoolExecutor | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """The process, once it was needed."""
        return self._pid

    async def report(
        self, history: LoadHistory, horizon: int, *, history_min: int, analyzed_at: datetime
    ) -> LoadReport:
        """Return the report on a history of at least `history_min` minutes. Raises FitAborted."""
        try:
            # A time limit each: loading the libraries must not eat into the first fit's.
            async with asyncio.timeout(self._timeout_s):
                executor = await self._started()
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.get_running_loop().run_in_executor(
                    executor, _report, history, horizon, history_min, analyzed_at
                )
        except TimeoutError as error:
            self.close()
            raise FitAborted(f"The fit took more than {self._timeout_s:.0f} s.") from error
        except BrokenProcessPool as error:
            self.close()
            raise FitAborted("The fitting process died.") from error
        except asyncio.CancelledError:
            # Nobody waits for this fit any more.
            self.close()
            raise

    def close(self) -> None:
        """End the process at once."""
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._pid = None

    async def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            # One thread a matrix: ours are small, and more threads only wait for one another.
            os.environ["OPENBLAS_NUM_THREADS"] = "1"
            self._executor = ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare
            )
            self._pid = await asyncio.get_running_loop().run_in_executor(self._executor, os.getpid)
            await asyncio.get_running_loop().run_in_executor(self._executor, _load_libraries)
        return self._executor


def _prepare() -> None:
    """Make the new process modest and mortal."""
    # Ctrl-C reaches the whole group of processes; the parent decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed parent cannot tell its pool, whose workers would wait for work for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _load_libraries() -> None:
    # In the fitting process only: statsmodels takes seconds and 100 MB.
    from aether_core.forecasting import analysis  # noqa: F401


def _report(
    history: LoadHistory, horizon: int, history_min: int, analyzed_at: datetime
) -> LoadReport:
    from aether_core.forecasting.analysis import report_load

    try:
        return report_load(history, horizon, history_min=history_min, analyzed_at=analyzed_at)
    except Exception as error:  # noqa: BLE001 - numerical libraries fail in every way
        # As text: not every exception survives the way between processes, and one that does not
        # takes the process with it.
        raise FitAborted(f"The fit failed: {error!r}") from None
