//! The sweeps that are raced against other engines: their bars, their strategies, their jobs.
//!
//! The bars are those of the peers' script, dumped by it, so that both sides compute the same work and their sums can be
//! compared.

pub mod fleet;
pub mod noise;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::ids::Ordinal;
use assay_core::instrument::Instrument;
use assay_core::job::JobSpec;
use assay_core::metrics::Metric;
use assay_core::row::TrialRow;
use assay_core::space::Point;
use assay_core::time::MINUTE_NS;
use assay_engine::{Market, SimdLevel};
use assay_strategies::Strategy;
use assay_strategies::sweep::Sweep;

/// Both sides of a crossing of two averages; a job's `direction` says which are traded.
const CROSS: &str = r#"
name = "cross"
[params]
fast = { int = [2, 101], default = 5 }
slow = { int = [2, 201], default = 20 }
[let]
f = "AVERAGE(close, fast)"
s = "AVERAGE(close, slow)"
[rules]
enter_long = "crossover(f, s)"
exit_long = "crossunder(f, s)"
enter_short = "crossunder(f, s)"
exit_short = "crossover(f, s)"
"#;

/// Open, high, low and close of one-minute bars.
#[derive(Debug, Clone)]
pub struct Walk([Vec<f64>; 4]);

impl Walk {
    /// Reads a dump: little-endian f64 columns open, high, low, close one after the other.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("no dump at {}", path.display()))?;
        ensure!(
            !bytes.is_empty() && bytes.len() % 32 == 0,
            "{} is not four columns of f64",
            path.display()
        );
        let column = bytes.len() / 4;
        let values = |k: usize| {
            let part = &bytes[k * column..(k + 1) * column];
            part.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
        };
        Ok(Self(std::array::from_fn(values)))
    }

    /// Bars.
    pub fn len(&self) -> usize {
        self.0[0].len()
    }

    /// No bars.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As a market; with `half_spread` above 0, bars from quotes that far on either side, in lots of 0.01.
    pub fn market(&self, half_spread: f64) -> Result<Arc<Market>> {
        let n = self.len();
        let times = TimestampNanosecondArray::from_iter_values((0..n as i64).map(|i| i * MINUTE_NS)).with_timezone("UTC");
        let mut fields: Vec<(String, ArrayRef)> = vec![("time".to_owned(), Arc::new(times))];
        let mut instrument = Instrument::unknown("WALK".parse()?);
        let shifted =
            |column: &[f64], by: f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(column.iter().map(|p| p + by))) };
        for (name, column) in ["open", "high", "low", "close"].iter().zip(&self.0) {
            fields.push(((*name).to_owned(), shifted(column, 0.0)));
            if half_spread > 0.0 {
                fields.push((format!("bid_{name}"), shifted(column, -half_spread)));
                fields.push((format!("ask_{name}"), shifted(column, half_spread)));
                instrument.facts.lot = 0.01;
            }
        }
        fields.push(("volume".to_owned(), Arc::new(Float64Array::from(vec![1.0; n]))));
        let batch = RecordBatch::try_from_iter(fields)?;
        Ok(Arc::new(Market::new(&batch, instrument, MINUTE_NS, None, None)?))
    }
}

/// A sweep to time.
#[derive(Debug)]
pub struct Race {
    sweep: Sweep,
    points: Vec<(Ordinal, Point)>,
    bars: usize,
}

/// What a run of a [`Race`] gave.
#[derive(Debug, Clone, Copy)]
pub struct Lap {
    /// Wall time.
    pub seconds: f64,
    /// Sum of total returns.
    pub returns: f64,
    /// Sum of drawdowns.
    pub drawdowns: f64,
    /// Trades, open ones included.
    pub trades: f64,
}

impl Race {
    /// All pairs `fast` x `slow` with fast < slow of `average` (`sma`, `ema`); `knobs` is the TOML of `[execution]` and `[metrics]`.
    pub fn new(
        market: Arc<Market>,
        average: &str,
        fast: std::ops::RangeInclusive<u32>,
        slow: std::ops::RangeInclusive<u32>,
        knobs: &str,
    ) -> Result<Self> {
        let strategy = Strategy::parse(&CROSS.replace("AVERAGE", average), "cross.toml")?;
        let head = "name = \"race\"\n[data]\ninstruments = [\"WALK\"]\nbars = \"1m\"\n[strategy]\nuse = \"cross\"\n";
        let job = JobSpec::from_toml(&format!("{head}{knobs}"))?;
        let pairs = fast.flat_map(|f| slow.clone().filter(move |s| *s > f).map(move |s| (f, s)));
        let point = |(f, s): (u32, u32)| Point(Box::from([f64::from(f), f64::from(s)]));
        let points = pairs
            .zip(0..)
            .map(|(pair, ordinal)| (Ordinal(ordinal), point(pair)))
            .collect();
        let bars = market.len();
        let sweep = Sweep::new(
            &strategy,
            &job.execution,
            &job.metrics,
            &strategy.space,
            market,
            SimdLevel::detect(),
        )?;
        Ok(Self { sweep, points, bars })
    }

    /// Trials.
    pub fn trials(&self) -> usize {
        self.points.len()
    }

    /// Nanoseconds for a bar of a trial.
    pub fn nanoseconds(&self, seconds: f64) -> f64 {
        seconds * 1e9 / self.bars as f64 / self.points.len() as f64
    }

    /// Which engine ran it.
    pub fn path(&self) -> &'static str {
        self.sweep.path()
    }

    /// Runs all trials on so many threads.
    pub fn run(&self, threads: usize) -> Lap {
        let start = Instant::now();
        let share = self.points.len().div_ceil(threads);
        let rows: Vec<TrialRow> = std::thread::scope(|scope| {
            let parts: Vec<_> = self
                .points
                .chunks(share)
                .map(|part| scope.spawn(|| self.sweep.run(0, part)))
                .collect();
            parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
        });
        let seconds = start.elapsed().as_secs_f64();
        let sum = |metric| rows.iter().filter_map(|row| row.metrics()?.get(metric)).sum::<f64>();
        Lap {
            seconds,
            returns: sum(Metric::TotalReturn),
            drawdowns: sum(Metric::MaxDrawdown),
            trades: sum(Metric::Trades) + sum(Metric::OpenTrades),
        }
    }
}
