"""How far a job is: tqdm's bar where tqdm is installed, else a line on a terminal, else nothing."""

from __future__ import annotations

import sys
import time
from typing import Any, Callable, Optional

from ._frames import installed


class Bar:
    """A bar that appears with the first report, unless the job is over by then."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Any = None
        self._plain = not installed("tqdm")
        self._shown = False
        self._last = 0.0

    def __call__(self, done: int, total: int, note: str) -> None:
        if self._plain:
            self._line(done, total, note)
            return
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, initial=done, desc=self._name, unit=" trials", unit_scale=True, leave=False)
        self._bar.total = total
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def _line(self, done: int, total: int, note: str) -> None:
        now = time.monotonic()
        if not sys.stderr.isatty() or now - self._last < 0.1:
            return
        self._last = now
        share = done / total if total else 0.0
        filled = int(30 * share)
        sys.stderr.write(f"\r{self._name} [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%} of {total:,} trials  {note}\x1b[K")
        sys.stderr.flush()
        self._shown = True

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def bar(name: str, progress: bool) -> Optional[Bar]:
    return Bar(name) if progress else None


Listener = Callable[[int, int, str], None]
