"""Reads the market files with pandas, independently of the project's importers, and makes bars.

Prices are held as integers (price x 10^digits), so that bars, mids and rolling sums are exact.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
OHLC = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Bars:
    """Bars of one instrument: start times in UTC nanoseconds, integer prices, and where they come from."""

    symbol: str
    time: np.ndarray
    scaled: dict  # column -> int64, price x 10^digits: open, high, low, close and, from quotes, bid_open .. ask_close
    digits: int
    length: int  # nanoseconds
    files: tuple
    recipe: str
    week: str  # "24x7" | "24x5" | "session"
    zone: str  # in which days are counted for `1d` sampling
    day_start_hours: int = 0  # local hour at which a trading day begins; from then on it is the next date's, unless 0

    def __len__(self):
        return len(self.time)

    def price(self, column):
        """Correctly rounded floats: one division of two exact integers."""
        return self.scaled[column] / float(10**self.digits)

    @property
    def end(self):
        return self.time + self.length

    def head(self, rows):
        return replace(self, time=self.time[:rows], scaled={k: v[:rows] for k, v in self.scaled.items()})

    def hash(self, columns=OHLC):
        """sha256 over rows of little-endian i64: time in ns, then the columns x 10^digits."""
        table = np.column_stack([self.time] + [self.scaled[c] for c in columns]).astype("<i8")
        return hashlib.sha256(table.tobytes()).hexdigest()

    def describe(self):
        quotes = [f"{side}_{c}" for side in ("bid", "ask") for c in OHLC]
        with_quotes = {"sha256_quotes": self.hash(quotes)} if quotes[0] in self.scaled else {}
        return with_quotes | {
            "symbol": self.symbol,
            "length": duration_text(self.length),
            "length_ns": self.length,
            "recipe": self.recipe,
            "rows": len(self),
            "first_time": time_text(self.time[0]),
            "last_time": time_text(self.time[-1]),
            "price_digits": self.digits,
            "calendar": {"week": self.week, "zone": self.zone, "day_start": f"{self.day_start_hours:02d}:00"},
            "sum_close": float(sum(int(x) for x in self.scaled["close"]) / 10**self.digits),
            "sha256": self.hash(),
        }


def time_text(ns):
    """RFC 3339 in UTC with as many fractional digits as needed."""
    whole, fraction = divmod(int(ns), SECOND)
    text = pd.Timestamp(whole, unit="s").strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}".rstrip("0") + "Z" if fraction else f"{text}Z"


def duration_text(ns):
    for name, unit in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)):
        if ns % unit == 0:
            return f"{ns // unit}{name}"
    return f"{ns}ns"


def scale(values, digits):
    """Decimals read as floats to exact integers; fails if a value has more digits."""
    values = np.asarray(values, dtype=float)
    scaled = np.rint(values * 10**digits).astype(np.int64)
    assert (scaled / float(10**digits) == values).all(), f"a price has more than {digits} digits"
    return scaled


def rows_of_zip(path):
    with zipfile.ZipFile(path) as archive:
        (member,) = archive.namelist()
        return pd.read_csv(io.BytesIO(archive.read(member)), header=None)


def day_start(path):
    """Midnight of the date in a file name such as 20140501_quote.zip, as if it were UTC."""
    stem = next(part for part in path.stem.split("_") if len(part) == 8 and part.isdigit())
    return pd.Timestamp(stem).value


def resample(time, columns, length):
    """First, max, min, last of each bucket of `length` from the epoch; buckets without rows are absent."""
    start = time - time % length
    first = np.flatnonzero(np.r_[True, start[1:] != start[:-1]])
    last = np.r_[first[1:], len(start)] - 1
    rules = {
        "open": lambda x: x[first],
        "high": lambda x: np.maximum.reduceat(x, first),
        "low": lambda x: np.minimum.reduceat(x, first),
        "close": lambda x: x[last],
    }
    return start[first], {name: rules[name.split("_")[-1]](x) for name, x in columns.items()}


def with_mid(quotes):
    """Adds mid = (bid + ask)/2, column by column; one more digit makes the halves exact: the caller scales by 10."""
    mid = {c: (quotes[f"bid_{c}"] + quotes[f"ask_{c}"]) * 5 for c in OHLC}
    return mid | {name: x * 10 for name, x in quotes.items()}


def eurusd_5m(market):
    files = sorted(Path(market, "fx_ticks/fxcm_eurusd").glob("*_quote.zip"))
    time, bid, ask = [], [], []
    for path in files:
        rows = rows_of_zip(path)
        time.append(day_start(path) + rows[0].to_numpy(np.int64) * 1_000_000 + 5 * HOUR)
        bid.append(scale(rows[1], 5))
        ask.append(scale(rows[2], 5))
    time, bid, ask = (np.concatenate(x) for x in (time, bid, ask))
    assert (np.diff(time) >= 0).all()
    sides = {f"{side}_{c}": x for side, x in (("bid", bid), ("ask", ask)) for c in OHLC}
    start, quotes = resample(time, sides, 5 * MINUTE)
    return Bars(
        "EURUSD", start, with_mid(quotes), 6, 5 * MINUTE, names(market, files),
        "quote ticks at UTC-5 -> UTC (+5 h); 5m bars of bid and of ask by first, max, min, last; bars without a tick are "
        "absent; open, high, low, close = (bid_x + ask_x)/2 column by column",
        "24x5", "America/New_York", 17,
    )


def xauusd_1m(market):
    files = sorted(Path(market, "cfd_minute/oanda_xauusd").glob("*_quote.zip"))
    parts = []
    for path in files:
        rows = rows_of_zip(path)
        table = {"time": day_start(path) + rows[0].to_numpy(np.int64) * 1_000_000}
        for at, side in ((1, "bid"), (6, "ask")):
            table |= {f"{side}_{c}": scale(rows[at + k], 3) for k, c in enumerate(OHLC)}
        parts.append(table)
    columns = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    time = columns.pop("time")
    return Bars(
        "XAUUSD", time, with_mid(columns), 4, MINUTE, names(market, files),
        "LEAN 1m quote bars, UTC; open, high, low, close = (bid_x + ask_x)/2 column by column", "24x5", "America/New_York",
    )


def btcusd_1h(market):
    path = Path(market, "bars_1m/bitfinex_btcusd_2015.csv.gz")
    rows = pd.read_csv(path, header=None, names=["time", "open", "close", "high", "low", "volume"])
    time = rows["time"].to_numpy(np.int64) * 1_000_000
    assert (np.diff(time) > 0).all()
    start, columns = resample(time, {c: scale(rows[c], 8) for c in OHLC}, HOUR)
    return Bars(
        "BTCUSD", start, columns, 8, HOUR, names(market, [path]),
        "Bitfinex candles (time ms UTC, open, CLOSE, HIGH, LOW, volume) -> 1h bars: first open, max high, min low, last "
        "close; hours without a candle are absent", "24x7", "UTC",
    )


def ltcusd_1m(market):
    path = Path(market, "messy/ltcusd_coinbase_20180404_trade.zip")
    rows = rows_of_zip(path)
    columns = {c: scale(rows[k + 1], 2) for k, c in enumerate(OHLC)}
    time = day_start(path) + rows[0].to_numpy(np.int64) * 1_000_000
    return Bars("LTCUSD", time, columns, 2, MINUTE, names(market, [path]), "LEAN 1m trade bars, UTC, prices not scaled",
                "24x7", "UTC")


def gbpusd_1m(market):
    path = Path(market, "bars_1m/gbpusd-m1-bid-2012.csv")
    rows = pd.read_csv(path)
    time = np.array([pd.Timestamp(x).value for x in rows["timestamp"]])
    columns = {c: scale(rows[c], 5) for c in OHLC}
    return Bars(
        "GBPUSD", time, columns, 5, MINUTE, names(market, [path]),
        "the bid file with a header, UTC, taken as plain trade bars (no volume)", "24x5", "America/New_York",
    )


def equity_daily(market, symbol):
    path = Path(market, f"bars_daily/lean_equity/{symbol.lower()}.zip")
    rows = rows_of_zip(path)
    local = pd.to_datetime(rows[0], format="%Y%m%d %H:%M").dt.tz_localize("America/New_York")
    time = np.array([x.value for x in local.dt.tz_convert("UTC")])
    return Bars(
        symbol, time, {c: rows[k + 1].to_numpy(np.int64) for k, c in enumerate(OHLC)}, 4, DAY, names(market, [path]),
        "LEAN daily bars, prices x 10,000, raw (no split or dividend adjustment); a bar starts at midnight of its New York "
        "date and is 24 h long", "session", "America/New_York",
    )


def names(market, files):
    return tuple(Path(f).relative_to(market).as_posix() for f in files)
