//! What windows of one or two series say, and cycles.

use super::{Row, formula, kernel, native, output};
use crate::functions::{Kernel as K, Native as N};

const EHLERS: &str = "J. Ehlers, Rocket Science for Traders, 2001";
const ALPHAS: &str = "Z. Kakushadze, 101 Formulaic Alphas, 2016";

pub(super) const STATISTICS: &[Row] = &[
    (
        "_earliest_highest_age(x, n)",
        kernel(K::EarliestHighestAge),
        "bars since the greatest of n; once it has left, the earliest of equals",
        "",
    ),
    (
        "_earliest_lowest_age(x, n)",
        kernel(K::EarliestLowestAge),
        "bars since the least of n; once it has left, the earliest of equals",
        "",
    ),
    (
        "highest(x, n)",
        kernel(K::Highest),
        "greatest of the last n bars, this one included",
        "",
    ),
    (
        "lowest(x, n)",
        kernel(K::Lowest),
        "least of the last n bars, this one included",
        "",
    ),
    (
        "highest_bars(x, n)",
        formula("_highest_age(x, n)"),
        "bars since the greatest of the last n, 0 for this one",
        "",
    ),
    (
        "lowest_bars(x, n)",
        formula("_lowest_age(x, n)"),
        "bars since the least of the last n, 0 for this one",
        "",
    ),
    (
        "minmax.min(x, n = 30)",
        formula("lowest(x, n)"),
        "least of the last n bars",
        "",
    ),
    (
        "minmax.max(x, n = 30)",
        formula("highest(x, n)"),
        "greatest of the last n bars",
        "",
    ),
    (
        "maxindex(x, n = 30)",
        formula("bar_index() - _earliest_highest_age(x, n)"),
        "number of the bar with the greatest of the last n",
        "",
    ),
    (
        "minindex(x, n = 30)",
        formula("bar_index() - _earliest_lowest_age(x, n)"),
        "number of the bar with the least of the last n",
        "",
    ),
    ("sum(x, n)", native(N::Sum), "sum of the last n bars, this one included", ""),
    ("product(x, n)", kernel(K::Product), "product of the last n bars", ""),
    ("delay(x, n:0 = 1)", native(N::Delay), "the value n bars ago, as x[n]", ""),
    (
        "zscore(x, n)",
        formula("(x - sma(x, n)) / stddev(x, n)"),
        "distance from the average of n bars in their standard deviations",
        "",
    ),
    (
        "median(x, n)",
        formula("quantile(x, n, 0.5)"),
        "median of the last n bars",
        "",
    ),
    (
        "quantile(x, n, q:number = 0.5)",
        kernel(K::Quantile),
        "the value below which a share q of the last n bars lies, between neighbours on a line",
        "",
    ),
    (
        "percentile(x, n = 30, q:number = 50)",
        kernel(K::NearestRank),
        "the least of n bars that at least q percent of them are not above (nearest rank)",
        "",
    ),
    (
        "percentrank(x, n = 100)",
        kernel(K::PercentRank),
        "percent of the n bars before that lie below x",
        "",
    ),
    (
        "rank(x, n)",
        kernel(K::Rank),
        "place of x among the last n bars, 0 for the least and 1 for the greatest; equal values share a place",
        "",
    ),
    ("ts_rank(x, n)", formula("rank(x, n)"), "the same as rank", ALPHAS),
    (
        "ts_argmax(x, n)",
        formula("_highest_age(x, n)"),
        "bars since the greatest of the last n",
        ALPHAS,
    ),
    (
        "ts_argmin(x, n)",
        formula("_lowest_age(x, n)"),
        "bars since the least of the last n",
        ALPHAS,
    ),
    (
        "scale_minmax(x, n)",
        formula("(x - lowest(x, n)) / (highest(x, n) - lowest(x, n))"),
        "place of x in the range of n bars, 0 to 1",
        "",
    ),
    (
        "avgdev(x, n = 14)",
        kernel(K::MeanDeviation),
        "mean absolute distance of n bars from their average",
        "",
    ),
    ("skew(x, n:3)", kernel(K::Skew), "skewness of n bars (biased moments)", ""),
    (
        "kurtosis(x, n:4)",
        kernel(K::Kurtosis),
        "kurtosis of n bars less that of a normal distribution (biased moments)",
        "",
    ),
    (
        "correl(x, y, n = 30)",
        kernel(K::Correlation),
        "Pearson's correlation of n bars; 0 where either does not move",
        "",
    ),
    ("corr(x, y, n)", formula("correl(x, y, n)"), "the same as correl", ""),
    (
        "cov(x, y, n)",
        kernel(K::Covariance),
        "covariance of n bars (of the population: divided by n)",
        "",
    ),
    (
        "beta(x, y, n = 5)",
        kernel(K::ReturnBeta),
        "slope of the returns of y on those of x over n returns (TA-Lib's BETA)",
        "",
    ),
    (
        "slope_on(x, y, n)",
        kernel(K::Beta),
        "slope of y on x over n bars: the hedge ratio of a pair",
        "",
    ),
    (
        "linearreg(x, n = 14)",
        output(K::Regression, 0),
        "end of the line of least squares through n bars",
        "",
    ),
    (
        "linearreg_slope(x, n = 14)",
        output(K::Regression, 1),
        "slope of that line per bar",
        "",
    ),
    (
        "linearreg_intercept(x, n = 14)",
        output(K::Regression, 2),
        "begin of that line",
        "",
    ),
    (
        "linearreg_angle(x, n = 14)",
        formula("atan(linearreg_slope(x, n)) * 57.29577951308232"),
        "angle of that line in degrees",
        "",
    ),
    (
        "tsf(x, n = 14)",
        output(K::Regression, 3),
        "that line one bar ahead: a forecast",
        "",
    ),
    (
        "slope(x, n)",
        formula("linearreg_slope(x, n)"),
        "the same as linearreg_slope",
        "",
    ),
    (
        "r2(x, n)",
        output(K::Regression, 4),
        "share of the variance that the line of least squares explains",
        "",
    ),
    (
        "hurst(x, n:8 = 100)",
        kernel(K::Hurst),
        "Hurst exponent of n bars from the growth of differences with their distance: 0.5 for a random walk, more in trends",
        "H. Hurst, 1951; B. Mandelbrot",
    ),
    (
        "entropy(x, n:2 = 50, bins:2 = 10)",
        kernel(K::Entropy),
        "entropy in bits of n bars sorted into equal bins of their range",
        "C. Shannon, 1948",
    ),
    (
        "bar_index()",
        formula("cumsum(1 + 0 * hour()) - 1"),
        "number of the bar from the dataset's first, which is 0",
        "",
    ),
];

pub(super) const CYCLE: &[Row] = &[
    (
        "ht_dcperiod(x)",
        output(K::HilbertPeriod, 0),
        "period of the dominant cycle in bars",
        EHLERS,
    ),
    (
        "ht_dcphase(x)",
        kernel(K::HilbertPhase),
        "phase of the dominant cycle in degrees",
        EHLERS,
    ),
    (
        "ht_phasor.inphase(x)",
        output(K::HilbertPeriod, 1),
        "component in phase",
        EHLERS,
    ),
    (
        "ht_phasor.quadrature(x)",
        output(K::HilbertPeriod, 2),
        "component in quadrature",
        EHLERS,
    ),
    ("ht_sine.sine(x)", output(K::HilbertSine, 0), "sine of the phase", EHLERS),
    (
        "ht_sine.lead(x)",
        output(K::HilbertSine, 1),
        "sine of the phase 45 degrees ahead",
        EHLERS,
    ),
    (
        "ht_trendmode(x)",
        kernel(K::HilbertTrendMode),
        "1 in a trend, 0 in a cycle",
        EHLERS,
    ),
];
