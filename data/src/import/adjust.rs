//! Prices as if splits had always been, or dividends always paid out.
//!
//! Factors are those of LEAN: a line `date, price factor, split factor, reference price` holds for that day and all before it, down to the
//! line above. Prices are multiplied by the factors, volumes divided by that of splits.

use std::fs;
use std::path::{Path, PathBuf};

use csv::ReaderBuilder;

use super::columns::Shape;
use super::error::{ImportError, Place, Problem};
use super::request::Adjust;
use super::rows::Rows;
use super::times::{TimeReader, TimeRule};
use assay_core::calendar::Zone;
use assay_core::time::DAY_NS;

/// Folders of LEAN, with a file a ticker.
const FACTORS: &str = "factor_files";
const HISTORIES: &str = "map_files";

/// Factors by day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Factors {
    /// Rows before this time are of an earlier user of the ticker.
    listed: i64,
    /// In order of time.
    steps: Vec<Step>,
}

/// What holds up to a time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    /// First moment at which it no longer holds.
    until: i64,
    price: f64,
    volume: f64,
}

impl Factors {
    /// Applies the factors of each row's day, and leaves out what is before the listing.
    pub(super) fn apply(&self, shape: Shape, rows: &mut Rows) {
        let before = rows.times.partition_point(|time| *time < self.listed);
        if before > 0 {
            let keep: Vec<bool> = (0..rows.len()).map(|row| row >= before).collect();
            rows.retain(&keep);
        }
        let (prices, sizes) = rows.values.split_at_mut(shape.prices());
        for (row, time) in rows.times.iter().enumerate() {
            let at = self.steps.partition_point(|step| step.until <= *time);
            let Some(step) = self.steps.get(at) else { break };
            for column in prices.iter_mut().filter(|column| !column.is_empty()) {
                column[row] *= step.price;
            }
            for column in sizes.iter_mut().filter(|column| !column.is_empty()) {
                column[row] *= step.volume;
            }
        }
    }
}

/// The factors for a file of LEAN: those of `factor_files/<ticker>.csv` and `map_files/<ticker>.csv` beside it or in a folder above.
/// `None` where nothing is to be changed.
pub(super) fn factors(file: &Path, ticker: &str, adjust: Adjust, zone: &Zone) -> Result<Option<Factors>, ImportError> {
    let listed = match find(file, HISTORIES, ticker) {
        Some(path) => first_day(&path, zone)?,
        None => i64::MIN,
    };
    let steps = match (adjust, find(file, FACTORS, ticker)) {
        (Adjust::None, _) => Vec::new(),
        (_, Some(path)) => steps(&path, adjust, zone)?,
        (_, None) => {
            let problem = Problem::NoFactors {
                ticker: ticker.to_owned(),
            };
            return Err(ImportError::new(Place::file(file), problem));
        }
    };
    Ok((listed > i64::MIN || !steps.is_empty()).then_some(Factors { listed, steps }))
}

/// How many splits are known of a ticker, if its factors lie where [`factors`] looks for them.
pub(super) fn known_splits(file: &Path, ticker: &str, zone: &Zone) -> usize {
    let found = find(file, FACTORS, ticker).and_then(|path| steps(&path, Adjust::Splits, zone).ok());
    let steps = found.unwrap_or_default();
    steps.windows(2).filter(|pair| pair[0].price != pair[1].price).count()
}

/// Whether a file is one of adjustments.
pub(super) fn is_adjustment(file: &Path) -> bool {
    let folder = file.parent().and_then(Path::file_name);
    folder.is_some_and(|name| name == FACTORS || name == HISTORIES) && file.extension().is_some_and(|ending| ending == "csv")
}

fn find(file: &Path, folder: &str, ticker: &str) -> Option<PathBuf> {
    let name = format!("{}.csv", ticker.to_ascii_lowercase());
    let above = file.ancestors().skip(1).take(3);
    above.map(|above| above.join(folder).join(&name)).find(|path| path.is_file())
}

/// Records of a small file without a header.
fn records(path: &Path) -> Result<Vec<csv::StringRecord>, ImportError> {
    let text = fs::read(path).map_err(|e| ImportError::new(Place::file(path), Problem::Io(e)))?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_slice());
    let records: Result<Vec<_>, _> = reader.records().collect();
    records.map_err(|_| ImportError::new(Place::file(path), Problem::NotText))
}

fn midnight(text: &str, zone: &Zone) -> Result<i64, Problem> {
    let rule = TimeRule::YearFirst {
        zone: Some(zone.clone()),
    };
    TimeReader::new(&rule).read(text)
}

fn at(path: &Path, index: usize, problem: Problem) -> ImportError {
    let mut place = Place::file(path);
    place.line = Some(index as u64 + 1);
    ImportError::new(place, problem)
}

/// The day on which the ticker's history begins.
fn first_day(path: &Path, zone: &Zone) -> Result<i64, ImportError> {
    let records = records(path)?;
    let first = records.first().and_then(|record| record.get(0)).unwrap_or_default();
    midnight(first, zone).map_err(|problem| at(path, 0, problem))
}

fn steps(path: &Path, adjust: Adjust, zone: &Zone) -> Result<Vec<Step>, ImportError> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, record) in records(path)?.iter().enumerate() {
        let number = |field: usize| {
            let text = record.get(field).unwrap_or_default().trim();
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0);
            value.ok_or_else(|| at(path, index, Problem::NotANumber { text: text.to_owned() }))
        };
        let day = midnight(record.get(0).unwrap_or_default(), zone).map_err(|problem| at(path, index, problem))?;
        let (price, split) = (number(1)?, number(2)?);
        let step = Step {
            until: day + DAY_NS,
            price: if adjust == Adjust::Total { price * split } else { split },
            volume: 1.0 / split,
        };
        if steps.last().is_some_and(|last| last.until >= step.until) {
            let problem = Problem::Backward {
                before: records_day(steps.last()),
                after: record.get(0).unwrap_or_default().to_owned(),
            };
            return Err(at(path, index, problem));
        }
        steps.push(step);
    }
    Ok(steps)
}

fn records_day(step: Option<&Step>) -> String {
    step.map(|step| assay_core::time::UtcNs(step.until - DAY_NS).to_string())
        .unwrap_or_default()
}
