"""Entries and exits of other code: the engine trades them as it trades rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import assay

from conftest import CROSS


def crossings(bars: pd.DataFrame, fast: int, slow: int) -> tuple[pd.Series, pd.Series]:
    """What the rules of CROSS say, by the same averages."""
    f = assay.indicators.sma(bars["close"], fast)
    s = assay.indicators.sma(bars["close"], slow)
    above, below = f > s, f < s
    known = f.shift().notna() & s.shift().notna()
    return above & ~above.shift(fill_value=False) & known, below & ~below.shift(fill_value=False) & known


def same(a: dict[str, Any], b: dict[str, Any]) -> None:
    """To the last bit."""
    assert a == b


def test_signals_of_the_rules_trade_as_the_rules(bars: pd.DataFrame, home: Path) -> None:
    entries, exits = crossings(bars, 4, 20)
    given = assay.backtest(bars, signals=(entries, exits), home=home, commission=0.0001)
    rules = assay.backtest(bars, CROSS, {"fast": 4, "slow": 20}, home=home, commission=0.0001)
    same(given.metrics, rules.metrics)
    assert given.trades(kind="arrow").equals(rules.trades(kind="arrow"))


def test_two_dimensions_are_trials(bars: pd.DataFrame, home: Path, job: assay.Job) -> None:
    points = [(2, 5), (3, 30), (11, 35)]
    columns = [crossings(bars, *point) for point in points]
    signals = {"entries": np.column_stack([e for e, _ in columns]), "exits": np.column_stack([x for _, x in columns])}
    swept = assay.sweep(bars, signals=signals, home=home, commission=0.0001, progress=False)
    assert swept.params == ["trial"]
    rows = swept.trials(kind="pandas").sort_values("param.trial")
    of_rules = job.trials(kind="pandas").set_index(["param.fast", "param.slow"])
    for (_, row), point in zip(rows.iterrows(), points):
        assert row["sharpe"] == of_rules.loc[point, "sharpe"]
        assert row["trades"] == of_rules.loc[point, "trades"]
    # They can be looked at, judged and found again like any other.
    assert swept.best().trades(kind="arrow").num_rows > 0
    assert swept.verdict().grade
    assert assay.sweep(bars, signals=signals, home=home, commission=0.0001, progress=False).computed == 0


def test_stops_and_sizes_go_beside_signals(bars: pd.DataFrame, home: Path) -> None:
    entries, _ = crossings(bars, 4, 20)
    options: dict[str, Any] = {"stop_loss": "0.3%", "take_profit": "0.5%", "size": {"fraction": 0.5}, "max_bars": 40}
    given = assay.backtest(bars, signals={"enter_long": entries}, home=home, **options)
    text = CROSS.replace('exit_long = "crossunder(f, s)"', "")
    rules = assay.backtest(bars, text, {"fast": 4, "slow": 20}, home=home, **options)
    same(given.metrics, rules.metrics)
    assert set(given.trades(kind="pandas")["exit_reason"]) >= {"stop", "target"}


def test_short_signals_trade_the_other_side(bars: pd.DataFrame, home: Path) -> None:
    entries, exits = crossings(bars, 4, 20)
    short = assay.backtest(bars, signals={"enter_short": exits, "exit_short": entries}, home=home)
    assert set(short.trades(kind="pandas")["direction"]) == {"short"}
    both = assay.backtest(bars, signals={"enter_long": entries, "enter_short": exits}, home=home)
    assert set(both.trades(kind="pandas")["direction"]) == {"long", "short"}


def test_a_signal_is_known_at_the_end_of_its_row(bars: pd.DataFrame, home: Path) -> None:
    entries = np.zeros(len(bars), dtype=bool)
    exits = entries.copy()
    entries[100], exits[200] = True, True
    trade = assay.backtest(bars, signals=(entries, exits), home=home).trades(kind="pandas").iloc[0]
    assert trade["entry_time"] == bars.index[101] and trade["entry_price"] == bars["open"].iloc[101]
    assert trade["exit_time"] == bars.index[201] and trade["exit_price"] == bars["open"].iloc[201]


def test_polars_lists_and_shared_columns(bars: pd.DataFrame, home: Path) -> None:
    entries, exits = crossings(bars, 4, 20)
    as_pandas = assay.backtest(bars, signals=(entries, exits), home=home)
    as_polars = assay.backtest(bars, signals=(pl.Series(entries.to_numpy()), pl.Series(exits.to_numpy())), home=home)
    as_lists = assay.backtest(bars, signals=(entries.tolist(), exits.tolist()), home=home)
    assert as_pandas.id == as_polars.id == as_lists.id
    wide = np.column_stack([entries, np.zeros(len(bars), dtype=bool)])
    shared = assay.sweep(bars, signals={"enter_long": wide, "exit_long": exits}, home=home, progress=False)
    rows = shared.trials(["param.trial", "trades"], kind="pandas").set_index("param.trial")
    assert rows.loc[0, "trades"] == as_pandas["trades"] and rows.loc[1, "trades"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.iloc[:-1], r"have 2,999 rows, the bars have 3,000"),
        (lambda s: s.to_numpy()[:-1], r"have 2,999 rows, the bars have 3,000"),
        (lambda s: s.shift(freq="15min"), r"row 0 is of 2024-01-02 00:15:00\+00:00, that of the bars of 2024-01-02 00:00:00\+00:00"),
        (lambda s: s.astype(int), r"of type int64, expected booleans"),
        (lambda s: s.astype(object).where(s.index != s.index[7]), r"row 7 is missing"),
        (lambda s: np.tile(s.to_numpy(), (2, 1)), r"have 2 rows, the bars have 3,000\nhint: turn them round"),
        (lambda s: np.zeros((3_000, 2, 2), dtype=bool), r"have 3 dimensions"),
    ],
)
def test_signals_that_do_not_fit_are_refused(change: Any, message: str, bars: pd.DataFrame, home: Path) -> None:
    entries, _ = crossings(bars, 4, 20)
    with pytest.raises(assay.UsageError, match=message):
        assay.backtest(bars, signals={"enter_long": change(entries)}, home=home)


def test_rules_of_signals_are_known(bars: pd.DataFrame, home: Path) -> None:
    entries, exits = crossings(bars, 4, 20)
    with pytest.raises(assay.UsageError, match="no rule `buy`"):
        assay.backtest(bars, signals={"buy": entries}, home=home)
    with pytest.raises(assay.UsageError, match="without an entry"):
        assay.backtest(bars, signals={"exit_long": exits}, home=home)
    with pytest.raises(assay.UsageError, match="both a strategy and signals"):
        assay.backtest(bars, CROSS, signals=(entries, exits), home=home)
    with pytest.raises(assay.UsageError, match="of 3 trials, others of 2|of 2 trials, others of 3"):
        wide = {"enter_long": np.zeros((len(bars), 2), dtype=bool), "exit_long": np.zeros((len(bars), 3), dtype=bool)}
        assay.sweep(bars, signals=wide, home=home, progress=False)
    with pytest.raises(assay.UsageError, match="they are of 3000 bars, and there are 750"):
        assay.backtest(bars, signals=(entries, exits), home=home, bars="1h")


def test_the_space_of_signals_is_their_columns(bars: pd.DataFrame, home: Path) -> None:
    wide = np.column_stack([crossings(bars, 4, 20)[0], crossings(bars, 5, 20)[0]])
    one = assay.backtest(bars, signals={"enter_long": wide}, params={"trial": 1}, home=home, max_bars=10)
    assert one.params == {"trial": 1}
