//! The head of a text: what it is, how its lines are laid out, and when it begins.

use assay_core::calendar::Zone;
use assay_core::job::DataKind;
use assay_core::time::BarLength;
use csv::StringRecord;

use super::columns::{self, Columns, Role, Shape};
use super::container::{Input, read_fully};
use super::error::{ImportError, Problem};
use super::number::decimal;
use super::records::{Records, RowError};
use super::request::{ImportRequest, TimeFormat};
use super::rows::{Layout, Rows, read_rows, shortened};
use super::times::{TimeRule, is_integer};

/// Bytes looked at before the whole is read.
const HEAD: usize = 64 << 10;
/// Marks UTF-8, and is no part of the text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The first whole lines of a text.
#[derive(Debug)]
pub(super) struct Head {
    text: Vec<u8>,
    /// Line of the first record, counted from 1.
    first: u64,
    /// That line.
    first_line: String,
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
    // Which delimiter does not matter to where a record begins.
    let mut records = Records::new(&bytes, b',');
    let (first, _) = next_record(input, &mut records)?;
    let line = bytes.split(|b| *b == b'\n').nth(first as usize - 1).unwrap_or_default();
    Ok(Head {
        first_line: String::from_utf8_lossy(line.trim_ascii_end()).into_owned(),
        first,
        text: bytes,
    })
}

/// The next record without spaces around its fields, and its line.
fn next_record(input: &Input, records: &mut Records<'_>) -> Result<(u64, StringRecord), ImportError> {
    let Some((line, record)) = records.next().map_err(|error| place(input, error))? else {
        return Err(input.error(Problem::Empty));
    };
    let mut record = record.clone();
    record.trim();
    Ok((line, record))
}

fn place(input: &Input, error: RowError) -> ImportError {
    let mut place = input.place();
    place.line = Some(error.line);
    place.column = error.column.map(str::to_owned);
    ImportError::new(place, error.problem)
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
    /// The line of the first record.
    pub(super) fn first_line(&self) -> &str {
        &self.first_line
    }

    /// Its number, counted from 1.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// Its fields.
    pub(super) fn first_fields(&self, input: &Input, delimiter: u8) -> Result<StringRecord, ImportError> {
        let (_, fields) = next_record(input, &mut Records::new(&self.text, delimiter))?;
        Ok(fields)
    }

    /// Reads the first row.
    pub(super) fn first_row(&self, input: &Input, layout: &Layout) -> Result<Rows, ImportError> {
        read_rows(layout, &self.text, layout.header, 1).map_err(|error| place(input, error))
    }

    /// The most frequent distance of rows, if two rows can be read.
    fn spacing(&self, layout: &Layout) -> Option<BarLength> {
        let rows = read_rows(layout, &self.text, layout.header, usize::MAX).ok()?;
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
    let mut records = Records::new(&head.text, delimiter);
    let (mut line, mut sample) = next_record(input, &mut records)?;
    let at = |line, column, problem| place(input, RowError { line, column, problem });
    let header = !sample.iter().any(|field| decimal(field, 0).is_some()) && !starts_with_time(&sample[0]);
    let kind = request.kind.or(request.bar.map(|_| DataKind::Bars));
    let columns = match (&request.columns, header) {
        (Some(names), _) => columns::from_request(names, kind),
        (None, true) => columns::from_names(&sample.iter().collect::<Vec<_>>(), kind),
        (None, false) => Err(Problem::NoHeader {
            line: shortened(head.first_line()),
        }),
    };
    let columns = columns.map_err(|problem| at(line, None, problem))?;
    if header {
        (line, sample) = next_record(input, &mut records)?;
    }
    if sample.len() != columns.roles.len() {
        let problem = Problem::FieldCount {
            found: sample.len(),
            expected: columns.roles.len(),
        };
        return Err(at(line, None, problem));
    }
    let time = columns.roles.iter().position(|role| *role == Role::Time);
    let time = time_rule(request, time.map(|index| &sample[index]), columns.unit_ns)
        .map_err(|problem| at(line, Some("time"), problem))?;
    let Columns {
        roles, shape, ignored, ..
    } = columns;
    let layout = Layout {
        delimiter,
        roles,
        shape,
        time,
        scale: 0,
        header,
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
            guess: head.spacing(layout).map(|length| length.to_string()),
        })
    })
}

/// Bitfinex candles: no header, open, CLOSE, HIGH, LOW.
pub(super) fn bitfinex_layout() -> Layout {
    use Role::{Slot, Time};
    Layout {
        delimiter: b',',
        roles: vec![Time, Slot(0), Slot(3), Slot(1), Slot(2), Slot(4)],
        shape: Shape::Bars,
        time: TimeRule::Unix { unit_ns: 1_000_000 },
        scale: 0,
        header: false,
        one_sided: false,
    }
}

/// Whether a first line could be a Bitfinex candle.
pub(super) fn looks_like_bitfinex(fields: &StringRecord) -> bool {
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
