"""What is wrong with a frame is one exception that says which column and row, and how to mend it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import assay

from conftest import CROSS


def with_value(column: str, row: int, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(bars: pd.DataFrame) -> pd.DataFrame:
        changed = bars.copy()
        changed.iloc[row, changed.columns.get_loc(column)] = value
        return changed

    return change


CASES: list[tuple[str, Callable[[pd.DataFrame], Any], str, str]] = [
    ("nan", with_value("close", 17, np.nan), r"row 17 \(2024-01-02T04:15:00Z\): close is NaN", "dropna"),
    ("infinite", with_value("high", 3, np.inf), r"row 3 \(2024-01-02T00:45:00Z\): high is inf", "dropna"),
    ("high", with_value("high", 5, 1.0), r"row 5 .*: high 1 is not the highest of open", "high = "),
    ("low", with_value("low", 6, 1e6), r"row 6 .*: low 1000000 is not the lowest of open", "low with min"),
    ("volume", with_value("volume", 2, -1.0), r"row 2 .*: volume is -1, below 0", "leave such rows out"),
    ("unsorted", lambda b: pd.concat([b[10:], b[:10]]), r"row 2990: time 2024-01-02T00:00:00Z comes after", "sort_index"),
    ("backwards", lambda b: b[::-1], r"row 1: time .* comes after", "sort_index"),
    ("duplicate", lambda b: pd.concat([b[:5], b[4:]]), r"row 5: time 2024-01-02T01:00:00Z is that of row 4 again", "duplicated"),
    ("naive", lambda b: b.tz_localize(None), r"column `time` has no time zone", "tz_localize"),
    ("missing column", lambda b: b.drop(columns="low"), r"no column `low`; there are", "rename"),
    ("no times", lambda b: b.reset_index(drop=True), r"no column `time`; there are `open`", "index"),
    ("text", lambda b: b.assign(close=b["close"].astype(str)), r"column `close` is of type", "to_numeric|convert it"),
    ("objects", lambda b: b.assign(close=b["close"].astype(object)), r"column `close` is of type object", "to_numeric"),
    ("text times", lambda b: b.reset_index().assign(time="2024"), r"column `time` is of type", "to_datetime"),
    ("levels", lambda b: pd.concat({"EURUSD": b}, axis=1), r"the columns have several levels", "xs"),
    ("empty", lambda b: b[:0], r"there are no rows", "filter"),
    ("series", lambda b: b["close"], r"a Series holds no bars", "DataFrame"),
    ("nothing", lambda b: 5, r"a int holds no bars", "pandas or polars"),
    ("twice", lambda b: b.assign(Close=1.0), r"two columns are called `close`", "keep one"),
    ("polars null", lambda b: pl.from_pandas(b, include_index=True).with_columns(close=pl.lit(None, pl.Float64)), r"row 0 .*: close is missing", "dropna"),
    ("polars naive", lambda b: pl.from_pandas(b.tz_localize(None), include_index=True), r"no time zone", "replace_time_zone"),
    ("polars text", lambda b: pl.from_pandas(b, include_index=True).with_columns(pl.col("open").cast(pl.String)), r"column `open` is of type", "convert it"),
    ("arrow", lambda b: pa.table({"time": [1, 2], "open": [1.0, 2.0]}), r"column `time` is of type Int64", "to_datetime"),
    ("one row", lambda b: b[:1], r"the length of a bar cannot be told", "bar='5m'"),
]


@pytest.mark.parametrize(("change", "message", "hint"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_frames(change: Callable[[pd.DataFrame], Any], message: str, hint: str, bars: pd.DataFrame, home: Path) -> None:
    with pytest.raises(assay.UsageError, match=message) as raised:
        assay.backtest(change(bars), CROSS, home=home)
    assert raised.value.hint is not None
    assert any(word in raised.value.hint for word in hint.split("|")), raised.value.hint
    assert raised.value.code == 2 and isinstance(raised.value, ValueError)


def test_a_zone_can_be_said_in_the_call(bars: pd.DataFrame, home: Path) -> None:
    right = assay.backtest(bars, CROSS, home=home)
    assert assay.backtest(bars.tz_localize(None), CROSS, home=home, tz="UTC").id == right.id
    naive = pl.from_pandas(bars.tz_localize(None), include_index=True)
    assert assay.backtest(naive, CROSS, home=home, tz="UTC").id == right.id
    assert assay.backtest(pa.Table.from_pandas(bars.tz_localize(None)), CROSS, home=home, tz="UTC").id == right.id


def test_other_numbers_are_converted(bars: pd.DataFrame, home: Path) -> None:
    whole = bars.assign(volume=bars["volume"].astype("int32"))
    assert assay.backtest(whole, CROSS, home=home).id == assay.backtest(bars, CROSS, home=home).id
    assert assay.backtest(bars.astype("float32"), CROSS, home=home).metrics["trades"] is not None
    without = bars.drop(columns="volume")
    assert assay.backtest(without, CROSS, home=home)["trades"] == assay.backtest(bars, CROSS, home=home)["trades"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "ma_cros"}, "did you mean `ma_cross`"),
        ({"strategy": None}, "neither a strategy nor signals"),
        ({"strategy": CROSS, "params": {"fats": 3}}, "did you mean `fast`"),
        ({"strategy": CROSS, "params": {"fast": range(2, 5)}}, "`assay.sweep` takes ranges"),
        ({"strategy": CROSS, "comission": 0.1}, "did you mean `commission`"),
        ({"strategy": CROSS, "fill": "nextopen"}, "next_open"),
        ({"strategy": CROSS, "bar": "5 minutes"}, "is no length of a bar"),
        ({"strategy": CROSS, "start": "1999-01-01"}, "beyond the data|move `from`"),
        ({"strategy": CROSS, "instrument": "a b"}, "cannot be a symbol"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str, bars: pd.DataFrame, home: Path) -> None:
    with pytest.raises(assay.AssayError, match=message):
        assay.backtest(bars, home=home, **arguments)


def test_errors_survive_pickling() -> None:
    with pytest.raises(assay.UsageError) as raised:
        assay.strategy("name = 'x'\n[rules]\nenter_long = 'close > smaa(close, 5)'")
    again = pickle.loads(pickle.dumps(raised.value))
    assert str(again) == str(raised.value) and again.hint == raised.value.hint and again.code == 2
