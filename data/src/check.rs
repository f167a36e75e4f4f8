//! What is odd in a dataset: one pass over its files, in bounded memory.

mod gaps;
mod moves;
mod splits;

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampNanosecondType};
use assay_core::ids::Symbol;
use assay_core::time::{DurationNs, UtcNs};
use serde::Serialize;

use crate::catalog::{Catalog, DatasetKind, Manifest, ValueFacts, is_decimal, schema, stored_columns};
use crate::error::DataError;
use gaps::GapFinder;
pub use gaps::{Gap, Gaps};
use moves::MoveFinder;
pub use moves::{Moves, Spike};
use splits::SplitFinder;
pub use splits::{Split, Splits};

/// How many of the largest gaps and spikes are listed.
const LISTED: usize = 10;

/// What counts as odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckOptions {
    /// Between ticks, open time longer than this is a gap; one hour by default, and of funding one and a half times the mean
    /// distance of rates. Between bars any missing bar is.
    pub gap: Option<DurationNs>,
}

/// What was found. Counts are rows unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The instrument.
    pub symbol: Symbol,
    /// The dataset.
    pub kind: DatasetKind,
    /// Rows read.
    pub rows: u64,
    /// Time of the first row.
    pub first: UtcNs,
    /// Time of the last row.
    pub last: UtcNs,
    /// Decimals of the prices, if they are decimal.
    pub decimals: Option<u8>,
    /// Open time without rows.
    pub gaps: Gaps,
    /// Rows at the time of the row before: usual for ticks.
    pub duplicate_times: u64,
    /// Of those, rows equal to the row before in every column.
    pub duplicate_rows: u64,
    /// Rows earlier than the row before; the catalog never stores any.
    pub disorder: u64,
    /// Quotes (for bars: closes) with bid above ask; nothing where there is no bid and ask.
    pub crossed: Option<u64>,
    /// Values of price columns that are 0; computed mids are left out here and below.
    pub zero_prices: u64,
    /// Values of price columns below 0: rare, but real for some futures and spot markets.
    pub negative_prices: u64,
    /// Prices that need more than twelve decimals.
    pub non_decimal_prices: u64,
    /// Sizes and volumes below 0.
    pub negative_sizes: u64,
    /// Bars whose high or low does not enclose their open and close.
    pub inconsistent_bars: u64,
    /// Prices that jump and come back.
    pub moves: Moves,
    /// Steps that look like splits of shares.
    pub splits: Splits,
    /// Files whose values are not those the manifest names.
    pub damaged_files: Vec<String>,
}

impl CheckReport {
    /// Whether nothing is wrong with the stored values themselves. Gaps, crossed quotes, equal times and big moves can be real.
    pub fn is_sound(&self) -> bool {
        self.disorder == 0 && self.inconsistent_bars == 0 && self.negative_sizes == 0 && self.damaged_files.is_empty()
    }
}

/// Checks the datasets of an instrument, or one of them.
pub fn check(
    catalog: &Catalog,
    symbol: &Symbol,
    kind: Option<DatasetKind>,
    options: &CheckOptions,
) -> Result<Vec<CheckReport>, DataError> {
    let manifests = match kind {
        Some(kind) => vec![catalog.manifest(symbol, kind)?],
        None => catalog.manifests(symbol)?,
    };
    if manifests.is_empty() {
        return Err(catalog.no_dataset(symbol, "data"));
    }
    manifests
        .iter()
        .map(|manifest| check_dataset(catalog, manifest, options))
        .collect()
}

fn check_dataset(catalog: &Catalog, manifest: &Manifest, options: &CheckOptions) -> Result<CheckReport, DataError> {
    let kind = manifest.dataset_kind();
    let calendar = catalog.instrument(&manifest.symbol).facts.calendar;
    let columns = stored_columns(manifest);
    let mut checker = Checker {
        previous: None,
        gaps: GapFinder::new(kind, &calendar, options.gap.or_else(|| usual_gap(manifest))),
        moves: MoveFinder::default(),
        splits: SplitFinder::default(),
        report: CheckReport {
            symbol: manifest.symbol.clone(),
            kind,
            rows: 0,
            first: manifest.first,
            last: manifest.last,
            decimals: manifest.decimals,
            gaps: Gaps::default(),
            duplicate_times: 0,
            duplicate_rows: 0,
            disorder: 0,
            crossed: (kind == DatasetKind::Quotes || manifest.has_column("bid_open")).then_some(0),
            zero_prices: 0,
            negative_prices: 0,
            non_decimal_prices: 0,
            negative_sizes: 0,
            inconsistent_bars: 0,
            moves: Moves::default(),
            splits: Splits::default(),
            damaged_files: Vec::new(),
        },
    };
    for file in &manifest.files {
        let mut facts = ValueFacts::default();
        for group in catalog.row_groups(manifest, file)? {
            for batch in group.rows(&columns)? {
                let batch = batch?;
                facts.add(&batch);
                checker.add(&batch);
            }
        }
        if facts.hash() != file.hash || facts.rows != file.rows {
            checker.report.damaged_files.push(file.name.clone());
        }
    }
    let mut report = checker.report;
    report.gaps = checker.gaps.finish();
    report.moves = checker.moves.finish();
    report.splits = checker.splits.finish();
    Ok(report)
}

/// Funding comes at intervals of its own, different ones in different markets.
fn usual_gap(manifest: &Manifest) -> Option<DurationNs> {
    let steps = (manifest.rows.max(2) - 1) as i64;
    let mean = (manifest.last.0 - manifest.first.0) / steps;
    (manifest.dataset_kind() == DatasetKind::Funding).then_some(DurationNs(mean + mean / 2))
}

struct Checker<'a> {
    report: CheckReport,
    /// The last row of the batch before.
    previous: Option<RecordBatch>,
    gaps: GapFinder<'a>,
    moves: MoveFinder,
    splits: SplitFinder,
}

impl Checker<'_> {
    fn add(&mut self, batch: &RecordBatch) {
        let rows = batch.num_rows();
        if rows == 0 {
            return;
        }
        self.report.rows += rows as u64;
        self.check_times(batch);
        self.check_prices(batch);
        self.check_bars(batch);
        let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .map(|c| &c.as_primitive::<Float64Type>().values()[..])
        };
        let sides = column("bid")
            .zip(column("ask"))
            .or(column("bid_close").zip(column("ask_close")));
        if let Some((bid, ask)) = sides {
            let crossed = bid.iter().zip(ask).filter(|(bid, ask)| bid > ask).count();
            *self.report.crossed.get_or_insert(0) += crossed as u64;
            for ((time, bid), ask) in times.iter().zip(bid).zip(ask) {
                self.moves.add(*time, (bid + ask) / 2.0);
            }
        } else if let Some(price) = column("price").or(column("close")) {
            for (time, price) in times.iter().zip(price) {
                self.moves.add(*time, *price);
            }
        }
        // Of bars from quotes the bids tell as much as the mids.
        let last = column("bid_close").or(column("close")).or(column("bid")).or(column("price"));
        if let Some(last) = last {
            let first = column("bid_open").or(column("open")).unwrap_or(last);
            for ((time, first), last) in times.iter().zip(first).zip(last) {
                self.splits.add(*time, *first, *last);
            }
        }
        self.previous = Some(batch.slice(rows - 1, 1));
    }

    fn check_times(&mut self, batch: &RecordBatch) {
        let times = |batch: &RecordBatch| batch.column(0).as_primitive::<TimestampNanosecondType>().values().clone();
        if let Some(previous) = self.previous.take() {
            let pair = [times(&previous)[0], times(batch)[0]];
            self.check_step(pair, || same_row(&previous, 0, batch, 0));
        }
        for (row, pair) in times(batch).array_windows::<2>().enumerate() {
            self.check_step(*pair, || same_row(batch, row, batch, row + 1));
        }
    }

    fn check_step(&mut self, [before, time]: [i64; 2], same: impl FnOnce() -> bool) {
        match time.cmp(&before) {
            std::cmp::Ordering::Less => self.report.disorder += 1,
            std::cmp::Ordering::Equal => {
                self.report.duplicate_times += 1;
                self.report.duplicate_rows += u64::from(same());
            }
            std::cmp::Ordering::Greater => self.gaps.add(before, time),
        }
    }

    fn check_prices(&mut self, batch: &RecordBatch) {
        let prices = schema::price_columns(batch.schema_ref());
        for index in prices {
            let values = batch.column(index).as_primitive::<Float64Type>().values();
            self.report.zero_prices += values.iter().filter(|price| **price == 0.0).count() as u64;
            self.report.negative_prices += values.iter().filter(|price| **price < 0.0).count() as u64;
            if self.report.decimals.is_none() {
                self.report.non_decimal_prices += values.iter().filter(|price| !is_decimal(**price)).count() as u64;
            }
        }
        for name in ["volume", "size", "bid_size", "ask_size"] {
            if let Some(sizes) = batch.column_by_name(name).map(AsArray::as_primitive::<Float64Type>) {
                self.report.negative_sizes += sizes.iter().flatten().filter(|size| *size < 0.0).count() as u64;
            }
        }
    }

    fn check_bars(&mut self, batch: &RecordBatch) {
        let column = |name: String| batch.column_by_name(&name).map(AsArray::as_primitive::<Float64Type>);
        for prefix in ["", "bid_", "ask_"] {
            let [Some(open), Some(high), Some(low), Some(close)] =
                ["open", "high", "low", "close"].map(|name| column(format!("{prefix}{name}")))
            else {
                continue;
            };
            let encloses = |row: usize| {
                let value = |column: &Float64Array| column.value(row);
                value(low) <= value(open).min(value(close)) && value(open).max(value(close)) <= value(high)
            };
            self.report.inconsistent_bars += (0..batch.num_rows()).filter(|row| !encloses(*row)).count() as u64;
        }
    }
}

fn same_row(a: &RecordBatch, row_a: usize, b: &RecordBatch, row_b: usize) -> bool {
    let pairs = a.columns().iter().zip(b.columns());
    pairs
        .into_iter()
        .all(|(a, b)| a.slice(row_a, 1).to_data() == b.slice(row_b, 1).to_data())
}

/// Keeps the `LISTED` largest by a key, earliest first among equals.
fn keep_largest<T>(list: &mut Vec<T>, item: T, key: impl Fn(&T) -> f64) {
    let position = list.partition_point(|kept| key(kept) >= key(&item));
    if position < LISTED {
        list.insert(position, item);
        list.truncate(LISTED);
    }
}
