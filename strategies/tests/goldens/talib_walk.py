"""Writes talib_walk.json: what TA-Lib gives on a small decimal random walk, every bar of it.

usage: python talib_walk.py   (needs numpy and TA-Lib)
"""
import json
import pathlib

import numpy as np
import talib

BARS = 90
rng = np.random.default_rng(7)
path = np.round(50 + np.cumsum(rng.normal(0, 0.3, (BARS, 4)).reshape(-1)), 2).reshape(BARS, 4)
path[40:46] = path[40]  # closes that do not move
path[43:46] = path[43, 0]  # bars that do not either
o, c, h, l = path[:, 0].copy(), path[:, 3].copy(), path.max(1), path.min(1)
series = {
    "sma(close, 1)": c,
    "sma(close, 7)": talib.SMA(c, 7),
    "sum(volume, 5)": talib.SUM(np.arange(BARS) % 11 * 10.0, 5),
    "sma(close - open, 6)": talib.SMA(c - o, 6),
    "ema(close, 5)": talib.EMA(c, 5),
    "ema(sma(close, 3), 4)": talib.EMA(talib.SMA(c, 3), 4),
    "wma(close, 9)": talib.WMA(c, 9),
    "rsi(close, 14)": talib.RSI(c, 14),
    "rsi(close, 3)": talib.RSI(c, 3),
    "atr(14)": talib.ATR(h, l, c, 14),
    "true_range()": talib.TRANGE(h, l, c),
    "stddev(close, 8)": talib.STDDEV(c, 8, 1),
    "roc(close, 4)": talib.ROC(c, 4),
    "change(close, 4)": talib.MOM(c, 4),
    "highest(high, 10)": talib.MAX(h, 10),
    "lowest(low, 10)": talib.MIN(l, 10),
}
for name, values in zip(["macd", "signal", "hist"], talib.MACD(c, 4, 9, 5)):
    series[f"macd(close, 4, 9, 5).{name}"] = values
# The longer period is the slow one, whichever is given first.
series["macd(close, 9, 4, 5).macd"] = talib.MACD(c, 9, 4, 5)[0]
for name, values in zip(["upper", "middle", "lower"], talib.BBANDS(c, 12, 1.5, 1.5)):
    series[f"bbands(close, 12, 1.5).{name}"] = values
for name, values in zip(["k", "d"], talib.STOCH(h, l, c, 3, 2, 0, 4, 0)):
    series[f"stoch(3, 2, 4).{name}"] = values
number = lambda x: None if np.isnan(x) else float(x)
golden = {
    "about": f"TA-Lib {talib.__ta_version__.decode().split()[0]}",
    "bars": {"open": o.tolist(), "high": h.tolist(), "low": l.tolist(), "close": c.tolist()},
    "series": {name: [number(x) for x in values] for name, values in series.items()},
}
text = json.dumps(golden, separators=(",", ":")).replace('],"', '],\n"').replace('{"', '{\n"')
pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")
