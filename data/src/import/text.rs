//! The head of a text: what it is, how its lines are laid out, and when it begins.

use assay_core::calendar::Zone;
use assay_core::job::DataKind;
use assay_core::time::BarLength;

use super::columns::{self, Columns, Role, Shape};
use super::container::{Input, read_fully};
use super::error::{ImportError, Problem};
use super::number::decimal;
use super::request::{ImportRequest, TimeFormat};
use super::rows::{Layout, Rows, read_rows, shortened};
use super::times::{TimeRule, is_integer};

/// Bytes looked at before the whole is read.
const HEAD: usize = 64 << 10;
/// Marks UTF-8, and is no part of the text.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The first whole lines of a text.
#[derive(Debug)]
pub(super) struct Head {
    text: String,
    /// Empty lines and comments before the first line that says something.
    leading: u64,
}

/// Reads the head, and refuses what is not lines of delimited text.
pub(super) fn read_head(input: &Input) -> Result<Head, ImportError> {
    let mut bytes = vec![0; HEAD];
    let length = input.read(|reader| read_fully(reader, &mut bytes).map_err(|e| input.read_error(e)))?;
    let whole = length < HEAD;
    bytes.truncate(length);
    let fail = |problem| Err(input.error(problem));
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return fail(Problem::NotText);
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    if let Some(problem) = other_content(&bytes) {
        return fail(problem);
    }
    if !whole {
        match bytes.iter().rposition(|b| *b == b'\n') {
            Some(end) => bytes.truncate(end + 1),
            None => return fail(Problem::LongLine { limit: HEAD }),
        }
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let mut place = input.place();
        place.line = Some(valid.split(|b| *b == b'\n').count() as u64);
        ImportError::new(place, Problem::NotText)
    })?;
    if text.contains('\0') {
        return fail(Problem::NotText);
    }
    let leading = text.lines().take_while(|line| says_nothing(line)).count() as u64;
    if text.lines().all(says_nothing) {
        return fail(Problem::Empty);
    }
    Ok(Head { text, leading })
}

fn says_nothing(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

/// Names the formats that look like text but are not lines of fields.
fn other_content(bytes: &[u8]) -> Option<Problem> {
    let start = bytes.trim_ascii_start();
    let line = &start[..start.iter().position(|b| *b == b'\n').unwrap_or(start.len())];
    let json = |found| {
        Some(Problem::WrongContent {
            found,
            hint: "JSON is not read: convert it to CSV or Parquet",
        })
    };
    if matches!(start.first(), Some(b'{' | b'[')) {
        return json("the file holds JSON");
    }
    if line.windows(3).any(|window| window == b" {\"") {
        return json("the lines hold JSON messages behind a time");
    }
    let lower = line.to_ascii_lowercase();
    if lower.starts_with(b"<!doctype") || lower.starts_with(b"<html") || lower.starts_with(b"<?xml") {
        return Some(Problem::WrongContent {
            found: "the file is a web page or XML",
            hint: "was the download an error message? fetch the file again",
        });
    }
    None
}

impl Head {
    /// The first line that says something.
    pub(super) fn first_line(&self) -> &str {
        self.text.lines().nth(self.leading as usize).unwrap_or_default()
    }

    /// Lines from the first one that says something.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().skip(self.leading as usize)
    }

    /// Number of fields in the first line, given the delimiter.
    pub(super) fn fields(&self, delimiter: u8) -> usize {
        split(self.first_line(), delimiter).len()
    }

    /// Lines before the first line that says something.
    pub(super) const fn leading(&self) -> u64 {
        self.leading
    }

    /// Reads the first row.
    pub(super) fn first_row(&self, input: &Input, layout: &Layout) -> Result<Rows, ImportError> {
        let mut end = 0;
        let mut lines = 0;
        for line in self.text.split_inclusive('\n') {
            end += line.len();
            lines += 1;
            if lines > layout.header_lines && !line.trim().is_empty() {
                break;
            }
        }
        self.rows(input, layout, end)
    }

    fn rows(&self, input: &Input, layout: &Layout, end: usize) -> Result<Rows, ImportError> {
        read_rows(layout, &self.text.as_bytes()[..end], layout.header_lines).map_err(|error| {
            let mut place = input.place();
            place.line = Some(error.line);
            place.column = error.column.map(str::to_owned);
            ImportError::new(place, error.problem)
        })
    }

    /// The most frequent distance of rows, if two rows can be read.
    fn spacing(&self, input: &Input, layout: &Layout) -> Option<BarLength> {
        let rows = self.rows(input, layout, self.text.len()).ok()?;
        let mut gaps: Vec<i64> = rows
            .times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .filter(|gap| *gap > 0)
            .collect();
        gaps.sort_unstable();
        let runs = gaps.chunk_by(|a, b| a == b);
        // Of equally frequent ones the shortest.
        let best = runs.fold(&[] as &[i64], |best, run| if run.len() > best.len() { run } else { best });
        BarLength::from_ns(*best.first()?)
    }
}

/// How a delimited text is laid out, and the names of its columns without use.
pub(super) fn csv_layout(request: &ImportRequest, input: &Input, head: &Head) -> Result<(Layout, Vec<String>), ImportError> {
    let delimiter = delimiter(head.first_line());
    let fields = split(head.first_line(), delimiter);
    let at = |line: u64, problem| {
        let mut place = input.place();
        place.line = Some(line);
        ImportError::new(place, problem)
    };
    let first = head.leading + 1;
    let has_header = !fields.iter().any(|field| decimal(field, 0).is_some()) && !starts_with_time(fields[0]);
    let kind = request.kind.or(request.bar.map(|_| DataKind::Bars));
    let columns = match (&request.columns, has_header) {
        (Some(names), _) => columns::from_request(names, kind).map_err(|problem| at(first, problem))?,
        (None, true) => columns::from_names(&fields, kind).map_err(|problem| at(first, problem))?,
        (None, false) => {
            return Err(at(
                first,
                Problem::NoHeader {
                    line: shortened(head.first_line()),
                },
            ));
        }
    };
    let row = usize::from(has_header);
    let Some((skipped, sample)) = head.lines().enumerate().skip(row).find(|(_, line)| !line.trim().is_empty()) else {
        return Err(input.error(Problem::Empty));
    };
    let line = first + skipped as u64;
    let fields = split(sample, delimiter);
    if fields.len() != columns.roles.len() {
        return Err(at(
            line,
            Problem::FieldCount {
                found: fields.len(),
                expected: columns.roles.len(),
            },
        ));
    }
    let of = |role| columns.roles.iter().position(|r| *r == role).map(|index| fields[index]);
    let time = time_rule(request, of(Role::Time), columns.unit_ns).map_err(|problem| {
        let mut error = at(line, problem);
        error.place.column = Some("time".to_owned());
        error
    })?;
    let Columns {
        roles, shape, ignored, ..
    } = columns;
    let layout = Layout {
        delimiter,
        roles,
        shape,
        time,
        scale: 0,
        header_lines: head.leading + row as u64,
        one_sided: false,
    };
    Ok((layout, ignored))
}

/// The length of the bars in a text; an error with a guess if it is not given.
pub(super) fn bar_length(
    request: &ImportRequest,
    input: &Input,
    head: &Head,
    layout: &Layout,
) -> Result<BarLength, ImportError> {
    request.bar.ok_or_else(|| {
        input.error(Problem::NoBarLength {
            guess: head.spacing(input, layout).map(|length| length.to_string()),
        })
    })
}

/// Bitfinex candles: no header, open, CLOSE, HIGH, LOW.
pub(super) fn bitfinex_layout(head: &Head) -> Layout {
    use Role::{Slot, Time};
    Layout {
        delimiter: b',',
        roles: vec![Time, Slot(0), Slot(3), Slot(1), Slot(2), Slot(4)],
        shape: Shape::Bars,
        time: TimeRule::Unix { unit_ns: 1_000_000 },
        scale: 0,
        header_lines: head.leading,
        one_sided: false,
    }
}

/// Whether the first line could be a Bitfinex candle.
pub(super) fn looks_like_bitfinex(head: &Head) -> bool {
    let fields = split(head.first_line(), b',');
    fields.len() == 6 && fields[0].len() == 13 && fields.iter().all(|field| decimal(field, 0).is_some())
}

/// The rule for times: as requested, else as the column's name says, else as a sample looks. `sample` is absent where date and time of
/// day are in two columns.
pub(super) fn time_rule(request: &ImportRequest, sample: Option<&str>, unit_ns: Option<i64>) -> Result<TimeRule, Problem> {
    let zone: Option<Zone> = request.zone.clone();
    let unix = |unit_ns| match &zone {
        Some(zone) if *zone != Zone::utc() => Err(Problem::ZoneForUnix { zone: zone.to_string() }),
        _ => Ok(TimeRule::Unix { unit_ns }),
    };
    match (&request.time_format, unit_ns) {
        (Some(TimeFormat::Unix { unit_ns }), _) => return unix(*unit_ns),
        (Some(TimeFormat::Pattern(pattern)), _) => {
            return Ok(TimeRule::Pattern {
                pattern: pattern.clone(),
                zone,
            });
        }
        (None, Some(unit_ns)) => return unix(unit_ns),
        (None, None) => {}
    }
    let Some(text) = sample.filter(|text| is_integer(text)) else {
        return Ok(TimeRule::YearFirst { zone });
    };
    let whole = text.split('.').next().unwrap_or_default();
    let ambiguous = |why| {
        Err(Problem::AmbiguousTime {
            text: text.to_owned(),
            why,
        })
    };
    // Unix times of the years 2001 to 2286 have these lengths in these units, and no other.
    match whole.len() {
        7.. if !text.contains('.') && looks_like_date(whole) => match whole.len() {
            8 => Ok(TimeRule::YearFirst { zone }),
            10 => ambiguous("is a unix time in seconds or a date and an hour"),
            _ => ambiguous("looks like a date and a time without separators"),
        },
        10 => unix(1_000_000_000),
        13 => unix(1_000_000),
        16 => unix(1_000),
        19 => unix(1),
        _ => ambiguous("is a number of unknown unit"),
    }
}

/// Whether digits could be `YYYYMMDD` and, perhaps, hours, minutes, seconds.
fn looks_like_date(digits: &str) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|text| text.parse::<u32>().ok());
    let day = (part(0, 4), part(4, 6), part(6, 8));
    let plausible = matches!(day, (Some(1900..2100), Some(1..=12), Some(1..=31)));
    plausible && matches!(digits.len(), 8 | 10 | 12 | 14 | 17) && part(8, 10).is_none_or(|hour| hour < 24)
}

/// Whether a field begins like a date, as a header never does.
fn starts_with_time(field: &str) -> bool {
    field.len() >= 8
        && field.as_bytes()[..4].iter().filter(|b| b.is_ascii_digit()).count() >= 1
        && field.as_bytes()[0].is_ascii_digit()
}

/// The delimiter that occurs most often in a line.
fn delimiter(line: &str) -> u8 {
    let count = |delimiter: u8| line.bytes().filter(|b| *b == delimiter).count();
    // The later of equals wins: a comma where there is nothing else.
    [b';', b'\t', b','].into_iter().max_by_key(|d| count(*d)).unwrap_or(b',')
}

fn split(line: &str, delimiter: u8) -> Vec<&str> {
    line.split(char::from(delimiter))
        .map(|field| field.trim().trim_matches('"').trim())
        .collect()
}
