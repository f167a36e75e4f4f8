//! What will be read, as what, into which dataset: decided from names and heads before anything is written.

use std::path::Path;
use std::sync::Arc;

use assay_core::ids::Symbol;
use assay_core::job::DataKind;
use assay_core::time::BarLength;

use super::columns::Shape;
use super::container::{Input, Packing, inputs_of};
use super::error::{ImportError, Problem};
use super::lean::{self, Content, LeanName, Resolution};
use super::request::{AssetClass, Format, ImportRequest, SkippedFile};
use super::rows::Layout;
use super::{parquet, paths, text};
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
}

/// Looks at every file.
pub(super) fn plan(request: &ImportRequest) -> Result<Plan, ImportError> {
    let (files, skipped) = paths::expand(&request.paths)?;
    let mut planner = Planner {
        request,
        plan: Plan {
            parts: Vec::new(),
            skipped,
            ignored_columns: Vec::new(),
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

struct Planner<'a> {
    request: &'a ImportRequest,
    plan: Plan,
    /// LEAN's name of the instrument of the first file.
    instrument: Option<String>,
}

impl Planner<'_> {
    fn add(&mut self, input: Input) -> Result<(), ImportError> {
        let request = self.request;
        if input.packing == Packing::Parquet {
            if !matches!(request.format, None | Some(Format::Parquet)) {
                return Err(input.error(Problem::WrongContent {
                    found: "this is a Parquet file, but another format was asked for",
                    hint: "drop --format, or give --format parquet",
                }));
            }
            let (layout, bar, first, ignored) = parquet::layout(request, &input)?;
            self.plan.ignored_columns.extend(ignored);
            return self.push(input, layout, bar, "parquet", first, None);
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
        let head = text::read_head(&input)?;
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
            let (layout, ignored) = text::csv_layout(request, &input, &head)?;
            self.plan.ignored_columns.extend(ignored);
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
            (layout, bar, "csv")
        };
        let rows = head.first_row(&input, &layout)?;
        let first = rows.times.first().copied().ok_or_else(|| input.error(Problem::Empty))?;
        self.push(input, layout, bar, format, first, None)
    }

    fn is_bitfinex(&self, input: &Input, head: &text::Head) -> Result<bool, ImportError> {
        if let Some(format) = self.request.format {
            return Ok(format == Format::Bitfinex);
        }
        let lower = input.path.to_string_lossy().to_ascii_lowercase();
        let named = lower.rsplit('/').take(4).any(|component| component.contains("bitfinex"));
        Ok(named && self.request.columns.is_none() && text::looks_like_bitfinex(&head.first_fields(input, b',')?))
    }

    /// LEAN's name of an input and its asset class, if it is of LEAN.
    fn lean_name(&self, input: &Input, head: &text::Head) -> Result<Option<(LeanName, AssetClass)>, ImportError> {
        let request = self.request;
        let asked = match request.format {
            Some(Format::Lean(class)) => Some(class),
            Some(_) => return Ok(None),
            None if request.columns.is_some() || request.time_format.is_some() => return Ok(None),
            None => None,
        };
        let (name, zipped) = match &input.packing {
            Packing::Zip { name, .. } => (name.clone(), true),
            _ => (input.path.to_string_lossy().into_owned(), false),
        };
        let long = || {
            lean::is_long_line(head.first_line())
                .then(|| lean::read_long_name(&name))
                .flatten()
        };
        let found = lean::read_day_name(&name).or_else(|| if zipped || asked.is_some() { long() } else { None });
        let Some(found) = found else {
            return match asked {
                Some(_) => Err(input.error(Problem::WrongContent {
                    found: "neither its name nor its lines are those of a LEAN file",
                    hint: "names are such as 20140501_eurusd_tick_quote.csv; for other files give --columns and --time-format",
                })),
                None => Ok(None),
            };
        };
        let class = asked.flatten().or(lean::read_path(&input.path).class);
        let class = class.ok_or_else(|| input.error(Problem::UnknownAssetClass))?;
        Ok(Some((found, class)))
    }

    fn add_lean(&mut self, input: Input, head: &text::Head, name: &LeanName, class: AssetClass) -> Result<(), ImportError> {
        let request = self.request;
        let first = head.first_fields(&input, b',')?;
        let fields = first.len();
        let facts = lean::read_path(&input.path);
        let content = name
            .content
            .unwrap_or(if fields > 6 { Content::Quote } else { Content::Trade });
        if content == Content::OpenInterest {
            self.skip(&input, "open interest is not imported");
            return Ok(());
        }
        let Some(resolution) = name.resolution.or(facts.resolution).or(request.bar.map(Resolution::Bars)) else {
            return Err(input.error(Problem::UnknownResolution));
        };
        let bar = match resolution {
            Resolution::Tick => None,
            Resolution::Bars(bar) => Some(bar),
        };
        let kind = match (bar, content) {
            (Some(_), _) => DataKind::Bars,
            (None, Content::Trade) => DataKind::Trades,
            (None, _) => DataKind::Quotes,
        };
        if request.kind.is_some_and(|wanted| wanted != kind) || (request.bar.is_some() && request.bar != bar) {
            self.skip(&input, "not of the kind or length asked for");
            return Ok(());
        }
        match &self.instrument {
            Some(earlier) if *earlier != name.instrument => {
                return Err(input.error(Problem::SeveralInstruments {
                    earlier: earlier.clone(),
                    found: name.instrument.clone(),
                }));
            }
            _ => self.instrument = Some(name.instrument.clone()),
        }
        let at_first = |problem| {
            let mut error = input.error(problem);
            error.place.line = Some(head.first());
            error
        };
        let (shape, roles) = lean::columns(class, resolution, content, fields).map_err(at_first)?;
        let zone = request.zone.clone().or_else(|| lean::zone(class, facts)).ok_or_else(|| {
            at_first(Problem::NoZone {
                text: first[0].to_owned(),
            })
        })?;
        let layout = Layout {
            delimiter: b',',
            roles,
            shape,
            time: lean::time_rule(name, zone),
            scale: lean::scale(class),
            header: false,
            one_sided: shape == Shape::Quotes && fields > 3,
        };
        let rows = head.first_row(&input, &layout)?;
        // A file may begin with rows that are left out; its day stands in for their time.
        let first = rows.times.first().copied().or(name.day_ns).unwrap_or_default();
        self.push(input, layout, bar, "lean", first, name.contract.as_deref())
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
        contract: Option<&str>,
    ) -> Result<(), ImportError> {
        let kind = match (layout.shape, bar) {
            (Shape::Quotes, _) => DatasetKind::Quotes,
            (Shape::Trades, _) => DatasetKind::Trades,
            (Shape::Funding, _) => DatasetKind::Funding,
            (Shape::Bars | Shape::QuoteBars, Some(bar)) => DatasetKind::Bars(bar),
            (Shape::Bars | Shape::QuoteBars, None) => return Err(input.error(Problem::NoBarLength { guess: None })),
        };
        let symbol = match contract {
            Some(contract) => {
                let name = format!("{}_{contract}", self.request.symbol);
                name.parse().map_err(|_| input.error(Problem::SymbolTooLong { name }))?
            }
            None => self.request.symbol.clone(),
        };
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
