"""Assay: backtests and optimizes trading strategies, thousands of parameter sets at a time.

>>> import assay
>>> job = assay.sweep(df, "ma_cross", {"fast": range(5, 50), "slow": range(20, 200)}, commission=0.0002)
>>> job.top(5)
>>> job.verdict()

Reading results: :func:`open`, :class:`Job`, :class:`Trial`. Running jobs: :func:`run`, :class:`Client`. The engine on a DataFrame:
:func:`backtest`, :func:`sweep`, :func:`strategy`, :mod:`assay.indicators`. Errors: :mod:`assay.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._assay import __version__
from ._frames import set_frames
from .client import Client
from .engine import Instrument, Spec, Strategy, backtest, evaluate, plan, run, strategy, sweep
from .errors import (
    AssayError,
    MissingLibraryError,
    NotAllowedError,
    NotFoundError,
    UnreachableError,
    UsageError,
)
from .home import Home, open
from .job import Job, Trial, Verdict
from .samples import sample_bars

if TYPE_CHECKING:
    from . import indicators

__all__ = [
    "AssayError",
    "Client",
    "Home",
    "Instrument",
    "Job",
    "MissingLibraryError",
    "NotAllowedError",
    "NotFoundError",
    "Spec",
    "Strategy",
    "Trial",
    "UnreachableError",
    "UsageError",
    "Verdict",
    "__version__",
    "backtest",
    "evaluate",
    "indicators",
    "open",
    "plan",
    "run",
    "sample_bars",
    "set_frames",
    "strategy",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name == "indicators":
        import importlib

        return importlib.import_module(".indicators", __name__)
    raise AttributeError(f"module `assay` has no attribute `{name}`")
