"""Every column of docs/semantics.md's table in plain numpy, from an equity curve and a list of trades.

An oracle's equity and trades go in; the engine's columns must come out. Undefined is None.
"""

import numpy as np
import pandas as pd
from scipy.stats import norm

from . import market

READINGS = [
    "elapsed = start of the first bar to end of the last bar; a year is 365 days of 86,400 s",
    "volatility, sharpe, sortino, skew, kurtosis, psr, alpha, beta, excess_sharpe: null below 2 returns or where their "
    "denominator is 0",
    "returns: r[0] = equity[0]/capital - 1, r[i] = equity[i]/equity[i-1] - 1; sampling 1d: equity at the last bar of each "
    "day of bars.calendar (a bar belongs to the day of its start; from day_start on, unless midnight, it is the next date's; "
    "in a 24x5 week Saturday and Sunday belong to Monday), the first against capital; days without bars give no return",
    "max_drawdown_duration: longest run of consecutive bars with equity < peak x (1 - 1e-12), peak = running maximum "
    "including capital; in seconds from the start of the run's first bar to the end of its last bar; 0 without such a bar; "
    "always on bars, whatever the sampling (so are max_drawdown and recovery_factor)",
    "trades, win_rate, profit_factor, expectancy, avg_trade, payoff, sqn, avg_duration: closed trades only; a win is "
    "pnl > 0, a loss pnl < 0, pnl is net of fees",
    "win_rate, expectancy, avg_trade, avg_duration: null without a closed trade; profit_factor and payoff: null without a "
    "loss (payoff also without a win); sqn: null below 2 trades or where std = 0",
    "ambiguous_bars: bars inside which both stop and target were reached, neither passed at the open; skipped_orders and "
    "margin_calls are 0 in every case here (the script stops otherwise)",
    "avg_duration in seconds: a fill at the close or inside a bar is at the bar's end, a fill at the open (next_open, gap "
    "beyond a level) at its start",
    "exit_reason is reverse whenever an opposite entry acts, whether or not the exit rule holds on the same bar",
    "exposure = bars with a position after the close / all bars",
    "turnover = (sum over all fills of units x price paid) / capital, entry of an open trade included",
    "fees = all fees paid, that of an open trade's entry included (slippage is not a fee); cost_share = fees / (sum of pnl "
    "of winning closed trades, the numerator of profit_factor), null without a win",
    "recovery_factor = (final - capital) / max(peak - equity), peak includes capital; null without a loss",
    "calmar: null without a drawdown",
    "skew, kurtosis: m3/m2^1.5 and m4/m2^2 - 3 with biased central moments of r; null where m2 = 0",
    "psr = Phi(s x sqrt(n - 1) / sqrt(1 - skew x s + (kurtosis + 2)/4 x s^2)), s = (mean(r) - rf/ppy)/std(r, ddof 1) per "
    "period, n = count of r, kurtosis as excess",
    "buy and hold: units = capital / (p x (1 + commission)), p = the first bar's OPEN x (1 + slippage) (bought at the ask "
    "with quotes), whatever the fill mode; not rounded to the lot; no exit; marked at closes (mid with quotes); rb by the "
    "same sampling, the first against capital",
    "beta = cov(r, rb)/var(rb), both ddof 1; alpha = ((mean(r) - rf/ppy) - beta x (mean(rb) - rf/ppy)) x ppy",
    "excess_sharpe = mean(r - rb)/std(r - rb, ddof 1) x sqrt(ppy), without risk_free",
]


def columns(bars, equity, trades, held, execution, sampling="bar", ppy=None, risk_free=0.0):
    capital, final = execution.get("capital", 10_000.0), float(equity[-1])
    elapsed = (bars.end[-1] - bars.time[0]) / market.SECOND
    r = sample_returns(bars, equity, capital, sampling)
    closed = [t for t in trades if not t["open"]]
    pnl = np.array([t["pnl"] for t in closed])
    wins, losses = pnl[pnl > 0], pnl[pnl < 0]
    peak = np.maximum(np.maximum.accumulate(equity), capital)
    total = final / capital - 1
    cagr = (final / capital) ** (365 * 86_400 / elapsed) - 1
    drawdown, loss = float((equity / peak - 1).min()), float((peak - equity).max())
    fees = float(sum(t["fees"] for t in trades))
    out = {
        "total_return": total,
        "cagr": cagr,
        "max_drawdown": min(drawdown, 0.0),
        "max_drawdown_duration": under_water(bars, equity, peak),
        "calmar": ratio(cagr, abs(drawdown)),
        "recovery_factor": ratio(final - capital, loss),
        "trades": len(closed),
        "win_rate": ratio(len(wins), len(closed)),
        "profit_factor": ratio(wins.sum(), -losses.sum()),
        "expectancy": ratio(pnl.sum(), len(closed)),
        "avg_trade": ratio(sum(t["return"] for t in closed), len(closed)),
        "payoff": ratio(wins.mean(), -losses.mean()) if len(wins) and len(losses) else None,
        "sqn": ratio(np.sqrt(len(pnl)) * pnl.mean(), pnl.std(ddof=1)) if len(pnl) > 1 else None,
        "avg_duration": ratio(sum(exit_time(bars, t) - entry_time(bars, t) for t in closed) / market.SECOND, len(closed)),
        "exposure": float(np.mean(held != 0)),
        "turnover": traded_value(trades) / capital,
        "fees": fees,
        "cost_share": ratio(fees, wins.sum()),
        "open_trades": len(trades) - len(closed),
        "final_equity": final,
        "periods_per_year": float(ppy),
        "skipped_orders": 0,
        "margin_calls": 0,
        "ambiguous_bars": sum(bool(t.get("ambiguous")) for t in trades),
    }
    out |= of_returns(r, ppy, risk_free)
    hold = buy_and_hold(bars, execution, capital)
    out["buy_hold_return"] = float(hold[-1] / capital - 1)
    out |= against(r, sample_returns(bars, hold, capital, sampling), ppy, risk_free)
    return {k: v if v is None or isinstance(v, int) else float(v) for k, v in out.items()}


def of_returns(r, ppy, risk_free):
    if len(r) < 2:
        return dict.fromkeys(("volatility", "sharpe", "sortino", "skew", "kurtosis", "psr"))
    excess = r - risk_free / ppy
    sigma, downside = r.std(ddof=1), np.sqrt(np.mean(np.minimum(excess, 0) ** 2))
    moment = {k: np.mean((r - r.mean()) ** k) for k in (2, 3, 4)}
    skew = ratio(moment[3], moment[2] ** 1.5)
    kurtosis = None if moment[2] == 0 else moment[4] / moment[2] ** 2 - 3
    psr = None
    if sigma > 0:
        s = excess.mean() / sigma
        psr = norm.cdf(s * np.sqrt(len(r) - 1) / np.sqrt(1 - skew * s + (kurtosis + 2) / 4 * s**2))
    return {
        "volatility": sigma * np.sqrt(ppy),
        "sharpe": scaled(ratio(excess.mean(), sigma), ppy),
        "sortino": scaled(ratio(excess.mean(), downside), ppy),
        "skew": skew,
        "kurtosis": kurtosis,
        "psr": psr,
    }


def against(r, rb, ppy, risk_free):
    if len(r) < 2:
        return dict.fromkeys(("beta", "alpha", "excess_sharpe"))
    rf, variance, difference = risk_free / ppy, rb.var(ddof=1), r - rb
    beta = ratio(np.cov(r, rb, ddof=1)[0, 1], variance)
    alpha = None if beta is None else (r.mean() - rf - beta * (rb.mean() - rf)) * ppy
    return {"beta": beta, "alpha": alpha, "excess_sharpe": scaled(ratio(difference.mean(), difference.std(ddof=1)), ppy)}


def sample_returns(bars, equity, capital, sampling):
    if sampling == "1d":
        equity = equity[day_ends(bars)]
    before = np.r_[capital, equity[:-1]]
    return equity / before - 1


def day_ends(bars):
    """Index of the last bar of every day that has bars."""
    local = pd.DatetimeIndex(pd.to_datetime(bars.time, utc=True)).tz_convert(bars.zone).tz_localize(None)
    if bars.day_start_hours:
        local += pd.Timedelta(hours=24 - bars.day_start_hours)
    day = local.values.astype("datetime64[D]").astype(np.int64)
    if bars.week == "24x5":
        weekday = (day + 3) % 7  # Monday = 0
        day = np.where(weekday == 5, day + 2, np.where(weekday == 6, day + 1, day))
    return np.flatnonzero(np.r_[day[1:] != day[:-1], True])


def under_water(bars, equity, peak):
    longest, start = 0, None
    for i, below in enumerate(equity < peak * (1 - 1e-12)):
        if not below:
            start = None
            continue
        start = i if start is None else start
        longest = max(longest, int(bars.end[i] - bars.time[start]))
    return longest / market.SECOND


def buy_and_hold(bars, execution, capital):
    first = bars.price("open")[0]
    if execution.get("quotes"):
        first = max(bars.price("bid_open")[0], bars.price("ask_open")[0])
    paid = first * (1 + execution.get("slippage", 0.0))
    commission = execution.get("commission", 0.0)
    units = capital / (paid * (1 + commission))
    return capital - units * paid * (1 + commission) + units * bars.price("close")


def entry_time(bars, trade):
    return int((bars.time if trade["entry_at_start"] else bars.end)[trade["entry_bar"]])


def exit_time(bars, trade):
    return int((bars.time if trade["exit_at_start"] else bars.end)[trade["exit_bar"]])


def traded_value(trades):
    return sum(t["units"] * (t["entry_price"] + (0.0 if t["open"] else t["exit_price"])) for t in trades)


def ratio(a, b):
    return None if b == 0 else a / b


def scaled(value, ppy):
    return None if value is None else value * np.sqrt(ppy)
