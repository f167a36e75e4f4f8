"""Series that rules are made of. Averages run on exact integers; RSI is TA-Lib's."""

import hashlib

import numpy as np
import talib


def sma(bars, length):
    """Rolling sum of close x 10^digits over `length` bars, divided once by length x 10^digits."""
    sums = np.concatenate([[0], np.cumsum(bars.scaled["close"])])
    out = np.full(len(bars), np.nan)
    out[length - 1:] = (sums[length:] - sums[:-length]) / float(length * 10**bars.digits)
    return out


def rsi(bars, length):
    return talib.RSI(bars.price("close"), length)


def crossover(a, b):
    """a[i] > b[i] and a[i-1] <= b[i-1], all four defined. `b` may be a number."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    out = np.zeros(len(a), bool)
    with np.errstate(invalid="ignore"):
        out[1:] = (a[1:] > b[1:]) & (a[:-1] <= b[:-1])
    return out


def crossunder(a, b):
    return crossover(-np.asarray(a, float), -np.asarray(b, float))


def filtered(signals, direction):
    """Rules to orders: the direction first, then entry and exit of one direction cancel, then both entries cancel."""
    out = {k: v.copy() for k, v in signals.items()}
    if direction != "both":
        other = "short" if direction == "long" else "long"
        out[f"enter_{other}"][:] = out[f"exit_{other}"][:] = False
    for side in ("long", "short"):
        clash = out[f"enter_{side}"] & out[f"exit_{side}"]
        out[f"enter_{side}"] &= ~clash
        out[f"exit_{side}"] &= ~clash
    clash = out["enter_long"] & out["enter_short"]
    out["enter_long"] &= ~clash
    out["enter_short"] &= ~clash
    return out


def describe(signals):
    """Per rule: how often it is true, where first and last, and a hash of the bar indices."""
    out = {}
    for name, flags in signals.items():
        at = np.flatnonzero(flags)
        if len(at):
            text = ",".join(map(str, at))
            out[name] = {"count": len(at), "first": int(at[0]), "last": int(at[-1]),
                         "sha256_of_indices_joined_by_commas": hashlib.sha256(text.encode()).hexdigest()}
    return out
