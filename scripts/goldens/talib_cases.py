"""Values of TA-Lib's functions on real bars, at sparse rows."""

import numpy as np
import talib

from . import document

ROWS, FIRST_VALUES = 60, 4
NOTES = [
    "values[j] is the value at bar rows[j], null before first; first is the first defined bar (the warm-up in bars before it), "
    "first_values are the values at first, first + 1, ...",
    "highest and lowest are TA-Lib's MAX and MIN; stddev and the bands are of the population (divided by n)",
    "macd: TA-Lib defines all three outputs from the bar on which signal begins, and seeds the fast average so that it ends "
    "its first window on the bar where the slow one does: its mean of bars slow - fast .. slow - 1, not of the first `fast` "
    "bars as ema(close, fast) alone",
    "stoch: k and d are both undefined until d begins",
    "ema: seeded with the mean of the first n bars; rsi and atr: Wilder's smoothing, seeded with the mean of the first n "
    "changes or true ranges (atr leaves out the first bar, whose true range needs a close before it)",
    "two_pass_difference: the largest |TA-Lib - two-pass value in doubles| over all bars: TA-Lib keeps running float sums, and "
    "their rounding is in its values",
]


def catalogue(bars):
    """(expression, TA-Lib call, values, exact values or None)."""
    high, low, close = (bars.price(c) for c in ("high", "low", "close"))
    scale = float(10**bars.digits)

    def mean(n):
        return lead(window(bars.scaled["close"], n).sum(1) / (n * scale), n)

    def deviation(n):
        return lead(window(close, n).std(1), n)

    for n in (2, 20, 200):
        yield f"sma(close, {n})", f"SMA(close, {n})", talib.SMA(close, n), mean(n)
    for n in (2, 12, 100):
        yield f"ema(close, {n})", f"EMA(close, {n})", talib.EMA(close, n), None
    for n in (3, 10, 50):
        weights = np.arange(1, n + 1)
        exact = lead(window(bars.scaled["close"], n) @ weights / (weights.sum() * scale), n)
        yield f"wma(close, {n})", f"WMA(close, {n})", talib.WMA(close, n), exact
    for n in (2, 14, 50):
        yield f"rsi(close, {n})", f"RSI(close, {n})", talib.RSI(close, n), None
    for fast, slow, signal in ((12, 26, 9), (5, 35, 5)):
        for output, values in zip(("macd", "signal", "hist"), talib.MACD(close, fast, slow, signal), strict=True):
            yield f"macd(close, {fast}, {slow}, {signal}).{output}", f"MACD(close, {fast}, {slow}, {signal})", values, None
    for n in (5, 14):
        yield f"atr({n})", f"ATR(high, low, close, {n})", talib.ATR(high, low, close, n), None
    for n, k in ((20, 2.0), (10, 1.5)):
        exact = (mean(n) + k * deviation(n), mean(n), mean(n) - k * deviation(n))
        for output, values, right in zip(("upper", "middle", "lower"), talib.BBANDS(close, n, k, k, 0), exact, strict=True):
            yield f"bbands(close, {n}, {k:g}).{output}", f"BBANDS(close, {n}, {k:g}, {k:g}, SMA)", values, right
    for fast_k, slow_k, slow_d in ((5, 3, 3), (14, 3, 5)):
        both = talib.STOCH(high, low, close, fast_k, slow_k, 0, slow_d, 0)
        for output, values in zip(("k", "d"), both, strict=True):
            yield (f"stoch({fast_k}, {slow_k}, {slow_d}).{output}",
                   f"STOCH(high, low, close, {fast_k}, {slow_k}, SMA, {slow_d}, SMA)", values, None)
    for n in (1, 10):
        yield f"roc(close, {n})", f"ROC(close, {n})", talib.ROC(close, n), None
    for n in (5, 20):
        yield f"stddev(close, {n})", f"STDDEV(close, {n}, 1)", talib.STDDEV(close, n, 1), deviation(n)
    for n in (5, 50):
        yield f"highest(high, {n})", f"MAX(high, {n})", talib.MAX(high, n), lead(window(high, n).max(1), n)
        yield f"lowest(low, {n})", f"MIN(low, {n})", talib.MIN(low, n), lead(window(low, n).min(1), n)


def window(x, n):
    return np.lib.stride_tricks.sliding_window_view(x, n)


def lead(x, n):
    """Undefined for n - 1 bars, then x."""
    return np.r_[np.full(n - 1, np.nan), x]


def entry(rows, expression, call, values, exact):
    first = int(np.flatnonzero(~np.isnan(values))[0])
    assert not np.isnan(values[first:]).any(), f"{expression}: a hole after its warm-up"
    out = {
        "expression": expression,
        "talib": call,
        "first": first,
        "first_values": values[first:first + FIRST_VALUES].tolist(),
        "values": [None if i < first else float(values[i]) for i in rows],
    }
    if exact is not None:
        assert int(np.flatnonzero(~np.isnan(exact))[0]) == first
        out["two_pass_difference"] = float(np.abs(values[first:] - exact[first:]).max())
    return out


def goldens(data):
    for symbol in ("EURUSD", "BTCUSD"):
        bars = data[symbol]
        rows = np.unique(np.r_[np.arange(0, 40, 8), np.linspace(40, len(bars) - 1, ROWS - 5).astype(int)])
        series = [entry(rows, *item) for item in catalogue(bars)]
        yield f"talib_{symbol.lower()}", {
            "about": f"TA-Lib {talib.__ta_version__.decode().split()[0]} (wrapper {talib.__version__}) on {symbol}",
            "source": {"files": list(bars.files), "root": "--market"},
            "bars": bars.describe(),
            "rows": rows.tolist(),
            "series": series,
            "notes": NOTES,
        }
