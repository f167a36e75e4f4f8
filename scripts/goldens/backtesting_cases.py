"""backtesting.py as a black box: next_open fills, whole units, fractions of equity."""

import os
import warnings

import pandas as pd

os.environ.setdefault("TQDM_DISABLE", "1")  # before the import: no progress bars
import backtesting  # noqa: E402

from . import document, market, metrics, reference, series
from .vectorbt_cases import cross, rsi_thresholds, signal_arrays

NOTES = [
    "settings: trade_on_close=False, hedging=False, exclusive_orders=True, margin=1, spread=0, finalize_trades=False; buy or "
    "sell(size=f) on an entry while not in that direction, position.close() on an exit; both engines were given the same "
    "signal arrays, filtered as docs/semantics.md says",
    "shared meaning: an order placed on bar i fills at the open of bar i+1, an order of the last bar never; commission is "
    "charged on either side at the fill; a reversal closes first, then sizes from the equity after the exit's costs; the last "
    "open trade is marked at the last close without an exit fee and is left out of the trades",
    "a fraction f buys floor(f x equity / (price x (1 + commission))) units: f of the all_in size, rounded down to lot 1; its "
    "available margin is the whole equity, for the account is flat at that moment",
    "deviations avoided: whole units only (lot 1 here); spread is paid on entries only (slippage 0 here); a fixed commission is "
    "divided by the fraction instead of by the units when a fraction is sized (none here); an order beyond the equity is "
    "cancelled instead of capped (cash is large enough here); a stop is set as a price before the fill is known (none here)",
    "fees: of closed trades (ours add an open trade's entry)",
    "its own Sharpe resamples to days and compounds differently: not stored; `ours` is by our formulas on its equity curve",
]


def cases(data):
    """(name, bars, rules, execution)."""
    base = {"fill": "next_open", "capital": 1_000_000.0, "lot": 1}
    fx, gold, btc, ltc, gbp, spy, aapl = (data[s] for s in ("EURUSD", "XAUUSD", "BTCUSD", "LTCUSD", "GBPUSD", "SPY", "AAPL"))
    return [
        ("eurusd_sma_5_20_both", fx, cross(5, 20, "both"),
         base | {"direction": "both", "commission": 0.00002, "size": {"fraction": 0.5}}),
        ("eurusd_sma_20_80_both_no_costs", fx, cross(20, 80, "both"),
         base | {"direction": "both", "commission": 0.0, "size": {"fraction": 0.9}}),
        ("xauusd_sma_7_30_long", gold, cross(7, 30),
         base | {"direction": "long", "commission": 0.0001, "size": {"fraction": 0.25}}),
        ("btcusd_sma_10_40_long", btc, cross(10, 40),
         base | {"direction": "long", "commission": 0.001, "size": {"fraction": 0.5}}),
        ("btcusd_rsi_14_both", btc, rsi_thresholds(14, 30, 70, "both"),
         base | {"direction": "both", "commission": 0.001, "size": {"fraction": 0.4}}),
        ("ltcusd_sma_5_20_short", ltc, cross(5, 20, "short"),
         base | {"direction": "short", "commission": 0.0005, "size": {"fraction": 0.5}}),
        ("gbpusd_sma_50_200_both_units", gbp, cross(50, 200, "both"),
         base | {"direction": "both", "commission": 0.00002, "size": {"units": 100_000}}),
        ("spy_sma_20_100_long", spy, cross(20, 100),
         base | {"direction": "long", "commission": 0.0005, "size": {"fraction": 0.95}}),
        ("aapl_sma_10_50_both", aapl, cross(10, 50, "both"),
         base | {"direction": "both", "commission": 0.0005, "size": {"fraction": 0.3}}),
    ]


def run(bars, signals, execution):
    """The oracle's equity at every bar and its closed trades."""
    frame = pd.DataFrame(
        {c.title(): bars.price(c) for c in market.OHLC},
        index=pd.to_datetime(bars.time, utc=True).tz_localize(None),
    )
    size = execution["size"].get("fraction") or execution["size"]["units"]

    class Signals(backtesting.Strategy):
        def init(self):
            pass

        def next(self):
            i = len(self.data) - 1
            if signals["enter_long"][i] and not self.position.is_long:
                self.buy(size=size)
            elif signals["enter_short"][i] and not self.position.is_short:
                self.sell(size=size)
            elif (signals["exit_long"][i] and self.position.is_long) or (signals["exit_short"][i] and self.position.is_short):
                self.position.close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backtest = backtesting.Backtest(
            frame, Signals, cash=execution["capital"], commission=execution["commission"], trade_on_close=False,
            hedging=False, exclusive_orders=True, finalize_trades=False,
        )
        stats = backtest.run()
    return stats["_equity_curve"]["Equity"].to_numpy(), stats["_trades"], stats


def trades_of(name, rows, expected):
    """Its closed trades in our words, in order of entry; an open one, which it does not list, from the reference simulator."""
    out = [
        {
            "direction": "long" if row.Size > 0 else "short", "entry_bar": int(row.EntryBar), "exit_bar": int(row.ExitBar),
            "entry_price": float(row.EntryPrice), "exit_price": float(row.ExitPrice), "units": float(abs(row.Size)),
            "pnl": float(row.PnL), "return": float(row.ReturnPct), "fees": float(row.Commission), "open": False,
        }
        for row in rows.sort_values("EntryBar").itertuples()
    ]
    closed = [t for t in expected if not t["open"]]
    document.same_trades(name, out, closed)
    silent = ("exit_reason", "entry_at_start", "exit_at_start")
    return [t | {k: twin[k] for k in silent} for t, twin in zip(out, closed, strict=True)] + [t for t in expected if t["open"]]


def build(name, bars, rule_set, execution):
    rules, signals = signal_arrays(rule_set, bars, execution["direction"])
    expected_equity, expected_trades, held = reference.simulate(bars, signals, execution)
    equity, rows, stats = run(bars, signals, execution)
    trades = trades_of(name, rows, expected_trades)
    document.agree(name, "equity", equity, expected_equity)
    ppy = document.default_periods(bars)
    ours = metrics.columns(bars, equity, trades, held, execution, "bar", ppy)
    theirs = {
        "final_equity": stats["Equity Final [$]"],
        "total_return": stats["Return [%]"] / 100,
        "max_drawdown": stats["Max. Drawdown [%]"] / 100,
        "trades": stats["# Trades"],
        "win_rate": stats["Win Rate [%]"] / 100,
        "fees": stats["_trades"]["Commission"].sum(),
    }
    for key in ("total_return", "max_drawdown", "trades", "win_rate"):
        assert document.close_to(theirs[key], ours[key]), f"{name}: {key}: {theirs[key]} and {ours[key]}"
    return {
        "about": f"backtesting.py {backtesting.__version__}: {name}",
        "source": {"files": list(bars.files), "root": "--market"},
        "bars": bars.describe(),
        "instrument": document.instrument(bars, execution),
        "case": {
            "name": name,
            "strategy": {"name": name, "rules": rules},
            "params": {},
            "execution": document.settings_text(execution),
            "metrics": {"sampling": "bar", "periods_per_year": ppy, "risk_free": 0.0},
        },
        "signals": series.describe(signals),
        "backtesting": theirs,
        "ours": ours,
        "trade_count": {"closed": ours["trades"], "open": len(trades) - ours["trades"]},
        "trades": document.trade_rows(bars, trades),
        "equity": document.sparse_equity(equity),
        "notes": ["of the oracle and of ambiguous columns: readings.json"],
    }


def goldens(data):
    for name, bars, rule_set, execution in cases(data):
        yield f"backtesting_{name}", build(name, bars, rule_set, execution)
