//! Ticks or short bars to longer bars: first, highest, lowest, last, and the sum of sizes. Every row counts, crossed quotes too.

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampNanosecondType};
use rayon::prelude::*;

use super::buckets::{Buckets, MIDDLE_OF_DAY};
use crate::catalog::DatasetKind;

/// Rows that one thread takes at a time. Fixed, so that sums do not depend on the number of threads.
const CHUNK_ROWS: usize = 1 << 20;

/// One side of rows: prices four times the same column for ticks.
struct SideInput<'a> {
    open: &'a [f64],
    high: &'a [f64],
    low: &'a [f64],
    close: &'a [f64],
}

/// One side of bars.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Side {
    pub(super) open: Vec<f64>,
    pub(super) high: Vec<f64>,
    pub(super) low: Vec<f64>,
    pub(super) close: Vec<f64>,
}

/// Bars under construction; one side from trades, bid and ask from quotes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Bars {
    pub(super) time: Vec<i64>,
    pub(super) sides: Vec<Side>,
    pub(super) volume: Vec<f64>,
}

/// Columns of the rows that become bars.
pub(super) fn source_columns(kind: DatasetKind, has_column: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let all: &[&'static str] = match kind {
        DatasetKind::Quotes => &["time", "bid", "ask", "bid_size", "ask_size"],
        DatasetKind::Trades => &["time", "price", "size"],
        DatasetKind::Bars(_) if has_column("bid_open") => &[
            "time",
            "volume",
            "bid_open",
            "bid_high",
            "bid_low",
            "bid_close",
            "ask_open",
            "ask_high",
            "ask_low",
            "ask_close",
        ],
        DatasetKind::Bars(_) => &["time", "open", "high", "low", "close", "volume"],
        DatasetKind::Funding => &[],
    };
    all.iter().copied().filter(|name| has_column(name)).collect()
}

/// Bars of rows that are in memory, in parallel.
pub(super) fn resample(kind: DatasetKind, batch: &RecordBatch, buckets: &Buckets) -> Bars {
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
    // Each chunk ends with a bar, so that no sum is split.
    let mut edges = vec![0];
    while let Some(&edge) = edges.last()
        && edge < times.len()
    {
        let near = (edge + CHUNK_ROWS).min(times.len());
        let end = buckets.span(times[near - 1]).end;
        edges.push(near + times[near..].partition_point(|time| *time < end));
    }
    let parts: Vec<Bars> = edges
        .par_windows(2)
        .map(|edge| {
            let mut bars = Bars::default();
            bars.add(kind, &batch.slice(edge[0], edge[1] - edge[0]), buckets);
            bars
        })
        .collect();
    Bars::join(parts)
}

impl Bars {
    /// Adds rows that follow those added before.
    pub(super) fn add(&mut self, kind: DatasetKind, batch: &RecordBatch, buckets: &Buckets) {
        let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let shift = match kind {
            DatasetKind::Bars(length) if length.is_daily_or_longer() => MIDDLE_OF_DAY,
            _ => 0,
        };
        let sides = side_inputs(kind, batch);
        let volumes = volume_inputs(batch);
        self.sides.resize_with(sides.len(), Side::default);
        let mut row = 0;
        while row < times.len() {
            let span = buckets.span(times[row] + shift);
            let end = row + run_length(&times[row..], span.end - shift);
            let fresh = self.time.last() != Some(&span.start);
            if fresh {
                self.time.push(span.start);
                self.volume.push(0.0);
            }
            for (side, input) in self.sides.iter_mut().zip(&sides) {
                let high = highest(&input.high[row..end]);
                let low = lowest(&input.low[row..end]);
                side.put(fresh, [input.open[row], high, low, input.close[end - 1]]);
            }
            let volume = self.volume.last_mut().expect("a bar was pushed");
            for column in &volumes {
                *volume = sum(column, row, end, *volume);
            }
            row = end;
        }
    }

    /// Puts parts that follow each other together; a bar that was cut is joined.
    pub(super) fn join(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter().filter(|part| !part.time.is_empty());
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            let shared = usize::from(all.time.last() == part.time.first());
            if shared == 1 {
                for (side, more) in all.sides.iter_mut().zip(&part.sides) {
                    side.put(false, [more.open[0], more.high[0], more.low[0], more.close[0]]);
                }
                *all.volume.last_mut().expect("a bar is shared") += part.volume[0];
            }
            all.time.extend_from_slice(&part.time[shared..]);
            all.volume.extend_from_slice(&part.volume[shared..]);
            for (side, more) in all.sides.iter_mut().zip(&part.sides) {
                side.open.extend_from_slice(&more.open[shared..]);
                side.high.extend_from_slice(&more.high[shared..]);
                side.low.extend_from_slice(&more.low[shared..]);
                side.close.extend_from_slice(&more.close[shared..]);
            }
        }
        all
    }
}

impl Side {
    /// Adds a bar, or widens the last one.
    pub(super) fn put(&mut self, fresh: bool, [open, high, low, close]: [f64; 4]) {
        if fresh {
            self.open.push(open);
            self.high.push(high);
            self.low.push(low);
            self.close.push(close);
            return;
        }
        let last = self.open.len() - 1;
        self.high[last] = larger(self.high[last], high);
        self.low[last] = smaller(self.low[last], low);
        self.close[last] = close;
    }
}

fn side_inputs(kind: DatasetKind, batch: &RecordBatch) -> Vec<SideInput<'_>> {
    let column = |name: &str| -> &[f64] {
        let found = batch.column_by_name(name).expect("the schema of the kind has it");
        found.as_primitive::<Float64Type>().values()
    };
    let tick = |name: &str| SideInput {
        open: column(name),
        high: column(name),
        low: column(name),
        close: column(name),
    };
    let bar = |prefix: &str| SideInput {
        open: column(&format!("{prefix}open")),
        high: column(&format!("{prefix}high")),
        low: column(&format!("{prefix}low")),
        close: column(&format!("{prefix}close")),
    };
    match kind {
        DatasetKind::Quotes => vec![tick("bid"), tick("ask")],
        DatasetKind::Trades => vec![tick("price")],
        DatasetKind::Bars(_) if batch.column_by_name("bid_open").is_some() => vec![bar("bid_"), bar("ask_")],
        DatasetKind::Bars(_) => vec![bar("")],
        // Nobody makes bars from funding.
        DatasetKind::Funding => Vec::new(),
    }
}

fn volume_inputs(batch: &RecordBatch) -> Vec<&Float64Array> {
    ["volume", "size", "bid_size", "ask_size"]
        .into_iter()
        .filter_map(|name| batch.column_by_name(name))
        .map(AsArray::as_primitive::<Float64Type>)
        .collect()
}

/// How many of the first times are before `end`; at least one.
fn run_length(times: &[i64], end: i64) -> usize {
    // Doubling steps, then bisection: short runs cost little, long ones a logarithm.
    let mut reach = 1;
    while reach < times.len() && times[reach] < end {
        reach *= 2;
    }
    let from = reach / 2;
    let to = reach.min(times.len());
    (from + times[from..to].partition_point(|time| *time < end)).max(1)
}

fn sum(column: &Float64Array, from: usize, to: usize, start: f64) -> f64 {
    let values = &column.values()[from..to];
    if column.null_count() == 0 {
        return values.iter().fold(start, |sum, value| sum + value);
    }
    let valid = (from..to).filter(|row| column.is_valid(*row));
    valid.fold(start, |sum, row| sum + column.value(row))
}

// Prices are finite: the writer refuses others. Comparing and selecting compiles to one instruction, and four independent lanes
// keep it from waiting for itself.
fn larger(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

fn smaller(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

fn highest(values: &[f64]) -> f64 {
    extreme(values, larger)
}

fn lowest(values: &[f64]) -> f64 {
    extreme(values, smaller)
}

fn extreme(values: &[f64], pick: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [values[0]; 4];
    let mut fours = values.chunks_exact(4);
    for four in &mut fours {
        for (lane, value) in lanes.iter_mut().zip(four) {
            *lane = pick(*lane, *value);
        }
    }
    let rest = fours.remainder().iter().fold(lanes[0], |most, value| pick(most, *value));
    pick(pick(rest, lanes[1]), pick(lanes[2], lanes[3]))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::TimestampNanosecondArray;
    use assay_core::calendar::Calendar;
    use assay_core::time::{BarLength, MINUTE_NS};
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::schema;

    fn trades(rows: &[(i64, f64, f64)]) -> RecordBatch {
        let time = TimestampNanosecondArray::from_iter_values(rows.iter().map(|r| r.0)).with_timezone("UTC");
        let price = Float64Array::from_iter_values(rows.iter().map(|r| r.1));
        let size = Float64Array::from_iter_values(rows.iter().map(|r| r.2));
        RecordBatch::try_new(schema::trades(false), vec![Arc::new(time), Arc::new(price), Arc::new(size)]).unwrap()
    }

    fn minutes(count: i64) -> Buckets {
        let length = BarLength::from_ns(count * MINUTE_NS).unwrap();
        Buckets::new(length, &Calendar::always_open()).unwrap()
    }

    /// One row at a time, nothing clever.
    fn naive(rows: &[(i64, f64, f64)], length: i64) -> Vec<(i64, [f64; 4], f64)> {
        let mut bars: Vec<(i64, [f64; 4], f64)> = Vec::new();
        for &(time, price, size) in rows {
            let start = time - time.rem_euclid(length);
            match bars.last_mut() {
                Some((last, prices, volume)) if *last == start => {
                    prices[1] = prices[1].max(price);
                    prices[2] = prices[2].min(price);
                    prices[3] = price;
                    *volume += size;
                }
                _ => bars.push((start, [price; 4], size)),
            }
        }
        bars
    }

    fn flat(bars: &Bars) -> Vec<(i64, [f64; 4], f64)> {
        let side = &bars.sides[0];
        (0..bars.time.len())
            .map(|i| {
                (
                    bars.time[i],
                    [side.open[i], side.high[i], side.low[i], side.close[i]],
                    bars.volume[i],
                )
            })
            .collect()
    }

    #[test]
    fn first_highest_lowest_last_and_sum() {
        let minute = MINUTE_NS;
        let rows = [
            (1, 5.0, 1.0),
            (2, 9.0, 2.0),
            (3, 2.0, 3.0),
            (minute - 1, 4.0, 0.0),
            (minute, 7.0, 1.5),
        ];
        let bars = resample(DatasetKind::Trades, &trades(&rows), &minutes(1));
        assert_eq!(flat(&bars), [(0, [5.0, 9.0, 2.0, 4.0], 6.0), (minute, [7.0; 4], 1.5)]);
    }

    proptest! {
        #[test]
        fn equals_the_naive_way_however_it_is_cut(
            steps in prop::collection::vec((0_i64..40_000_000_000, -50_i32..50, 0_u32..9), 1..400),
            start in -1_000_000_000_000_i64..1_000_000_000_000,
            length in prop::sample::select(vec![1_i64, 2, 5, 60]),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut time = start;
            let rows: Vec<(i64, f64, f64)> = steps
                .iter()
                .map(|(step, price, size)| {
                    time += step;
                    (time, f64::from(*price) / 10.0, f64::from(*size))
                })
                .collect();
            let batch = trades(&rows);
            let buckets = minutes(length);
            let expected = naive(&rows, length * MINUTE_NS);
            prop_assert_eq!(flat(&resample(DatasetKind::Trades, &batch, &buckets)), expected.clone());

            let cut = cut.index(rows.len());
            let parts = [batch.slice(0, cut), batch.slice(cut, rows.len() - cut)];
            let joined = Bars::join(parts.iter().map(|part| resample(DatasetKind::Trades, part, &buckets)).collect());
            prop_assert_eq!(flat(&joined), expected.clone());
            let mut added = Bars::default();
            for part in &parts {
                added.add(DatasetKind::Trades, part, &buckets);
            }
            prop_assert_eq!(flat(&added), expected);
        }
    }
}
