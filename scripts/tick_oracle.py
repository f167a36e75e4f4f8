"""Trades of a crossover with fills from ticks, from raw files and a plain loop: the oracle of tests/tick_oracle.rs.

usage: python scripts/tick_oracle.py --market ../shared/market --out tests/goldens/ticks/eurusd.json

Independent of the engine: it reads FXCM's zips itself (milliseconds since midnight five hours behind UTC, bid, ask), makes one-minute
bars, averages them in whole numbers, and looks at every tick. Running it again gives the same bytes.
"""

import argparse
import csv
import io
import json
import zipfile
from datetime import datetime, timezone
from pathlib import Path

MINUTE = 60_000_000_000
FAST, SLOW, STOP, TARGET, LATENCY, CAPITAL, COMMISSION = 19, 65, 0.0006, 0.0012, 250_000_000, 10_000.0, 0.00001


def ticks(folder):
    for path in sorted(folder.glob("*.zip")):
        day = datetime.strptime(path.name[:8], "%Y%m%d").replace(tzinfo=timezone.utc)
        midnight = int(day.timestamp()) * 1_000_000_000 + 5 * 3_600_000_000_000
        with zipfile.ZipFile(path) as archive:
            text = io.TextIOWrapper(archive.open(archive.namelist()[0]))
            for ms, bid, ask in csv.reader(text):
                yield midnight + int(ms) * 1_000_000, float(bid), float(ask)


def signals(rows):
    """+1 and -1 by the start of the bar at whose end the averages cross."""
    closes = {}
    for time, bid, ask in rows:
        closes[time - time % MINUTE] = round(bid * 100_000) + round(ask * 100_000)  # twice the mid, in points
    starts, found, sums = list(closes), {}, [0]
    for start in starts:
        sums.append(sums[-1] + closes[start])
    side = None
    for i in range(SLOW - 1, len(starts)):
        fast, slow = sums[i + 1] - sums[i + 1 - FAST], sums[i + 1] - sums[i + 1 - SLOW]
        now = (fast * SLOW > slow * FAST) - (fast * SLOW < slow * FAST)
        if side is not None and now > 0 and side <= 0:
            found[starts[i]] = 1
        if side is not None and now < 0 and side >= 0:
            found[starts[i]] = -1
        side = now
    return found


def trades(rows):
    crossed, done = signals(rows), []
    cash, held, order, hit, bar = CAPITAL, None, None, False, None
    for time, bid, ask in rows:
        if bar is not None and time - time % MINUTE != bar:
            # The last bar is over: its crossing gives an order, unless one waits or a level was hit in it.
            side = crossed.get(bar)
            if side and not hit and order is None and (held is None or held["side"] != side):
                order = (bar + MINUTE + LATENCY, side)
            hit = False
        bar = time - time % MINUTE
        buy, sell = max(bid, ask), min(bid, ask)

        def leave(price, reason):
            nonlocal cash, held
            units, side, paid = held["units"], held["side"], held["entry_price"]
            fee = units * price * COMMISSION
            cash += side * units * price - fee
            pnl = side * units * (price - paid) - fee - held["fee"]
            done.append({**held, "exit_time": time, "exit_price": price, "pnl": pnl, "reason": reason})
            held = None

        if order is not None and time >= order[0]:
            side, order = order[1], None
            if held is not None:
                leave(sell if held["side"] > 0 else buy, "reverse")
            price = buy if side > 0 else sell
            units = cash / (price * (1 + COMMISSION))
            fee = units * price * COMMISSION
            cash -= side * units * price + fee
            held = {"side": side, "entry_time": time, "entry_price": price, "units": units, "fee": fee}
        elif held is not None:
            side, paid = held["side"], held["entry_price"]
            price = sell if side > 0 else buy
            if side * price <= side * (paid - side * STOP * paid):
                leave(price, "stop")
                hit = True
            elif side * price >= side * (paid + side * TARGET * paid):
                leave(paid + side * TARGET * paid, "target")
                hit = True
    return done


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--market", required=True, type=Path, help="folder with the market files")
    arguments.add_argument("--out", required=True, type=Path, help="the golden")
    options = arguments.parse_args()
    rows = list(ticks(options.market / "fx_ticks" / "fxcm_eurusd"))
    job = dict(fast=FAST, slow=SLOW, stop=STOP, target=TARGET, latency_ns=LATENCY, capital=CAPITAL, commission=COMMISSION)
    columns = ["side", "entry_time", "exit_time", "entry_price", "exit_price", "units", "pnl", "reason"]
    lines = [json.dumps([trade[name] for name in columns]) for trade in trades(rows)]
    head = json.dumps({"ticks": len(rows), "job": job, "columns": columns})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(head[:-1] + ', "trades": [\n' + ",\n".join(lines) + "\n]}\n")
    print(f"{len(lines)} trades in {options.out}")


if __name__ == "__main__":
    main()
