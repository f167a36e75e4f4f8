//! What will be read, as what, into which dataset: decided from names and heads before anything is written.

mod lean;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use assay_core::ids::Symbol;
use assay_core::job::DataKind;
use assay_core::time::BarLength;

use super::columns::{Shape, bar_slot};
use super::container::{Input, Packing, inputs_of};
use super::dukascopy::{self, Hour};
use super::error::{ImportError, Problem};
use super::json::{self, Found};
use super::known::known;
use super::missing::with_all_that_is_missing;
use super::request::{Adjust, Format, ImportNote, ImportRequest, SkippedFile};
use super::rows::Layout;
use super::{adjust, parquet, paths, text, wide};
use crate::catalog::DatasetKind;

/// One input, and what it is.
#[derive(Debug)]
pub(super) struct Part {
    /// Where the bytes are.
    pub(super) input: Input,
    /// How its rows are laid out.
    pub(super) layout: Arc<Layout>,
    /// Dataset it belongs to.
    pub(super) symbol: Symbol,
    /// Dataset it belongs to.
    pub(super) kind: DatasetKind,
    /// Format, for the manifest.
    pub(super) format: &'static str,
    /// Time of its first row.
    pub(super) first: i64,
}

/// Everything to be read, by dataset and time.
#[derive(Debug)]
pub(super) struct Plan {
    /// By symbol, kind and time of the first row.
    pub(super) parts: Vec<Part>,
    /// Files left alone.
    pub(super) skipped: Vec<SkippedFile>,
    /// Columns without use.
    pub(super) ignored_columns: Vec<String>,
    /// What else there is to know.
    pub(super) notes: BTreeSet<ImportNote>,
}

/// Looks at every file. Whatever the request leaves unsaid is asked for at once.
pub(super) fn plan(request: &ImportRequest) -> Result<Plan, ImportError> {
    let planned = |request: &ImportRequest| plan_as_asked(request);
    planned(request).map_err(|error| with_all_that_is_missing(request, error, |filled| planned(filled).map(drop)))
}

fn plan_as_asked(request: &ImportRequest) -> Result<Plan, ImportError> {
    let (files, skipped) = paths::expand(&request.paths)?;
    let mut planner = Planner {
        request,
        plan: Plan {
            parts: Vec::new(),
            skipped,
            ignored_columns: Vec::new(),
            notes: BTreeSet::new(),
        },
        instrument: None,
    };
    for file in &files {
        for input in inputs_of(file)? {
            planner.add(input)?;
        }
    }
    let mut plan = planner.plan;
    if plan.parts.is_empty() {
        let wanted = match (request.kind, request.bar) {
            (_, Some(bar)) => format!("{bar} bars"),
            (Some(kind), None) => kind.to_string(),
            (None, None) => "quotes, trades or bars".to_owned(),
        };
        let place = super::error::Place::file(&request.paths[0]);
        return Err(ImportError::new(place, Problem::NothingOfKind { wanted }));
    }
    let key = |part: &Part| (part.symbol.clone(), part.kind, part.first, part.input.path.clone());
    plan.parts.sort_by_cached_key(key);
    plan.ignored_columns.sort();
    plan.ignored_columns.dedup();
    Ok(plan)
}

/// Where a dataset's symbol comes from.
enum Name<'a> {
    /// The request.
    Asked,
    /// The request and the month of a contract.
    Contract(&'a str),
    /// The file.
    Own(Symbol),
}

struct Planner<'a> {
    request: &'a ImportRequest,
    plan: Plan,
    /// LEAN's name of the instrument of the first file.
    instrument: Option<String>,
}

impl Planner<'_> {
    fn add(&mut self, input: Input) -> Result<(), ImportError> {
        let request = self.request;
        if adjust::is_adjustment(&input.path) {
            return self.add_adjustment(&input);
        }
        if input.packing == Packing::Parquet {
            if !matches!(request.format, None | Some(Format::Parquet)) {
                return Err(input.error(Problem::WrongContent {
                    found: "this is a Parquet file, but another format was asked for",
                    hint: "drop --format, or give --format parquet",
                }));
            }
            let (layout, bar, first, ignored) = parquet::layout(request, &input)?;
            self.unused(layout.shape, ignored);
            return self.push(input, layout, bar, "parquet", first, Name::Asked);
        }
        if input
            .path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("bi5"))
        {
            return self.add_hour(input);
        }
        if request.format == Some(Format::Parquet) {
            return Err(input.error(Problem::Parquet("it does not begin like a Parquet file".to_owned())));
        }
        if let Packing::Zip { name, .. } = &input.packing
            && Path::new(name)
                .extension()
                .is_some_and(|ending| ["zip", "gz", "parquet"].iter().any(|e| ending.eq_ignore_ascii_case(e)))
        {
            return Err(input.error(Problem::WrongContent {
                found: "an archive inside an archive",
                hint: "unpack the outer one first",
            }));
        }
        let (start, whole) = text::read_start(&input)?;
        let found = json::look(&start);
        if found != Found::Text {
            return self.add_json(input, found);
        }
        if request.format == Some(Format::Json) {
            return Err(input.error(Problem::Json("it does not begin like JSON".to_owned())));
        }
        let head = text::head(&input, start, whole)?;
        if request.format == Some(Format::Wide) {
            return self.add_wide(&input, &head);
        }
        if let Some((name, class)) = self.lean_name(&input, &head)? {
            return self.add_lean(input, &head, &name, class);
        }
        let (layout, bar, format) = if self.is_bitfinex(&input, &head)? {
            let layout = text::bitfinex_layout();
            let bar = match request.bar.or_else(|| bar_in_path(&input.path)) {
                Some(bar) => bar,
                None => text::bar_length(request, &input, &head, &layout)?,
            };
            (layout, Some(bar), "bitfinex")
        } else {
            let name = match &input.packing {
                Packing::Zip { name, .. } => Path::new(name),
                _ => input.path.as_path(),
            };
            let known = known(request.format, name, head.first_line());
            let request = &known.as_ref().map_or_else(|| request.clone(), |known| known.fill(request));
            let (layout, ignored) = text::csv_layout(request, &input, &head)?;
            self.unused(layout.shape, ignored);
            if layout.shape == Shape::Trades && request.kind.is_none() && head.is_daily(&layout) {
                return Err(input.error(Problem::DailyPrices));
            }
            let bar = layout
                .shape
                .is_bars()
                .then(|| text::bar_length(request, &input, &head, &layout))
                .transpose();
            // A first row that cannot be read is the better thing to complain about.
            let bar = match bar {
                Ok(bar) => bar,
                Err(error) => {
                    head.first_row(&input, &layout)?;
                    return Err(error);
                }
            };
            (layout, bar, known.map_or("csv", |known| known.format))
        };
        let rows = head.first_row(&input, &layout)?;
        let first = match rows.times.first() {
            Some(first) => *first,
            // Its price is missing, which may be.
            None => head.first_time(&layout).map_err(|problem| input.error(problem))?,
        };
        self.push(input, layout, bar, format, first, Name::Asked)
    }

    /// What lies beside the prices of shares, and is no price.
    fn add_adjustment(&mut self, input: &Input) -> Result<(), ImportError> {
        if self.request.paths.contains(&input.path) {
            return Err(input.error(Problem::WrongContent {
                found: "this is an adjustment file of LEAN, not one of prices",
                hint: "it is read with the prices beside it: import those, with --adjust splits or total",
            }));
        }
        self.skip(input, "an adjustment file, read by --adjust");
        Ok(())
    }

    /// Columns that are not read.
    fn unused(&mut self, shape: Shape, names: Vec<String>) {
        let is_mid = |name: &String| shape == Shape::QuoteBars && matches!(bar_slot(name), Some(0..4));
        let (mids, ignored): (Vec<_>, Vec<_>) = names.into_iter().partition(is_mid);
        if !mids.is_empty() {
            self.plan.notes.insert(ImportNote::MidsComputed);
        }
        self.plan.ignored_columns.extend(ignored);
    }

    /// Packed ticks of an hour.
    fn add_hour(&mut self, input: Input) -> Result<(), ImportError> {
        if !matches!(self.request.format, None | Some(Format::Dukascopy)) {
            return Err(input.error(Problem::WrongContent {
                found: "these are packed ticks of Dukascopy, but another format was asked for",
                hint: "drop --format, or give --format dukascopy",
            }));
        }
        let Some((begin, symbol)) = dukascopy::read_path(&input.path) else {
            return Err(input.error(Problem::WrongContent {
                found: "the path does not say which hour this is",
                hint: "keep Dukascopy's folders, with months counted from 0: EURUSD/2014/04/01/12h_ticks.bi5",
            }));
        };
        self.same_instrument(&input, &symbol)?;
        let decimals = self.request.decimals.or_else(|| dukascopy::decimals(&symbol));
        let decimals = decimals.ok_or_else(|| input.error(Problem::UnknownDecimals { symbol }))?;
        let layout = dukascopy::layout(Hour { begin, decimals });
        self.push(input, layout, None, "dukascopy", begin, Name::Asked)
    }

    fn add_json(&mut self, input: Input, found: Found) -> Result<(), ImportError> {
        let request = self.request;
        let refuse = |found, hint| Err(input.error(Problem::WrongContent { found, hint }));
        if !matches!(request.format, None | Some(Format::Json)) {
            return refuse(
                "the file holds JSON, but another format was asked for",
                "drop --format, or give --format json",
            );
        }
        let read = "arrays of trades or candles as ccxt gives them and captured streams of Binance are read: convert other JSON to CSV or Parquet";
        match found {
            Found::Array(array) => {
                let (first, gap) = json::begin(&input, array)?;
                let layout = json::array_layout(array);
                let bar = match (array, request.bar) {
                    (json::Array::Trades, _) => None,
                    (json::Array::Candles, Some(bar)) => Some(bar),
                    (json::Array::Candles, None) => {
                        let guess = gap.and_then(BarLength::from_ns).map(|length| length.to_string());
                        return Err(input.error(Problem::NoBarLength { guess }));
                    }
                };
                self.push(input, layout, bar, "json", first, Name::Asked)
            }
            Found::Stream { messages, first, shapes } => {
                self.same_instrument(&input, &messages.instrument)?;
                for shape in shapes {
                    let layout = json::stream_layout(messages.clone(), shape);
                    let kind = if shape == Shape::Trades {
                        DataKind::Trades
                    } else {
                        DataKind::Quotes
                    };
                    if request.kind.is_none_or(|wanted| wanted == kind) {
                        self.push(input.clone(), layout, None, "json", first, Name::Asked)?;
                    }
                }
                Ok(())
            }
            Found::OrderBook => refuse(
                "the messages are of an order book, and neither trades nor best quotes are among them",
                "order books are not read: capture the best quotes or the trades, or convert them to CSV or Parquet",
            ),
            Found::Report => refuse(
                "these are the trades of a bot or a backtest, not of a market",
                "`assay trades import FILE` measures them",
            ),
            Found::Other => refuse("the file holds JSON of an unknown layout", read),
            Found::Text => unreachable!("the caller asks for JSON only"),
        }
    }

    /// A table with several instruments side by side.
    fn add_wide(&mut self, input: &Input, head: &text::Head) -> Result<(), ImportError> {
        let request = self.request;
        let mut table = wide::table(input, &head.records(input, 3)?)?;
        // Of one instrument the name in the head is no choice, and that of the request is its name.
        if let (Some(symbol), [only]) = (&request.symbol, table.instruments.as_mut_slice()) {
            only.symbol = symbol.clone();
        }
        let wanted = table
            .instruments
            .iter()
            .filter(|found| wide::is_wanted(&found.symbol, request.symbol.as_ref()));
        let wanted: Vec<_> = wanted.collect();
        if wanted.is_empty() {
            let names = table.instruments.iter().map(|found| found.symbol.to_string());
            let names = names.collect::<Vec<_>>().join(", ");
            let missing = request.symbol.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(input.error(Problem::MissingColumns { missing, names }));
        }
        for found in wanted {
            let layout = head.wide_layout(request, found.roles.clone(), table.header);
            let layout = layout.map_err(|problem| input.error(problem))?;
            let bar = text::bar_length(request, input, head, &layout)?;
            let first = head.first_time(&layout).map_err(|problem| input.error(problem))?;
            self.push(
                input.clone(),
                layout,
                Some(bar),
                "wide",
                first,
                Name::Own(found.symbol.clone()),
            )?;
        }
        Ok(())
    }

    /// Refuses files of several instruments, which all would go to one symbol.
    fn same_instrument(&mut self, input: &Input, found: &str) -> Result<(), ImportError> {
        let earlier = self.instrument.get_or_insert_with(|| found.to_owned());
        if earlier == found {
            return Ok(());
        }
        Err(input.error(Problem::SeveralInstruments {
            earlier: earlier.clone(),
            found: found.to_owned(),
        }))
    }

    fn is_bitfinex(&self, input: &Input, head: &text::Head) -> Result<bool, ImportError> {
        if let Some(format) = self.request.format {
            return Ok(format == Format::Bitfinex);
        }
        let lower = input.path.to_string_lossy().to_ascii_lowercase();
        let named = lower.rsplit('/').take(4).any(|component| component.contains("bitfinex"));
        Ok(named && self.request.columns.is_none() && text::looks_like_bitfinex(&head.first_fields(input, b',')?))
    }

    fn skip(&mut self, input: &Input, reason: &'static str) {
        self.plan.skipped.push(SkippedFile {
            file: input.place().to_string(),
            reason,
        });
    }

    fn push(
        &mut self,
        input: Input,
        layout: Layout,
        bar: Option<BarLength>,
        format: &'static str,
        first: i64,
        name: Name<'_>,
    ) -> Result<(), ImportError> {
        let asked = || self.request.symbol.clone().ok_or_else(|| input.error(Problem::WhichSymbol));
        let kind = match (layout.shape, bar) {
            (Shape::Quotes, _) => DatasetKind::Quotes,
            (Shape::Trades, _) => DatasetKind::Trades,
            (Shape::Funding, _) => DatasetKind::Funding,
            (Shape::Bars | Shape::QuoteBars, Some(bar)) => DatasetKind::Bars(bar),
            (Shape::Bars | Shape::QuoteBars, None) => return Err(input.error(Problem::NoBarLength { guess: None })),
        };
        if kind == DatasetKind::Funding && self.request.bar.is_some() {
            self.plan.notes.insert(ImportNote::BarOfFunding);
        }
        let symbol = match name {
            Name::Contract(contract) => {
                let name = format!("{}_{contract}", asked()?);
                name.parse().map_err(|_| input.error(Problem::SymbolTooLong { name }))?
            }
            Name::Own(symbol) => symbol,
            Name::Asked => asked()?,
        };
        if self.request.adjust != Adjust::None && !matches!(format, "csv" | "lean" | "lean, splits" | "lean, total") {
            let ticker = symbol.to_string();
            return Err(input.error(Problem::NoFactors { ticker }));
        }
        self.plan.parts.push(Part {
            input,
            layout: Arc::new(layout),
            symbol,
            kind,
            format,
            first,
        });
        Ok(())
    }
}

/// A bar length among the words of a path: `bars_1m`, `Candles_1m`.
fn bar_in_path(path: &Path) -> Option<BarLength> {
    let text = path.to_string_lossy();
    text.rsplit('/')
        .flat_map(|component| component.split(|c: char| !c.is_ascii_alphanumeric()))
        .find_map(|word| word.parse().ok())
}
