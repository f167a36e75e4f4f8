//! From a golden's market files through an import to the bars that its case runs on.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampNanosecondType};
use assay_core::instrument;
use assay_core::job::FillGaps;
use assay_data::import::{ImportRequest, import};
use assay_data::{BarRequest, BarTable, Catalog};
use assay_engine::Market;
use sha2::{Digest, Sha256};

use crate::golden::Golden;

/// Columns of a bar, and of its two sides.
const PRICES: [&str; 4] = ["open", "high", "low", "close"];
const QUOTES: [&str; 8] = [
    "bid_open",
    "bid_high",
    "bid_low",
    "bid_close",
    "ask_open",
    "ask_high",
    "ask_low",
    "ask_close",
];
/// Columns of plain bars: time, prices, volume.
const PLAIN: [usize; 6] = [0, 1, 2, 3, 4, 5];

/// The bars of an instrument, imported.
pub(crate) struct Instrument {
    table: BarTable,
    symbol: String,
}

impl Instrument {
    /// Imports the files of a golden; `None` where there are no market files.
    pub(crate) fn import(golden: &Golden) -> Option<Self> {
        let folder = assay_tests::market_folder()?;
        let home = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(home.path()).unwrap();
        let symbol = golden.bars.symbol.clone();
        let paths: Vec<_> = golden.source.files.iter().map(|file| folder.join(file)).collect();
        // A text file does not say how long its bars are.
        let is_text = paths[0].extension().is_some_and(|ending| ending == "csv");
        let mut request = ImportRequest::new(paths, symbol.parse().unwrap());
        request.bar = is_text.then_some(golden.bars.length);
        import(&catalog, &request, &|_| {}).unwrap();
        let table = catalog
            .bars(&BarRequest {
                symbol: symbol.parse().unwrap(),
                bars: golden.bars.length.into(),
                fill_gaps: FillGaps::None,
                source: None,
            })
            .unwrap();
        Some(Self { table, symbol })
    }

    /// The market of a golden: its bars, checked by hash, with the facts that the golden states.
    pub(crate) fn market(&self, golden: &Golden) -> Arc<Market> {
        let (name, bars) = (&golden.name, &golden.bars);
        assert_eq!(bars.symbol, self.symbol, "{name}");
        let batch = &self.table.batch;
        assert_eq!(batch.num_rows(), bars.rows, "{name}: bars");
        assert_eq!(
            hash(batch, &PRICES, bars.price_digits),
            bars.sha256,
            "{name}: hash of the bars"
        );
        if let Some(expected) = &bars.sha256_quotes {
            assert_eq!(
                &hash(batch, &QUOTES, bars.price_digits),
                expected,
                "{name}: hash of bid and ask"
            );
        }
        let plain = batch.project(&PLAIN).unwrap();
        let batch = if golden.instrument.quote_bars { batch } else { &plain };
        let mut instrument = instrument::Instrument::unknown(self.symbol.parse().unwrap());
        instrument.facts.lot = golden.instrument.lot;
        instrument.facts.multiplier = golden.instrument.multiplier;
        instrument.facts.calendar = bars.calendar.clone();
        Arc::new(Market::new(batch, instrument, bars.length_ns, None, None).unwrap())
    }
}

/// SHA-256 over rows of little-endian i64: the bar's start, then the columns times 10^digits.
fn hash(batch: &RecordBatch, columns: &[&str], digits: i32) -> String {
    let scale = (0..digits).fold(1.0, |power, _| power * 10.0);
    let time = batch
        .column_by_name("time")
        .unwrap()
        .as_primitive::<TimestampNanosecondType>();
    let column = |name: &&str| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>();
    let prices: Vec<_> = columns.iter().map(column).collect();
    let mut hasher = Sha256::new();
    for row in 0..batch.num_rows() {
        hasher.update(time.value(row).to_le_bytes());
        for price in &prices {
            let scaled = price.value(row) * scale;
            assert!(
                (scaled - scaled.round()).abs() < 1e-3,
                "a price with more than {digits} decimals: {scaled}"
            );
            hasher.update((scaled.round() as i64).to_le_bytes());
        }
    }
    hex(&hasher.finalize())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
