//! The head of a text: what it is, how its lines are laid out, and when it begins.

use assay_core::calendar::Zone;
use assay_core::job::DataKind;
use assay_core::time::{BarLength, DAY_NS, HOUR_NS};
use csv::StringRecord;

use super::columns::{self, Columns, Role, Shape};
use super::container::{Input, read_fully};
use super::error::{ImportError, Problem};
use super::number::decimal;
use super::records::{Records, RowError};
use super::request::{Adjust, ImportRequest, TimeFormat};
use super::rows::{Layout, Rows, Syntax, read_rows, shortened};
use super::times::{TimeRule, is_integer, month, year_last};
use super::wide;

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

/// The first bytes of a text, and whether they are all of it.
pub(super) fn read_start(input: &Input) -> Result<(Vec<u8>, bool), ImportError> {
    let mut bytes = vec![0; HEAD];
    let length = input.read(|reader| read_fully(reader, &mut bytes).map_err(|e| input.read_error(e)))?;
    bytes.truncate(length);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(input.error(Problem::NotText));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok((bytes, length < HEAD))
}

/// The head from the first bytes; refuses what is not lines of delimited text.
pub(super) fn head(input: &Input, mut bytes: Vec<u8>, whole: bool) -> Result<Head, ImportError> {
    let fail = |problem| Err(input.error(problem));
    if let Some(problem) = web_page(&bytes) {
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

/// What a download leaves behind that went wrong.
fn web_page(bytes: &[u8]) -> Option<Problem> {
    let start = bytes.trim_ascii_start();
    let line = &start[..start.iter().position(|b| *b == b'\n').unwrap_or(start.len())];
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

    /// The layout of one instrument of a wide table.
    pub(super) fn wide_layout(&self, request: &ImportRequest, roles: Vec<Role>, header: usize) -> Result<Layout, Problem> {
        let delimiter = delimiter(&self.first_line);
        let columns = Columns {
            roles,
            shape: Shape::Bars,
            unit_ns: None,
            ignored: Vec::new(),
        };
        let time = self.time_rule(request, &columns, delimiter, header)?;
        Ok(Layout {
            header,
            sparse: true,
            ..Layout::new(Syntax::Fields(delimiter), columns.roles, columns.shape, time)
        })
    }

    /// The time of the first row, even if it has nothing else.
    pub(super) fn first_time(&self, layout: &Layout) -> Result<i64, Problem> {
        let roles = layout
            .roles
            .iter()
            .map(|role| if *role == Role::Time { Role::Time } else { Role::Skip });
        let times = Layout {
            roles: roles.collect(),
            sparse: false,
            ..layout.clone()
        };
        let rows = read_rows(&times, &self.text, layout.header, 1).map_err(|error| error.problem)?;
        rows.times.first().copied().ok_or(Problem::Empty)
    }

    /// The first records, at most so many.
    pub(super) fn records(&self, input: &Input, most: usize) -> Result<Vec<Vec<String>>, ImportError> {
        let mut records = Records::new(&self.text, delimiter(&self.first_line));
        let mut found = Vec::new();
        while found.len() < most {
            let Some((_, record)) = records.next().map_err(|error| place(input, error))? else {
                break;
            };
            found.push(record.iter().map(|field| field.trim().to_owned()).collect());
        }
        Ok(found)
    }

    /// The rule for times, by the head's rows.
    fn time_rule(&self, request: &ImportRequest, columns: &Columns, delimiter: u8, header: usize) -> Result<TimeRule, Problem> {
        let position = |wanted| columns.roles.iter().position(|role| *role == wanted);
        let mut times = Vec::new();
        let mut records = Records::new(&self.text, delimiter);
        let mut passed = 0;
        while let Ok(Some((_, record))) = records.next() {
            passed += 1;
            if passed <= header {
                continue;
            }
            let field = |index: Option<usize>| Some(record.get(index?)?.trim());
            let text = match (
                field(position(Role::Time)),
                field(position(Role::Date)),
                field(position(Role::Clock)),
            ) {
                (Some(time), ..) => time.to_owned(),
                (None, Some(date), Some(clock)) => format!("{date} {clock}"),
                _ => continue,
            };
            times.push(text);
        }
        if request.time_format.is_none()
            && columns.unit_ns.is_none()
            && let Some(pattern) = year_last(times.iter().map(String::as_str))
        {
            return Ok(TimeRule::Pattern {
                pattern: pattern?,
                zone: request.zone.clone(),
            });
        }
        time_rule(request, times.first().map(String::as_str), columns.unit_ns)
    }

    /// Whether the rows are so far apart that none of two is of one day.
    pub(super) fn is_daily(&self, layout: &Layout) -> bool {
        const LEAST: i64 = DAY_NS - 4 * HOUR_NS;
        read_rows(layout, &self.text, layout.header, usize::MAX)
            .is_ok_and(|rows| rows.times.len() > 2 && rows.times.windows(2).all(|pair| (pair[1] - pair[0]).abs() >= LEAST))
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
    let mut names: Vec<String> = sample.iter().map(str::to_owned).collect();
    let head_line = line;
    if header {
        (line, sample) = next_record(input, &mut records)?;
        // A known source writes `Date,Open,...` above `2006-01-02,09:01:00,3602,...`.
        if sample.len() == names.len() + 1 && columns::normal(&names[0]) == "date" && is_clock(&sample[1]) {
            names.insert(1, "time".to_owned());
        }
    }
    let columns = match (&request.columns, header) {
        (Some(names), _) => columns::from_request(names, kind),
        (None, true) => named_columns(request, &names, kind),
        (None, false) => Err(Problem::NoHeader {
            line: shortened(head.first_line()),
        }),
    };
    let columns = columns.map_err(|problem| at(head_line, None, problem))?;
    if sample.len() != columns.roles.len() {
        let problem = Problem::FieldCount {
            found: sample.len(),
            expected: columns.roles.len(),
        };
        return Err(at(line, None, problem));
    }
    let time = head.time_rule(request, &columns, delimiter, usize::from(header));
    let time = time.map_err(|problem| at(line, Some("time"), problem))?;
    let sparse = columns.closes_only();
    let Columns {
        roles, shape, ignored, ..
    } = columns;
    let layout = Layout {
        header: usize::from(header),
        sparse,
        ..Layout::new(Syntax::Fields(delimiter), roles, shape, time)
    };
    Ok((layout, ignored))
}

/// Columns of a header.
fn named_columns(request: &ImportRequest, names: &[String], kind: Option<DataKind>) -> Result<Columns, Problem> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut columns = match columns::from_names(&names, kind) {
        Err(Problem::MissingColumns { names: listed, .. }) if wide::looks_wide(&names) => {
            return Err(Problem::Wide { names: listed });
        }
        columns => columns?,
    };
    let adjusted = names.iter().position(|name| columns::normal(name) == "adj_close");
    match (request.adjust, adjusted) {
        (Adjust::Total, Some(index)) if columns.shape == Shape::Bars => {
            columns.roles[index] = Role::Adjusted;
            columns.ignored.retain(|name| columns::normal(name) != "adj_close");
        }
        // Who gives a close after dividends gives prices after splits.
        (Adjust::None, _) | (Adjust::Splits, Some(_)) => {}
        _ => {
            let ticker = request.symbol.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(Problem::NoFactors { ticker });
        }
    }
    Ok(columns)
}

/// Whether a text is a time of day.
fn is_clock(text: &str) -> bool {
    text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.'))
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
    let roles = vec![Time, Slot(0), Slot(3), Slot(1), Slot(2), Slot(4)];
    let time = TimeRule::Unix { unit_ns: 1_000_000 };
    Layout::new(Syntax::Fields(b','), roles, Shape::Bars, time)
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
    if let Some(text) = sample.filter(|text| month(text).is_some()) {
        return match request.bar {
            Some(bar) if bar.ns() == DAY_NS => Ok(TimeRule::MonthEnd { zone }),
            _ => Err(Problem::Month { text: text.to_owned() }),
        };
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
pub(crate) fn delimiter(line: &str) -> u8 {
    let count = |delimiter: u8| line.bytes().filter(|b| *b == delimiter).count();
    // The later of equals wins: a comma where there is nothing else.
    [b';', b'\t', b','].into_iter().max_by_key(|d| count(*d)).unwrap_or(b',')
}
