"""The one layout of a golden file, and how it is written: sorted keys, repr floats, records on one line."""

import hashlib
import json
import math

import numpy as np

from . import market, metrics

FIRST_TRADES, LAST_TRADES, EQUITY_ROWS = 20, 5, 40
TOLERANCE = 1e-9

LAYOUT = {
    "about": "the oracle, its version, and the case",
    "source": "market files relative to the folder given as --market",
    "bars": "how bars were made, and what they must be: sha256 is of rows of little-endian i64: bar start (UTC ns), open, high, "
    "low, close, each price x 10^price_digits; sha256_quotes of time, bid open .. close, ask open .. close in the same way",
    "instrument": "facts the job takes from the symbol table; quote_bars: whether fills use bid and ask (else bars are plain "
    "trade bars of open, high, low, close)",
    "case": "a strategy and the [execution] and [metrics] tables of a job, as the project reads them",
    "signals": "per rule, after direction and conflicts: how many bars it holds on, the first, the last, sha256 of all their "
    "indices in decimal joined by commas",
    "vectorbt | backtesting": "the oracle's own columns, raw",
    "ours": "all columns of docs/semantics.md from the oracle's equity curve and trades, by an independent reimplementation",
    "ours_1d": "the columns that differ when returns are sampled by days",
    "trades": "the first 20 and the last 5 by entry, numbered from 0; bars are indices from 0; the oracle's numbers, except "
    "exit_reason and times, which follow from docs/semantics.md, and a trade open at the end in backtesting goldens",
    "equity": "values[j] = equity at the close of bar rows[j]; mean and mean_of_squares over all bars; sha256_of_cents is of the "
    "equity at every bar with two decimals, joined by newlines (a hint: a last digit may round differently)",
}


def close_to(a, b, tolerance=TOLERANCE):
    """The project's tolerance: |a - b| <= tolerance x max(|a|, |b|, 1)."""
    if a is None or b is None:
        return a is None and b is None
    return abs(a - b) <= tolerance * max(abs(a), abs(b), 1)


def agree(name, what, one, other, tolerance=TOLERANCE):
    """Stops the script where an oracle and docs/semantics.md do not mean the same."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    assert one.shape == other.shape, f"{name}: {what}: {one.shape} and {other.shape}"
    far = np.abs(one - other) > tolerance * np.maximum(np.maximum(np.abs(one), np.abs(other)), 1)
    assert not far.any(), f"{name}: {what} differs at {np.flatnonzero(far)[:5]}: {one[far][:5]} and {other[far][:5]}"


def same_trades(name, one, other):
    """Equal bars, sides, prices, units, money."""
    assert len(one) == len(other), f"{name}: {len(one)} and {len(other)} trades"
    for key in ("direction", "open", "entry_bar", "exit_bar"):
        assert [t[key] for t in one] == [t[key] for t in other], f"{name}: {key}"
    for key in ("entry_price", "exit_price", "units", "pnl", "return", "fees"):
        agree(name, key, *[[np.nan_to_num(t[key] if t[key] is not None else 0.0) for t in x] for x in (one, other)])


def settings_text(execution):
    """The [execution] table of a job: percentages as text, and nothing that belongs to the instrument or the bars."""
    out = {k: v for k, v in execution.items() if k not in ("lot", "quotes")}
    for key in ("stop_loss", "take_profit"):
        if key in out:
            out[key] = f"{round(out[key] * 100, 10):g}%"
    if "stop_loss" in out or "take_profit" in out:
        out["intrabar"] = "worst"
    return out


def trade_rows(bars, trades):
    """The first 20 and last 5 trades, numbered from 0 in order of entry."""
    numbers = sorted(set(range(min(FIRST_TRADES, len(trades)))) | set(range(max(0, len(trades) - LAST_TRADES), len(trades))))
    keep = ("direction", "entry_bar", "exit_bar", "entry_price", "exit_price", "units", "pnl", "return", "fees", "exit_reason",
            "open")
    return [
        {"number": n} | {k: trades[n][k] for k in keep}
        | {"entry_time": market.time_text(metrics.entry_time(bars, trades[n])),
           "exit_time": None if trades[n]["open"] else market.time_text(metrics.exit_time(bars, trades[n]))}
        for n in numbers
    ]


def sparse_equity(equity):
    """Equity at about 40 evenly spread bars and the last, sums over all bars, and a hash of all of it in cents."""
    at = np.unique(np.linspace(0, len(equity) - 1, EQUITY_ROWS).astype(int))
    cents = "\n".join(f"{x:.2f}" for x in equity)
    return {
        "rows": at.tolist(),
        "values": [float(equity[i]) for i in at],
        "mean": float(math.fsum(equity) / len(equity)),
        "mean_of_squares": float(math.fsum(x * x for x in equity) / len(equity)),
        "sha256_of_cents": hashlib.sha256(cents.encode()).hexdigest(),
    }


def instrument(bars, execution):
    return {"symbol": bars.symbol, "lot": execution.get("lot", 0), "multiplier": 1, "quote_bars": bool(execution.get("quotes"))}


def default_periods(bars):
    """Periods a year of `bar` sampling: 365 days (24x7) or 252 sessions; a session of 24x5 is 24 h, daily bars count as one."""
    days = 365 if bars.week == "24x7" else 252
    return days * market.DAY / bars.length


def write(path, document):
    path.write_text(layout(clean(document)) + "\n")


def clean(value):
    """Python's own numbers; NaN and infinity become null."""
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def layout(value, depth=0):
    """Indented to where a record fits a line: lists of records have one a line, small tables of scalars are open."""
    pad = " " * (depth + 1)
    if isinstance(value, dict) and (depth == 0 or depth < 3 and len(json.dumps(value)) > 110):
        rows = [f"{pad}{json.dumps(k)}: {layout(v, depth + 1)}" for k, v in sorted(value.items())]
        return "{\n" + ",\n".join(rows) + "\n" + " " * depth + "}"
    numbers = isinstance(value, list) and all(isinstance(v, (int, float, type(None))) for v in value)
    if isinstance(value, list) and not numbers and len(json.dumps(value)) > 110:
        rows = [pad + line(v) for v in value]
        return "[\n" + ",\n".join(rows) + "\n" + " " * depth + "]"
    return line(value)


def line(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
