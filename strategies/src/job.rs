//! A job with its strategy read and its data known: which points on which values, under which id.
//!
//! The same [`Job`] is made in three places, by who submits it, by the coordinator and by every worker, from the same text
//! ([`Job::body`]), so that they agree on its id or do not work together.

use std::collections::{BTreeMap, BTreeSet};

use assay_core::bars::BarSpec;
use assay_core::ids::{JobId, Symbol};
use assay_core::instrument::{Facts, Instrument};
use assay_core::job::{DataKind, Extent, Fill, Intrabar, JobError, JobSpec, Sampling, ValidationSpec};
use assay_core::space::{Domain as Values, Space};
use assay_core::time::{BarLength, DAY_NS, DurationNs, UtcNs};
use assay_core::window::{Fold, Window};
use assay_core::{Domain, Explain, SEMANTICS_VERSION};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::StrategyError;
use crate::strategy::Strategy;
use crate::windows;

/// A market may be closed for so long: a weekend and holidays around it.
const LONGEST_CLOSE_NS: i64 = 4 * DAY_NS;

/// A job with its strategy and data found.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// As written, defaults filled in.
    pub spec: JobSpec,
    /// The text of the job file.
    pub source: String,
    /// Its strategy.
    pub strategy: Strategy,
    /// The text of the strategy.
    pub strategy_source: String,
    /// What is searched: parameters of the strategy only, with a condition.
    pub space: Space,
    /// Where each instrument's bars come from, in the job's order.
    pub instruments: Vec<JobInstrument>,
    /// Instruments that the strategy looks at with `ref`, by symbol.
    pub references: Vec<JobInstrument>,
    /// The folds of a walk forward.
    pub folds: Vec<Fold>,
    /// The windows that its trials run over: all of its data, then those of folds and short ones.
    pub windows: Vec<Window>,
}

/// An instrument of a job, and the dataset from which its bars are made.
#[derive(Debug, Clone, PartialEq)]
pub struct JobInstrument {
    /// The instrument.
    pub instrument: Instrument,
    /// Quotes, trades or bars.
    pub kind: DataKind,
    /// Length of the bars that the dataset holds.
    pub bar: Option<BarLength>,
    /// Hexadecimal hash of the dataset's values.
    pub values: String,
    /// Time of its first row.
    pub first: UtcNs,
    /// Time of its last row.
    pub last: UtcNs,
    /// Hexadecimal hash of its funding rates, if the job applies them.
    pub funding: Option<String>,
    /// Its ticks, if they decide fills or levels of the job.
    pub ticks: Option<JobTicks>,
}

/// The ticks that decide fills or levels on an instrument of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobTicks {
    /// Quotes or trades.
    pub kind: DataKind,
    /// Hexadecimal hash of the dataset's values.
    pub values: String,
}

/// A dataset that a job names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobDataset {
    /// The instrument.
    pub symbol: Symbol,
    /// `quotes`, `trades`, `bars-1m`, `funding`.
    pub kind: String,
    /// Hexadecimal hash of the values.
    pub hash: String,
}

/// The end of a window that a search may not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBack {
    /// The first moment that the search does not see.
    pub searched_to: UtcNs,
    /// Where what is held back begins: later, if something is purged in between.
    pub from: UtcNs,
    /// Its end.
    pub to: UtcNs,
}

/// A job that cannot be made from what is given.
#[derive(Debug, thiserror::Error)]
pub enum JobFault {
    /// The job file.
    #[error(transparent)]
    Spec(#[from] JobError),
    /// The strategy, or the job's parameters for it.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// A window beyond the data.
    #[error("data.{key}: the window {what} at {at}, beyond the data of {symbol}")]
    Window {
        /// `from` or `to`.
        key: &'static str,
        /// `begins` or `ends`.
        what: &'static str,
        /// Where.
        at: UtcNs,
        /// The instrument.
        symbol: Symbol,
        /// Time of its first row.
        first: UtcNs,
        /// Time of its last row.
        last: UtcNs,
    },
    /// A text that is no job.
    #[error("a job cannot be read from its stored text: {0}")]
    Body(String),
    /// A job of another version.
    #[error("the job is of version {found} of the semantics, this is version {SEMANTICS_VERSION}")]
    Semantics {
        /// Its version.
        found: u32,
    },
}

impl Explain for JobFault {
    fn domain(&self) -> Domain {
        match self {
            Self::Spec(error) => error.domain(),
            Self::Strategy(error) => error.domain(),
            Self::Window { .. } => Domain::Usage,
            Self::Body(_) => Domain::External,
            Self::Semantics { .. } => Domain::NotAllowed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Spec(error) => error.hint(),
            Self::Strategy(error) => error.hint(),
            Self::Window { key, first, last, .. } => Some(format!(
                "they go from {first} to {last}: move `{key}` there, leave it out to use all of them, or import more"
            )),
            Self::Body(_) => None,
            Self::Semantics { .. } => Some("use the same version of assay everywhere, and run the job again".to_owned()),
        }
    }
}

/// What a job is made from, as text: JSON of this.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    semantics: u32,
    source: String,
    strategy: String,
    instruments: Vec<BodyInstrument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    references: Vec<BodyInstrument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    folds: Vec<Fold>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyInstrument {
    symbol: Symbol,
    known: bool,
    facts: Facts,
    kind: DataKind,
    bar: Option<BarLength>,
    values: String,
    first: UtcNs,
    last: UtcNs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    funding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticks: Option<JobTicks>,
}

impl From<&JobInstrument> for BodyInstrument {
    fn from(item: &JobInstrument) -> Self {
        Self {
            symbol: item.instrument.symbol.clone(),
            known: item.instrument.known,
            facts: item.instrument.facts.clone(),
            kind: item.kind,
            bar: item.bar,
            values: item.values.clone(),
            first: item.first,
            last: item.last,
            funding: item.funding.clone(),
            ticks: item.ticks.clone(),
        }
    }
}

impl From<BodyInstrument> for JobInstrument {
    fn from(item: BodyInstrument) -> Self {
        Self {
            instrument: Instrument {
                symbol: item.symbol,
                facts: item.facts,
                known: item.known,
            },
            kind: item.kind,
            bar: item.bar,
            values: item.values,
            first: item.first,
            last: item.last,
            funding: item.funding,
            ticks: item.ticks,
        }
    }
}

impl JobInstrument {
    /// The dataset's name: `quotes`, `trades`, `bars-1m`.
    pub fn source(&self) -> String {
        match self.bar {
            Some(bar) => format!("{}-{bar}", self.kind),
            None => self.kind.to_string(),
        }
    }

    fn datasets(&self) -> impl Iterator<Item = JobDataset> {
        let named = |kind: String, hash: &str| JobDataset {
            symbol: self.instrument.symbol.clone(),
            kind,
            hash: hash.to_owned(),
        };
        let ticks = self.ticks.as_ref().map(|ticks| named(ticks.kind.to_string(), &ticks.values));
        let funding = self.funding.as_ref().map(|hash| named("funding".to_owned(), hash));
        [Some(named(self.source(), &self.values)), ticks, funding]
            .into_iter()
            .flatten()
    }

    /// The hash of its ticks, where its bars are not made from them.
    pub fn other_ticks(&self) -> Option<&str> {
        let ticks = self.ticks.as_ref()?;
        (ticks.values != self.values).then_some(&ticks.values)
    }
}

impl Job {
    /// All data that the job names, those of instruments that its strategy only looks at as well.
    pub fn datasets(&self) -> BTreeSet<JobDataset> {
        let items = self.instruments.iter().chain(&self.references);
        items.flat_map(JobInstrument::datasets).collect()
    }

    /// Puts a job together from its parts. `source` is the text that `spec` was read from; `folds` follow from its `[validation]` and
    /// the times of its bars.
    pub fn new(
        spec: JobSpec,
        source: String,
        strategy: Strategy,
        strategy_source: String,
        instruments: Vec<JobInstrument>,
        folds: Vec<Fold>,
    ) -> Result<Self, JobFault> {
        let space = strategy.resolve_space(spec.params.as_ref())?;
        for item in &instruments {
            check_window(&spec, item)?;
        }
        let canonical = canonical(&spec, &strategy, &space, &instruments, &[]);
        let hash = blake3::hash(canonical.to_string().as_bytes());
        Ok(Self {
            id: JobId::from_hash(*hash.as_bytes()),
            windows: windows::windows(&spec, &instruments, &folds),
            spec,
            source,
            strategy,
            strategy_source,
            space,
            instruments,
            references: Vec::new(),
            folds,
        })
    }

    /// The same job on other data: `instruments` are its own, with other datasets.
    pub fn on(self, instruments: Vec<JobInstrument>) -> Result<Self, JobFault> {
        if !self.folds.is_empty() {
            return Err(JobFault::Body(
                "the folds of a walk forward lie where its own data are".to_owned(),
            ));
        }
        let references = self.references;
        let job = Self::new(
            self.spec,
            self.source,
            self.strategy,
            self.strategy_source,
            instruments,
            Vec::new(),
        )?;
        Ok(job.with_references(references))
    }

    /// The same job, whose search tries these points first, each by the values of its parameters. A search that does not learn, or
    /// that its user told where to begin, stays as it is.
    pub fn beginning_with(self, points: &[Map<String, Value>]) -> Result<Self, JobFault> {
        let search = &self.spec.search;
        if points.is_empty() || !search.method.learns() || search.start_from.is_some() || !search.enqueue.is_empty() {
            return Ok(self);
        }
        let broken = |error: &dyn std::fmt::Display| JobFault::Body(error.to_string());
        let mut text: toml::Table = toml::from_str(&self.source).map_err(|error| broken(&error))?;
        let searched = |name: &&String| {
            let of_name = self.space.params.iter().find(|parameter| parameter.name == **name);
            of_name.is_some_and(|parameter| !matches!(parameter.domain, Values::Fixed(_)))
        };
        let point = |values: &Map<String, Value>| {
            let values: BTreeMap<&String, &Value> = values.iter().filter(|(name, _)| searched(name)).collect();
            toml::Value::try_from(values)
        };
        let points = points.iter().map(point).collect::<Result<Vec<_>, _>>();
        let points = points.map_err(|error| broken(&error))?;
        let search = text.entry("search").or_insert_with(|| toml::Table::new().into());
        if let Some(search) = search.as_table_mut() {
            search.insert("enqueue".to_owned(), points.into());
        }
        let source = toml::to_string(&text).map_err(|error| broken(&error))?;
        let job = Self::new(
            JobSpec::from_toml(&source)?,
            source,
            self.strategy,
            self.strategy_source,
            self.instruments,
            self.folds,
        )?;
        Ok(job.with_references(self.references))
    }

    /// The same job with the data that its strategy looks at besides; they are part of its id.
    #[must_use]
    pub fn with_references(mut self, references: Vec<JobInstrument>) -> Self {
        self.references = references;
        let canonical = canonical(&self.spec, &self.strategy, &self.space, &self.instruments, &self.references);
        self.id = JobId::from_hash(*blake3::hash(canonical.to_string().as_bytes()).as_bytes());
        self
    }

    /// The windows in which a fold's points are searched, or those of a job without folds, from the shortest to the longest.
    pub fn windows_of(&self, fold: usize) -> Vec<u32> {
        let levels = windows::levels(&self.spec);
        if self.folds.is_empty() {
            return (1..levels).chain([0]).collect();
        }
        let first = 1 + fold as u32 * levels;
        (first..first + levels).collect()
    }

    /// The text from which [`Job::from_body`] makes the same job anywhere.
    pub fn body(&self) -> String {
        let body = Body {
            semantics: SEMANTICS_VERSION,
            source: self.source.clone(),
            strategy: self.strategy_source.clone(),
            instruments: self.instruments.iter().map(BodyInstrument::from).collect(),
            references: self.references.iter().map(BodyInstrument::from).collect(),
            folds: self.folds.clone(),
        };
        serde_json::to_string(&body).expect("plain records are JSON")
    }

    /// The job of a text.
    pub fn from_body(text: &str) -> Result<Self, JobFault> {
        // The version first: the rest of another version's text may look different.
        let version: Value = serde_json::from_str(text).map_err(|error| JobFault::Body(error.to_string()))?;
        if let Some(found) = version["semantics"].as_u64()
            && found != u64::from(SEMANTICS_VERSION)
        {
            return Err(JobFault::Semantics { found: found as u32 });
        }
        let body: Body = serde_json::from_value(version).map_err(|error| JobFault::Body(error.to_string()))?;
        let spec = JobSpec::from_toml(&body.source)?;
        let strategy = Strategy::parse(&body.strategy, &format!("strategy of job `{}`", spec.name))?;
        let named: Vec<&Symbol> = body.instruments.iter().map(|item| &item.symbol).collect();
        if named != spec.data.instruments.iter().collect::<Vec<_>>() {
            return Err(JobFault::Body("its instruments are not those of its data".to_owned()));
        }
        let read = |items: Vec<BodyInstrument>| items.into_iter().map(JobInstrument::from).collect();
        let job = Self::new(spec, body.source, strategy, body.strategy, read(body.instruments), body.folds)?;
        let references: Vec<JobInstrument> = read(body.references);
        Ok(if references.is_empty() {
            job
        } else {
            job.with_references(references)
        })
    }

    /// The same job with fills from these ticks, one dataset an instrument: the upper rung of its fidelity ladder.
    pub fn on_ticks(&self, latency: DurationNs, ticks: Vec<JobTicks>) -> Result<Self, JobFault> {
        let mut spec = self.spec.clone();
        spec.execution.fill = Fill::NextTick;
        spec.execution.latency = latency;
        spec.execution.intrabar = Intrabar::default();
        spec.fidelity = None;
        let mut instruments = self.instruments.clone();
        for (item, ticks) in instruments.iter_mut().zip(ticks) {
            item.ticks = Some(ticks);
        }
        let (source, strategy) = (self.source.clone(), self.strategy.clone());
        Self::new(
            spec,
            source,
            strategy,
            self.strategy_source.clone(),
            instruments,
            self.folds.clone(),
        )
    }

    /// The text that the database shows: the job with its defaults, and under `source` the file it came from.
    pub fn stored_spec(&self) -> String {
        let mut spec = json!(self.spec);
        spec["source"] = json!(self.source);
        spec.to_string()
    }

    /// The times of an instrument that it searches: its window, without what a holdout takes off the end.
    pub fn searched(&self, item: &JobInstrument) -> (UtcNs, UtcNs) {
        let (from, to) = self.window(item);
        (from, self.held_back(item).map_or(to, |held| held.searched_to))
    }

    /// What a holdout holds back of an instrument; `None` without one.
    pub fn held_back(&self, item: &JobInstrument) -> Option<HeldBack> {
        let ValidationSpec::Holdout(holdout) = &self.spec.validation else {
            return None;
        };
        let (from, to) = self.window(item);
        let begins = to.0 - ((to.0 - from.0) as f64 * holdout.share) as i64;
        let length = |extent: Extent| match extent {
            Extent::Time(time) => time.0,
            Extent::Bars(bars) => bars as i64 * self.spec.data.bars.bar_ns(),
        };
        Some(HeldBack {
            searched_to: UtcNs(begins - length(holdout.purge) - length(holdout.embargo)),
            from: UtcNs(begins),
            to,
        })
    }

    /// The job's window as far as there are data.
    fn window(&self, item: &JobInstrument) -> (UtcNs, UtcNs) {
        let from = self.spec.data.from.map_or(item.first, |from| from.max(item.first));
        // What the last row covers is searched, too.
        let last = UtcNs(item.last.0 + item.bar.map_or(1, BarLength::ns));
        (from, self.spec.data.to.map_or(last, |to| to.min(last)))
    }

    /// Its instruments.
    pub fn symbols(&self) -> Vec<Symbol> {
        self.spec.data.instruments.clone()
    }
}

/// Refuses a window that reaches beyond the data, by more than a market may be closed: most likely the wrong data are imported.
fn check_window(spec: &JobSpec, item: &JobInstrument) -> Result<(), JobFault> {
    let (first, last) = (item.first, item.last);
    let slack = LONGEST_CLOSE_NS.max(spec.data.bars.bar_ns());
    let refuse = |key, at, what| {
        Err(JobFault::Window {
            key,
            what,
            at,
            symbol: item.instrument.symbol.clone(),
            first,
            last,
        })
    };
    match (spec.data.from, spec.data.to) {
        (Some(from), _) if from.0 < first.0.saturating_sub(slack) => refuse("from", from, "begins"),
        (Some(from), _) if from.0 > last.0 => refuse("from", from, "begins"),
        (_, Some(to)) if to.0 > last.0.saturating_add(slack) => refuse("to", to, "ends"),
        (_, Some(to)) if to.0 <= first.0 => refuse("to", to, "ends"),
        _ => Ok(()),
    }
}

/// Everything that decides the results, in a fixed order and spelling. Threads, memory, paths and texts for people stay out.
fn canonical(
    spec: &JobSpec,
    strategy: &Strategy,
    space: &Space,
    instruments: &[JobInstrument],
    references: &[JobInstrument],
) -> Value {
    let mut spec = spec.clone();
    spec.params = None;
    // What is run again on ticks are other rows.
    spec.fidelity = None;
    spec.metrics.sampling.get_or_insert(default_sampling(spec.data.bars));
    let params: Vec<Value> = space
        .params
        .iter()
        .map(|parameter| {
            let mut param = json!({ "name": parameter.name, "domain": parameter.domain });
            if let Some(condition) = space.when.get(&parameter.name) {
                param["when"] = json!(spelled(condition));
            }
            param
        })
        .collect();
    let condition = space.condition.as_deref().map(spelled);
    for condition in &mut spec.objective.require {
        *condition = spelled(condition);
    }
    let data: Vec<Value> = instruments
        .iter()
        .map(|item| {
            let mut facts = item.instrument.facts.clone();
            facts.about.clear();
            let mut data = json!({ "facts": facts, "values": item.values });
            if let Some(hash) = &item.funding {
                data["funding"] = json!(hash);
            }
            if let Some(hash) = item.other_ticks() {
                data["ticks"] = json!(hash);
            }
            data
        })
        .collect();
    let mut job = json!(spec);
    if spec.search.method.learns() {
        job["search"]["version"] = json!(spec.search.method.version());
    }
    // The strategy is what its file says, wherever that lies and whatever it is called.
    job["strategy"] = json!(strategy.canonical());
    let mut canonical =
        json!({ "semantics": SEMANTICS_VERSION, "job": job, "params": params, "where": condition, "data": data });
    if !references.is_empty() {
        let texts = references.iter().map(|item| {
            let mut facts = item.instrument.facts.clone();
            facts.about.clear();
            json!({ "symbol": item.instrument.symbol, "facts": facts, "values": item.values })
        });
        canonical["references"] = texts.collect();
    }
    canonical
}

/// An expression in a fixed spelling.
fn spelled(text: &str) -> String {
    assay_lang::parse(text).map_or_else(|_| text.to_owned(), |expression| expression.to_string())
}

/// As semantics.md has it: daily returns of bars shorter than a day.
fn default_sampling(bars: BarSpec) -> Sampling {
    if bars.length().is_some_and(BarLength::is_daily_or_longer) {
        Sampling::Bar
    } else {
        Sampling::Day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "name = 'a'\n[data]\ninstruments = ['X']\nbars = '5m'\n[strategy]\nuse = 'ma_cross'";
    const STRATEGY: &str =
        "name = 's'\n[params]\nn = { int = [5, 50], default = 20 }\n[rules]\nenter_long = 'close > sma(close, n)'";

    fn job(source: &str) -> Result<Job, JobFault> {
        let instrument = JobInstrument {
            instrument: Instrument::unknown("X".parse().unwrap()),
            kind: DataKind::Bars,
            bar: Some("1m".parse().unwrap()),
            values: "00ff".to_owned(),
            first: UtcNs(0),
            last: UtcNs(100 * DAY_NS),
            funding: None,
            ticks: None,
        };
        let strategy = Strategy::parse(STRATEGY, "s.toml").unwrap();
        Job::new(
            JobSpec::from_toml(source)?,
            source.to_owned(),
            strategy,
            STRATEGY.to_owned(),
            vec![instrument],
            Vec::new(),
        )
    }

    #[test]
    fn a_body_gives_the_same_job() {
        let job = job(JOB).unwrap();
        let again = Job::from_body(&job.body()).unwrap();
        assert_eq!(
            (again.id, &again.spec, &again.instruments),
            (job.id, &job.spec, &job.instruments)
        );
        assert_eq!(again.body(), job.body());
    }

    #[test]
    fn other_versions_and_other_texts_are_refused() {
        let body = job(JOB).unwrap().body();
        let own = format!("\"semantics\":{SEMANTICS_VERSION}");
        let other = body.replace(&own, "\"semantics\":99");
        assert!(matches!(Job::from_body(&other), Err(JobFault::Semantics { found: 99 })));
        assert!(matches!(Job::from_body("rubbish"), Err(JobFault::Body(_))));
        let foreign = body.replace("\"symbol\":\"X\"", "\"symbol\":\"Y\"");
        assert!(matches!(Job::from_body(&foreign), Err(JobFault::Body(_))));
    }

    #[test]
    fn the_id_follows_the_values_and_not_the_texts_for_people() {
        let one = job(JOB).unwrap();
        let mut instruments = one.instruments.clone();
        instruments[0].instrument.facts.about = "something".to_owned();
        let with = |instruments| {
            Job::new(
                one.spec.clone(),
                String::new(),
                one.strategy.clone(),
                String::new(),
                instruments,
                Vec::new(),
            )
            .unwrap()
            .id
        };
        assert_eq!(with(instruments.clone()), one.id);
        instruments[0].values = "00fe".to_owned();
        assert_ne!(with(instruments), one.id);
    }

    #[test]
    fn a_holdout_takes_the_end_off_the_window() {
        let minute = 60_000_000_000;
        let job = job(&format!("{JOB}\n[validation]\nmethod = 'holdout'\nshare = 0.25\npurge = 2")).unwrap();
        let item = &job.instruments[0];
        let held = job.held_back(item).unwrap();
        let end = 100 * DAY_NS + minute;
        assert_eq!((held.to.0, held.from.0), (end, end - end / 4));
        assert_eq!(job.searched(item), (UtcNs(0), UtcNs(held.from.0 - 10 * minute)));
        let plain = super::tests::job(JOB).unwrap();
        assert_eq!((plain.held_back(item), plain.searched(item)), (None, (UtcNs(0), UtcNs(end))));
    }

    #[test]
    fn a_search_that_learns_begins_with_the_points_that_it_is_given() {
        let point = |n: i64| json!({ "n": n }).as_object().unwrap().clone();
        let grid = job(JOB).unwrap();
        let id = grid.id;
        assert_eq!(
            grid.beginning_with(&[point(7)]).unwrap().id,
            id,
            "a grid tries every point anyway"
        );
        let search = format!("{JOB}\n[search]\nmethod = 'tpe'\ntrials = 50");
        let plain = job(&search).unwrap();
        let id = plain.id;
        let warm = plain.clone().beginning_with(&[point(7), point(9)]).unwrap();
        assert_ne!(warm.id, id);
        assert_eq!(warm.spec.search.enqueue.len(), 2);
        assert_eq!(Job::from_body(&warm.body()).unwrap().id, warm.id);
        assert_eq!(plain.beginning_with(&[]).unwrap().id, id);
        let told = format!("{search}\nenqueue = [{{ n = 5 }}]");
        let told = job(&told).unwrap();
        let id = told.id;
        assert_eq!(told.beginning_with(&[point(7)]).unwrap().id, id, "its user knows better");
    }

    #[test]
    fn references_are_part_of_the_id_and_of_the_body() {
        let plain = job(JOB).unwrap();
        let mut other = plain.instruments[0].clone();
        other.instrument = Instrument::unknown("Y".parse().unwrap());
        let with = plain.clone().with_references(vec![other.clone()]);
        assert_ne!(with.id, plain.id);
        let again = Job::from_body(&with.body()).unwrap();
        assert_eq!((again.id, &again.references), (with.id, &with.references));
        other.values = "00fe".to_owned();
        assert_ne!(plain.clone().with_references(vec![other]).id, with.id);
        assert_eq!(plain.clone().with_references(Vec::new()).id, plain.id);
    }

    #[test]
    fn a_window_beyond_the_data_is_refused() {
        let late = JOB.replace("bars = '5m'", "bars = '5m'\nto = '1970-07-01'");
        let fault = job(&late).unwrap_err();
        assert!(matches!(fault, JobFault::Window { key: "to", .. }));
        assert!(fault.hint().unwrap().contains("move `to` there"));
    }
}
