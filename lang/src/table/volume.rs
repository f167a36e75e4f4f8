//! Volume, volatility and price transforms.

use super::{Row, formula, kernel, output};
use crate::functions::Kernel as K;

const WILDER: &str = "J. W. Wilder, New Concepts in Technical Trading Systems, 1978";
const CHAIKIN: &str = "M. Chaikin";

pub(super) const VOLUME: &[Row] = &[
    (
        "ad()",
        formula("cumsum(_ratio(close - low - (high - close), high - low) * volume)"),
        "accumulation and distribution line",
        CHAIKIN,
    ),
    (
        "adosc(fast = 3, slow = 10)",
        formula("_adosc(ad(), fast, slow)"),
        "Chaikin's oscillator: fast less slow exponential average of ad, both from its first value",
        CHAIKIN,
    ),
    (
        "_adosc(x, fast, slow)",
        kernel(K::AdOscillator),
        "averages seeded with the first value",
        CHAIKIN,
    ),
    (
        "cmf(n = 20)",
        formula("_ratio(sum(_ratio(close - low - (high - close), high - low) * volume, n), sum(volume, n))"),
        "Chaikin's money flow",
        CHAIKIN,
    ),
    (
        "efi(n = 13)",
        formula("ema(change(close) * volume, n)"),
        "Elder's force index",
        "A. Elder, Trading for a Living, 1993",
    ),
    (
        "marketfi()",
        formula("_ratio(high - low, volume)"),
        "market facilitation index: range over volume",
        "B. Williams, Trading Chaos, 1995",
    ),
    (
        "nvi() of close, volume",
        output(K::VolumeIndex, 0),
        "negative volume index: moves of bars with less volume than the one before, from 1000",
        "P. Dysart, 1936; N. Fosback, 1976",
    ),
    (
        "pvi() of close, volume",
        output(K::VolumeIndex, 1),
        "positive volume index: moves of bars with more volume than the one before, from 1000",
        "P. Dysart, 1936; N. Fosback, 1976",
    ),
    (
        "obv() of close, volume",
        kernel(K::Obv),
        "on-balance volume",
        "J. Granville, 1963",
    ),
    (
        "pvo(fast = 12, slow = 26)",
        formula("ppo(volume, fast, slow)"),
        "percentage volume oscillator: ppo of the volume",
        "",
    ),
    (
        "pvt()",
        formula("cumsum(nz(rocp(close, 1) * volume))"),
        "price volume trend",
        "",
    ),
    (
        "rvol(n = 20)",
        formula("_ratio(volume, sma(volume, n)[1])"),
        "volume over the average of the n bars before",
        "",
    ),
];

pub(super) const VOLATILITY: &[Row] = &[
    (
        "atr(n = 14)",
        formula("rma(true_range(), n)"),
        "average true range, smoothed by Wilder's average",
        WILDER,
    ),
    (
        "natr(n = 14)",
        formula("_share(atr(n), close)"),
        "average true range in percent of the close",
        "J. Forman, Stocks & Commodities, May 2006",
    ),
    (
        "true_range()",
        formula("max(high - low, abs(high - close[1]), abs(low - close[1]))"),
        "greatest of high - low and both distances from close[1]",
        WILDER,
    ),
    ("trange()", formula("true_range()"), "the same as true_range", WILDER),
    ("adr(n = 14)", formula("sma(high - low, n)"), "average range of n bars", ""),
    (
        "cvi(n = 10, roc_n = 10)",
        formula("roc(ema(high - low, n), roc_n)"),
        "Chaikin's volatility: change of the averaged range in percent",
        CHAIKIN,
    ),
    (
        "massi(fast = 9, slow = 25)",
        formula("sum(ema(high - low, fast) / ema(ema(high - low, fast), fast), slow)"),
        "mass index",
        "D. Dorsey, Stocks & Commodities, June 1992",
    ),
    (
        "rvi(x, n = 14, deviation_n = 10)",
        formula(
            "_share(rma(_on(change(x), stddev(x, deviation_n)), n), rma(_on(change(x), stddev(x, deviation_n)), n) + rma(_on(0 - change(x), stddev(x, deviation_n)), n))",
        ),
        "relative volatility index, 0 to 100: the share of deviations on rising bars",
        "D. Dorsey, Stocks & Commodities, June 1993",
    ),
    ("_on(a, b)", formula("_mask(if(a > 0, b, 0), b)"), "b where a is above 0", ""),
    (
        "stddev(x, n)",
        kernel(K::Deviation),
        "standard deviation of n bars (of the population: divided by n)",
        "",
    ),
    (
        "stdev_sample(x, n:2)",
        kernel(K::SampleDeviation),
        "standard deviation of n bars (of a sample: divided by n - 1)",
        "",
    ),
    (
        "var(x, n = 5)",
        kernel(K::Variance),
        "variance of n bars (of the population: divided by n)",
        "",
    ),
    (
        "historical_volatility(x, n:2 = 20)",
        formula("stdev_sample(log(x / x[1]), n)"),
        "standard deviation of logarithmic returns of n bars, for one bar",
        "",
    ),
    (
        "parkinson(n = 20)",
        formula("sqrt(sma(pow(log(high / low), 2), n) / 2.772588722239781)"),
        "volatility of one bar from ranges",
        "M. Parkinson, Journal of Business 53, 1980",
    ),
    (
        "garman_klass(n = 20)",
        formula("sqrt(sma(0.5 * pow(log(high / low), 2) - 0.3862943611198906 * pow(log(close / open), 2), n))"),
        "volatility of one bar from open, high, low and close",
        "M. Garman and M. Klass, Journal of Business 53, 1980",
    ),
    (
        "choppiness(n:2 = 14)",
        formula("100 * log10(sum(true_range(), n) / (highest(high, n) - lowest(low, n))) / log10(n)"),
        "choppiness index: near 100 without a trend",
        "E. Dreiss",
    ),
    (
        "ulcer(x, n = 14)",
        formula("sqrt(sma(pow(100 * (x / highest(x, n) - 1), 2), n))"),
        "ulcer index: depth of drawdowns of n bars in percent",
        "P. Martin, 1987",
    ),
];

pub(super) const PRICE: &[Row] = &[
    ("avgprice()", formula("ohlc4"), "(open + high + low + close) / 4", ""),
    ("medprice()", formula("hl2"), "(high + low) / 2", ""),
    ("typprice()", formula("hlc3"), "(high + low + close) / 3", ""),
    (
        "wclprice()",
        formula("(high + low + close * 2) / 4"),
        "(high + low + 2 close) / 4",
        "",
    ),
    (
        "ha.open() of open, high, low, close",
        output(K::HeikinAshi, 0),
        "open of the Heikin-Ashi candle: middle of the body before",
        "M. Homma",
    ),
    (
        "ha.high() of open, high, low, close",
        output(K::HeikinAshi, 1),
        "high of the Heikin-Ashi candle",
        "M. Homma",
    ),
    (
        "ha.low() of open, high, low, close",
        output(K::HeikinAshi, 2),
        "low of the Heikin-Ashi candle",
        "M. Homma",
    ),
    (
        "ha.close() of open, high, low, close",
        output(K::HeikinAshi, 3),
        "close of the Heikin-Ashi candle: ohlc4",
        "M. Homma",
    ),
];
