"""vectorbt as a black box: the cases whose meaning it shares with docs/semantics.md, and its numbers for them."""

import numpy as np
import pandas as pd
import vectorbt as vbt

from . import document, market, metrics, reference, series

RISK_FREE = {"spy_sma_20_100_long", "btcusd_sma_10_40_long"}  # measured with a risk-free rate of 2 % a year
NOTES = [
    "signals come from the rules alone; both engines were given the same arrays",
    "stops, where set: percentages of the price paid (stop_entry_price fillprice), slippage applied (stop_exit_price "
    "stopmarket), checked from the bar after entry against open, high, low",
    "not shared, so absent from these cases: on a bar that opens beyond the target and also trades at the stop, vectorbt "
    "fills at the stop; docs/semantics.md fills at the open, the target decides (LTCUSD, sma 5/20, both, stop 0.1 %, target "
    "0.12 %: the bar 2018-04-04T10:13Z)",
    "annualized_return, calmar: compounded over the count of bars, a year being periods_per_year bars: not our cagr",
    "max_drawdown_duration_bars: bars below a peak in the longest drawdown, by exact comparison, the first peak being the "
    "first equity; avg_duration_bars: mean of exit bar - entry bar; gaps in the data are not in either, the oracle's index is "
    "evenly spaced",
    "win_rate, profit_factor, expectancy, sqn, avg_trade: of closed trades; sortino: required_return = "
    "risk_free/periods_per_year",
]


def cross(fast, slow, sides="long"):
    """Rules of a moving-average cross, and the same as arrays."""
    up, down = f"crossover(sma(close, {fast}), sma(close, {slow}))", f"crossunder(sma(close, {fast}), sma(close, {slow}))"

    def signals(bars):
        a, b = series.sma(bars, fast), series.sma(bars, slow)
        return series.crossover(a, b), series.crossunder(a, b)

    return rules_for(up, down, sides), signals, sides


def rsi_thresholds(length, low, high, sides="long"):
    """Buy when RSI comes up through `low`, leave (or go short) when it comes down through `high`."""
    up, down = f"crossover(rsi(close, {length}), {low})", f"crossunder(rsi(close, {length}), {high})"

    def signals(bars):
        x = series.rsi(bars, length)
        assert np.nanmin(np.abs(np.r_[x - low, x - high])) > 1e-7, "a value too near to its threshold to be compared"
        return series.crossover(x, low), series.crossunder(x, high)

    return rules_for(up, down, sides), signals, sides


def rules_for(up, down, sides):
    rules = {"enter_long": up, "exit_long": down} if sides in ("long", "both") else {}
    return rules | ({"enter_short": down, "exit_short": up} if sides in ("short", "both") else {})


def signal_arrays(rule_set, bars, direction):
    rules, compute, sides = rule_set
    up, down = compute(bars)
    none = np.zeros(len(bars), bool)
    long, short = sides in ("long", "both"), sides in ("short", "both")
    raw = {"enter_long": up if long else none, "exit_long": down if long else none,
           "enter_short": down if short else none, "exit_short": up if short else none}
    return rules, series.filtered(raw, direction)


def cases(data):
    """(name, bars, rules, execution)."""
    close = {"fill": "close", "direction": "long", "capital": 10_000.0, "size": "all_in"}
    fx, gold, btc, ltc, gbp, spy, aapl = (data[s] for s in ("EURUSD", "XAUUSD", "BTCUSD", "LTCUSD", "GBPUSD", "SPY", "AAPL"))
    return [
        ("eurusd_sma_5_20_long", fx, cross(5, 20), close | {"commission": 0.00002}),
        ("eurusd_sma_10_50_short", fx, cross(10, 50, "short"), close | {"commission": 0.00002, "direction": "short"}),
        ("eurusd_sma_10_50_both_units", fx, cross(10, 50, "both"),
         close | {"commission": 0.00002, "slippage": 0.00001, "direction": "both", "size": {"units": 5_000}}),
        ("eurusd_sma_5_20_long_quotes", fx, cross(5, 20), close | {"commission": 0.00002, "quotes": True}),
        ("eurusd_sma_2_3_long_no_costs", fx, cross(2, 3), close),
        ("xauusd_sma_7_30_long_slippage", gold, cross(7, 30), close | {"commission": 0.0001, "slippage": 0.00005}),
        ("xauusd_rsi_14_long_stop_target", gold, rsi_thresholds(14, 30, 70),
         close | {"commission": 0.0001, "stop_loss": 0.001, "take_profit": 0.0015}),
        ("btcusd_sma_10_40_long", btc, cross(10, 40), close | {"commission": 0.001}),
        ("btcusd_sma_10_40_long_stop_target", btc, cross(10, 40),
         close | {"commission": 0.001, "slippage": 0.0002, "stop_loss": 0.02, "take_profit": 0.04}),
        ("btcusd_sma_24_168_both_units", btc, cross(24, 168, "both"),
         close | {"commission": 0.001, "direction": "both", "size": {"units": 12.5}}),
        ("btcusd_rsi_14_long", btc, rsi_thresholds(14, 30, 70), close | {"commission": 0.001}),
        ("btcusd_rsi_14_short_stop_target_units", btc, rsi_thresholds(14, 30, 70, "short"),
         close | {"commission": 0.001, "direction": "short", "stop_loss": 0.03, "take_profit": 0.05, "size": {"units": 10}}),
        ("ltcusd_sma_5_20_long", ltc, cross(5, 20), close | {"commission": 0.0005}),
        ("ltcusd_rsi_7_long_stop_target", ltc, rsi_thresholds(7, 30, 65),
         close | {"commission": 0.0005, "stop_loss": 0.005, "take_profit": 0.01}),
        ("gbpusd_sma_20_100_long", gbp, cross(20, 100), close | {"commission": 0.00002}),
        ("gbpusd_rsi_14_both_stop_target_units", gbp, rsi_thresholds(14, 30, 70, "both"),
         close | {"commission": 0.00002, "direction": "both", "stop_loss": 0.002, "take_profit": 0.003,
                  "size": {"units": 4_000}}),
        ("spy_sma_20_100_long", spy, cross(20, 100), close | {"commission": 0.0005}),
        ("spy_rsi_2_long", spy, rsi_thresholds(2, 10, 90), close | {"commission": 0.0005, "slippage": 0.0001}),
        ("aapl_sma_10_50_long", aapl, cross(10, 50), close | {"commission": 0.0005}),
        ("aapl_sma_10_50_long_stop_target", aapl, cross(10, 50),
         close | {"commission": 0.0005, "stop_loss": 0.05, "take_profit": 0.12}),
        ("aapl_sma_10_50_short", aapl, cross(10, 50, "short"), close | {"commission": 0.0005, "direction": "short"}),
        ("aapl_sma_5_40_both", aapl, cross(5, 40, "both"), close | {"commission": 0.0005, "direction": "both"}),
        ("btcusd_rsi_14_both_stop_target", btc, rsi_thresholds(14, 30, 70, "both"),
         close | {"commission": 0.001, "slippage": 0.0002, "direction": "both", "stop_loss": 0.04, "take_profit": 0.06}),
        ("ltcusd_sma_5_20_both_ambiguous_bars", ltc, cross(5, 20, "both"),
         close | {"commission": 0.0002, "direction": "both", "stop_loss": 0.0015, "take_profit": 0.003}),
    ]


def portfolio(bars, signals, execution):
    """The oracle's run. Its index is evenly spaced: it counts bars, not time."""
    index = pd.date_range("2000-01-01", periods=len(bars), freq=pd.Timedelta(bars.length, unit="ns"))
    columns = {c: pd.Series(bars.price(c), index=index) for c in market.OHLC}
    extra = {}
    if execution.get("stop_loss") or execution.get("take_profit"):
        extra = {c: columns[c] for c in ("open", "high", "low")}
        extra |= {"sl_stop": execution.get("stop_loss"), "tp_stop": execution.get("take_profit"),
                  "stop_entry_price": "fillprice", "stop_exit_price": "stopmarket"}
    if execution.get("quotes"):
        bid, ask = bars.price("bid_close"), bars.price("ask_close")
        price = np.where(signals["enter_long"] | signals["exit_short"], np.maximum(bid, ask), np.minimum(bid, ask))
        extra["price"] = pd.Series(price, index=index)
    flags = {k: pd.Series(v, index=index) for k, v in signals.items()}
    size = execution["size"]
    return vbt.Portfolio.from_signals(
        columns["close"], entries=flags["enter_long"], exits=flags["exit_long"], short_entries=flags["enter_short"],
        short_exits=flags["exit_short"], upon_opposite_entry="reverse", size=np.inf if size == "all_in" else size["units"],
        fees=execution.get("commission", 0.0), slippage=execution.get("slippage", 0.0), init_cash=execution["capital"],
        min_size=0.0, freq=pd.Timedelta(bars.length, unit="ns"), **extra,
    )


def trades_of(name, pf, expected):
    """The oracle's trades in our words. It does not say why and when within the bar it left: that is taken from the
    reference simulator, after everything else was found equal."""
    rows = pf.trades.records.sort_values(["entry_idx", "exit_idx"]).to_dict("records")
    out = [
        {
            "direction": "long" if row["direction"] == 0 else "short", "entry_bar": row["entry_idx"],
            "exit_bar": row["exit_idx"] if row["status"] == 1 else None, "entry_price": row["entry_price"],
            "exit_price": row["exit_price"] if row["status"] == 1 else None, "units": row["size"], "pnl": row["pnl"],
            "return": row["return"], "fees": row["entry_fees"] + row["exit_fees"], "open": row["status"] == 0,
        }
        for row in rows
    ]
    document.same_trades(name, out, expected)
    silent = ("exit_reason", "entry_at_start", "exit_at_start", "ambiguous")
    return [t | {k: twin[k] for k in silent if k in twin} for t, twin in zip(out, expected, strict=True)]


def own_numbers(pf, ppy, length, risk_free):
    """vectorbt's columns by its own definitions (NOTES), raw."""
    year, closed = {"year_freq": pd.Timedelta(ppy * length, unit="ns")}, pf.trades.closed
    bar = pd.Timedelta(length, unit="ns")
    return {
        "total_return": pf.total_return(),
        "annualized_volatility": pf.annualized_volatility(**year),
        "sharpe": pf.sharpe_ratio(risk_free=risk_free / ppy, **year),
        "sortino": pf.sortino_ratio(required_return=risk_free / ppy, **year),
        "max_drawdown": pf.max_drawdown(),
        "calmar": pf.calmar_ratio(**year),
        "annualized_return": pf.annualized_return(**year),
        "trades": closed.count(),
        "open_trades": pf.trades.open.count(),
        "win_rate": closed.win_rate(),
        "profit_factor": closed.profit_factor(),
        "expectancy": closed.expectancy(),
        "sqn": closed.sqn(),
        "avg_trade": closed.returns.mean(),
        "exposure": pf.position_coverage(),
        "fees": pf.orders.fees.sum(),
        "max_drawdown_duration_bars": none_or(pf.drawdowns.max_duration(), lambda x: round(x / bar)),
        "avg_duration_bars": none_or(closed.avg_duration(), lambda x: x / bar),
        "final_equity": pf.final_value(),
    }


def none_or(value, convert):
    return None if pd.isna(value) else convert(value)


def build(name, bars, rule_set, execution, risk_free=0.0):
    """One golden: the oracle's run, checked against the reference simulator, with the columns by our definitions."""
    rules, signals = signal_arrays(rule_set, bars, execution["direction"])
    expected_equity, expected_trades, held = reference.simulate(bars, signals, execution)
    pf = portfolio(bars, signals, execution)
    equity, trades = pf.value().to_numpy(), trades_of(name, pf, expected_trades)
    document.agree(name, "equity", equity, expected_equity)
    ppy = document.default_periods(bars)
    theirs = own_numbers(pf, ppy, bars.length, risk_free)
    ours = metrics.columns(bars, equity, trades, held, execution, "bar", ppy, risk_free)
    check_overlap(name, theirs, ours)
    daily_ppy = 365.0 if bars.week == "24x7" else 252.0
    daily = metrics.columns(bars, equity, trades, held, execution, "1d", daily_ppy, risk_free)
    return {
        "about": f"vectorbt {vbt.__version__}: {name}",
        "source": {"files": list(bars.files), "root": "--market"},
        "bars": bars.describe(),
        "instrument": document.instrument(bars, execution),
        "case": {
            "name": name,
            "strategy": {"name": name, "rules": rules},
            "params": {},
            "execution": document.settings_text(execution),
            "metrics": {"sampling": "bar", "periods_per_year": ppy, "risk_free": risk_free},
        },
        "signals": series.describe(signals),
        "vectorbt": theirs,
        "ours": ours,
        "ours_1d": {"metrics": {"sampling": "1d", "periods_per_year": daily_ppy, "risk_free": risk_free}}
        | {k: v for k, v in daily.items() if v != ours[k]},
        "trade_count": {"closed": ours["trades"], "open": len(trades) - ours["trades"]},
        "trades": document.trade_rows(bars, trades),
        "equity": document.sparse_equity(equity),
        "notes": ["of the oracle and of ambiguous columns: readings.json"],
    }


def check_overlap(name, theirs, ours):
    """Where the definitions are the same, vectorbt's own columns must be ours: this tests our reimplementation."""
    same = {"total_return": "total_return", "annualized_volatility": "volatility", "sharpe": "sharpe", "sortino": "sortino",
            "max_drawdown": "max_drawdown", "trades": "trades", "win_rate": "win_rate", "profit_factor": "profit_factor",
            "expectancy": "expectancy", "sqn": "sqn", "avg_trade": "avg_trade", "exposure": "exposure", "fees": "fees"}
    for their_key, our_key in same.items():
        theirs_value = document.clean(theirs[their_key])
        assert document.close_to(theirs_value, ours[our_key]), f"{name}: {our_key}: {theirs_value} and {ours[our_key]}"


def goldens(data):
    for name, bars, rule_set, execution in cases(data):
        risk_free = 0.02 if name in RISK_FREE else 0.0
        yield f"vectorbt_{name}", build(name, bars, rule_set, execution, risk_free)
