//! Lines of delimited text to columns of values.

use std::sync::Arc;

use csv::StringRecord;

use super::adjust::Factors;
use super::columns::{Role, Shape};
use super::error::Problem;
use super::json::{self, Array, Messages};
use super::number::{decimal, spells_non_finite};
use super::records::{Records, RowError};
use super::times::{TimeReader, TimeRule};

/// How records are written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Syntax {
    /// Lines of fields, with this between them.
    Fields(u8),
    /// Lines of JSON messages behind the time at which they came in.
    Messages(Messages),
    /// One JSON array.
    Array(Array),
    /// Dukascopy's ticks of an hour, packed.
    Hour(super::dukascopy::Hour),
    /// Columns of a Parquet file.
    Columns,
}

/// How the rows of a file are laid out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// How records are written.
    pub(super) syntax: Syntax,
    /// One per field.
    pub(super) roles: Vec<Role>,
    /// What the roles make up.
    pub(super) shape: Shape,
    /// How times are written.
    pub(super) time: TimeRule,
    /// Prices are stored times `10^scale`.
    pub(super) scale: u32,
    /// Records before the first row: names of columns.
    pub(super) header: usize,
    /// Quotes of which each row gives one side and zero for the other.
    pub(super) one_sided: bool,
    /// Records without any price are no rows: columns of several instruments stand side by side, or there are closes only.
    pub(super) sparse: bool,
    /// What prices and volumes are multiplied by.
    pub(super) adjust: Option<Arc<Factors>>,
}

impl Layout {
    /// Of plain rows.
    pub(super) fn new(syntax: Syntax, roles: Vec<Role>, shape: Shape, time: TimeRule) -> Self {
        Self {
            syntax,
            roles,
            shape,
            time,
            scale: 0,
            header: 0,
            one_sided: false,
            sparse: false,
            adjust: None,
        }
    }
}

/// Rows of one shape, column by column.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// UTC nanoseconds.
    pub(super) times: Vec<i64>,
    /// By slot; empty where the file has no such column. NaN marks an absent size.
    pub(super) values: Vec<Vec<f64>>,
    /// 1 buyer, -1 seller, 0 unknown; empty without such a column.
    pub(super) side: Vec<i8>,
    /// Line of each row.
    pub(super) lines: Lines,
    /// Rows that the source doubts, which are left out.
    pub(super) suspicious: u64,
    /// Rows without a price where that may be, which are left out.
    pub(super) absent: u64,
    /// Lines of the text, empty ones too.
    pub(super) line_count: u64,
}

impl Rows {
    /// Without rows; a column for each slot that the roles fill.
    pub(super) fn new(shape: Shape, roles: &[Role], capacity: usize) -> Self {
        let filled = |slot| roles.contains(&Role::Slot(slot));
        let column = |slot| {
            if filled(slot) {
                Vec::with_capacity(capacity)
            } else {
                Vec::new()
            }
        };
        Self {
            times: Vec::with_capacity(capacity),
            values: (0..shape.slots().len()).map(column).collect(),
            ..Self::default()
        }
    }

    /// Bars of which only the close is known have no other price.
    pub(super) fn complete(&mut self, shape: Shape) {
        if shape == Shape::Bars && self.values[0].is_empty() && !self.values[3].is_empty() {
            for slot in 0..3 {
                self.values[slot] = self.values[3].clone();
            }
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Keeps the rows marked in `keep`.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        fn filter<T>(column: &mut Vec<T>, keep: &[bool]) {
            if !column.is_empty() {
                let mut marks = keep.iter();
                column.retain(|_| marks.next().copied().unwrap_or(true));
            }
        }
        let mut lines: Vec<u64> = (0..self.len()).map(|row| self.lines.of(row)).collect();
        filter(&mut lines, keep);
        self.lines = Lines::Listed(lines);
        filter(&mut self.times, keep);
        filter(&mut self.side, keep);
        for column in &mut self.values {
            filter(column, keep);
        }
    }
}

/// Lines that rows came from, counted from 1.
#[derive(Debug, Clone)]
pub(super) enum Lines {
    /// One after the other from a first line on.
    From(u64),
    /// One by one.
    Listed(Vec<u64>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::From(1)
    }
}

impl Lines {
    /// The line of a next row.
    pub(super) fn push(&mut self, row: usize, line: u64) {
        match self {
            Self::From(first) if row == 0 => *first = line,
            Self::From(first) if *first + row as u64 == line => {}
            Self::From(first) => *self = Self::Listed((*first..).take(row).chain([line]).collect()),
            Self::Listed(lines) => lines.push(line),
        }
    }

    /// Line of a row.
    pub(super) fn of(&self, row: usize) -> u64 {
        match self {
            Self::From(first) => first + row as u64,
            Self::Listed(lines) => lines.get(row).copied().unwrap_or_default(),
        }
    }
}

/// Reads at most `limit` records of a text of whole lines, after its header if there is one.
///
/// # Panics
/// On what is not written in lines.
pub(super) fn read_rows(layout: &Layout, text: &[u8], header: usize, limit: usize) -> Result<Rows, RowError> {
    let delimiter = match &layout.syntax {
        Syntax::Fields(delimiter) => *delimiter,
        Syntax::Messages(messages) => return json::read_messages(messages, layout.shape, text, limit),
        Syntax::Array(_) | Syntax::Hour(_) | Syntax::Columns => unreachable!("read as a whole, not by lines"),
    };
    let mut records = Records::new(text, delimiter);
    for _ in 0..header {
        records.next()?;
    }
    let mut reader = RowReader {
        layout,
        times: TimeReader::new(&layout.time),
        date: String::new(),
    };
    let guess = text.len() / (4 * layout.roles.len().max(2)) + 1;
    let mut rows = Rows::new(layout.shape, &layout.roles, guess.min(limit));
    let with_side = layout.roles.iter().any(|role| matches!(role, Role::Side | Role::BuyerMaker));
    for _ in 0..limit {
        let Some((line, record)) = records.next()? else { break };
        let marks = reader.read(record, &mut rows).map_err(|(column, problem)| RowError {
            line,
            column: column.map(|role| role.name(layout.shape)),
            problem,
        })?;
        let absent = layout.sparse
            && reader.is_absent(&rows).map_err(|role| RowError {
                line,
                column: Some(role.name(layout.shape)),
                problem: Problem::EmptyCell,
            })?;
        if marks.suspicious || absent {
            for column in &mut rows.values {
                column.truncate(rows.times.len());
            }
            rows.suspicious += u64::from(marks.suspicious);
            rows.absent += u64::from(absent && !marks.suspicious);
            continue;
        }
        rows.lines.push(rows.times.len(), line);
        rows.times.push(marks.time);
        if with_side {
            rows.side.push(marks.side);
        }
        if marks.ratio != 1.0 {
            for column in &mut rows.values[..layout.shape.prices()] {
                if let Some(price) = column.last_mut() {
                    *price *= marks.ratio;
                }
            }
        }
    }
    rows.line_count = records.lines();
    rows.complete(layout.shape);
    Ok(rows)
}

struct RowReader<'a> {
    layout: &'a Layout,
    times: TimeReader<'a>,
    /// The date of the row, kept until its time of day is read, or the other way round.
    date: String,
}

/// What a row gives beside its values.
struct Marks {
    time: i64,
    side: i8,
    suspicious: bool,
    /// What the row's prices are multiplied by.
    ratio: f64,
}

impl RowReader<'_> {
    /// Reads a record into the value columns. An error names the column if one is to blame.
    fn read(&mut self, record: &StringRecord, rows: &mut Rows) -> Result<Marks, (Option<Role>, Problem)> {
        let layout = self.layout;
        let mut marks = Marks {
            time: 0,
            side: 0,
            suspicious: false,
            ratio: 1.0,
        };
        let mut adjusted = None;
        for (&role, field) in layout.roles.iter().zip(record) {
            let text = field.trim_ascii();
            if role == Role::Adjusted {
                adjusted = Some(value(text, 0, true).map_err(|problem| (Some(role), problem))?);
                continue;
            }
            self.read_field(role, text, rows, &mut marks)
                .map_err(|problem| (Some(role), problem))?;
        }
        if let (Some(adjusted), Some(close)) = (adjusted, rows.values.get(3).and_then(|closes| closes.last())) {
            marks.ratio = if *close == 0.0 { 1.0 } else { adjusted / close };
        }
        if record.len() == layout.roles.len() {
            return Ok(marks);
        }
        let problem = Problem::FieldCount {
            found: record.len(),
            expected: layout.roles.len(),
        };
        Err((None, problem))
    }

    #[inline]
    fn read_field(&mut self, role: Role, text: &str, rows: &mut Rows, marks: &mut Marks) -> Result<(), Problem> {
        match role {
            Role::Slot(slot) => {
                let is_price = slot < self.layout.shape.prices();
                if is_price && self.layout.sparse && text.is_empty() {
                    rows.values[slot].push(f64::NAN);
                    return Ok(());
                }
                rows.values[slot].push(value(text, if is_price { self.layout.scale } else { 0 }, is_price)?);
            }
            Role::Time if text.is_empty() => return Err(Problem::EmptyCell),
            Role::Time => marks.time = self.times.read(text)?,
            Role::Skip | Role::Adjusted => {}
            Role::Date => self.half_of_time(role, Role::Clock, text, marks)?,
            Role::Clock => self.half_of_time(role, Role::Date, text, marks)?,
            Role::Side => marks.side = side(text)?,
            Role::BuyerMaker => marks.side = if truth(text)? { -1 } else { 1 },
            Role::Suspicious => marks.suspicious = truth(text)?,
        }
        Ok(())
    }

    /// Whether the record just read has no price. An error names the price that is missing where others are there.
    fn is_absent(&self, rows: &Rows) -> Result<bool, Role> {
        let prices = rows.values[..self.layout.shape.prices()].iter().enumerate();
        let (mut present, mut missing) = (0, None);
        for (slot, price) in prices.filter_map(|(slot, column)| Some((slot, column.last()?))) {
            if price.is_nan() {
                missing = Some(Role::Slot(slot));
            } else {
                present += 1;
            }
        }
        match missing {
            Some(role) if present > 0 => Err(role),
            missing => Ok(missing.is_some()),
        }
    }

    /// Date and time of day stand in two columns, in either order; the second one met completes the time.
    fn half_of_time(&mut self, role: Role, other: Role, text: &str, marks: &mut Marks) -> Result<(), Problem> {
        let position = |wanted| self.layout.roles.iter().position(|role| *role == wanted);
        if position(role) < position(other) {
            text.clone_into(&mut self.date);
            return Ok(());
        }
        let whole = if role == Role::Clock {
            format!("{} {text}", self.date)
        } else {
            format!("{text} {}", self.date)
        };
        marks.time = self.times.read(&whole)?;
        Ok(())
    }
}

/// An absent price is an error, an absent size is NaN.
#[inline]
fn value(text: &str, scale: u32, is_price: bool) -> Result<f64, Problem> {
    match decimal(text, scale) {
        Some(value) if value.is_finite() => Ok(value),
        _ if text.is_empty() && is_price => Err(Problem::EmptyCell),
        _ if text.is_empty() => Ok(f64::NAN),
        None if !spells_non_finite(text) => Err(Problem::NotANumber { text: shortened(text) }),
        _ => Err(Problem::NotFinite { text: shortened(text) }),
    }
}

/// Buyer 1, seller -1, empty 0.
pub(super) fn side(text: &str) -> Result<i8, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "buy" | "b" | "1" | "+1" | "buyer" => Ok(1),
        "sell" | "s" | "-1" | "seller" => Ok(-1),
        "" => Ok(0),
        _ => Err(Problem::BadSide { text: shortened(text) }),
    }
}

fn truth(text: &str) -> Result<bool, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" => Ok(true),
        "0" | "false" | "f" | "" => Ok(false),
        _ => Err(Problem::BadSide { text: shortened(text) }),
    }
}

/// A text short enough to be shown in an error.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
