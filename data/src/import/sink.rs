//! Rows in file order to a dataset in time order.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int8Array, RecordBatch, TimestampNanosecondArray};
use assay_core::time::{DAY_NS, DurationNs, HOUR_NS, UtcNs};

use super::checks::Counts;
use super::columns::{Role, Shape};
use super::error::{ImportError, Problem};
use super::plan::Part;
use super::request::{DatasetReport, Unsorted};
use super::rows::{Lines, Rows};
use crate::catalog::{DatasetKind, DatasetWriter, mids, schema};
use crate::error::DataError;

/// Takes the rows of one dataset's parts.
pub(super) struct Sink<'a> {
    parts: &'a [Part],
    writer: DatasetWriter,
    unsorted: Unsorted,
    shape: Shape,
    /// Whether any part has sizes of quotes, or sides of trades: then all rows get the columns.
    with_optional: bool,
    /// Smallest distance of bars.
    least_gap: Option<i64>,
    last: Option<(i64, Vec<f64>)>,
    first: Option<i64>,
    counts: Counts,
    duplicates: u64,
    disorder: u64,
    held: Vec<(usize, Rows)>,
    part: Option<usize>,
}

/// Rows whose lines count from the start of their input, ready to be stored.
pub(super) struct Ready {
    /// Index of the part they belong to.
    pub(super) part: usize,
    /// The rows.
    pub(super) rows: Rows,
    /// What was counted in them.
    pub(super) counts: Counts,
}

impl<'a> Sink<'a> {
    /// For the parts of one dataset, which all have one shape.
    pub(super) fn new(parts: &'a [Part], writer: DatasetWriter, unsorted: Unsorted) -> Self {
        let shape = parts[0].layout.shape;
        let optional = |part: &Part| {
            part.layout.roles.iter().any(|role| match shape {
                Shape::Quotes => matches!(role, Role::Slot(2 | 3)),
                Shape::Trades => matches!(role, Role::Side | Role::BuyerMaker),
                Shape::Bars | Shape::QuoteBars | Shape::Funding => false,
            })
        };
        let least_gap = match parts[0].kind {
            // A day of a zone with daylight saving has 23 to 25 hours.
            DatasetKind::Bars(length) if length.ns() >= DAY_NS => Some(length.ns() - 2 * HOUR_NS),
            DatasetKind::Bars(length) => Some(length.ns()),
            DatasetKind::Quotes | DatasetKind::Trades | DatasetKind::Funding => None,
        };
        Self {
            parts,
            writer,
            unsorted,
            shape,
            with_optional: parts.iter().any(optional),
            least_gap,
            last: None,
            first: None,
            counts: Counts::default(),
            duplicates: 0,
            disorder: 0,
            held: Vec::new(),
            part: None,
        }
    }

    /// Takes the next rows.
    pub(super) fn push(&mut self, ready: Ready) -> Result<(), DataError> {
        let Ready { part, mut rows, counts } = ready;
        self.counts.add(counts);
        if self.unsorted == Unsorted::Sort {
            self.held.push((part, rows));
            return Ok(());
        }
        self.keep_order(&mut rows)
            .map_err(|(row, problem)| self.error(part, rows.lines.of(row), problem))?;
        if self.part != Some(part) {
            self.writer.next_source(super::source_of(&self.parts[part]));
            self.part = Some(part);
        }
        self.append(rows)
    }

    /// Ends the input: sorts, if that was asked for. The dataset becomes visible only with [`Sink::finish`].
    pub(super) fn end(&mut self) -> Result<(), DataError> {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return Ok(());
        }
        for part in self.parts {
            self.writer.next_source(super::source_of(part));
        }
        let (mut rows, origins) = self.sort(held);
        self.keep_order(&mut rows).map_err(|(row, problem)| {
            let (part, line) = origins[row];
            self.error(part as usize, line, problem)
        })?;
        self.append(rows)
    }

    /// Stores the dataset.
    pub(super) fn finish(self, before: u64, replace: bool) -> Result<DatasetReport, DataError> {
        let parts = self.parts;
        let report = self.writer.finish()?;
        let after = report.dataset.as_ref().map_or(0, |dataset| dataset.rows);
        let rows_written = if replace { report.rows } else { after.saturating_sub(before) };
        Ok(DatasetReport {
            symbol: parts[0].symbol.clone(),
            kind: parts[0].kind,
            files: parts.len(),
            rows_read: self.counts.read,
            rows_written,
            rows_unchanged: report.rows.saturating_sub(rows_written),
            crossed: self.counts.crossed,
            duplicates: self.duplicates,
            disorder: self.disorder,
            bad_bars: self.counts.bad_bars,
            zero_or_negative: self.counts.zero_or_negative,
            suspicious: self.counts.suspicious,
            without_price: self.counts.absent,
            one_sided: self.counts.one_sided,
            dropped: self.counts.dropped,
            first: self.first.map(UtcNs),
            last: self.last.map(|(time, _)| UtcNs(time)),
        })
    }

    fn error(&self, part: usize, line: u64, problem: Problem) -> DataError {
        let mut place = self.parts[part].input.place();
        place.line = Some(line);
        ImportError::new(place, problem).into()
    }

    /// Refuses times that go backward and bars that overlap; leaves out bars and rates that repeat the one before; counts equal
    /// times.
    fn keep_order(&mut self, rows: &mut Rows) -> Result<(), (usize, Problem)> {
        let Some(&first) = rows.times.first() else {
            return Ok(());
        };
        let mut repeated = Vec::new();
        let mut previous = self.last.as_ref().map_or(i64::MIN, |(time, _)| *time);
        for (row, &time) in rows.times.iter().enumerate() {
            if time > previous && self.least_gap.is_none_or(|gap| time.saturating_sub(previous) >= gap) {
                previous = time;
                continue;
            }
            if time < previous {
                let (before, after) = (UtcNs(previous).to_string(), UtcNs(time).to_string());
                return Err((row, Problem::Backward { before, after }));
            }
            if time > previous {
                let length = self.parts[0].kind.bar().map(|bar| bar.to_string()).unwrap_or_default();
                let (time, gap) = (UtcNs(time).to_string(), DurationNs(time - previous).to_string());
                return Err((row, Problem::BarsOverlap { time, gap, length }));
            }
            self.duplicates += 1;
            if !self.shape.times_repeat() {
                if !self.repeats(rows, row) {
                    let (what, time) = (if self.shape.is_bars() { "bar" } else { "rate" }, UtcNs(time).to_string());
                    return Err((row, Problem::TimeTwice { what, time }));
                }
                repeated.push(row);
            }
        }
        self.first = self.first.or(Some(first));
        let last = rows.len() - 1;
        self.last = Some((rows.times[last], values_of(rows, last)));
        if !repeated.is_empty() {
            self.counts.dropped += repeated.len() as u64;
            let mut keep = vec![true; rows.len()];
            for row in repeated {
                keep[row] = false;
            }
            rows.retain(&keep);
        }
        Ok(())
    }

    /// Whether a row has the values of the row before it.
    fn repeats(&self, rows: &Rows, row: usize) -> bool {
        let before = match row.checked_sub(1) {
            Some(before) => values_of(rows, before),
            None => self.last.as_ref().map(|(_, values)| values.clone()).unwrap_or_default(),
        };
        let these = values_of(rows, row);
        before.len() == these.len() && before.iter().zip(&these).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
    }

    fn append(&mut self, rows: Rows) -> Result<(), DataError> {
        if rows.len() == 0 {
            return Ok(());
        }
        let batch = batch(self.shape, self.with_optional, rows).map_err(|source| DataError::Arrow {
            action: "build the columns",
            source,
        })?;
        self.writer.append(&batch)
    }

    /// All rows by time, those of equal time in file order, and the part and line that each came from.
    fn sort(&mut self, held: Vec<(usize, Rows)>) -> (Rows, Vec<(u32, u64)>) {
        let mut all = Rows {
            values: vec![Vec::new(); self.shape.slots().len()],
            ..Rows::default()
        };
        let mut origins = Vec::new();
        let wide: Vec<bool> = (0..all.values.len())
            .map(|slot| held.iter().any(|(_, rows)| !rows.values[slot].is_empty()))
            .collect();
        let with_side = held.iter().any(|(_, rows)| !rows.side.is_empty());
        for (part, rows) in held {
            let length = rows.len();
            origins.extend((0..length).map(|row| (part as u32, rows.lines.of(row))));
            all.times.extend(rows.times);
            for ((column, more), wide) in all.values.iter_mut().zip(rows.values).zip(&wide) {
                column.extend(more);
                if *wide {
                    column.resize(all.times.len(), f64::NAN);
                }
            }
            all.side.extend(rows.side);
            if with_side {
                all.side.resize(all.times.len(), 0);
            }
        }
        self.disorder = all.times.windows(2).filter(|pair| pair[1] < pair[0]).count() as u64;
        if self.disorder > 0 {
            let mut order: Vec<usize> = (0..all.len()).collect();
            order.sort_by_key(|row| all.times[*row]);
            permute(&mut all.times, &order);
            permute(&mut all.side, &order);
            for column in &mut all.values {
                permute(column, &order);
            }
            permute(&mut origins, &order);
        }
        // Lines that rows keep when some of them are left out; errors use `origins`.
        all.lines = Lines::From(1);
        (all, origins)
    }
}

fn permute<T: Copy>(column: &mut Vec<T>, order: &[usize]) {
    if !column.is_empty() {
        *column = order.iter().map(|row| column[*row]).collect();
    }
}

fn values_of(rows: &Rows, row: usize) -> Vec<f64> {
    rows.values.iter().filter_map(|column| column.get(row).copied()).collect()
}

/// The columns of the catalog. Bars from quotes get their mid; an absent volume or size of a trade is zero.
fn batch(shape: Shape, with_optional: bool, rows: Rows) -> Result<RecordBatch, arrow::error::ArrowError> {
    let count = rows.len();
    let Rows { times, values, side, .. } = rows;
    let number = |column: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(column)) };
    let or_zero = |mut column: Vec<f64>| {
        column.resize(count, 0.0);
        for value in &mut column {
            if value.is_nan() {
                *value = 0.0;
            }
        }
        column
    };
    let or_null = |column: Vec<f64>| -> ArrayRef {
        if column.is_empty() {
            Arc::new(Float64Array::new_null(count))
        } else if column.iter().any(|value| value.is_nan()) {
            Arc::new(
                column
                    .into_iter()
                    .map(|value| (!value.is_nan()).then_some(value))
                    .collect::<Float64Array>(),
            )
        } else {
            Arc::new(Float64Array::from(column))
        }
    };
    let mut columns: Vec<ArrayRef> = vec![Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"))];
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or_default();
    let schema = match shape {
        Shape::Quotes => {
            columns.extend([number(next()), number(next())]);
            if with_optional {
                columns.extend([or_null(next()), or_null(next())]);
            }
            schema::quotes(with_optional)
        }
        Shape::Trades => {
            columns.extend([number(next()), number(or_zero(next()))]);
            if with_optional {
                columns.push(if side.is_empty() {
                    Arc::new(Int8Array::new_null(count))
                } else {
                    Arc::new(
                        side.into_iter()
                            .map(|side| (side != 0).then_some(side))
                            .collect::<Int8Array>(),
                    )
                });
            }
            schema::trades(with_optional)
        }
        Shape::Bars => {
            columns.extend((0..4).map(|_| number(next())));
            columns.push(number(or_zero(next())));
            schema::bars(false)
        }
        Shape::QuoteBars => {
            let sides: Vec<Vec<f64>> = (0..8).map(|_| next()).collect();
            for (bid, ask) in sides[..4].iter().zip(&sides[4..]) {
                columns.push(number(mids(bid, ask)));
            }
            columns.push(number(or_zero(next())));
            columns.extend(sides.into_iter().map(number));
            schema::bars(true)
        }
        Shape::Funding => {
            columns.push(number(next()));
            schema::funding()
        }
    };
    RecordBatch::try_new(schema, columns)
}
