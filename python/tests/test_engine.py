"""The engine on DataFrames: the numbers of the command line, whatever library the frame is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import assay

from conftest import CROSS, SPACE, make_bars


def test_a_sweep_has_the_rows_of_the_command_line_to_the_last_bit(
    bars: pd.DataFrame, job: assay.Job, tmp_path: Path, cli: Callable[..., str]
) -> None:
    bars.to_csv(tmp_path / "bars.csv")
    (tmp_path / "cross.toml").write_text(CROSS)
    (tmp_path / "job.toml").write_text(
        """
        name = "cross"
        [data]
        instruments = ["FRAME"]
        bars = "15m"
        [strategy]
        use = "./cross.toml"
        [params]
        fast = { int = [2, 11] }
        slow = { int = [5, 35], step = 5 }
        where = "fast < slow"
        [execution]
        commission = 0.0001
        """
    )
    cli("data", "import", "bars.csv", "--symbol", "FRAME", "--bar", "15m", "--tz", "UTC", cwd=tmp_path)
    theirs = json.loads(cli("run", "job.toml", "-o", "json", cwd=tmp_path))
    assert theirs["fingerprint"] == job.fingerprint
    # The same job on the same values is the same job, whichever way the values came.
    assert theirs["job_id"] == job.id
    top = json.loads(cli("top", job.id, "-n", 5, "-o", "json", cwd=tmp_path))
    ours = job.top(5, kind="arrow").to_pylist()
    assert [row["trial_id"] for row in ours] == [row["trial_id"] for row in top]
    assert [row["sharpe"] for row in ours] == [row["metrics"]["sharpe"] for row in top]


def as_polars(bars: pd.DataFrame) -> pl.DataFrame:
    return pl.from_pandas(bars, include_index=True)


@pytest.mark.parametrize(
    "convert",
    [
        as_polars,
        lambda bars: as_polars(bars).lazy(),
        lambda bars: pl.concat([as_polars(bars[:1000]), as_polars(bars[1000:])], rechunk=False),
        lambda bars: pa.Table.from_pandas(bars),
        lambda bars: pa.Table.from_pandas(bars).to_batches()[0],
        lambda bars: bars.reset_index(),
        lambda bars: bars.rename(columns=str.upper),
        lambda bars: bars.tz_convert("Europe/London"),
        lambda bars: bars.convert_dtypes(dtype_backend="pyarrow"),
        lambda bars: bars.iloc[::-1].iloc[::-1],
    ],
    ids=["polars", "lazy", "chunks", "table", "batch", "column", "upper", "zone", "pyarrow", "strided"],
)
def test_the_library_of_a_frame_makes_no_difference(
    convert: Callable[[pd.DataFrame], Any], bars: pd.DataFrame, job: assay.Job, home: Path
) -> None:
    again = assay.sweep(convert(bars), CROSS, SPACE, home=home, commission=0.0001, progress=False)
    assert again.id == job.id
    assert again.computed == 0, "it was found"


def test_contiguous_columns_are_not_copied(bars: pd.DataFrame) -> None:
    from assay._frames import bars_batch

    ours = pd.DataFrame({name: bars[name].to_numpy().copy() for name in bars.columns}, index=bars.index, copy=False)
    batch = bars_batch(ours)
    for name in ("open", "close"):
        assert batch.column(name).buffers()[1].address == ours[name].to_numpy().ctypes.data
    frame = as_polars(bars).rechunk()
    assert bars_batch(frame).column("close").buffers()[1].address == frame["close"].to_arrow().buffers()[1].address


def test_a_backtest_is_one_trial_of_the_sweep(bars: pd.DataFrame, job: assay.Job, home: Path) -> None:
    best = job.best()
    alone = assay.backtest(bars, CROSS, best.params, home=home, commission=0.0001)
    assert alone.metrics == best.metrics
    assert alone.params == best.params
    assert alone["sharpe"] == best.metrics["sharpe"]
    with pytest.raises(assay.NotFoundError, match="did you mean `sharpe`"):
        alone["sharp"]
    trades = alone.trades(kind="pandas")
    assert len(trades) == alone["trades"] + alone["open_trades"]
    equity = alone.equity(kind="pandas")
    assert equity["equity"].iloc[-1] == pytest.approx(alone["final_equity"], rel=1e-12)
    assert equity["drawdown"].min() == pytest.approx(alone["max_drawdown"], rel=1e-9)


def test_left_out_parameters_take_their_defaults(bars: pd.DataFrame, home: Path) -> None:
    assert assay.backtest(bars, CROSS, {"fast": 4}, home=home).params == {"fast": 4, "slow": 20}
    assert assay.backtest(bars, "ma_cross", home=home).params == {"fast": 10, "slow": 50}


def test_bars_are_made_from_rows(bars: pd.DataFrame, home: Path) -> None:
    hours = assay.backtest(bars, CROSS, home=home, bars="1h")
    resampled = bars.resample("1h").agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
    assert hours.metrics == assay.backtest(resampled, CROSS, home=home).metrics


def test_facts_of_instruments_count(bars: pd.DataFrame, home: Path) -> None:
    future = assay.Instrument("MINI", lot=1, multiplier=50)
    trial = assay.backtest(bars, CROSS, instrument=future, home=home, capital=100_000)
    assert trial.instrument == "MINI"
    assert set(trial.trades(kind="pandas")["units"] % 1) == {0.0}
    assert trial.metrics != assay.backtest(bars, CROSS, instrument="MINI", home=home, capital=100_000).metrics


def test_several_frames_are_several_instruments(bars: pd.DataFrame, home: Path) -> None:
    other = make_bars(seed=8)
    job = assay.sweep({"A": bars, "B": other}, CROSS, SPACE, home=home, progress=False)
    assert job.record["instruments"] == ["A", "B"]
    alone = assay.sweep(other, CROSS, SPACE, home=home, progress=False, instrument="B")
    both = job.trials(["instrument", "ordinal", "sharpe"], kind="pandas")
    one = alone.trials(["ordinal", "sharpe"], kind="pandas")
    of_b = both[both["instrument"].astype(str) == "B"]
    assert of_b["sharpe"].tolist() == one["sharpe"].tolist()
    assert job.best().trades(kind="arrow").num_rows >= 0


def test_every_sweep_is_entered_in_the_ledger(tmp_path: Path) -> None:
    bars = make_bars(800)
    first = assay.sweep(bars, CROSS, {"fast": range(2, 6), "slow": [20]}, home=tmp_path, progress=False)
    assert first.verdict()["trials_family"] == 4
    assay.sweep(bars, CROSS, {"fast": range(2, 6), "slow": [30]}, home=tmp_path, progress=False)
    assert first.verdict()["trials_family"] == 8, "the other sweep tried as much on the same data"
    assert len(assay.open(tmp_path).jobs(kind="pandas")) == 2
    assert not (tmp_path / "catalog").exists(), "what was imported is what was imported"


def test_spaces_are_written_as_python_writes_ranges() -> None:
    from assay.engine import space

    import numpy as np

    assert space(
        {
            "a": range(5, 50),
            "b": range(20, 5, -5),
            "c": (0.1, 2.0),
            "d": (1, 9, 2),
            "e": np.linspace(0.5, 1.5, 5),
            "f": ["sma", "ema"],
            "g": np.int64(3),
            "h": [4, 6, 8],
            "i": {"float": [0.1, 1], "log": True},
            "where": "a < d",
        }
    ) == {
        "a": {"int": [5, 49]},
        "b": {"int": [10, 20], "step": 5},
        "c": {"float": [0.1, 2.0]},
        "d": {"int": [1, 9], "step": 2},
        "e": {"float": [0.5, 1.5], "steps": 5},
        "f": {"choice": ["sma", "ema"]},
        "g": 3,
        "h": {"int": [4, 8], "step": 2},
        "i": {"float": [0.1, 1], "log": True},
        "where": "a < d",
    }
    with pytest.raises(assay.UsageError, match="is no range"):
        space({"a": [1, 2, 4]})


def test_a_walk_forward_and_its_folds(bars: pd.DataFrame, home: Path) -> None:
    job = assay.sweep(
        bars, CROSS, SPACE, home=home, progress=False, validation={"method": "walk_forward", "train": "8d", "test": "4d"}
    )
    folds = job.folds(kind="pandas")
    assert folds["fold"].tolist() == list(range(len(folds))) and len(folds) >= 3
    walk = job.walk(kind="pandas")
    assert walk["time"].is_monotonic_increasing
    with pytest.raises(assay.NotFoundError, match="has no folds"):
        assay.sweep(bars, CROSS, SPACE, home=home, progress=False, commission=0.0001).folds()
