"""A crossover with a stop and a target on quotes by hftbacktest, timed without compilation and data: the peer of benches/src/bin/ticks.rs.

usage: python hft_ticks.py DUMP FAST SLOW

DUMP holds time (i64, ns), bid and ask (f64) of all ticks, one column after the other. Prints `seconds=S trades=N`.
"""

import sys
import time as clock

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTC,
    LOCAL_EVENT,
    MARKET,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    event_dtype,
)
from numba import njit

MINUTE = 60_000_000_000
LATENCY, STOP, TARGET, UNITS = 250_000_000, 0.0006, 0.0012, 7_200.0


def signals(time, bid, ask, fast, slow):
    """From when on to be long (1) or short (-1)."""
    minute = time // MINUTE
    last = np.append(np.flatnonzero(np.diff(minute)), len(time) - 1)
    close = np.rint((bid[last] + ask[last]) * 1e5)
    sums = np.concatenate(([0.0], np.cumsum(close)))
    f = (sums[slow:] - sums[slow - fast : -fast]) * slow
    s = (sums[slow:] - sums[:-slow]) * fast
    side = np.sign(f - s)
    crossed = np.flatnonzero(((side[1:] > 0) & (side[:-1] <= 0)) | ((side[1:] < 0) & (side[:-1] >= 0))) + 1
    when = (minute[last][crossed + slow - 1] + 1) * MINUTE + LATENCY
    return when.astype(np.int64), side[crossed].astype(np.int64)


def feed(time, bid, ask):
    """Each change of the best prices as a level that comes and one that goes."""
    columns = []
    for price, flag in ((bid, BUY_EVENT), (ask, SELL_EVENT)):
        changed = np.flatnonzero(np.diff(price, prepend=np.nan) != 0)
        new, old = price[changed], price[np.maximum(changed - 1, 0)]
        for level, size, order in ((new, 1e9, 0), (old[1:], 0.0, 1)):
            at = changed if order == 0 else changed[1:]
            part = np.zeros(len(at), event_dtype)
            part["ev"] = DEPTH_EVENT | EXCH_EVENT | LOCAL_EVENT | flag
            part["exch_ts"] = part["local_ts"] = time[at]
            part["px"], part["qty"], part["ival"] = level, size, order
            columns.append(part)
    events = np.concatenate(columns)
    return events[np.lexsort((events["ival"], events["local_ts"]))]


@njit
def run(hbt, when, side):
    order_id, next_signal, trades = 0, 0, 0
    held, paid, wanted = 0, 0.0, 0
    while hbt.wait_next_feed(False, 1_000_000_000_000_000) == 2:
        now = hbt.current_timestamp
        depth = hbt.depth(0)
        bid, ask = depth.best_bid, depth.best_ask
        if np.isnan(bid) or np.isnan(ask):
            continue
        wanted = 0
        while next_signal < len(when) and when[next_signal] <= now:
            wanted = side[next_signal]
            next_signal += 1
        leave = held != 0 and wanted == -held
        if held > 0 and (bid <= paid * (1 - STOP) or bid >= paid * (1 + TARGET)):
            leave = True
        if held < 0 and (ask >= paid * (1 + STOP) or ask <= paid * (1 - TARGET)):
            leave = True
        if leave:
            order_id += 1
            if held > 0:
                hbt.submit_sell_order(0, order_id, bid, UNITS, GTC, MARKET, False)
            else:
                hbt.submit_buy_order(0, order_id, ask, UNITS, GTC, MARKET, False)
            held = 0
            trades += 1
        if wanted != 0 and held == 0:
            order_id += 1
            if wanted > 0:
                hbt.submit_buy_order(0, order_id, ask, UNITS, GTC, MARKET, False)
                paid = ask
            else:
                hbt.submit_sell_order(0, order_id, bid, UNITS, GTC, MARKET, False)
                paid = bid
            held = wanted
        if order_id % 64 == 0:
            hbt.clear_inactive_orders(0)
    return trades


def main():
    raw = np.fromfile(sys.argv[1], np.int64)
    time, bid, ask = np.split(raw, 3)
    bid, ask = bid.view(np.float64), ask.view(np.float64)
    when, side = signals(time, bid, ask, int(sys.argv[2]), int(sys.argv[3]))
    events = feed(time, bid, ask)

    def backtest(events):
        asset = (
            BacktestAsset()
            .data(events)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0, 0.0)
            .tick_size(0.00001)
            .lot_size(0.01)
        )
        return HashMapMarketDepthBacktest([asset])

    run(backtest(events[:5_000].copy()), when, side)
    hbt = backtest(events)
    start = clock.process_time()
    trades = run(hbt, when, side)
    print(f"seconds={clock.process_time() - start:.4f} trades={trades} events={len(events)}")


if __name__ == "__main__":
    main()
