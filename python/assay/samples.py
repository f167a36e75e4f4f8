"""Bars to try things out with."""

from __future__ import annotations

import random
from typing import Any, Optional

from ._frames import Kind, table

__all__ = ["sample_bars"]

_START = 1_704_153_600  # 2024-01-02 00:00 UTC, a Tuesday


def sample_bars(
    rows: int = 20_000, bar: str = "15m", seed: int = 1, drift: float = 0.0, *, kind: Optional[Kind] = None
) -> Any:
    """Bars of a random walk in cents that begins at 100: the same for the same seed, everywhere.

    Nothing can be earned on them but by luck, apart from ``drift`` a year; which is what makes them good for trying out a verdict.
    """
    import pyarrow as pa

    unit = {"m": 60, "h": 3_600, "d": 86_400}[bar[-1]]
    seconds = int(bar[:-1]) * unit
    draw = random.Random(seed)
    sigma = 0.15 * (seconds / (365 * 86_400)) ** 0.5 / 2
    step = drift * seconds / (365 * 86_400) / 4
    price = 100.0
    columns: list[list[float]] = [[], [], [], [], []]
    for _ in range(rows):
        path = []
        for _ in range(4):
            price *= 1 + step + sigma * draw.gauss(0, 1)
            path.append(round(price, 2))
        for column, value in zip(columns, (path[0], max(path), min(path), path[3], float(draw.randint(1, 500)))):
            column.append(value)
    times = pa.array(range(_START * 10**9, (_START + rows * seconds) * 10**9, seconds * 10**9), pa.int64())
    arrays = [times.cast(pa.timestamp("ns", "UTC")), *(pa.array(column, pa.float64()) for column in columns)]
    return table(pa.Table.from_arrays(arrays, names=["time", "open", "high", "low", "close", "volume"]), kind)
