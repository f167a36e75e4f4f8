"""Times every function beside TA-Lib's C library, both on a random walk of as many bars, line by line in one run.

usage: python scripts/function_speed.py BINARY [BARS] [RUNS]

    cargo build --release -p assay-strategies --example function_speed
    VENV/bin/python scripts/function_speed.py target/release/examples/function_speed

Needs numpy and TA-Lib (scripts/requirements-goldens.txt). Prints a table of those that are slower, the sums, and the whole with --all.
"""

import subprocess
import sys
import time

import numpy as np
import talib

from goldens import talib_cases


def walk(n):
    rng = np.random.default_rng(42)
    path = np.round(100 * np.exp(np.cumsum(0.0006 * (rng.random((n, 4)) - 0.5).reshape(-1))), 2).reshape(n, 4)
    columns = {"open": path[:, 0], "high": path.max(1), "low": path.min(1), "close": path[:, 3], "volume": np.round(rng.random(n) * 1000)}
    columns["periods"] = 2.0 + np.arange(n) % 30
    return {name: np.ascontiguousarray(values) for name, values in columns.items()}


def calls():
    for line in talib_cases.TABLE.strip().splitlines():
        ours, theirs = (part.strip() for part in line.split("<-"))
        name, arguments = theirs[:-1].split("(")
        yield ours, name, [a for a in arguments.split(", ") if a]
    for ours, name, arguments in BASIC:
        yield ours, name, arguments
    for name in talib.get_function_groups()["Pattern Recognition"]:
        yield f"{name.lower()}()", name, ["open", "high", "low", "close"]


BASIC = [
    ("sma(close, 30)", "SMA", ["close", "30"]),
    ("ema(close, 30)", "EMA", ["close", "30"]),
    ("wma(close, 30)", "WMA", ["close", "30"]),
    ("rsi(close, 14)", "RSI", ["close", "14"]),
    ("macd(close, 12, 26, 9).macd | macd(close, 12, 26, 9).signal | macd(close, 12, 26, 9).hist", "MACD", ["close", "12", "26", "9"]),
    ("atr(14)", "ATR", ["high", "low", "close", "14"]),
    ("bbands(close, 20, 2).upper | bbands(close, 20, 2).middle | bbands(close, 20, 2).lower", "BBANDS", ["close", "20", "2.0", "2.0", "0"]),
    ("stoch(5, 3, 3).k | stoch(5, 3, 3).d", "STOCH", ["high", "low", "close", "5", "3", "0", "3", "0"]),
    ("roc(close, 10)", "ROC", ["close", "10"]),
]


def main():
    options = [a for a in sys.argv[1:] if not a.startswith("--")]
    binary, bars, runs = options[0], int((options[1:] or ["1000000"])[0]), int((options[2:] or ["5"])[0])
    columns = walk(bars)
    rows = []
    ours = subprocess.Popen([binary, str(bars), str(runs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    for expression, name, arguments in calls():
        given = [columns[a] if a in columns else float(a) if "." in a else int(a) for a in arguments]
        function, best = getattr(talib, name), np.inf
        for _ in range(runs):
            start = time.perf_counter()
            function(*given)
            best = min(best, time.perf_counter() - start)
        ours.stdin.write(expression + "\n")
        ours.stdin.flush()
        own = float(ours.stdout.readline().split("\t")[0])
        rows.append((best * 1e9 / bars, own, expression))
    ours.stdin.close()
    rows.sort(key=lambda row: row[0] / row[1])
    shown = rows if "--all" in sys.argv else [row for row in rows if row[0] < row[1]]
    print("| function | TA-Lib, ns a bar | ours | times as fast |\n|---|---|---|---|")
    for theirs, own, expression in shown:
        print(f"| `{expression}` | {theirs:.2f} | {own:.2f} | {theirs / own:.2f} |")
    theirs, own = sum(row[0] for row in rows), sum(row[1] for row in rows)
    print(f"\n{len(rows)} calls, {sum(row[0] < row[1] for row in rows)} slower; together {theirs:.0f} and {own:.0f} ns a bar: {theirs / own:.2f} times as fast")


if __name__ == "__main__":
    main()
