//! How functions are computed, in terms that users can write, where the table's own body does not say it: of kernels, and of formulas
//! that call helpers.

/// What [`super::super::functions::Function::definition`] shows, by name.
pub(crate) const DEFINITIONS: &[(&str, &str)] = &[
    // Averages, bands and levels
    ("sma", "sum(x, n) / n"),
    ("ema", "y = y[1] + 2 / (n + 1) * (x - y[1]), from sma(x, n) at bar n"),
    ("rma", "y = y[1] + (x - y[1]) / n, from sma(x, n) at bar n"),
    ("wma", "(n * x + (n - 1) * x[1] + ... + 1 * x[n - 1]) / (n * (n + 1) / 2)"),
    ("dema", "2 * ema(x, n) - ema(ema(x, n), n)"),
    ("tema", "3 * ema(x, n) - 3 * ema(ema(x, n), n) + ema(ema(ema(x, n), n), n)"),
    ("t3", "g(g(g(x))) with g(y) = (1 + v) * ema(y, n) - v * ema(ema(y, n), n)"),
    (
        "kama",
        "y = y[1] + a * a * (x - y[1]) with a = er(x, n) * (2 / 3 - 2 / 31) + 2 / 31, from the value at bar n",
    ),
    (
        "mavp",
        "sma(x, p) with p = periods at this bar, held between minimum and maximum",
    ),
    (
        "sar",
        "s = s[1] + a * (extreme - s[1]), not past the lows (short: highs) of two bars; a begins at acceleration and grows by it at each \
         new extreme, up to maximum; where the price reaches s, the side turns and s is the extreme",
    ),
    ("accbands_upper", "sma(high * (1 + 4 * (high - low) / (high + low)), n)"),
    ("accbands_lower", "sma(low * (1 - 4 * (high - low) / (high + low)), n)"),
    (
        "keltner_upper",
        "m + k * r with m the average keltner(...).middle and r that of true_range() with alpha 1 / atr_n. Neither is seeded as ema and \
         atr are: m with the mean of the n values of hlc3, r with that of the atr_n true ranges, up to the first bar at which both are \
         known (n, or atr_n + 1 if that is later), so that the channel begins with both at once",
    ),
    (
        "keltner_middle",
        "y = y[1] + 2 / (n + 1) * (hlc3 - y[1]), from the mean of the last n at bar n, or at bar atr_n + 1 if that is later",
    ),
    (
        "keltner_lower",
        "m - k * r, with m and r as of keltner(...).upper: averages of hlc3 and of true_range() that begin at the same bar",
    ),
    (
        "supertrend_line",
        "hl2 - k * atr(n), which does not fall while the close before is above it, until a close is below; then hl2 + k * atr(n), which \
         does not rise, until a close is above; it begins below the price",
    ),
    (
        "supertrend_trend",
        "1 where supertrend(...).line is the lower band, -1 where it is the upper",
    ),
    ("supertrend", "supertrend(n, k).line"),
    (
        "vwap_anchored",
        "sum of hlc3 * volume / sum of volume, both since the condition held last",
    ),
    // Momentum
    (
        "rsi",
        "100 * u / (u + d) with u = rma(max(change(x), 0), n), d = rma(max(-change(x), 0), n); 0 where nothing moved",
    ),
    (
        "macd",
        "ema(x, fast) - ema(x, slow), the faster one seeded so late that both begin at one bar; from the first value of the signal on",
    ),
    (
        "macd_signal",
        "ema(ema(x, fast) - ema(x, slow), signal), the faster one seeded so late that both begin at one bar",
    ),
    (
        "macd_hist",
        "macd(x, fast, slow, signal).macd - macd(x, fast, slow, signal).signal",
    ),
    (
        "macdext_macd",
        "ma(x, fast, fast_type) - ma(x, slow, slow_type), from the first value of the signal on",
    ),
    (
        "macdext_signal",
        "ma(ma(x, fast, fast_type) - ma(x, slow, slow_type), signal, signal_type)",
    ),
    ("macdext_hist", "macdext(...).macd - macdext(...).signal"),
    (
        "macdfix_macd",
        "exponential averages with alphas 0.15 and 0.075, from the means of 12 and 26 values at bar 26: fast less slow; from the first \
         value of the signal on",
    ),
    (
        "macdfix_signal",
        "ema of the difference that macdfix(...).macd is, over signal bars",
    ),
    ("macdfix_hist", "macdfix(x, signal).macd - macdfix(x, signal).signal"),
    (
        "ppo",
        "100 * apo(x, fast, slow) / ema(x, max(fast, slow)); 0 where that divides by 0",
    ),
    (
        "stoch_k",
        "sma(100 * (close - lowest(low, fastk)) / (highest(high, fastk) - lowest(low, fastk)), slowk); 0 for a range of 0; from the first \
         value of %D on",
    ),
    (
        "stoch_d",
        "sma of stoch(...).k over slowd bars, its values that are not shown among them",
    ),
    (
        "stochf_k",
        "100 * (close - lowest(low, fastk)) / (highest(high, fastk) - lowest(low, fastk)), 0 for a range of 0; from the first value of %D on",
    ),
    (
        "stochf_d",
        "sma of stochf(...).k over fastd bars, its values that are not shown among them",
    ),
    (
        "stochrsi_k",
        "100 * (r - lowest(r, fastk)) / (highest(r, fastk) - lowest(r, fastk)) with r = rsi(x, n), 0 for a range of 0; from the first value \
         of %D on",
    ),
    (
        "stochrsi_d",
        "sma of stochrsi(...).k over fastd bars, its values that are not shown among them",
    ),
    (
        "kdj_k",
        "rma(100 * (close - lowest(low, n)) / (highest(high, n) - lowest(low, n)), slowk), from the first value of d on",
    ),
    (
        "kdj_d",
        "rma of kdj(...).k over slowd bars, its values that are not shown among them",
    ),
    ("adx", "rma(dx(n), n); with no move at all dx keeps the value it had"),
    ("dx", "100 * abs(plus_di(n) - minus_di(n)) / (plus_di(n) + minus_di(n))"),
    (
        "plus_di",
        "100 * plus_dm(n) / t with t the sum of true_range() smoothed as plus_dm is",
    ),
    (
        "minus_di",
        "100 * minus_dm(n) / t with t the sum of true_range() smoothed as minus_dm is",
    ),
    (
        "plus_dm",
        "s = s[1] - s[1] / n + m with m = high - high[1] where that is above 0 and above low[1] - low, else 0; from the sum of the first \
         n - 1 moves",
    ),
    (
        "minus_dm",
        "s = s[1] - s[1] / n + m with m = low[1] - low where that is above 0 and above high - high[1], else 0; from the sum of the first \
         n - 1 moves",
    ),
    ("aroon_up", "100 * (n - highest_bars(high, n + 1)) / n"),
    ("aroon_down", "100 * (n - lowest_bars(low, n + 1)) / n"),
    ("aroonosc", "100 * (lowest_bars(low, n + 1) - highest_bars(high, n + 1)) / n"),
    ("bop", "(close - open) / (high - low); 0 where that divides by 0"),
    (
        "cci",
        "(hlc3 - sma(hlc3, n)) / (0.015 * avgdev(hlc3, n)); 0 where that divides by 0",
    ),
    (
        "cmo",
        "100 * (u - d) / (u + d) with u = rma(max(change(x), 0), n), d = rma(max(-change(x), 0), n); 0 where that divides by 0",
    ),
    (
        "cmou",
        "100 * sum(change(x), n) / sum(abs(change(x)), n); 0 where that divides by 0",
    ),
    ("er", "abs(x - x[n]) / sum(abs(change(x)), n); 0 where that divides by 0"),
    ("fosc", "100 * (x - tsf(x, n)[1]) / x; 0 where that divides by 0"),
    (
        "imi",
        "100 * sum(max(close - open, 0), n) / sum(abs(close - open), n); 0 where that divides by 0",
    ),
    (
        "mfi",
        "100 * u / (u + d) with u = sum(if(hlc3 > hlc3[1], hlc3 * volume, 0), n), d the same where it fell; 0 where that divides by 0",
    ),
    (
        "smi",
        "100 * ema(ema(close - midprice(n), slow), fast) / (ema(ema(highest(high, n) - lowest(low, n), slow), fast) / 2), from the first \
         value of the signal on; 0 where that divides by 0",
    ),
    (
        "smi_signal",
        "ema of smi over signal bars, its values that are not shown among them",
    ),
    ("trix", "roc(ema(ema(ema(x, n), n), n), 1)"),
    (
        "tsi",
        "100 * ema(ema(change(x), first), second) / ema(ema(abs(change(x)), first), second); 0 where that divides by 0",
    ),
    (
        "ultosc",
        "100 * (4 * p(n1) + 2 * p(n2) + p(n3)) / 7 with p(n) = sum(close - min(low, close[1]), n) / sum(true_range(), n); 0 where that divides by 0",
    ),
    (
        "vhf",
        "(highest(x, n) - lowest(x, n)) / sum(abs(change(x)), n); 0 where that divides by 0",
    ),
    (
        "vortex_plus",
        "sum(abs(high - low[1]), n) / sum(true_range(), n); 0 where that divides by 0",
    ),
    (
        "vortex_minus",
        "sum(abs(low - high[1]), n) / sum(true_range(), n); 0 where that divides by 0",
    ),
    (
        "willr",
        "-100 * (highest(high, n) - close) / (highest(high, n) - lowest(low, n)); 0 where that divides by 0",
    ),
    // Volume and volatility
    ("ad", "cumsum((close - low - (high - close)) / (high - low) * volume)"),
    (
        "adosc",
        "exponential averages of ad() over fast and slow bars, both from its first value: fast less slow",
    ),
    (
        "cmf",
        "sum((close - low - (high - close)) / (high - low) * volume, n) / sum(volume, n); 0 where that divides by 0",
    ),
    ("marketfi", "(high - low) / volume; 0 where that divides by 0"),
    (
        "obv",
        "the volume of rising bars less that of falling ones, summed up from the first bar's volume",
    ),
    ("rvol", "volume / sma(volume, n)[1]; 0 where that divides by 0"),
    ("natr", "100 * atr(n) / close; 0 where that divides by 0"),
    (
        "rvi",
        "100 * u / (u + d) with u = rma(if(change(x) > 0, stddev(x, deviation_n), 0), n), d the same where x fell; 0 where that divides by 0",
    ),
    ("stddev", "sqrt(var(x, n))"),
    (
        "var",
        "sma((x - m) * (x - m), n) with m the mean of the window, sma(x, n) at this bar",
    ),
    // Windows and statistics
    ("ts_argmax", "highest_bars(x, n)"),
    ("ts_argmin", "lowest_bars(x, n)"),
    ("maxindex", "bar_index() less the bars since the greatest of the last n"),
    ("minindex", "bar_index() less the bars since the least of the last n"),
    ("correl", "cov(x, y, n) / (stddev(x, n) * stddev(y, n))"),
    ("cov", "sma(x * y, n) - sma(x, n) * sma(y, n)"),
    ("slope_on", "cov(x, y, n) / var(x, n)"),
];

#[cfg(test)]
mod tests {
    use super::DEFINITIONS;
    use crate::FUNCTIONS;
    use crate::functions::{find, outputs_of};

    /// The words of a text that begin like a name.
    fn words(text: &str) -> impl Iterator<Item = &str> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
    }

    #[test]
    fn definitions_are_of_functions_and_each_has_one() {
        for (i, (name, _)) in DEFINITIONS.iter().enumerate() {
            assert!(find(name).is_some(), "{name}");
            assert!(DEFINITIONS[..i].iter().all(|(other, _)| other != name), "{name} twice");
        }
    }

    #[test]
    fn what_is_shown_has_no_names_that_do_not_exist() {
        for function in FUNCTIONS.iter() {
            let Some(text) = function.definition() else { continue };
            assert!(words(text).all(|word| !word.starts_with('_')), "{function}: {text}");
            for (at, _) in text.match_indices('(') {
                let called: &str = text[..at]
                    .rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .next()
                    .unwrap_or_default();
                // One letter names what the text itself explains.
                let known = called.len() <= 1 || find(called).is_some() || !outputs_of(called).is_empty();
                assert!(known, "{function}: `{called}` in {text}");
            }
        }
    }

    #[test]
    fn well_known_functions_say_how_they_are_computed() {
        for name in [
            "supertrend",
            "kama",
            "adx",
            "sar",
            "rsi",
            "macd",
            "cci",
            "stoch_k",
            "bbands_upper",
            "atr",
            "ema",
            "wma",
            "obv",
            "mfi",
            "keltner_upper",
            "cmo",
            "willr",
            "dema",
            "vwap",
        ] {
            let function = find(name).unwrap();
            // That of vwap begins in helpers for sessions, which is what the table says in words.
            assert!(function.definition().is_some(), "{name}");
        }
    }
}
