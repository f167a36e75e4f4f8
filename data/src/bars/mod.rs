//! Time bars of any length: from ticks, or from stored bars that divide it.

pub(crate) mod buckets;
mod cache;
mod fill;
mod resample;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Float64Type, Schema, TimestampNanosecondType};
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
    /// Their length. Lengths below a day are counted from UTC midnight; whole days are the instrument's trading days.
    pub length: BarLength,
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
    /// Volume is the sum of sizes, 0 where the data has none.
    pub batch: RecordBatch,
    /// The instrument's facts.
    pub instrument: Instrument,
    /// Length of the bars.
    pub length: BarLength,
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
        let calendar = &instrument.facts.calendar;
        let kind = manifest.dataset_kind();
        let buckets = Buckets::new(request.length, calendar)?;
        let from_quotes = kind == DatasetKind::Quotes || manifest.has_column("bid_open");
        let stored_as_wanted = kind == DatasetKind::Bars(request.length);

        let batch = if stored_as_wanted && request.fill_gaps == FillGaps::None {
            self.stored_bars(&manifest, from_quotes)?
        } else {
            let key = cache::key(&manifest, request, calendar);
            if let Some(batch) = cache::load(self.home(), &key, &schema::bars(from_quotes)) {
                batch
            } else {
                let bars = if stored_as_wanted {
                    as_stored(&self.stored_bars(&manifest, from_quotes)?)
                } else {
                    self.resample_files(&manifest, &buckets)?
                };
                let bars = match request.fill_gaps {
                    FillGaps::None => bars,
                    FillGaps::Forward => fill_forward(&bars, &buckets, calendar, request)?,
                };
                let batch = to_batch(bars);
                cache::store(self.home(), &key, &batch);
                batch
            }
        };
        Ok(BarTable {
            batch,
            instrument,
            length: request.length,
            source: kind.to_string(),
            values_hash: manifest.hash,
            decimals: manifest.decimals,
        })
    }

    /// The dataset that bars are made from.
    pub fn bar_source(&self, request: &BarRequest) -> Result<Manifest, DataError> {
        let fits = |kind: DatasetKind| match kind {
            DatasetKind::Quotes | DatasetKind::Trades => true,
            DatasetKind::Bars(length) => request.length.ns() % length.ns() == 0,
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
            let bars = format!("bars that make up {}", request.length);
            match request.source {
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

fn fill_forward(bars: &Bars, buckets: &Buckets, calendar: &Calendar, request: &BarRequest) -> Result<Bars, DataError> {
    fill::forward(bars, buckets, calendar).map_err(|bars| DataError::TooManyBars {
        symbol: request.symbol.clone(),
        length: request.length,
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
