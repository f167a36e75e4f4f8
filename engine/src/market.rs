//! One instrument's bars, laid out for the engine.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, Int64Type, TimestampNanosecondType};
use assay_core::instrument::Instrument;
use assay_core::time::{DAY_NS, UtcNs};

use crate::config::YEAR_NS;
use crate::equity::BarTimes;
pub use crate::shape::ColumnShape;
use crate::ticks::Ticks;

/// A column shared without copying with the Arrow buffer it came from.
pub type Column<T> = ScalarBuffer<T>;

/// Open, high, low and close of one side.
#[derive(Debug, Clone)]
pub struct Ohlc {
    /// First price of each bar.
    pub open: Column<f64>,
    /// Highest.
    pub high: Column<f64>,
    /// Lowest.
    pub low: Column<f64>,
    /// Last.
    pub close: Column<f64>,
}

/// Bars of one instrument from the dataset's first bar on.
#[derive(Debug, Clone)]
pub struct Market {
    /// The instrument's facts.
    pub instrument: Instrument,
    /// Length of a bar in nanoseconds; 0 for bars that count ticks or volume, which may be of any length.
    pub bar_ns: i64,
    /// Start of each bar, UTC nanoseconds, ascending; strictly, unless bars count ticks or volume.
    pub time: Column<i64>,
    /// Prices; for bars from quotes the mid.
    pub mid: Ohlc,
    /// Summed sizes.
    pub volume: Column<f64>,
    /// Bid and ask, for bars from quotes.
    pub quotes: Option<Quotes>,
    /// Trading day of each bar, days since 1970-01-01.
    pub days: Arc<Vec<i32>>,
    /// Bars that are traded; those before are warm-up.
    pub window: Range<usize>,
    /// What holders of a position pay, where that is known; see [`Market::with_funding`].
    pub funding: Option<Funding>,
    /// What the bars were made of, or what else happened in them, where that is known; see [`Market::with_ticks`].
    pub ticks: Option<Ticks>,
    /// End of each bar, for bars that are not of one length in time.
    pub(crate) ends: Option<Column<i64>>,
    /// Ticks in each bar, for bars that count ticks or volume.
    pub(crate) ticks_of_bars: Option<Column<i64>>,
    /// First moment no longer traded.
    pub(crate) until: i64,
    /// Other instruments that rules may look at, by symbol.
    pub others: Others,
    /// What is known of columns; each stands beside its column, so that no other one can come to lie in its place.
    pub(crate) shapes: Shapes,
}

type Shapes = Arc<Mutex<Vec<(Column<f64>, ColumnShape)>>>;

/// Bars of instruments by symbol.
pub type Others = Arc<BTreeMap<String, Arc<Market>>>;

/// Funding rates of one instrument.
#[derive(Debug, Clone)]
pub struct Funding {
    /// UTC nanoseconds, strictly ascending.
    pub time: Column<i64>,
    /// What a long position pays at that time, a share of its notional; negative is received.
    pub rate: Column<f64>,
}

/// Both sides of bars from quotes.
#[derive(Debug, Clone)]
pub struct Quotes {
    /// What sellers get.
    pub bid: Ohlc,
    /// What buyers pay.
    pub ask: Ohlc,
}

/// A batch that is not bars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    /// A column is absent or of another type, or has nulls.
    #[error("bars need a column `{0}` of the expected type without nulls")]
    Column(&'static str),
    /// Funding without times or rates, out of order, or with a rate that is no number.
    #[error("funding needs ascending times and finite rates")]
    Funding,
    /// Bars are traded where no funding is known.
    #[error("the window goes from {from} to {to}, but funding is known from {first} to {last} only")]
    FundingWindow {
        /// Start of the first traded bar.
        from: UtcNs,
        /// End of the last one.
        to: UtcNs,
        /// First rate.
        first: UtcNs,
        /// Last rate.
        last: UtcNs,
    },
    /// Ticks without times or prices, or others than the bars were counted from.
    #[error("ticks need ascending times and bid and ask or a price, and must be those that the bars were made from")]
    Ticks,
    /// No bar in the window.
    #[error("the window from {from} to {to} holds none of the {bars} bars")]
    EmptyWindow {
        /// First moment wanted.
        from: String,
        /// First moment no longer wanted.
        to: String,
        /// Bars there are.
        bars: usize,
    },
}

impl Market {
    /// Wraps a batch of bars: `time` (timestamp in ns), `open`, `high`, `low`, `close`, `volume` and, from quotes, `bid_open` to
    /// `ask_close`; bars that count ticks or volume have an `end` (timestamp in ns) and a number of `ticks` as well. `from` and `to` bound the bars that are traded by their start.
    pub fn new(
        batch: &RecordBatch,
        instrument: Instrument,
        bar_ns: i64,
        from: Option<i64>,
        to: Option<i64>,
    ) -> Result<Self, MarketError> {
        let time = values_of::<TimestampNanosecondType>(batch, "time").ok_or(MarketError::Column("time"))?;
        let column = |name: &'static str| values_of::<Float64Type>(batch, name).ok_or(MarketError::Column(name));
        let mid = Ohlc {
            open: column("open")?,
            high: column("high")?,
            low: column("low")?,
            close: column("close")?,
        };
        let quotes = if batch.column_by_name("bid_open").is_some() {
            let bid = Ohlc {
                open: column("bid_open")?,
                high: column("bid_high")?,
                low: column("bid_low")?,
                close: column("bid_close")?,
            };
            let ask = Ohlc {
                open: column("ask_open")?,
                high: column("ask_high")?,
                low: column("ask_low")?,
                close: column("ask_close")?,
            };
            Some(Quotes { bid, ask })
        } else {
            None
        };
        let window = window_of(&time, from, to)?;
        let calendar = &instrument.facts.calendar;
        let days = if bar_ns < DAY_NS {
            calendar.trading_days(&time)
        } else {
            // A daily bar may be stamped at midnight in UTC or in its own zone: its noon tells the day either way.
            let noons: Vec<i64> = time.iter().map(|start| start + DAY_NS / 2).collect();
            calendar.trading_days(&noons)
        };
        Ok(Self {
            instrument,
            bar_ns,
            time,
            mid,
            volume: column("volume")?,
            quotes,
            days: Arc::new(days),
            window,
            funding: None,
            ticks: None,
            ends: values_of::<TimestampNanosecondType>(batch, "end"),
            ticks_of_bars: values_of::<Int64Type>(batch, "ticks"),
            until: to.unwrap_or(i64::MAX),
            others: Others::default(),
            shapes: Shapes::default(),
        })
    }

    /// The same bars with others of them traded. Nothing is copied.
    ///
    /// # Errors
    /// No bar between `from` and `to`.
    pub fn over(&self, from: Option<i64>, to: Option<i64>) -> Result<Self, MarketError> {
        let window = window_of(&self.time, from, to)?;
        Ok(Self { window, ..self.clone() })
    }

    /// The same market with a batch of funding rates: `time` (timestamp in ns) and `rate`.
    ///
    /// # Errors
    /// Times that do not ascend, rates that are not finite, or a series that begins after or ends before the traded bars by more
    /// than one and a half times its own longest interval: what is not known is no rate of 0.
    pub fn with_funding(mut self, batch: &RecordBatch) -> Result<Self, MarketError> {
        let time = values_of::<TimestampNanosecondType>(batch, "time").ok_or(MarketError::Funding)?;
        let rate = values_of::<Float64Type>(batch, "rate").ok_or(MarketError::Funding)?;
        let (Some(&first), Some(&last)) = (time.first(), time.last()) else {
            return Err(MarketError::Funding);
        };
        if !time.is_sorted_by(|a, b| a < b) || !rate.iter().all(|rate| rate.is_finite()) {
            return Err(MarketError::Funding);
        }
        let longest = time.array_windows().map(|[a, b]| b - a).max().unwrap_or_default();
        let slack = longest + longest / 2;
        let (from, to) = (self.time[self.window.start], self.end_of(self.window.end - 1));
        if first - from > slack || to - last > slack {
            return Err(MarketError::FundingWindow {
                from: UtcNs(from),
                to: UtcNs(to),
                first: UtcNs(first),
                last: UtcNs(last),
            });
        }
        self.funding = Some(Funding { time, rate });
        Ok(self)
    }

    /// Bars put together from columns, such as longer ones of shorter ones; all of them are traded.
    pub fn of_columns(
        instrument: Instrument,
        bar_ns: i64,
        time: Column<i64>,
        days: Vec<i32>,
        mid: Ohlc,
        quotes: Option<Quotes>,
        volume: Column<f64>,
    ) -> Self {
        Self {
            instrument,
            bar_ns,
            window: 0..time.len(),
            time,
            mid,
            volume,
            quotes,
            days: Arc::new(days),
            funding: None,
            ticks: None,
            ends: None,
            ticks_of_bars: None,
            until: i64::MAX,
            others: Others::default(),
            shapes: Shapes::default(),
        }
    }

    /// With other instruments that rules may look at.
    #[must_use]
    pub fn with_others(mut self, others: Others) -> Self {
        self.others = others;
        self
    }

    /// What a column of this market looks like: measured when it is first asked for, and known from then on.
    pub fn shape(&self, column: &Column<f64>) -> ColumnShape {
        let mut shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, shape)) = shapes.iter().find(|(known, _)| known.inner().ptr_eq(column.inner())) {
            return *shape;
        }
        let shape = ColumnShape::measure(column);
        shapes.push((column.clone(), shape));
        shape
    }

    /// Bars in a year: by the calendar, or of the window where bars count ticks or volume.
    pub fn bars_per_year(&self) -> f64 {
        if self.ends.is_none() {
            return self.instrument.facts.calendar.bars_per_year(self.bar_ns);
        }
        let elapsed = self.end_of(self.window.end - 1) - self.time[self.window.start];
        self.window.len() as f64 / (elapsed.max(1) as f64 / YEAR_NS)
    }

    /// When a bar ends, UTC nanoseconds: its start and length, or its last tick where bars count ticks or volume.
    #[inline(always)]
    pub fn end_of(&self, bar: usize) -> i64 {
        self.times().end(bar)
    }

    /// Starts and ends of the bars.
    #[inline(always)]
    pub(crate) fn times(&self) -> BarTimes<'_> {
        BarTimes {
            start: &self.time,
            length: self.bar_ns,
            ends: self.ends.as_deref(),
        }
    }

    /// Bars are ticks one by one.
    pub(crate) fn every_tick_is_a_bar(&self) -> bool {
        self.ends.is_some() && self.ticks_of_bars.is_none()
    }

    /// Memory that bars take, and what is kept of ticks; columns of ticks are mapped rather than held.
    pub fn bytes(&self) -> u64 {
        // The trading day; time, five mid columns, eight of quotes; for bars that count, their ends and ticks.
        let bar = match (self.ends.is_some(), self.every_tick_is_a_bar()) {
            (_, true) => 4,
            (counted, false) => 4 + 8 * 14 + if counted { 16 } else { 0 },
        };
        self.len() as u64 * bar + self.ticks.as_ref().map_or(0, Ticks::bytes)
    }

    /// Number of bars, warm-up included.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// No bars at all; [`Market::new`] refuses that.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }
}

/// The bars that start between two moments.
fn window_of(time: &[i64], from: Option<i64>, to: Option<i64>) -> Result<Range<usize>, MarketError> {
    let first = from.map_or(0, |from| time.partition_point(|t| *t < from));
    let end = to.map_or(time.len(), |to| time.partition_point(|t| *t < to));
    if first < end {
        return Ok(first..end);
    }
    let text = |t: Option<i64>, open: &str| t.map_or(open.to_owned(), |t| UtcNs(t).to_rfc3339());
    Err(MarketError::EmptyWindow {
        from: text(from, "the start"),
        to: text(to, "the end"),
        bars: time.len(),
    })
}

/// The values of a column of this type without nulls.
pub(crate) fn values_of<T: ArrowPrimitiveType>(batch: &RecordBatch, name: &str) -> Option<Column<T::Native>> {
    let array = batch.column_by_name(name)?.as_primitive_opt::<T>()?;
    (array.null_count() == 0).then(|| array.values().clone())
}
