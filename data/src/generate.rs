//! Quotes in the manner of a currency pair, from a seed: the demo needs no file.
//!
//! The same request gives the same ticks on every machine: integers, one pinned random generator, and `libm`.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::ids::Symbol;
use assay_core::time::{DAY_NS, HOUR_NS, UtcNs};

use crate::catalog::{Catalog, DatasetKind, Overlap, SourceInfo, WriteReport, schema};
use crate::error::DataError;

/// Prices are whole multiples of this.
const POINTS_PER_UNIT: f64 = 100_000.0;
/// Standard deviation of a day's return.
const DAILY_VOLATILITY: f64 = 0.005;
/// How busy each UTC hour is: Asia quiet, London and New York busy, the overlap busiest.
const ACTIVITY: [f64; 24] = [
    0.5, 0.6, 0.6, 0.5, 0.5, 0.6, 0.9, 1.4, 1.6, 1.4, 1.2, 1.2, 1.5, 2.0, 2.1, 1.8, 1.4, 1.0, 0.8, 0.7, 0.5, 0.3, 0.3, 0.4,
];
const MILLISECOND: i64 = 1_000_000;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// The instrument; its calendar says when the market is open.
    pub symbol: Symbol,
    /// The same seed gives the same ticks.
    pub seed: u64,
    /// First moment.
    pub start: UtcNs,
    /// Length in days, closed ones included.
    pub days: u32,
    /// Ticks of an average open day.
    pub ticks_per_day: u32,
}

impl GenerateRequest {
    /// About a million ticks: four weeks from Monday 2024-01-01 of the symbol `DEMO`.
    pub fn demo(seed: u64) -> Self {
        Self {
            symbol: "DEMO".parse().expect("a plain word"),
            seed,
            start: UtcNs(19_723 * DAY_NS),
            days: 28,
            ticks_per_day: 50_000,
        }
    }
}

/// Generates quotes into the catalog, replacing those of the same days. Memory holds one day.
pub fn generate(catalog: &Catalog, request: &GenerateRequest) -> Result<WriteReport, DataError> {
    let source = SourceInfo {
        name: format!("seed {}", request.seed),
        format: "generated".to_owned(),
        bytes: 0,
        hash: None,
    };
    let calendar = catalog.instrument(&request.symbol).facts.calendar;
    let mut writer = catalog
        .writer(&request.symbol, DatasetKind::Quotes, source)?
        .overlap(Overlap::Replace);
    let mut market = Walk::new(request);
    let end = request.start.0.saturating_add(i64::from(request.days).saturating_mul(DAY_NS));
    let mut from = request.start.0;
    while from < end {
        let span = calendar.day_span(from);
        let to = span.to.min(end);
        if !span.weekend {
            writer.append(&market.quotes(from, to))?;
        }
        from = to;
    }
    writer.finish()
}

/// The market's state between ticks.
struct Walk {
    random: Random,
    ticks_per_day: f64,
    /// Mid in points.
    mid: f64,
    /// Slowly moving drift, in standard deviations of a tick: trends that last for hours.
    drift: f64,
    /// Slowly moving factor of the volatility: quiet and wild hours.
    volatility: f64,
}

impl Walk {
    fn new(request: &GenerateRequest) -> Self {
        Self {
            random: Random(request.seed),
            ticks_per_day: f64::from(request.ticks_per_day.max(1)),
            mid: 1.1 * POINTS_PER_UNIT,
            drift: 0.0,
            volatility: 1.0,
        }
    }

    /// The ticks of an open span of time.
    fn quotes(&mut self, from: i64, to: i64) -> RecordBatch {
        let step = DAILY_VOLATILITY / libm::sqrt(self.ticks_per_day);
        let mean_gap = DAY_NS as f64 / self.ticks_per_day;
        let (mut times, mut bids, mut asks) = (Vec::new(), Vec::new(), Vec::new());
        let mut now = from;
        loop {
            let hour = usize::try_from(now.rem_euclid(DAY_NS) / HOUR_NS).unwrap_or_default();
            let activity = ACTIVITY[hour];
            // Waiting times are exponential, in whole milliseconds.
            let gap = -libm::log(1.0 - self.random.uniform()) * mean_gap / activity;
            now += (libm::rint(gap / MILLISECOND as f64) as i64).max(1) * MILLISECOND;
            if now >= to {
                break;
            }
            let (first, second) = self.random.normals();
            // Weak: about a fifth of a day's variance, so that trends exist and costs still matter.
            self.drift = 0.9995 * self.drift + 0.000_25 * second;
            let shock = self.random.uniform() - 0.5;
            self.volatility = (1.0 + 0.9998 * (self.volatility - 1.0) + 0.03 * shock).clamp(0.4, 3.0);
            self.mid *= 1.0 + step * self.volatility * (first + self.drift);
            // Wider when little is traded, and wider when prices move.
            let spread = libm::rint(4.0 + 6.0 / activity + 3.0 * self.volatility * self.random.uniform()).max(1.0);
            let bid = libm::rint(self.mid - spread / 2.0).max(1.0);
            times.push(now);
            bids.push(bid / POINTS_PER_UNIT);
            asks.push((bid + spread) / POINTS_PER_UNIT);
        }
        let time = TimestampNanosecondArray::from(times).with_timezone("UTC");
        let columns = [Float64Array::from(bids), Float64Array::from(asks)].map(Arc::new);
        let [bid, ask] = columns;
        RecordBatch::try_new(schema::quotes(false), vec![Arc::new(time), bid, ask]).expect("three columns of one length")
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): passes statistical tests, five operations a number.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `[0, 1)`.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Two independent standard normal numbers (Box and Muller 1958).
    fn normals(&mut self) -> (f64, f64) {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        let angle = 2.0 * std::f64::consts::PI * self.uniform();
        let (sine, cosine) = libm::sincos(angle);
        (radius * cosine, radius * sine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ticks_in_market_hours() {
        let run = |seed| {
            let home = tempfile::tempdir().unwrap();
            let catalog = Catalog::open(home.path()).unwrap();
            let request = GenerateRequest {
                days: 8,
                ticks_per_day: 2_000,
                ..GenerateRequest::demo(seed)
            };
            let first = generate(&catalog, &request).unwrap();
            let again = generate(&catalog, &request).unwrap();
            assert_eq!(first.dataset, again.dataset);
            assert!(again.written.is_empty() && !again.unchanged.is_empty());
            let symbol = request.symbol.clone();
            (
                first,
                crate::check(&catalog, &symbol, None, &crate::CheckOptions::default()).unwrap(),
            )
        };
        let (report, checks) = run(7);
        let dataset = report.dataset.unwrap();
        // Six open days of eight: Saturday and Sunday are closed.
        assert!((11_000..13_500).contains(&dataset.rows), "{}", dataset.rows);
        assert_eq!(dataset.decimals, Some(5));
        let check = &checks[0];
        assert_eq!(
            (check.crossed, check.duplicate_times, check.gaps.count),
            (Some(0), 0, 0),
            "{check:?}"
        );
        assert_ne!(run(8).0.dataset.unwrap().hash, dataset.hash);
        // Pinned: the values may not change from one machine or version to the next.
        assert_eq!(
            dataset.hash.to_string(),
            "e919ee91e8afa5ece8db53c5f954ba1f2c5a8dece0a536be110ef6f3703ca2ca"
        );
    }
}
