"""A bar-by-bar simulator of docs/semantics.md, written as plainly as possible: checks that an oracle means the same.

It covers what the goldens use: fill close and next_open, one entry at a time, reversal, percentage stop and target
(fill close only), slippage, commission, sizes all_in, fraction and units, leverage 1.
"""

import math

import numpy as np


def simulate(bars, signals, execution):
    """Returns (equity at every close, trades, position after every close)."""
    get = execution.get
    capital, fill, lot = get("capital", 10_000.0), execution["fill"], get("lot", 0)
    commission, slippage, size = get("commission", 0.0), get("slippage", 0.0), get("size", "all_in")
    stop_loss, take_profit = get("stop_loss"), get("take_profit")
    assert fill == "close" or not (stop_loss or take_profit)
    open_, high, low, close = (bars.price(c) for c in ("open", "high", "low", "close"))
    quotes = get("quotes", False)
    price_at = {"open": (open_, open_), "close": (close, close)}  # (buys, sells)
    if quotes:
        for c in price_at:
            bid, ask = bars.price(f"bid_{c}"), bars.price(f"ask_{c}")
            price_at[c] = (np.maximum(bid, ask), np.minimum(bid, ask))
    column = "close" if fill == "close" else "open"

    state = {"cash": capital, "units": 0.0, "trade": None}
    equity, held, trades, pending = np.empty(len(bars)), np.zeros(len(bars)), [], None

    def paid(price, buy):
        return price * (1 + slippage) if buy else price * (1 - slippage)

    def leave(i, price, reason, at_start):
        trade, units = state["trade"], state["units"]
        price = paid(price, units < 0)
        fee = abs(units) * price * commission
        state["cash"] += units * price - fee
        trade["fees"] += fee
        trade.update(exit_bar=i, exit_price=price, exit_at_start=at_start, exit_reason=reason, open=False)
        trade["pnl"] = units * (price - trade["entry_price"]) - trade["fees"]
        trade["return"] = trade["pnl"] / (abs(units) * trade["entry_price"])
        trades.append(trade)
        state.update(units=0.0, trade=None)

    def enter(i, price, side):
        price = paid(price, side > 0)
        most = state["cash"] / (price * (1 + commission))
        if size == "all_in":
            units = most
        elif "fraction" in size:
            units = size["fraction"] * most
        else:
            units = float(size["units"])
            assert units <= most, "units beyond the equity: engines differ there"
        if lot:
            assert abs(units / lot - round(units / lot)) > 1e-6 or "units" in size, "a size too near to a lot's edge"
            units = math.floor(units / lot) * lot
        assert units > 0, "an order below a lot: not a case for a golden"
        fee = units * price * commission
        state["cash"] -= side * units * price + fee
        state["units"] = side * units
        state["trade"] = {"direction": "long" if side > 0 else "short", "entry_bar": i, "entry_price": price, "units": units,
                          "fees": fee, "entry_at_start": fill == "next_open",
                          "stop": price * (1 - side * stop_loss) if stop_loss else None,
                          "target": price * (1 + side * take_profit) if take_profit else None}

    def act(i, wanted):
        """`wanted`: (close the position?, reason, side to enter or 0)."""
        closing, reason, side = wanted
        at_start = fill == "next_open"
        buys, sells = price_at[column]
        if closing:
            leave(i, buys[i] if state["units"] < 0 else sells[i], reason, at_start)
        if side:
            enter(i, buys[i] if side > 0 else sells[i], side)

    def stopped(i):
        trade, side = state["trade"], math.copysign(1, state["units"])
        if trade is None or i <= trade["entry_bar"]:
            return None
        stop, target = trade["stop"], trade["target"]
        for level in filter(None, (stop, target)):
            assert min(abs(level / x - 1) for x in (open_[i], high[i], low[i])) > 1e-12, "a price too near to a level"
        worst, best = (low[i], high[i]) if side > 0 else (high[i], low[i])
        if stop and side * open_[i] <= side * stop:
            return "stop", open_[i], True
        if target and side * open_[i] >= side * target:
            return "target", open_[i], True
        if stop and side * worst <= side * stop:
            trade["ambiguous"] = bool(target) and side * best >= side * target
            return "stop", stop, False
        if target and side * best >= side * target:
            return "target", target, False
        return None

    for i in range(len(bars)):
        if pending:
            act(i, pending)
            pending = None
        hit = stopped(i)
        if hit:
            leave(i, hit[1], hit[0], hit[2])
        else:
            flags = {name: bool(x[i]) for name, x in signals.items()}
            wanted = decide(flags, np.sign(state["units"]))
            if wanted and fill == "close":
                act(i, wanted)
            else:
                pending = wanted
        held[i] = state["units"]
        equity[i] = state["cash"] + state["units"] * close[i]
    if state["trade"]:
        trade = state["trade"]
        trade.update(exit_bar=None, exit_price=None, exit_at_start=False, exit_reason="open", open=True)
        trade["pnl"] = state["units"] * (close[-1] - trade["entry_price"]) - trade["fees"]
        trade["return"] = trade["pnl"] / (trade["units"] * trade["entry_price"])
        trades.append(trade)
    return equity, trades, held


def decide(flags, side):
    """The order that rules at the end of a bar lead to, or None."""
    if side == 0:
        enter = int(flags["enter_long"]) - int(flags["enter_short"])
        return (False, None, enter) if enter else None
    own, other = ("long", "short") if side > 0 else ("short", "long")
    if flags[f"enter_{other}"]:
        return True, "reverse", -side
    return (True, "rule", 0) if flags[f"exit_{own}"] else None
