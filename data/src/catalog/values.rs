//! Facts about values that do not depend on how they are stored: their hash and their decimals.

use std::fmt;
use std::str::FromStr;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int8Type, TimestampNanosecondType};
use serde::{Deserialize, Serialize};

use super::schema::price_columns;

/// Most decimals that a price may have and still be held as an integer.
const MAX_DECIMALS: u8 = 12;
/// Integers up to here are exact in an f64.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// The bits that stand for an absent value: a NaN that no arithmetic yields, and the writer refuses NaN.
const ABSENT: u64 = u64::MAX;

/// A 256-bit hash of values: of times and prices bit by bit, not of the bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValuesHash(pub [u8; 32]);

impl fmt::Display for ValuesHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ValuesHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|error| error.to_string())
    }
}

impl Serialize for ValuesHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ValuesHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Collects the facts of rows that arrive batch by batch, all with the same columns.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) rows: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    decimals: Decimals,
    columns: Vec<ColumnFacts>,
}

#[derive(Debug)]
struct ColumnFacts {
    name: String,
    present: bool,
    hasher: blake3::Hasher,
}

impl Facts {
    /// Adds rows. A batch has the columns of a dataset, as [`super::schema::conform`] leaves them.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        self.add_columns(batch);
        for index in price_columns(batch.schema_ref()) {
            self.decimals.add(batch.column(index).as_primitive::<Float64Type>().values());
        }
    }

    /// The same without looking at decimals.
    fn add_columns(&mut self, batch: &RecordBatch) {
        let rows = batch.num_rows();
        if rows == 0 {
            return;
        }
        if self.columns.is_empty() {
            let new = |name: &String| ColumnFacts {
                name: name.clone(),
                present: false,
                hasher: blake3::Hasher::new(),
            };
            self.columns = batch.schema_ref().fields().iter().map(|f| new(f.name())).collect();
        }
        let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        if self.rows == 0 {
            self.first = times[0];
        }
        self.last = times[rows - 1];
        self.rows += rows as u64;
        for (facts, column) in self.columns.iter_mut().zip(batch.columns()) {
            facts.present |= column.null_count() < rows;
            hash_column(&mut facts.hasher, column.as_ref());
        }
    }

    /// Hash of all rows. A column without any value counts as absent.
    pub(crate) fn hash(&self) -> ValuesHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.rows.to_le_bytes());
        for column in self.columns.iter().filter(|c| c.present) {
            hasher.update(&(column.name.len() as u64).to_le_bytes());
            hasher.update(column.name.as_bytes());
            hasher.update(column.hasher.finalize().as_bytes());
        }
        ValuesHash(*hasher.finalize().as_bytes())
    }

    /// Names of the columns that hold any value.
    pub(crate) fn present(&self) -> Vec<String> {
        self.columns.iter().filter(|c| c.present).map(|c| c.name.clone()).collect()
    }

    pub(crate) fn decimals(&self) -> Decimals {
        self.decimals
    }
}

/// Hash of these rows as one file.
pub(crate) fn hash_of(batch: &RecordBatch) -> ValuesHash {
    let mut facts = Facts::default();
    facts.add_columns(batch);
    facts.hash()
}

/// The bits of every value of a column, [`ABSENT`] where there is none.
pub(crate) fn column_bits(column: &dyn Array) -> Vec<u64> {
    let bits = |row: usize| match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_bits(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row) as u64,
        _ => column.as_primitive::<TimestampNanosecondType>().value(row) as u64,
    };
    (0..column.len())
        .map(|row| if column.is_null(row) { ABSENT } else { bits(row) })
        .collect()
}

fn hash_column(hasher: &mut blake3::Hasher, column: &dyn Array) {
    // Columns without nulls are hashed from their buffer; the catalog is little-endian by definition.
    if column.null_count() == 0 && cfg!(target_endian = "little") {
        match column.data_type() {
            DataType::Float64 => {
                hasher.update(column.as_primitive::<Float64Type>().values().inner());
                return;
            }
            DataType::Timestamp(..) => {
                hasher.update(column.as_primitive::<TimestampNanosecondType>().values().inner());
                return;
            }
            _ => {}
        }
    }
    let mut bytes = Vec::with_capacity(8 * column.len());
    for bits in column_bits(column) {
        bytes.extend_from_slice(&bits.to_le_bytes());
    }
    hasher.update(&bytes);
}

/// The smallest number of decimals that writes every price seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decimals {
    /// `None` once a price was seen that needs more than twelve.
    needed: Option<u8>,
    largest: f64,
}

impl Default for Decimals {
    fn default() -> Self {
        Self {
            needed: Some(0),
            largest: 0.0,
        }
    }
}

impl Decimals {
    pub(crate) fn from_parts(needed: Option<u8>, largest: f64) -> Self {
        Self { needed, largest }
    }

    /// Adds prices.
    pub(crate) fn add(&mut self, prices: &[f64]) {
        self.largest = prices.iter().fold(self.largest, |most, p| most.max(p.abs()));
        let Some(mut k) = self.needed else { return };
        for chunk in prices.chunks(1_024) {
            while !all_exact(chunk, k) {
                k += 1;
                if k > MAX_DECIMALS {
                    self.needed = None;
                    return;
                }
            }
        }
        self.needed = Some(k);
    }

    pub(crate) fn merge(self, other: Self) -> Self {
        Self {
            needed: self.needed.zip(other.needed).map(|(a, b)| a.max(b)),
            largest: self.largest.max(other.largest),
        }
    }

    /// `Some(k)` if every price times 10^k is an integer within 2^53.
    pub(crate) fn get(self) -> Option<u8> {
        self.needed.filter(|k| self.largest * power_of_ten(*k) <= EXACT)
    }

    pub(crate) fn largest(self) -> f64 {
        self.largest
    }

    pub(crate) fn needed(self) -> Option<u8> {
        self.needed
    }
}

/// Whether a price can be written with at most twelve decimals.
pub(crate) fn is_decimal(price: f64) -> bool {
    (0..=MAX_DECIMALS).any(|k| all_exact(&[price], k))
}

/// The mean of each bid and ask: of decimals the double nearest to the decimal mean, so that equal means are equal numbers. A mean of
/// doubles alone differs in its last bit between, say, 1.38705 / 1.38706 and 1.38704 / 1.38707.
pub(crate) fn mids(bids: &[f64], asks: &[f64]) -> Vec<f64> {
    let mut k = 0;
    let mid = |(bid, ask): (&f64, &f64)| {
        let decimals = (k..=MAX_DECIMALS).find_map(|k| Some((k, whole(*bid, k)? + whole(*ask, k)?)));
        let Some((needed, sum)) = decimals else {
            return f64::midpoint(*bid, *ask);
        };
        k = needed;
        sum / (2.0 * power_of_ten(needed))
    };
    bids.iter().zip(asks).map(mid).collect()
}

/// The price as an integer / 10^k, if it is one; of at most fifteen digits, which a double tells apart from all others.
fn whole(price: f64, k: u8) -> Option<f64> {
    const DIGITS: f64 = 1e15;
    let whole = libm::rint(price * power_of_ten(k));
    (whole.abs() < DIGITS && whole / power_of_ten(k) == price).then_some(whole)
}

/// 10^k, exact for the decimals in question.
pub(crate) fn power_of_ten(k: u8) -> f64 {
    const POWERS: [f64; MAX_DECIMALS as usize + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
    POWERS[usize::from(k.min(MAX_DECIMALS))]
}

/// Whether every price is the double nearest to some integer / 10^k.
fn all_exact(prices: &[f64], k: u8) -> bool {
    // Adding and subtracting 1.5 x 2^52 rounds to the nearest integer for magnitudes below 2^51, without a call per value.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const SMALL: f64 = 2_251_799_813_685_248.0;
    let scale = power_of_ten(k);
    let exact = |price: f64| {
        let scaled = price * scale;
        let whole = if scaled.abs() < SMALL {
            (scaled + ROUND) - ROUND
        } else {
            libm::rint(scaled)
        };
        whole.abs() <= EXACT && whole / scale == price
    };
    // Without an early exit inside, so that the loop runs in vector registers.
    prices.iter().fold(true, |all, price| all & exact(*price))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimals(prices: &[f64]) -> Option<u8> {
        let mut found = Decimals::default();
        found.add(prices);
        found.get()
    }

    #[test]
    fn mids_of_equal_decimals_are_equal() {
        let mid = |bid, ask| mids(&[bid], &[ask])[0];
        let mut plain = 0;
        for k in 0..2_000 {
            let cents = f64::from(138_000 + k);
            let (inner, outer) = ((cents / 1e5, (cents + 1.0) / 1e5), ((cents - 1.0) / 1e5, (cents + 2.0) / 1e5));
            let expected = (2.0 * cents + 1.0) / 2e5;
            assert_eq!((mid(inner.0, inner.1), mid(outer.0, outer.1)), (expected, expected));
            plain += u32::from(f64::midpoint(inner.0, inner.1) != f64::midpoint(outer.0, outer.1));
        }
        assert!(plain > 100, "the plain mean is right as well: {plain}");
        // Neighbours do not matter, nor what is no decimal.
        let third = 1.0 / 3.0;
        assert_eq!(
            mids(&[1.5, third, 1.25, 2.0], &[1.75, 1.0, 1.125, 3.0]),
            [1.625, f64::midpoint(third, 1.0), 1.1875, 2.5]
        );
    }

    #[test]
    fn decimals_are_the_fewest_that_write_every_price() {
        assert_eq!(decimals(&[1.0, -3.0, 0.0]), Some(0));
        assert_eq!(decimals(&[1.5, 1291.95, 2.0]), Some(2));
        assert_eq!(decimals(&[1.38572, 0.1 + 0.2]), None);
        assert_eq!(decimals(&[0.000_000_000_001]), Some(12));
        assert_eq!(decimals(&[0.000_000_000_000_1]), None);
        assert_eq!(decimals(&[1.0 / 3.0]), None);
        assert_eq!(decimals(&[9_007_199_254_740_992.0]), Some(0));
        assert_eq!(decimals(&[900_719_925_474.125, 0.000_001]), None);
        for cents in 0..200_000 {
            assert!(decimals(&[f64::from(cents) / 100.0]).unwrap() <= 2);
            assert!(decimals(&[f64::from(cents) / 100_000.0]).unwrap() <= 5);
        }
    }

    #[test]
    fn merging_keeps_the_product_in_range() {
        let (mut many, mut large) = (Decimals::default(), Decimals::default());
        many.add(&[0.000_001]);
        large.add(&[9e12]);
        assert_eq!(many.get(), Some(6));
        assert_eq!(large.get(), Some(0));
        assert_eq!(many.merge(large).get(), None);
    }

    #[test]
    fn hashes_print_and_read() {
        let hash = ValuesHash([0xab; 32]);
        assert_eq!(hash.to_string().parse::<ValuesHash>().unwrap(), hash);
        assert!("xyz".parse::<ValuesHash>().is_err());
    }
}
