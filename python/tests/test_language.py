"""The strategy language in a notebook: the errors of the command line, and the function table on arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import assay
from assay import indicators

from conftest import CROSS


def test_a_strategy_is_checked_with_the_errors_of_the_language() -> None:
    checked = assay.strategy(CROSS)
    assert checked.name == "cross"
    assert checked.rules == {"enter_long": "crossover(f, s)", "exit_long": "crossunder(f, s)"}
    assert checked.warmup == 20
    assert "crossover" in checked._repr_html_()
    with pytest.raises(assay.UsageError) as raised:
        assay.strategy(CROSS.replace("sma(close, fast)", "smaa(close, fast)"))
    text = str(raised.value)
    assert "unknown function `smaa`" in text and "let.f, column 1" in text and "did you mean `sma`" in text
    with pytest.raises(assay.NotFoundError, match="did you mean `ma_cross`"):
        assay.strategy("ma_crss")


def test_indicators_are_those_of_the_language(bars: pd.DataFrame) -> None:
    for name, arguments in [("sma", (20,)), ("ema", (20,)), ("rsi", (14,)), ("highest", (10,))]:
        ours = getattr(indicators, name)(bars["close"], *arguments)
        theirs = assay.evaluate(bars, f"{name}(close, {arguments[0]})")
        pd.testing.assert_series_equal(ours, theirs, check_names=False, check_exact=True)
        assert ours.name == name and ours.index.equals(bars.index)


def test_an_average_is_the_average(bars: pd.DataFrame) -> None:
    close = bars["close"]
    np.testing.assert_allclose(indicators.sma(close, 20), close.rolling(20).mean(), rtol=1e-12)
    np.testing.assert_allclose(indicators.highest(close, 20), close.rolling(20).max(), rtol=0)


def test_arrays_come_back_as_they_came(bars: pd.DataFrame) -> None:
    close = bars["close"]
    expected = indicators.ema(close, 5)
    values = close.to_numpy()
    assert isinstance(indicators.ema(values, 5), np.ndarray)
    np.testing.assert_array_equal(indicators.ema(values, 5), expected)
    series = indicators.ema(pl.Series("c", values), 5)
    assert isinstance(series, pl.Series)
    np.testing.assert_array_equal(series.to_numpy(), expected)
    assert indicators.ema(values.tolist(), 5)[10] == expected.iloc[10]


def test_what_a_function_reads_besides_is_given_by_name_or_as_a_frame(bars: pd.DataFrame) -> None:
    whole = indicators.atr(14, data=bars)
    named = indicators.atr(14, high=bars["high"], low=bars["low"], close=bars["close"])
    np.testing.assert_array_equal(whole, named)
    with pytest.raises(assay.UsageError, match="atr reads"):
        indicators.atr(14, high=bars["high"])


def test_functions_with_several_outputs(bars: pd.DataFrame) -> None:
    both = indicators.macd(bars["close"])
    lines = both if isinstance(both, dict) else {"macd": both}
    assert lines
    np.testing.assert_array_equal(
        indicators.macd_signal(bars["close"], 12, 26, signal=9), assay.evaluate(bars, "macd_signal(close, 12, 26, 9)")
    )


def test_holes_are_nulls(bars: pd.DataFrame) -> None:
    once = indicators.sma(bars["close"], 10)
    twice = indicators.sma(once, 5)
    np.testing.assert_allclose(twice, once.rolling(5).mean(), rtol=1e-9)
    pd.testing.assert_series_equal(twice, assay.evaluate(bars, "sma(sma(close, 10), 5)"), check_names=False)


def test_two_series_in_one_call(bars: pd.DataFrame) -> None:
    found = indicators.corr(bars["close"], bars["volume"], 30)
    np.testing.assert_allclose(found, bars["close"].rolling(30).corr(bars["volume"]), atol=1e-6)
    crossed = indicators.crossover(bars["close"], indicators.sma(bars["close"], 20))
    assert set(np.unique(crossed.dropna())) == {0.0, 1.0}


def test_bad_calls() -> None:
    values = [1.0, 2.0, 3.0]
    with pytest.raises(AttributeError, match="did you mean `ema`"):
        indicators.emaa(values, 3)
    with pytest.raises(assay.UsageError, match="no parameter `length`"):
        indicators.ema(values, length=3)
    with pytest.raises(assay.UsageError, match="holds no numbers"):
        indicators.ema(["a", "b"], 3)
    with pytest.raises(assay.UsageError, match="arrays of one length"):
        indicators.corr(values, [1.0, 2.0], 2)
    with pytest.raises(assay.UsageError):
        indicators.ema(values, 0)


def test_every_function_has_help_and_a_stub() -> None:
    from assay import _stubs

    assert len(indicators.names()) > 100
    assert "exponential moving average" in (indicators.ema.__doc__ or "")
    path = Path(_stubs.__file__).with_name("indicators.pyi")
    assert path.read_text(encoding="utf-8") == _stubs.stub(), "python -m assay._stubs writes it anew"
