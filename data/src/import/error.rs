//! What can be wrong with a file that is imported, and where in it.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use assay_core::{Domain, Explain};

/// A problem and the place it was found at.
#[derive(Debug)]
pub struct ImportError {
    /// File, member, line and column.
    pub place: Box<Place>,
    /// What is wrong there.
    pub problem: Box<Problem>,
}

impl ImportError {
    /// A problem at a place.
    pub fn new(place: Place, problem: Problem) -> Self {
        Self {
            place: Box::new(place),
            problem: Box::new(problem),
        }
    }
}

/// A position in a file; the parts that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the caller named it.
    pub file: PathBuf,
    /// Name inside a zip.
    pub member: Option<String>,
    /// Line, counted from 1; for Parquet the row.
    pub line: Option<u64>,
    /// Column by its role: `bid`, `time`.
    pub column: Option<String>,
}

impl Place {
    /// A whole file.
    pub fn file(path: &Path) -> Self {
        Self {
            file: path.to_owned(),
            member: None,
            line: None,
            column: None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(member) = &self.member {
            write!(f, " ({member})")?;
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl Error for ImportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What is wrong with an input file or with the request for it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing at that path.
    #[error("no such file or folder")]
    NoSuchPath,
    /// A folder or pattern without market files.
    #[error("no market files here")]
    NoFiles,
    /// The operating system refused.
    #[error("cannot read: {0}")]
    Io(std::io::Error),
    /// Nothing in it.
    #[error("the file has no rows")]
    Empty,
    /// A zip that is cut off or damaged.
    #[error("damaged or truncated zip: {0}")]
    Zip(String),
    /// A gzip stream that is cut off or damaged.
    #[error("damaged or truncated gzip: {0}")]
    Gzip(String),
    /// A member that expands beyond reason.
    #[error("expands to more than {limit_mib} MiB at over {ratio} times its compressed size")]
    Bomb {
        /// Decompressed size at which reading stopped.
        limit_mib: u64,
        /// The ratio allowed.
        ratio: u64,
    },
    /// An encrypted zip.
    #[error("the zip is encrypted")]
    Encrypted,
    /// A Parquet file that cannot be read.
    #[error("cannot read as Parquet: {0}")]
    Parquet(String),
    /// Delimited text that cannot be taken apart.
    #[error("cannot read as lines of fields: {0}")]
    WrongCsv(String),
    /// JSON that is cut off, damaged or of another kind than its beginning.
    #[error("cannot read as JSON: {0}")]
    Json(String),
    /// An LZMA stream that is cut off or damaged.
    #[error("damaged or truncated LZMA stream: {0}")]
    Lzma(String),
    /// Whole numbers of an unknown unit.
    #[error("prices are stored as whole numbers, and how many decimals `{symbol}` has is not known")]
    UnknownDecimals {
        /// The symbol of the source.
        symbol: String,
    },
    /// An adjustment without what it needs.
    #[error("there are no factors to adjust the prices of `{ticker}` with")]
    NoFactors {
        /// The ticker.
        ticker: String,
    },
    /// Nobody said what the data are of.
    #[error("of which instrument these data are is not said")]
    WhichSymbol,
    /// A name that makes no symbol.
    #[error("`{name}` makes no symbol")]
    NoSymbol {
        /// The name.
        name: String,
    },
    /// A table with a column for each instrument.
    #[error("the columns seem to be instruments: {names}")]
    Wide {
        /// The head.
        names: String,
    },
    /// A time that is a month.
    #[error("`{text}` names a month, not a day")]
    Month {
        /// The text read.
        text: String,
    },
    /// Bytes that are not text.
    #[error("not UTF-8 text")]
    NotText,
    /// A byte that text does not have.
    #[error("a NUL byte, as in UTF-16 or in a damaged file")]
    NulByte,
    /// Text of another kind than the importer reads.
    #[error("{found}")]
    WrongContent {
        /// What the file seems to be.
        found: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
    /// The format cannot be told.
    #[error("cannot tell the format of this file")]
    UnknownFormat,
    /// A LEAN file outside LEAN's folders.
    #[error("cannot tell the asset class of this LEAN file, and with it the scale of its prices")]
    UnknownAssetClass,
    /// A LEAN file of a resolution that the path does not name.
    #[error("cannot tell whether these are hourly or daily bars")]
    UnknownResolution,
    /// Files of several instruments for one symbol.
    #[error("this file is of `{found}`, an earlier one of `{earlier}`, but all go to one symbol")]
    SeveralInstruments {
        /// Instrument of the first file.
        earlier: String,
        /// Instrument of this file.
        found: String,
    },
    /// A contract's name that makes no symbol.
    #[error("`{name}` is too long for a symbol")]
    SymbolTooLong {
        /// Symbol and contract.
        name: String,
    },
    /// None of the files is of the kind or bar length asked for.
    #[error("none of the files holds {wanted}")]
    NothingOfKind {
        /// `quotes`, `1m bars`.
        wanted: String,
    },
    /// A first line that is neither a header nor explained by the request.
    #[error("the first line is data, not a header, and no columns are given: `{line}`")]
    NoHeader {
        /// The line.
        line: String,
    },
    /// A header without the columns that any kind needs.
    #[error("no column for {missing} among: {names}")]
    MissingColumns {
        /// The roles nothing was found for.
        missing: String,
        /// The header's names.
        names: String,
    },
    /// A name in `--columns` that has no meaning.
    #[error("unknown column name `{name}`")]
    UnknownColumn {
        /// The name given.
        name: String,
        /// Nearest known name or all of them.
        hint: String,
    },
    /// The same column twice.
    #[error("column `{name}` is given twice")]
    ColumnTwice {
        /// The name given.
        name: String,
    },
    /// Columns of several kinds in one file.
    #[error("the columns fit {first} as well as {second}")]
    AmbiguousKind {
        /// One kind.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Bars without a length.
    #[error("these are bars, and their length is not stated")]
    NoBarLength {
        /// Length guessed from the spacing of the first rows.
        guess: Option<String>,
    },
    /// Bars closer together than their length.
    #[error("the bar at {time} begins {gap} after the one before, but bars are {length} long")]
    BarsOverlap {
        /// Start of the later bar.
        time: String,
        /// Distance to the earlier one.
        gap: String,
        /// Length stated.
        length: String,
    },
    /// Prices so far apart that they are hardly trades.
    #[error("the prices are a day or more apart, which trades are not, and no length of bars is given")]
    DailyPrices,
    /// Several things that flags have to say.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unsaid {
        /// In the order in which they were met.
        problems: Vec<Problem>,
    },
    /// A local time without a zone.
    #[error("the time `{text}` has no zone")]
    NoZone {
        /// The text read.
        text: String,
    },
    /// A zone for times that carry their own.
    #[error("unix times are UTC by definition, but zone {zone} was asked for")]
    ZoneForUnix {
        /// The zone asked for.
        zone: String,
    },
    /// A local time that the clocks skipped.
    #[error("the local time {text} does not exist in {zone}: clocks were set forward")]
    SkippedTime {
        /// The text read.
        text: String,
        /// The zone.
        zone: String,
    },
    /// A time that cannot be read.
    #[error("`{text}` is not a time of the form {expected}")]
    BadTime {
        /// The text read.
        text: String,
        /// The form expected.
        expected: String,
    },
    /// A time that can be read in several ways.
    #[error("`{text}` {why}")]
    AmbiguousTime {
        /// The text read.
        text: String,
        /// The readings.
        why: &'static str,
    },
    /// A time outside what 64-bit nanoseconds can hold.
    #[error("the time `{text}` is outside 1677 to 2262")]
    TimeOutOfRange {
        /// The text read.
        text: String,
    },
    /// A strftime pattern that cannot be used.
    #[error("bad time format `{pattern}`: {why}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// The reason.
        why: String,
    },
    /// Text where a number belongs.
    #[error("`{text}` is not a number")]
    NotANumber {
        /// The text read.
        text: String,
    },
    /// NaN or infinity.
    #[error("`{text}` is not a finite number")]
    NotFinite {
        /// The text read.
        text: String,
    },
    /// An empty cell where a number belongs.
    #[error("the cell is empty")]
    EmptyCell,
    /// A size or volume below zero.
    #[error("{value} is negative")]
    NegativeSize {
        /// The value.
        value: f64,
    },
    /// A funding rate of the whole notional or more.
    #[error("the rate {value} is not below 1")]
    RateTooLarge {
        /// The value.
        value: f64,
    },
    /// A side that is neither buy nor sell.
    #[error("`{text}` is not a side")]
    BadSide {
        /// The text read.
        text: String,
    },
    /// Another number of fields than the first row or the header.
    #[error("{found} fields where {expected} are expected")]
    FieldCount {
        /// Fields in the row.
        found: usize,
        /// Fields expected.
        expected: usize,
    },
    /// A line without end.
    #[error("a line is longer than {limit} bytes")]
    LongLine {
        /// The limit.
        limit: usize,
    },
    /// A quotation mark that is closed on another line or never.
    #[error("a quotation mark is not closed on its line")]
    OpenQuote,
    /// A bar whose prices contradict each other.
    #[error("impossible bar: open {open}, high {high}, low {low}, close {close}")]
    BadBar {
        /// Open.
        open: f64,
        /// High.
        high: f64,
        /// Low.
        low: f64,
        /// Close.
        close: f64,
    },
    /// Two different bars with one start, or rates of one time.
    #[error("a second, different {what} at {time}")]
    TimeTwice {
        /// `bar` or `rate`.
        what: &'static str,
        /// Time of both.
        time: String,
    },
    /// Bars from trades and bars from quotes for one dataset.
    #[error("this file has bars from quotes and another one bars from trades, of one length, for one symbol")]
    MixedBars,
    /// A row older than the one before it.
    #[error("time goes backward, from {before} to {after}")]
    Backward {
        /// Time of the earlier row.
        before: String,
        /// Time of this row.
        after: String,
    },
}

impl Explain for ImportError {
    fn domain(&self) -> Domain {
        match &*self.problem {
            Problem::NoSuchPath | Problem::NoFiles => Domain::NotFound,
            Problem::UnknownColumn { .. }
            | Problem::ColumnTwice { .. }
            | Problem::NoBarLength { .. }
            | Problem::DailyPrices
            | Problem::Unsaid { .. }
            | Problem::NoZone { .. }
            | Problem::ZoneForUnix { .. }
            | Problem::UnknownFormat
            | Problem::UnknownAssetClass
            | Problem::UnknownResolution
            | Problem::SeveralInstruments { .. }
            | Problem::SymbolTooLong { .. }
            | Problem::NothingOfKind { .. }
            | Problem::NoHeader { .. }
            | Problem::NoFactors { .. }
            | Problem::WhichSymbol
            | Problem::NoSymbol { .. }
            | Problem::Wide { .. }
            | Problem::UnknownDecimals { .. }
            | Problem::Month { .. }
            | Problem::MixedBars
            | Problem::AmbiguousKind { .. }
            | Problem::AmbiguousTime { .. }
            | Problem::BadPattern { .. } => Domain::Usage,
            _ => Domain::External,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match &*self.problem {
            Problem::NoSuchPath => "check the path; patterns may use * and ? in file and folder names",
            Problem::NoFiles => "market files end in .zip, .csv, .txt, .tsv, .gz, .json, .bi5 or .parquet",
            Problem::Io(_) => "check that the file exists and may be read",
            Problem::Empty => "leave the file out, or fetch it again",
            Problem::Zip(_) | Problem::Gzip(_) | Problem::Json(_) | Problem::Lzma(_) => {
                "the file is incomplete or damaged: fetch it again"
            }
            Problem::Bomb { .. } => "if the file is genuine, unpack it and import the text file",
            Problem::Encrypted => "unpack it with its password and import the text file",
            Problem::Parquet(_) => "files compressed with zstd, snappy or not at all are read; is the file complete?",
            Problem::NotText | Problem::NulByte => "convert it to UTF-8, for example with `iconv -t utf-8`",
            Problem::WrongContent { hint, .. } => hint,
            Problem::UnknownFormat => {
                "name it with --format: csv, parquet, json, wide, lean, bitfinex, binance, dukascopy or histdata"
            }
            Problem::UnknownDecimals { .. } => {
                "say it with --decimals: 5 for most pairs of currencies, 3 for those with the yen"
            }
            Problem::NoFactors { .. } => {
                "--adjust needs LEAN's factor_files/<ticker>.csv beside the file or in a folder above, or a column Adj Close"
            }
            Problem::WhichSymbol => "give it a name with --symbol",
            Problem::NoSymbol { .. } => "symbols are letters, digits, `.`, `-` and `_`, and begin with a letter or a digit",
            Problem::Wide { .. } => "--format wide reads each column as an instrument; --symbol chooses one of them",
            Problem::Month { .. } => {
                "a month is known at its end: with --bar 1d it becomes the bar of its last day (an average of the month was never a \
                 price that anybody paid)"
            }
            Problem::UnknownAssetClass => {
                "keep LEAN's folders (forex, cfd, equity, future, crypto) in the path, or name the class: --format lean-forex, \
                 lean-cfd, lean-equity, lean-future or lean-crypto"
            }
            Problem::UnknownResolution => "keep LEAN's folder `hour` or `daily` in the path, or give --bar 1h or --bar 1d",
            Problem::SeveralInstruments { .. } => "import each instrument by itself, with its own --symbol",
            Problem::SymbolTooLong { .. } => "give a shorter --symbol: contracts add seven characters",
            Problem::NothingOfKind { .. } => "drop --kind and --bar to import what is there",
            Problem::NoHeader { .. } => {
                "name the columns in order, `_` for those to skip: --columns time,open,high,low,close,volume (or bid,ask or \
                 price,size)"
            }
            Problem::MissingColumns { .. } => {
                "name the columns in order with --columns, `_` for those to skip; funding rates need --kind funding; with --bar \
                 one column of prices (close or price) makes bars of closes; --format wide reads a column for each instrument"
            }
            Problem::UnknownColumn { hint, .. } => hint,
            Problem::ColumnTwice { .. } => {
                "name each column once and write `_` for the others; a table with attributes above symbols is read with --format wide"
            }
            Problem::AmbiguousKind { .. } => "say which with --kind quotes, trades or bars",
            Problem::NoBarLength { guess: Some(guess) } => {
                return Some(format!(
                    "most rows are {guess} apart: if bars are stamped with their start, give --bar {guess}"
                ));
            }
            Problem::NoBarLength { guess: None } => "give the length with --bar, for example --bar 1m",
            Problem::DailyPrices => "--bar 1d makes a bar of each row; --kind trades reads each as a trade all the same",
            Problem::Unsaid { problems } => return Some(super::missing::hint(problems)),
            Problem::BarsOverlap { gap, .. } => return Some(format!("is --bar {gap} meant?")),
            Problem::NoZone { .. } => "say in which zone the file's times are: --tz UTC, --tz America/New_York or --tz -05:00",
            Problem::ZoneForUnix { .. } => "drop --tz; if the file counts from local midnight, convert it first",
            Problem::SkippedTime { .. } => {
                "the file's times are in another zone: correct --tz (a fixed offset such as -05:00?)"
            }
            Problem::BadTime { .. } => {
                "give the form with --time-format: unix_s, unix_ms, unix_us, unix_ns or a pattern such as \"%d.%m.%Y %H:%M:%S\""
            }
            Problem::AmbiguousTime { .. } => "state the form with --time-format, for example --time-format %m/%d/%Y or unix_ms",
            Problem::TimeOutOfRange { .. } => "is the unit right? --time-format unix_s, unix_ms, unix_us or unix_ns",
            Problem::BadPattern { .. } => {
                "use unix_s, unix_ms, unix_us, unix_ns or a strftime pattern such as \"%Y%m%d %H%M%S%3f\""
            }
            Problem::NotANumber { .. } => {
                "correct the row, or the order of the columns with --columns; a decimal comma or a thousands separator is not read"
            }
            Problem::NotFinite { .. } | Problem::EmptyCell => "remove the row, or fill the value at the source",
            Problem::NegativeSize { .. } => "sizes and volumes cannot be negative: check the order of the columns",
            Problem::RateTooLarge { .. } => {
                "rates are shares of the notional: 0.0001 is one hundredth of a per cent; check the columns, or divide per cent by 100"
            }
            Problem::BadSide { .. } => "buy, sell, b, s, 1 and -1 are read; skip the column with --columns otherwise",
            Problem::FieldCount { .. } => {
                "the header or --columns must name every field; name all of them with --columns, `_` for those to skip"
            }
            Problem::LongLine { .. } => "is this a text file with one row per line?",
            Problem::WrongCsv(_) => "is this a text file with a header and one row per line?",
            Problem::OpenQuote => "correct the row: line breaks within a cell are not read",
            Problem::BadBar { .. } => {
                "high must be the highest and low the lowest price: check the order of the columns (Bitfinex: --format bitfinex), \
                 or say what to do with such bars: --bad-bars widen or drop"
            }
            Problem::TimeTwice { .. } => "remove one of the two rows",
            Problem::MixedBars => {
                "import one of the two, for example with the pattern *_trade.zip, or give them different symbols"
            }
            Problem::Backward { .. } => "give --unsorted sort to sort the rows by time; is the zone right?",
        };
        Some(text.to_owned())
    }
}
