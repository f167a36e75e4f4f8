//! Lines of delimited text to columns of values.

use super::columns::{Role, Shape};
use super::error::Problem;
use super::number::{decimal, quick_decimal, spells_non_finite};
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
    /// Lines before the first row.
    pub(super) header_lines: u64,
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
    /// Line of a row.
    pub(super) fn of(&self, row: usize) -> u64 {
        match self {
            Self::From(first) => first + row as u64,
            Self::Listed(lines) => lines.get(row).copied().unwrap_or_default(),
        }
    }
}

/// A problem in a line of a text.
#[derive(Debug)]
pub(super) struct RowError {
    /// Counted from 1 within the text.
    pub(super) line: u64,
    /// Role of the field.
    pub(super) column: Option<&'static str>,
    /// What is wrong.
    pub(super) problem: Problem,
}

/// Reads all lines of `bytes`, of which the first `skip` are a header.
pub(super) fn read_rows(layout: &Layout, bytes: &[u8], skip: u64) -> Result<Rows, RowError> {
    let text = std::str::from_utf8(bytes).map_err(|error| RowError {
        line: bytes[..error.valid_up_to()].split(|b| *b == b'\n').count() as u64,
        column: None,
        problem: Problem::NotText,
    })?;
    let mut reader = Reader {
        layout,
        text,
        at: 0,
        line: 1,
        times: TimeReader::new(&layout.time),
        date: String::new(),
    };
    for _ in 0..skip {
        reader.skip_line();
    }
    reader.read_all()
}

struct Reader<'a> {
    layout: &'a Layout,
    text: &'a str,
    at: usize,
    line: u64,
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

impl<'a> Reader<'a> {
    fn read_all(mut self) -> Result<Rows, RowError> {
        let layout = self.layout;
        let bytes = self.text.as_bytes();
        let guess = bytes.len() / (4 * layout.roles.len().max(2)) + 1;
        let mut rows = Rows::new(layout.shape, &layout.roles, guess);
        rows.lines = Lines::From(self.line);
        let with_side = layout.roles.iter().any(|role| matches!(role, Role::Side | Role::BuyerMaker));
        while self.at < bytes.len() {
            if self.skip_blank() {
                list_lines(&mut rows, self.line);
                continue;
            }
            let marks = self.read_row(&mut rows)?;
            if marks.suspicious {
                for column in &mut rows.values {
                    column.truncate(rows.times.len());
                }
                rows.suspicious += 1;
                list_lines(&mut rows, self.line);
            } else {
                rows.times.push(marks.time);
                if with_side {
                    rows.side.push(marks.side);
                }
                if let Lines::Listed(lines) = &mut rows.lines {
                    lines.push(self.line);
                }
            }
            self.line += 1;
        }
        rows.line_count = self.line - 1;
        Ok(rows)
    }

    /// Reads one line into the value columns and steps behind it.
    fn read_row(&mut self, rows: &mut Rows) -> Result<Marks, RowError> {
        let layout = self.layout;
        let bytes = self.text.as_bytes();
        let mut marks = Marks::default();
        let last = layout.roles.len() - 1;
        for (index, &role) in layout.roles.iter().enumerate() {
            self.read_field(role, rows, &mut marks).map_err(|problem| RowError {
                line: self.line,
                column: Some(role.name(layout.shape)),
                problem,
            })?;
            match bytes.get(self.at) {
                Some(&byte) if byte == layout.delimiter => {
                    if index == last {
                        return Err(self.field_count(last + 2));
                    }
                    self.at += 1;
                }
                _ => {
                    self.at += usize::from(bytes.get(self.at) == Some(&b'\r'));
                    self.at += usize::from(bytes.get(self.at) == Some(&b'\n'));
                    if index != last {
                        return Err(self.field_count(index + 1));
                    }
                }
            }
        }
        Ok(marks)
    }

    fn field_count(&self, found: usize) -> RowError {
        RowError {
            line: self.line,
            column: None,
            problem: Problem::FieldCount {
                found,
                expected: self.layout.roles.len(),
            },
        }
    }

    #[inline]
    fn read_field(&mut self, role: Role, rows: &mut Rows, marks: &mut Marks) -> Result<(), Problem> {
        let rest = &self.text.as_bytes()[self.at..];
        match role {
            Role::Slot(slot) => {
                let scale = if slot < self.layout.shape.prices() {
                    self.layout.scale
                } else {
                    0
                };
                if let Some((value, length)) = quick_decimal(rest, scale).filter(|(_, length)| self.ends_at(rest, *length)) {
                    self.at += length;
                    rows.values[slot].push(value);
                } else {
                    let text = self.field()?;
                    rows.values[slot].push(slow_value(text, scale, slot < self.layout.shape.prices())?);
                }
            }
            Role::Time => {
                if let Some((time, length)) = self.times.quick(rest).filter(|(_, length)| self.ends_at(rest, *length)) {
                    self.at += length;
                    marks.time = time;
                } else {
                    let text = self.field()?;
                    if text.is_empty() {
                        return Err(Problem::EmptyCell);
                    }
                    marks.time = self.times.read(text)?;
                }
            }
            Role::Skip => {
                self.field()?;
            }
            Role::Date => self.half_of_time(role, Role::Clock, marks)?,
            Role::Clock => self.half_of_time(role, Role::Date, marks)?,
            Role::Side => marks.side = side(self.field()?)?,
            Role::BuyerMaker => marks.side = if truth(self.field()?)? { -1 } else { 1 },
            Role::Suspicious => marks.suspicious = truth(self.field()?)?,
        }
        Ok(())
    }

    /// Date and time of day stand in two columns, in either order; the second one met completes the time.
    fn half_of_time(&mut self, role: Role, other: Role, marks: &mut Marks) -> Result<(), Problem> {
        let text = self.field()?;
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

    /// Whether a field that begins at `rest` ends after `length` bytes.
    #[inline]
    fn ends_at(&self, rest: &[u8], length: usize) -> bool {
        match rest.get(length) {
            None | Some(b'\n' | b'\r') => true,
            Some(byte) => *byte == self.layout.delimiter,
        }
    }

    /// The field at the reader's position, without quotation marks and surrounding spaces; steps behind it.
    fn field(&mut self) -> Result<&'a str, Problem> {
        let text: &'a str = self.text;
        let rest = &text[self.at..];
        let bytes = rest.as_bytes();
        if bytes.first() == Some(&b'"') {
            let length = bytes[1..]
                .iter()
                .position(|b| matches!(b, b'"' | b'\n'))
                .unwrap_or(bytes.len() - 1)
                + 1;
            if bytes.get(length) != Some(&b'"') || !self.ends_at(bytes, length + 1) {
                return Err(Problem::OpenQuote);
            }
            self.at += length + 1;
            return Ok(rest[1..length].trim());
        }
        let delimiter = self.layout.delimiter;
        let length = bytes
            .iter()
            .position(|b| *b == delimiter || *b == b'\n')
            .unwrap_or(bytes.len());
        let field = &rest[..length];
        let field = if bytes.get(length) == Some(&delimiter) {
            field
        } else {
            field.strip_suffix('\r').unwrap_or(field)
        };
        self.at += field.len();
        Ok(field.trim())
    }

    fn skip_line(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |length| length + 1);
        self.line += 1;
    }

    fn skip_blank(&mut self) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = rest.starts_with(b"\n") || rest.starts_with(b"\r\n") || rest == b"\r";
        if blank {
            self.skip_line();
        }
        blank
    }
}

/// A line without a row: from here on each row has to name its line.
fn list_lines(rows: &mut Rows, next_line: u64) {
    if rows.times.is_empty() && matches!(rows.lines, Lines::From(_)) && rows.suspicious == 0 {
        rows.lines = Lines::From(next_line);
    } else if let Lines::From(first) = rows.lines {
        rows.lines = Lines::Listed((0..rows.times.len() as u64).map(|row| first + row).collect());
    }
}

/// An absent price is an error, an absent size is NaN.
fn slow_value(text: &str, scale: u32, is_price: bool) -> Result<f64, Problem> {
    if text.is_empty() {
        return if is_price { Err(Problem::EmptyCell) } else { Ok(f64::NAN) };
    }
    match decimal(text, scale) {
        Some(value) if value.is_finite() => Ok(value),
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
