//! Bars of any length in time: from ticks, or from stored bars that divide it; and bars that count ticks or volume.

pub(crate) mod buckets;
mod cache;
mod counted;
mod fill;
mod resample;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Float64Type, Schema, TimestampNanosecondType};
use assay_core::bars::BarSpec;
use assay_core::calendar::Calendar;
use assay_core::ids::Symbol;
use assay_core::instrument::Instrument;
use assay_core::job::{DataKind, FillGaps};
use assay_core::time::BarLength;
use rayon::prelude::*;

use crate::catalog::{Catalog, DatasetKind, FileEntry, Manifest, RowGroup, ValuesHash, mids, schema};
use crate::error::DataError;
use buckets::Buckets;
use resample::{Bars, Side};

/// What bars are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct BarRequest {
    /// The instrument.
    pub symbol: Symbol,
    /// What makes one. Lengths below a day are counted from UTC midnight; whole days are the instrument's trading days.
    pub bars: BarSpec,
    /// What to do where there was no data.
    pub fill_gaps: FillGaps,
    /// Which dataset to make them from; by default quotes, else trades, else bars.
    pub source: Option<DataKind>,
}

/// All bars of a dataset.
#[derive(Debug, Clone)]
pub struct BarTable {
    /// One batch without nulls: `time` (start of the bar, UTC nanoseconds, strictly ascending), `open, high, low, close, volume`
    /// and, from quotes, `bid_open` to `ask_close`; the former prices are then the mid, (bid + ask) / 2 column by column.
    /// Volume is the sum of sizes, 0 where the data has none. Bars that count ticks or volume have an `end`, the time of their last tick
    /// (then times ascend, but not strictly), and, unless each tick is a bar, the number of their `ticks` (Int64).
    pub batch: RecordBatch,
    /// The instrument's facts.
    pub instrument: Instrument,
    /// What makes one.
    pub bars: BarSpec,
    /// The dataset that they were made from: `quotes`, `trades`, `bars-1m`.
    pub source: String,
    /// Hash of that dataset's values.
    pub values_hash: ValuesHash,
    /// Decimals of that dataset's prices, if they are decimal. Mids of quotes need one more.
    pub decimals: Option<u8>,
}

impl Catalog {
    /// The bars of an instrument, over everything the catalog has of it.
    ///
    /// Bars that were made are kept under `<home>/cache/bars`, so that asking again only reads them.
    pub fn bars(&self, request: &BarRequest) -> Result<BarTable, DataError> {
        self.bars_of(self.instrument(&request.symbol), request)
    }

    /// The same with the facts of an instrument that somebody else knows: a job is run with those that it was submitted with,
    /// whatever the symbol table says here.
    pub fn bars_of(&self, instrument: Instrument, request: &BarRequest) -> Result<BarTable, DataError> {
        let manifest = self.bar_source(request)?;
        let batch = match request.bars {
            BarSpec::Time(length) => self.bars_of_time(&manifest, length, request, &instrument.facts.calendar)?,
            _ if request.fill_gaps == FillGaps::Forward => return Err(DataError::NoGaps { bars: request.bars }),
            BarSpec::EVERY_TICK => self.tick_bars(&manifest)?,
            counted => {
                let key = cache::key(&manifest, request, &instrument.facts.calendar);
                let schema = schema::counted_bars(manifest.kind == DataKind::Quotes, true);
                if let Some(batch) = cache::load(self.home(), &key, &schema) {
                    batch
                } else {
                    let batch = counted::bars(self, &manifest, counted)?;
                    cache::store(self.home(), &key, &batch);
                    batch
                }
            }
        };
        Ok(BarTable {
            batch,
            instrument,
            bars: request.bars,
            source: manifest.dataset_kind().to_string(),
            values_hash: manifest.hash,
            decimals: manifest.decimals,
        })
    }

    fn bars_of_time(
        &self,
        manifest: &Manifest,
        length: BarLength,
        request: &BarRequest,
        calendar: &Calendar,
    ) -> Result<RecordBatch, DataError> {
        let kind = manifest.dataset_kind();
        let buckets = Buckets::new(length, calendar)?;
        let from_quotes = kind == DatasetKind::Quotes || manifest.has_column("bid_open");
        let stored_as_wanted = kind == DatasetKind::Bars(length);

        let batch = if stored_as_wanted && request.fill_gaps == FillGaps::None {
            self.stored_bars(manifest, from_quotes)?
        } else {
            let key = cache::key(manifest, request, calendar);
            if let Some(batch) = cache::load(self.home(), &key, &schema::bars(from_quotes)) {
                batch
            } else {
                let bars = if stored_as_wanted {
                    as_stored(&self.stored_bars(manifest, from_quotes)?)
                } else {
                    self.resample_files(manifest, &buckets)?
                };
                let bars = match request.fill_gaps {
                    FillGaps::None => bars,
                    FillGaps::Forward => fill_forward(&bars, &buckets, calendar, (&request.symbol, length))?,
                };
                let batch = to_batch(bars);
                cache::store(self.home(), &key, &batch);
                batch
            }
        };
        Ok(batch)
    }

    /// The dataset that bars are made from.
    pub fn bar_source(&self, request: &BarRequest) -> Result<Manifest, DataError> {
        let fits = |kind: DatasetKind| match kind {
            DatasetKind::Quotes | DatasetKind::Trades => true,
            DatasetKind::Bars(length) => request.bars.length().is_some_and(|wanted| wanted.ns() % length.ns() == 0),
            DatasetKind::Funding => false,
        };
        let mut candidates: Vec<Manifest> = self
            .manifests(&request.symbol)?
            .into_iter()
            .filter(|manifest| request.source.is_none_or(|kind| manifest.kind == kind) && fits(manifest.dataset_kind()))
            .collect();
        // Kinds sort as quotes, trades, bars; of several lengths of bars the longest is the quickest.
        candidates.sort_by_key(|manifest| (manifest.kind, std::cmp::Reverse(manifest.bar)));
        let wanted = || {
            let bars = format!("bars that make up {}", request.bars);
            match request.source {
                _ if request.bars.length().is_none() => format!("ticks for bars of {}", request.bars),
                None => format!("ticks or {bars}"),
                Some(DataKind::Bars) => bars,
                Some(kind) => kind.to_string(),
            }
        };
        let first = candidates.into_iter().next();
        first.ok_or_else(|| self.no_dataset(&request.symbol, &wanted()))
    }

    /// Bars stored with the length that is wanted, as they are.
    fn stored_bars(&self, manifest: &Manifest, from_quotes: bool) -> Result<RecordBatch, DataError> {
        let schema = schema::bars(from_quotes);
        let parts: Vec<RecordBatch> = manifest
            .files
            .par_iter()
            .map(|file| self.read_file(manifest, file, &schema))
            .collect::<Result<_, _>>()?;
        arrow::compute::concat_batches(&schema, &parts).map_err(|source| DataError::Arrow {
            action: "join bars",
            source,
        })
    }

    fn resample_files(&self, manifest: &Manifest, buckets: &Buckets) -> Result<Bars, DataError> {
        let kind = manifest.dataset_kind();
        let names = resample::source_columns(kind, |name| manifest.has_column(name));
        let widest = schema::widest(kind);
        let fields: Vec<_> = names
            .iter()
            .filter_map(|name| widest.field_with_name(name).ok().cloned())
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let one_group = |group: RowGroup| {
            let mut bars = Bars::default();
            for batch in group.rows(&schema)? {
                bars.add(kind, &batch?, buckets);
            }
            Ok(bars)
        };
        let one_file = |file: &FileEntry| -> Result<Bars, DataError> {
            let groups = self.row_groups(manifest, file)?;
            let parts: Vec<Bars> = groups.into_par_iter().map(one_group).collect::<Result<_, DataError>>()?;
            Ok(Bars::join(parts))
        };
        let parts: Vec<Bars> = manifest.files.par_iter().map(one_file).collect::<Result<_, _>>()?;
        Ok(Bars::join(parts))
    }
}

/// Bars of rows in memory, with the columns of a dataset's kind and without nulls in times and prices. For lengths of whole days
/// `calendar` says when days begin.
pub fn resample_rows(
    kind: DatasetKind,
    rows: &RecordBatch,
    length: BarLength,
    calendar: &Calendar,
) -> Result<RecordBatch, DataError> {
    if kind == DatasetKind::Funding {
        let reason = "they make no bars".to_owned();
        return Err(DataError::Columns { kind, reason });
    }
    let buckets = Buckets::new(length, calendar)?;
    let rows = schema::conform(kind, rows)?;
    Ok(to_batch(resample::resample(kind, &rows, &buckets)))
}

fn fill_forward(
    bars: &Bars,
    buckets: &Buckets,
    calendar: &Calendar,
    (symbol, length): (&Symbol, BarLength),
) -> Result<Bars, DataError> {
    fill::forward(bars, buckets, calendar).map_err(|bars| DataError::TooManyBars {
        symbol: symbol.clone(),
        length,
        bars,
    })
}

/// Stored bars one by one, so that gaps between them can be filled.
fn as_stored(batch: &RecordBatch) -> Bars {
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .map(|c| c.as_primitive::<Float64Type>().values().to_vec())
    };
    let side = |prefix: &str| {
        Some(Side {
            open: column(&format!("{prefix}open"))?,
            high: column(&format!("{prefix}high"))?,
            low: column(&format!("{prefix}low"))?,
            close: column(&format!("{prefix}close"))?,
        })
    };
    let sides = match (side("bid_"), side("ask_")) {
        (Some(bid), Some(ask)) => vec![bid, ask],
        _ => side("").into_iter().collect(),
    };
    Bars {
        time: batch.column(0).as_primitive::<TimestampNanosecondType>().values().to_vec(),
        volume: column("volume").unwrap_or_default(),
        sides,
    }
}

fn to_batch(bars: Bars) -> RecordBatch {
    let time = TimestampNanosecondArray::from(bars.time).with_timezone("UTC");
    let mut columns: Vec<ArrayRef> = vec![Arc::new(time)];
    let mut put = |values: Vec<f64>| columns.push(Arc::new(Float64Array::from(values)));
    let from_quotes = bars.sides.len() == 2;
    let mut sides = bars.sides.into_iter();
    let first = sides.next().unwrap_or_default();
    match sides.next() {
        None => [first.open, first.high, first.low, first.close, bars.volume]
            .into_iter()
            .for_each(&mut put),
        Some(ask) => {
            let bid = first;
            let pairs = [
                (&bid.open, &ask.open),
                (&bid.high, &ask.high),
                (&bid.low, &ask.low),
                (&bid.close, &ask.close),
            ];
            for (bid, ask) in pairs {
                put(mids(bid, ask));
            }
            put(bars.volume);
            for side in [bid, ask] {
                [side.open, side.high, side.low, side.close].into_iter().for_each(&mut put);
            }
        }
    }
    RecordBatch::try_new(schema::bars(from_quotes), columns).expect("columns of one length in the order of the schema")
}
