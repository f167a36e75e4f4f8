//! Files of LEAN in a plan.

use std::sync::Arc;

use assay_core::calendar::Zone;
use assay_core::job::DataKind;

use super::super::columns::Shape;
use super::super::container::{Input, Packing};
use super::super::error::{ImportError, Problem};
use super::super::lean::{self, Content, LeanName, Resolution};
use super::super::request::{Adjust, AssetClass, Format, ImportNote};
use super::super::rows::{Layout, Syntax};
use super::super::{adjust, text};
use super::{Name, Planner};

impl Planner<'_> {
    /// LEAN's name of an input and its asset class, if it is of LEAN.
    pub(super) fn lean_name(&self, input: &Input, head: &text::Head) -> Result<Option<(LeanName, AssetClass)>, ImportError> {
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

    pub(super) fn add_lean(
        &mut self,
        input: Input,
        head: &text::Head,
        name: &LeanName,
        class: AssetClass,
    ) -> Result<(), ImportError> {
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
        self.same_instrument(&input, &name.instrument)?;
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
        let adjust = match class {
            AssetClass::Equity => adjust::factors(&input.path, &name.instrument, request.adjust, &zone)?,
            _ => None,
        };
        let format = match (class, request.adjust) {
            (AssetClass::Equity, Adjust::Splits) => "lean, splits",
            (AssetClass::Equity, Adjust::Total) => "lean, total",
            _ => "lean",
        };
        self.note_adjustment(&input, class, &name.instrument, &zone);
        let layout = Layout {
            scale: lean::scale(class),
            one_sided: shape == Shape::Quotes && fields > 3,
            adjust: adjust.map(Arc::new),
            ..Layout::new(Syntax::Fields(b','), roles, shape, lean::time_rule(name, zone))
        };
        let rows = head.first_row(&input, &layout)?;
        // A file may begin with rows that are left out; its day stands in for their time.
        let first = rows.times.first().copied().or(name.day_ns).unwrap_or_default();
        let name = name.contract.as_deref().map_or(Name::Asked, Name::Contract);
        self.push(input, layout, bar, format, first, name)
    }

    /// What there is to know about splits that are left in, or of which there can be none.
    fn note_adjustment(&mut self, input: &Input, class: AssetClass, ticker: &str, zone: &Zone) {
        let notes = &mut self.plan.notes;
        match (class, self.request.adjust) {
            (AssetClass::Equity, Adjust::None) => {
                let count = adjust::known_splits(&input.path, ticker, zone);
                if count > 0 {
                    let ticker = ticker.to_owned();
                    notes.insert(ImportNote::SplitsKnown { ticker, count });
                }
            }
            (AssetClass::Equity, _) | (_, Adjust::None) => {}
            _ => {
                notes.insert(ImportNote::NothingToAdjust);
            }
        }
    }
}
