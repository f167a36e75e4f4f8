//! Lines of delimited text to columns of values.

use csv::StringRecord;

use super::columns::{Role, Shape};
use super::error::Problem;
use super::number::{decimal, spells_non_finite};
use super::records::{Records, RowError};
use super::times::{TimeReader, TimeRule};

/// How the lines of a text are laid out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Between fields.
    pub(super) delimiter: u8,
    /// One per field.
    pub(super) roles: Vec<Role>,
    /// What the roles make up.
    pub(super) shape: Shape,
    /// How times are written.
    pub(super) time: TimeRule,
    /// Prices are stored times `10^scale`.
    pub(super) scale: u32,
    /// Whether the first record names the columns.
    pub(super) header: bool,
    /// Quotes of which each row gives one side and zero for the other.
    pub(super) one_sided: bool,
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
    fn push(&mut self, row: usize, line: u64) {
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
pub(super) fn read_rows(layout: &Layout, text: &[u8], header: bool, limit: usize) -> Result<Rows, RowError> {
    let mut records = Records::new(text, layout.delimiter);
    if header {
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
        if marks.suspicious {
            for column in &mut rows.values {
                column.truncate(rows.times.len());
            }
            rows.suspicious += 1;
            continue;
        }
        rows.lines.push(rows.times.len(), line);
        rows.times.push(marks.time);
        if with_side {
            rows.side.push(marks.side);
        }
    }
    rows.line_count = records.lines();
    Ok(rows)
}

struct RowReader<'a> {
    layout: &'a Layout,
    times: TimeReader<'a>,
    /// The date of the row, kept until its time of day is read, or the other way round.
    date: String,
}

/// What a row gives beside its values.
#[derive(Default)]
struct Marks {
    time: i64,
    side: i8,
    suspicious: bool,
}

impl RowReader<'_> {
    /// Reads a record into the value columns. An error names the column if one is to blame.
    fn read(&mut self, record: &StringRecord, rows: &mut Rows) -> Result<Marks, (Option<Role>, Problem)> {
        let layout = self.layout;
        let mut marks = Marks::default();
        for (&role, field) in layout.roles.iter().zip(record) {
            self.read_field(role, field.trim_ascii(), rows, &mut marks)
                .map_err(|problem| (Some(role), problem))?;
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
                rows.values[slot].push(value(text, if is_price { self.layout.scale } else { 0 }, is_price)?);
            }
            Role::Time if text.is_empty() => return Err(Problem::EmptyCell),
            Role::Time => marks.time = self.times.read(text)?,
            Role::Skip => {}
            Role::Date => self.half_of_time(role, Role::Clock, text, marks)?,
            Role::Clock => self.half_of_time(role, Role::Date, text, marks)?,
            Role::Side => marks.side = side(text)?,
            Role::BuyerMaker => marks.side = if truth(text)? { -1 } else { 1 },
            Role::Suspicious => marks.suspicious = truth(text)?,
        }
        Ok(())
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
