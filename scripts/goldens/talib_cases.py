"""Values of TA-Lib's functions on real bars, at sparse rows."""

import numpy as np
import talib
import talib.abstract

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
    "table: the rest of TA-Lib's functions. found is how many bars have a value (of candle patterns one that is not 0), sum the sum of all "
    "values x (1 + bar % 97), values those at some bars; volume is 1 + bar x 7919 % 1009, because not every market has one",
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


def whole_table(bars):
    """(expression, TA-Lib call, values) of every function that the catalogue leaves out, with volumes of traded bars or of none."""
    columns = {name: bars.price(name) for name in ("open", "high", "low", "close")}
    columns["volume"] = volume(len(bars))
    columns["periods"] = 2.0 + np.arange(len(bars)) % 30
    for line in TABLE.strip().splitlines():
        expressions, call = (part.strip() for part in line.split("<-"))
        name, arguments = call[:-1].split("(")
        given = [columns[a] if a in columns else float(a) if "." in a else int(a) for a in arguments.split(", ") if a]
        values = getattr(talib, name)(*given)
        expressions = expressions.split(" | ")
        outputs = values if isinstance(values, (tuple, list)) else [values]
        assert len(outputs) == len(expressions), line
        for expression, output in zip(expressions, outputs, strict=True):
            output = output.astype(float)
            if np.issubdtype(np.asarray(values[0] if isinstance(values, (tuple, list)) else values).dtype, np.integer) or name == "SUPERTREND":
                # Integers cannot say that they are undefined.
                output[:lookback(name, arguments)] = np.nan
            yield expression, call, output
    for name in talib.get_function_groups()["Pattern Recognition"]:
        values = getattr(talib, name)(*[columns[c] for c in ("open", "high", "low", "close")])
        yield f"{name.lower()}()", f"{name}(open, high, low, close)", values.astype(float)


def lookback(name, arguments):
    function = talib.abstract.Function(name)
    numbers = [a for a in arguments.split(", ") if a and a[0].isdigit()]
    function.parameters = {key: (float(a) if "." in a else int(a)) for key, a in zip(function.parameters, numbers, strict=False)}
    return function.lookback


def volume(n):
    """Made up, because not every market has one: the tests make the same."""
    return 1.0 + (np.arange(n) * 7919) % 1009


def sparse(expression, call, values):
    """Few values of a function, and a sum over all of them."""
    first = int(np.flatnonzero(~np.isnan(values))[0])
    name = call.split("(")[0]
    if name.startswith("CDL"):
        first = talib.abstract.Function(name).lookback
        found = np.flatnonzero(values)
        shown = {int(i): float(values[i]) for i in np.r_[found[:6], found[-6:]]}
        return {"expression": expression, "talib": call, "first": first, "found": len(found),
                "sum": float((values * (1 + np.arange(len(values)) % 97)).sum()), "values": shown}
    defined = ~np.isnan(values)
    rows = np.unique(np.r_[np.flatnonzero(defined)[:3], np.linspace(first, len(values) - 1, 12).astype(int)])
    weights = 1 + np.arange(len(values)) % 97
    return {"expression": expression, "talib": call, "first": first, "found": int(defined.sum()),
            "sum": float((values[defined] * weights[defined]).sum()), "values": {int(i): None if np.isnan(values[i]) else float(values[i]) for i in rows}}


TABLE = """
ac(5, 34, 5) <- AC(high, low, 5, 34, 5)
accbands(20).upper | accbands(20).middle | accbands(20).lower <- ACCBANDS(high, low, close, 20)
ad() <- AD(high, low, close, volume)
add(high, low) <- ADD(high, low)
adosc(3, 10) <- ADOSC(high, low, close, volume, 3, 10)
adr(14) <- ADR(high, low, 14)
adx(14) <- ADX(high, low, close, 14)
adx(5) <- ADX(high, low, close, 5)
adxr(14) <- ADXR(high, low, close, 14)
ao(5, 34) <- AO(high, low, 5, 34)
apo(close, 12, 26) <- APO(close, 12, 26, 1)
aroon(14).down | aroon(14).up <- AROON(high, low, 14)
aroonosc(14) <- AROONOSC(high, low, 14)
atan(close) <- ATAN(close)
avgdev(close, 14) <- AVGDEV(close, 14)
avgprice() <- AVGPRICE(open, high, low, close)
beta(close, volume, 5) <- BETA(close, volume, 5)
beta(high, low, 20) <- BETA(high, low, 20)
bop() <- BOP(open, high, low, close)
cci(14) <- CCI(high, low, close, 14)
ceil(close) <- CEIL(close)
cmf(20) <- CMF(high, low, close, volume, 20)
cmo(close, 14) <- CMO(close, 14)
cmou(close, 14) <- CMOU(close, 14)
coppock(close, 10, 11, 14) <- COPPOCK(close, 10, 11, 14)
correl(high, low, 30) <- CORREL(high, low, 30)
correl(close, volume, 30) <- CORREL(close, volume, 30)
cos(close) <- COS(close)
cumsum(close) <- CUMSUM(close)
cvi(10, 10) <- CVI(high, low, 10, 10)
dema(close, 30) <- DEMA(close, 30)
div(high, low) <- DIV(high, low)
donchian(20).upper | donchian(20).middle | donchian(20).lower <- DONCHIAN(high, low, 20)
dpo(close, 20) <- DPO(close, 20)
dpo(close, 7) <- DPO(close, 7)
dx(14) <- DX(high, low, close, 14)
efi(13) <- EFI(close, volume, 13)
er(close, 10) <- ER(close, 10)
eri(13).bull | eri(13).bear <- ERI(high, low, close, 13)
floor(close) <- FLOOR(close)
fosc(close, 5) <- FOSC(close, 5)
fractal(2, 2).high | fractal(2, 2).low <- FRACTAL(high, low, 2, 2)
ha().open | ha().high | ha().low | ha().close <- HA(open, high, low, close)
hma(close, 20) <- HMA(close, 20)
hma(close, 9) <- HMA(close, 9)
ht_dcperiod(close) <- HT_DCPERIOD(close)
ht_dcphase(close) <- HT_DCPHASE(close)
ht_phasor(close).inphase | ht_phasor(close).quadrature <- HT_PHASOR(close)
ht_sine(close).sine | ht_sine(close).lead <- HT_SINE(close)
ht_trendline(close) <- HT_TRENDLINE(close)
ht_trendmode(close) <- HT_TRENDMODE(close)
imi(14) <- IMI(open, close, 14)
kama(close, 30) <- KAMA(close, 30)
keltner(20, 10, 2).upper | keltner(20, 10, 2).middle | keltner(20, 10, 2).lower <- KC(high, low, close, 20, 10, 2.0)
kdj(9, 3, 3).k | kdj(9, 3, 3).d | kdj(9, 3, 3).j <- KDJ(high, low, close, 9, 3, 13, 3, 13)
linearreg(close, 14) <- LINEARREG(close, 14)
linearreg_angle(close, 14) <- LINEARREG_ANGLE(close, 14)
linearreg_intercept(close, 14) <- LINEARREG_INTERCEPT(close, 14)
linearreg_slope(close, 14) <- LINEARREG_SLOPE(close, 14)
ln(close) <- LN(close)
log10(close) <- LOG10(close)
ma(close, 30, 2) <- MA(close, 30, 2)
ma(close, 30, 7) <- MA(close, 30, 7)
ma(close, 30, 8) <- MA(close, 30, 8)
macdext(close, 12, 0, 26, 0, 9, 0).macd | macdext(close, 12, 0, 26, 0, 9, 0).signal | macdext(close, 12, 0, 26, 0, 9, 0).hist <- MACDEXT(close, 12, 0, 26, 0, 9, 0)
macdfix(close, 9).macd | macdfix(close, 9).signal | macdfix(close, 9).hist <- MACDFIX(close, 9)
mama(close, 0.5, 0.05).mama | mama(close, 0.5, 0.05).fama <- MAMA(close, 0.5, 0.05)
marketfi() <- MARKETFI(high, low, volume)
massi(9, 25) <- MASSI(high, low, 9, 25)
mavp(close, 2 + bar_index() % 30, 2, 30) <- MAVP(close, periods, 2, 30, 0)
highest(close, 30) <- MAX(close, 30)
maxindex(close, 30) <- MAXINDEX(close, 30)
medprice() <- MEDPRICE(high, low)
mfi(14) <- MFI(high, low, close, volume, 14)
midpoint(close, 14) <- MIDPOINT(close, 14)
midprice(14) <- MIDPRICE(high, low, 14)
lowest(close, 30) <- MIN(close, 30)
minindex(close, 30) <- MININDEX(close, 30)
minmax(close, 30).min | minmax(close, 30).max <- MINMAX(close, 30)
minindex(close, 30) | maxindex(close, 30) <- MINMAXINDEX(close, 30)
minus_di(14) <- MINUS_DI(high, low, close, 14)
minus_dm(14) <- MINUS_DM(high, low, 14)
mom(close, 10) <- MOM(close, 10)
mult(high, low) <- MULT(high, low)
natr(14) <- NATR(high, low, close, 14)
nvi() <- NVI(close, volume)
obv() <- OBV(close, volume)
percentile(close, 30, 50) <- PERCENTILE(close, 30, 50.0)
percentile(close, 20, 33) <- PERCENTILE(close, 20, 33.0)
percentrank(close, 100) <- PERCENTRANK(close, 100)
plus_di(14) <- PLUS_DI(high, low, close, 14)
plus_dm(14) <- PLUS_DM(high, low, 14)
ppo(close, 12, 26) <- PPO(close, 12, 26, 1)
pvi() <- PVI(close, volume)
pvo(12, 26) <- PVO(volume, 12, 26, 1)
pvt() <- PVT(close, volume)
qstick(10) <- QSTICK(open, close, 10)
rma(close, 30) <- RMA(close, 30)
rocp(close, 10) <- ROCP(close, 10)
rocr(close, 10) <- ROCR(close, 10)
rocr100(close, 10) <- ROCR100(close, 10)
rvi(close, 14, 10) <- RVI(close, 14, 10)
rvol(20) <- RVOL(volume, 20)
sar(0.02, 0.2) <- SAR(high, low, 0.02, 0.2)
sarext(0, 0, 0.02, 0.02, 0.2, 0.02, 0.02, 0.2) <- SAREXT(high, low, 0.0, 0.0, 0.02, 0.02, 0.2, 0.02, 0.02, 0.2)
sarext(0, 0.01, 0.03, 0.02, 0.2, 0.01, 0.02, 0.1) <- SAREXT(high, low, 0.0, 0.01, 0.03, 0.02, 0.2, 0.01, 0.02, 0.1)
sin(close) <- SIN(close)
smi(13, 2, 25, 9) | smi(13, 2, 25, 9).signal <- SMI(high, low, close, 13, 2, 25, 9)
sqrt(close) <- SQRT(close)
stddev(close, 5) <- STDDEV(close, 5, 1.0)
stochf(5, 3).k | stochf(5, 3).d <- STOCHF(high, low, close, 5, 3, 0)
stochrsi(close, 14, 5, 3).k | stochrsi(close, 14, 5, 3).d <- STOCHRSI(close, 14, 5, 3, 0)
sub(high, low) <- SUB(high, low)
sum(close, 30) <- SUM(close, 30)
supertrend(10, 3).line | supertrend(10, 3).trend <- SUPERTREND(high, low, close, 10, 3.0)
t3(close, 5, 0.7) <- T3(close, 5, 0.7)
tan(close) <- TAN(close)
tanh(close) <- TANH(close)
tema(close, 30) <- TEMA(close, 30)
true_range() <- TRANGE(high, low, close)
trima(close, 30) <- TRIMA(close, 30)
trima(close, 7) <- TRIMA(close, 7)
trix(close, 30) <- TRIX(close, 30)
tsf(close, 14) <- TSF(close, 14)
tsi(close, 25, 13) <- TSI(close, 25, 13)
typprice() <- TYPPRICE(high, low, close)
ultosc(7, 14, 28) <- ULTOSC(high, low, close, 7, 14, 28)
var(close, 5) <- VAR(close, 5, 1.0)
vhf(close, 28) <- VHF(close, 28)
vortex(14).plus | vortex(14).minus <- VORTEX(high, low, close, 14)
vwap_all() <- VWAP(high, low, close, volume)
vwma(close, 30) <- VWMA(close, volume, 30)
wad() <- WAD(high, low, close)
wclprice() <- WCLPRICE(high, low, close)
willr(14) <- WILLR(high, low, close, 14)
zlema(close, 30) <- ZLEMA(close, 30)
"""


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


class Walk:
    """A decimal random walk with gaps and flat stretches, for tests that have no market data."""

    def __init__(self, bars=600):
        rng = np.random.default_rng(11)
        steps = np.round(rng.normal(0, 0.3, (bars, 4)) * rng.choice([0.2, 1.0, 2.5], (bars, 1)), 2)
        steps[:, 0] *= rng.random(bars) < 0.5
        path = np.round(50 + np.cumsum(steps.reshape(-1)), 2).reshape(bars, 4)
        path[300:310] = path[300]
        path[305:310] = path[305, 0]
        self.columns = dict(zip(("open", "high", "low", "close"), (path[:, 0], path.max(1), path.min(1), path[:, 3]), strict=True))

    def price(self, column):
        return self.columns[column].copy()

    def __len__(self):
        return len(self.columns["open"])


def walk():
    """The whole table on it: strategies/tests/goldens/talib_table.json."""
    bars = Walk()
    return {
        "about": f"TA-Lib {talib.__ta_version__.decode().split()[0]} on a random walk, by scripts/goldens.py",
        "bars": {name: values.tolist() for name, values in bars.columns.items()},
        # Where nothing moves the rsi is constant but for rounding, and its stochastic is that rounding.
        "table": [sparse(*item) for item in whole_table(bars) if "STOCHRSI" not in item[1]],
    }


def goldens(data):
    for symbol in ("EURUSD", "BTCUSD"):
        bars = data[symbol]
        rows = np.unique(np.r_[np.arange(0, 40, 8), np.linspace(40, len(bars) - 1, ROWS - 5).astype(int)])
        series = [entry(rows, *item) for item in catalogue(bars)]
        whole = [sparse(*item) for item in whole_table(bars)]
        yield f"talib_{symbol.lower()}", {
            "about": f"TA-Lib {talib.__ta_version__.decode().split()[0]} (wrapper {talib.__version__}) on {symbol}",
            "source": {"files": list(bars.files), "root": "--market"},
            "bars": bars.describe(),
            "rows": rows.tolist(),
            "series": series,
            "table": whole,
            "notes": NOTES,
        }
