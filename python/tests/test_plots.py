"""Figures: what they show, and that they stay small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import assay

from conftest import CROSS, SPACE


def test_a_heatmap_has_a_cell_for_each_pair(job: assay.Job) -> None:
    figure = job.plot.heatmap("fast", "slow")
    (heat,) = figure.data
    rows = job.trials(["param.fast", "param.slow", "sharpe"], kind="pandas")
    grid = rows.pivot(index="param.slow", columns="param.fast", values="sharpe")
    np.testing.assert_allclose(np.array(heat.z, dtype=float), grid.to_numpy(), equal_nan=True)
    largest = job.plot.heatmap("fast", "slow", "-max_drawdown", "max").data[0]
    assert np.nanmax(np.array(largest.z, dtype=float)) <= 0
    with pytest.raises(assay.NotFoundError, match="did you mean `fast`"):
        job.plot.heatmap("fats", "slow")
    with pytest.raises(assay.UsageError, match="no way to aggregate"):
        job.plot.heatmap("fast", "slow", aggregate="median")


def test_many_values_become_bins(bars: pd.DataFrame, tmp_path: Path) -> None:
    text = CROSS.replace("exit_long = ", "take_profit = 'width'\nexit_long = ").replace(
        "[let]", "width = { float = [0.1, 2.0], default = 1.0 }\n[let]"
    )
    space = {"fast": (2, 20), "slow": 30, "width": (0.1, 2.0)}
    job = assay.sweep(
        bars[:800], text.replace("where = \"fast < slow\"\nwidth", "width"), space, home=tmp_path, progress=False,
        search={"method": "random", "trials": 500, "seed": 1},
    )
    (heat,) = job.plot.heatmap("width", "fast").data
    assert len(heat.x) == 200 and len(heat.y) <= 19


def test_curves_and_trades_of_a_trial(job: assay.Job) -> None:
    curve = job.plot.equity()
    assert {trace.name for trace in curve.data} == {"equity", "buy and hold", "drawdown"}
    assert all(len(trace.x) <= 2_002 for trace in curve.data)
    equity = job.best().equity(kind="pandas")["equity"]
    assert max(curve.data[0].y) == equity.max() and min(curve.data[0].y) == equity.min(), "extremes stay"
    trades = job.plot.trades(job.best(2))
    assert {trace.name for trace in trades.data} == {"sum of pnl", "won", "lost"}


def test_the_front_is_what_no_trial_beats(job: assay.Job) -> None:
    figure = job.plot.pareto("max_drawdown", "total_return")
    front = figure.data[1]
    rows = job.trials(["max_drawdown", "total_return"], kind="pandas").to_numpy()
    for x, y in zip(front.x, front.y):
        assert not ((rows[:, 0] > x) & (rows[:, 1] > y)).any()
    assert len(front.x) >= 1
    assert job.plot.pareto().data


def test_walk_forward_importance_and_distribution(bars: pd.DataFrame, home: Path, job: assay.Job) -> None:
    walked = assay.sweep(bars, CROSS, SPACE, home=home, progress=False, validation={"method": "walk_forward", "train": "8d", "test": "4d"})
    names = [trace.name for trace in walked.plot.walk_forward().data]
    assert "sharpe in sample" in names and "sharpe out of sample" in names
    (bar,) = job.plot.importance().data
    assert {"fast", "slow"} <= set(bar.y)
    assert sum(job.plot.distribution().data[0].y) == job.trials(["sharpe"], kind="pandas")["sharpe"].notna().sum()
