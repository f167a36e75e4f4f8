//! Ticks of one instrument, and the search for the first that reaches a price.
//!
//! Above the ticks stand the lowest and highest executable prices of blocks of 64, of 16 such blocks, and so on: a search climbs over
//! blocks in which nothing can be reached, so that it costs the logarithm of what it passes over. The tables take half a byte a tick.

use arrow::array::RecordBatch;
use arrow::datatypes::{Float64Type, TimestampNanosecondType};

use crate::config::Side;
use crate::market::{Column, Market, MarketError, values_of};

/// Ticks in the smallest block.
const BLOCK: usize = 64;
/// Blocks in the next larger one.
const FAN: usize = 16;

/// Ticks of one instrument beside its bars; see [`Market::with_ticks`].
#[derive(Debug, Clone)]
pub struct Ticks {
    /// UTC nanoseconds, ascending; several ticks may have one time.
    pub time: Column<i64>,
    /// Bid and ask rather than prices of trades.
    pub quotes: bool,
    /// The bars were made from these ticks.
    pub made_the_bars: bool,
    /// First tick that may not fill anything: at or after the end of the window.
    pub end: usize,
    bid: Column<f64>,
    ask: Column<f64>,
    sell: Extremes,
    buy: Extremes,
    places: Places,
}

/// Where the ticks of each bar are.
#[derive(Debug, Clone)]
enum Places {
    /// Each tick is a bar.
    EveryTick,
    /// The first tick by bar, and of one bar more.
    First(Vec<usize>),
}

/// Lowest and highest prices of blocks, level by level.
#[derive(Debug, Clone)]
struct Extremes(Vec<Vec<[f64; 2]>>);

impl Extremes {
    fn new(len: usize, price: impl Fn(usize) -> f64) -> Self {
        let wider = |[low, high]: [f64; 2], [l, h]: [f64; 2]| [if l < low { l } else { low }, if h > high { h } else { high }];
        let nothing = [f64::INFINITY, f64::NEG_INFINITY];
        let block = |start: usize| {
            let ticks = (start..len.min(start + BLOCK)).map(&price);
            ticks.fold(nothing, |extremes, p| wider(extremes, [p, p]))
        };
        let mut levels: Vec<Vec<[f64; 2]>> = vec![(0..len).step_by(BLOCK).map(block).collect()];
        while let Some(below) = levels.last()
            && below.len() > FAN
        {
            let blocks = below.chunks(FAN).map(|part| part.iter().copied().fold(nothing, wider));
            levels.push(blocks.collect());
        }
        Self(levels)
    }
}

/// What is looked for on the exit side of a position, in prices mirrored for a short one, so that worse is lower.
pub(crate) trait Watch {
    /// No tick of a block with these extremes, the worst first, reaches a level. What has passed is remembered.
    fn passes(&mut self, near: f64, far: f64) -> bool;
}

/// Levels that stand still.
pub(crate) struct Fixed {
    /// At or below it, the position ends.
    pub(crate) worse: f64,
    /// At or above it, the target is reached.
    pub(crate) better: f64,
}

impl Watch for Fixed {
    #[inline(always)]
    fn passes(&mut self, near: f64, far: f64) -> bool {
        near > self.worse && far < self.better
    }
}

/// Levels beside a trailing stop at `best x factor - distance`.
pub(crate) struct Trailing {
    /// As in [`Fixed`].
    pub(crate) worse: f64,
    /// As in [`Fixed`].
    pub(crate) better: f64,
    /// Share of the best price.
    pub(crate) factor: f64,
    /// Below that.
    pub(crate) distance: f64,
    /// Best price so far.
    pub(crate) best: f64,
}

impl Watch for Trailing {
    #[inline(always)]
    fn passes(&mut self, near: f64, far: f64) -> bool {
        // The level at the end of the block is its highest. Of a single tick it is exact: a new best price lies above it.
        let best = if far > self.best { far } else { self.best };
        let level = best * self.factor - self.distance;
        let worse = if level > self.worse { level } else { self.worse };
        let passed = near > worse && far < self.better;
        if passed {
            self.best = best;
        }
        passed
    }
}

impl Ticks {
    /// Number of ticks.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// No ticks at all; [`Market::with_ticks`] refuses that.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// What a seller gets at tick `k`, without the job's spread.
    #[inline(always)]
    pub fn sell(&self, k: usize) -> f64 {
        let (bid, ask) = (self.bid[k], self.ask[k]);
        if bid > ask { ask } else { bid }
    }

    /// What a buyer pays at tick `k`, without the job's spread.
    #[inline(always)]
    pub fn buy(&self, k: usize) -> f64 {
        let (bid, ask) = (self.bid[k], self.ask[k]);
        if bid > ask { bid } else { ask }
    }

    /// The first tick of a bar: ticks belong to the last bar that began at or before them. Of the bar after the last, their number.
    #[inline(always)]
    pub fn first_of(&self, bar: usize) -> usize {
        match &self.places {
            Places::EveryTick => bar,
            Places::First(first) => first[bar],
        }
    }

    /// The bar of tick `k`, which is one of `bars`.
    #[inline(always)]
    pub(crate) fn bar_of(&self, k: usize, bars: std::ops::Range<usize>) -> usize {
        match &self.places {
            Places::EveryTick => k,
            Places::First(first) => bars.start + first[bars.start + 1..bars.end].partition_point(|first| *first <= k),
        }
    }

    /// Memory of what is kept beside the ticks themselves.
    pub(crate) fn bytes(&self) -> u64 {
        let Extremes(levels) = &self.sell;
        let blocks: usize = levels.iter().map(Vec::len).sum();
        let places = match &self.places {
            Places::EveryTick => 0,
            Places::First(first) => first.len() * size_of::<usize>(),
        };
        (2 * blocks * size_of::<[f64; 2]>() + places) as u64
    }

    /// The first tick from `from` on at or after a time.
    #[inline(always)]
    pub(crate) fn at_or_after(&self, from: usize, time: i64) -> usize {
        // Mostly it is at hand, so steps are doubled before they are halved.
        let times = &self.time[from..];
        let mut reach = 1;
        while reach <= times.len() && times[reach - 1] < time {
            reach *= 2;
        }
        let (low, high) = (reach / 2, times.len().min(reach));
        from + low + times[low..high].partition_point(|t| *t < time)
    }

    /// The first tick of `from..to` at which a position of this side may meet what is watched for, prices `half` a spread away; `to` if
    /// there is none.
    #[inline(always)]
    pub(crate) fn first(&self, side: Side, half: f64, from: usize, to: usize, watch: &mut impl Watch) -> usize {
        match side {
            Side::Long => climb(
                &self.sell,
                from,
                to,
                |low, high| [low - half, high - half],
                |k| self.sell(k),
                watch,
            ),
            Side::Short => climb(
                &self.buy,
                from,
                to,
                |low, high| [-(high + half), -(low + half)],
                |k| self.buy(k),
                watch,
            ),
        }
    }
}

/// [`Ticks::first`] over one side: `mirrored` makes of a lowest and a highest price the worst and the best.
#[inline(always)]
fn climb(
    extremes: &Extremes,
    from: usize,
    to: usize,
    mirrored: impl Fn(f64, f64) -> [f64; 2],
    price: impl Fn(usize) -> f64,
    watch: &mut impl Watch,
) -> usize {
    let Extremes(levels) = extremes;
    let mut k = from;
    // Blocks of this level and those above are known not to pass.
    let mut ceiling = levels.len();
    while k < to {
        if k.is_multiple_of(BLOCK) && k + BLOCK <= to && ceiling > 0 {
            let (mut level, mut size) = (0, BLOCK);
            while level + 1 < ceiling && k.is_multiple_of(size * FAN) && k + size * FAN <= to {
                level += 1;
                size *= FAN;
            }
            let [low, high] = levels[level][k / size];
            let [near, far] = mirrored(low, high);
            if watch.passes(near, far) {
                k += size;
                ceiling = levels.len();
            } else {
                ceiling = level;
            }
            continue;
        }
        let end = to.min((k / BLOCK + 1) * BLOCK);
        while k < end {
            let [near, far] = mirrored(price(k), price(k));
            if !watch.passes(near, far) {
                return k;
            }
            k += 1;
        }
        ceiling = levels.len();
    }
    to
}

impl Market {
    /// The same market with a batch of ticks: `time` (timestamp in ns), and `bid` and `ask`, or `price`. `made_the_bars` says that its bars
    /// come from these very ticks.
    ///
    /// # Errors
    /// Ticks that are none, are out of order, or do not belong to the bars.
    pub fn with_ticks(mut self, batch: &RecordBatch, made_the_bars: bool) -> Result<Self, MarketError> {
        let time = values_of::<TimestampNanosecondType>(batch, "time").ok_or(MarketError::Ticks)?;
        let column = |name| values_of::<Float64Type>(batch, name);
        let (quotes, bid, ask) = match (column("bid"), column("ask"), column("price")) {
            (Some(bid), Some(ask), None) => (true, bid, ask),
            (None, None, Some(price)) => (false, price.clone(), price),
            _ => return Err(MarketError::Ticks),
        };
        let places = match &self.ticks_of_bars {
            Some(counts) => {
                let ends = counts.iter().scan(0, |sum, count| {
                    *sum += *count as usize;
                    Some(*sum)
                });
                Places::First(std::iter::once(0).chain(ends).collect())
            }
            None if self.every_tick_is_a_bar() => Places::EveryTick,
            None => Places::First(first_of_bars(&self.time, &time)),
        };
        let mut ticks = Ticks {
            end: 0,
            quotes,
            made_the_bars,
            sell: Extremes(Vec::new()),
            buy: Extremes(Vec::new()),
            places,
            time,
            bid,
            ask,
        };
        if ticks.is_empty() || ticks.first_of(self.len()) != ticks.len() {
            return Err(MarketError::Ticks);
        }
        ticks.end = ticks
            .first_of(self.window.end)
            .min(ticks.time.partition_point(|t| *t < self.until));
        ticks.sell = Extremes::new(ticks.len(), |k| ticks.sell(k));
        ticks.buy = if quotes {
            Extremes::new(ticks.len(), |k| ticks.buy(k))
        } else {
            ticks.sell.clone()
        };
        self.ticks = Some(ticks);
        Ok(self)
    }
}

/// For each bar its first tick, and the number of ticks; ticks before the first bar belong to none.
fn first_of_bars(bars: &[i64], ticks: &[i64]) -> Vec<usize> {
    let mut at = 0;
    let first = bars.iter().map(|start| {
        // Bars and ticks go along with each other: the next is near.
        let mut reach = 1;
        while at + reach <= ticks.len() && ticks[at + reach - 1] < *start {
            reach *= 2;
        }
        let (low, high) = (at + reach / 2, ticks.len().min(at + reach));
        at = low + ticks[low..high].partition_point(|t| *t < *start);
        at
    });
    let mut first: Vec<usize> = first.collect();
    first.push(ticks.len());
    first
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticks(prices: Vec<f64>, spread: f64) -> Ticks {
        let ask: Vec<f64> = prices.iter().map(|p| p + spread).collect();
        let mut ticks = Ticks {
            time: (0..prices.len() as i64).map(|k| k / 3 * 10).collect::<Vec<_>>().into(),
            quotes: true,
            made_the_bars: true,
            end: prices.len(),
            bid: prices.into(),
            ask: ask.into(),
            sell: Extremes(Vec::new()),
            buy: Extremes(Vec::new()),
            places: Places::EveryTick,
        };
        ticks.sell = Extremes::new(ticks.len(), |k| ticks.sell(k));
        ticks.buy = Extremes::new(ticks.len(), |k| ticks.buy(k));
        ticks
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// The search finds what looking at every tick finds, and passes on the same best price.
        #[test]
        fn jumping_is_looking_at_every_tick(
            steps in prop::collection::vec(-5_i32..=5, 1..9_000),
            long in any::<bool>(),
            distances in (1_i32..400, 1_i32..400, 1_i32..400),
            span in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let mut level = 10_000;
            let prices: Vec<f64> = steps.iter().map(|step| { level += step; f64::from(level) }).collect();
            let ticks = ticks(prices, 2.0);
            let (a, b) = (span.0.index(ticks.len()), span.1.index(ticks.len() + 1));
            let (from, to) = (a.min(b), a.max(b));
            let side = if long { Side::Long } else { Side::Short };
            let half = 0.5;
            let exit = |k: usize| if long { ticks.sell(k) - half } else { -(ticks.buy(k) + half) };
            let start = exit(from.min(ticks.len() - 1));
            let (worse, better) = (start - f64::from(distances.0), start + f64::from(distances.1));
            let expected = (from..to).find(|k| exit(*k) <= worse || exit(*k) >= better).unwrap_or(to);
            prop_assert_eq!(ticks.first(side, half, from, to, &mut Fixed { worse, better }), expected);

            let trail = f64::from(distances.2);
            let mut best = start;
            let mut expected = to;
            for k in from..to {
                if exit(k) <= worse.max(best - trail) || exit(k) >= better {
                    expected = k;
                    break;
                }
                best = best.max(exit(k));
            }
            let mut watch = Trailing { worse, better, factor: 1.0, distance: trail, best: start };
            prop_assert_eq!(ticks.first(side, half, from, to, &mut watch), expected);
            prop_assert_eq!(watch.best, best);
        }

        #[test]
        fn times_and_bars_are_found(count in 1_usize..500, from in any::<prop::sample::Index>(), time in -5_i64..1_800, width in 1_i64..90) {
            let ticks = ticks(vec![1.0; count], 0.0);
            let from = from.index(count);
            let expected = (from..count).find(|k| ticks.time[*k] >= time).unwrap_or(count);
            prop_assert_eq!(ticks.at_or_after(from, time), expected);
            let bars: Vec<i64> = (0..40).map(|bar| bar * width).collect();
            let first = first_of_bars(&bars, &ticks.time);
            for (bar, start) in bars.iter().enumerate() {
                prop_assert_eq!(first[bar], ticks.time.iter().position(|t| t >= start).unwrap_or(count));
            }
            prop_assert_eq!(first[40], count);
        }
    }
}
