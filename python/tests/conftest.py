"""Bars and homes for the tests, and the command line to compare with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pandas as pd
import pytest

import assay

BARS = 3_000
CROSS = """
name = "cross"
[params]
fast = { int = [2, 20], default = 5 }
slow = { int = [5, 60], default = 20 }
where = "fast < slow"
[let]
f = "sma(close, fast)"
s = "sma(close, slow)"
[rules]
enter_long = "crossover(f, s)"
exit_long = "crossunder(f, s)"
"""
SPACE = {"fast": range(2, 12), "slow": range(5, 40, 5), "where": "fast < slow"}


def make_bars(rows: int = BARS, seed: int = 7, freq: str = "15min") -> pd.DataFrame:
    """A random walk in cents, as a pandas frame with the times as its index."""
    steps = np.random.default_rng(seed).normal(0, 0.05, (rows, 4))
    path = np.round(100 + np.cumsum(steps.reshape(-1)), 2).reshape(rows, 4)
    index = pd.date_range("2024-01-02", periods=rows, freq=freq, tz="UTC", name="time").as_unit("ns")
    return pd.DataFrame(
        {
            "open": path[:, 0],
            "high": path.max(axis=1),
            "low": path.min(axis=1),
            "close": path[:, 3],
            "volume": np.arange(rows, dtype=float) % 50 + 1,
        },
        index=index,
    )


@pytest.fixture(scope="session")
def bars() -> pd.DataFrame:
    return make_bars()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that tests share which only add to it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def job(bars: pd.DataFrame, home: Path) -> assay.Job:
    """A finished sweep."""
    return assay.sweep(bars, CROSS, SPACE, home=home, commission=0.0001, progress=False)


@pytest.fixture
def cli() -> Callable[..., str]:
    """Runs the command line; the binary is what ASSAY_BIN says."""
    binary = os.environ.get("ASSAY_BIN")
    if not binary:
        pytest.skip("ASSAY_BIN does not say where the command line is")

    def run(*arguments: Any, cwd: Path) -> str:
        done = subprocess.run([binary, *map(str, arguments)], cwd=cwd, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
