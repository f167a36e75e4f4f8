//! A job with its strategy read and its data known: which points on which values, under which id.
//!
//! The same [`Job`] is made in three places, by who submits it, by the coordinator and by every worker, from the same text
//! ([`Job::body`]), so that they agree on its id or do not work together.

mod body;
mod canonical;
mod data;
mod fault;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use assay_core::ids::{JobId, Symbol};
use assay_core::job::{Extent, Fill, Intrabar, JobSpec, ValidationSpec};
use assay_core::space::{Domain as Values, Space};
use assay_core::time::{BarLength, DAY_NS, UtcNs};
use assay_core::window::{Fold, Window};
use serde_json::{Map, Value, json};

use self::canonical::canonical;
pub use self::data::{JobDataset, JobInstrument, JobTicks};
pub use self::fault::JobFault;
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

impl Job {
    /// The data that its trials need, those of instruments that its strategy only looks at as well.
    pub fn datasets(&self) -> BTreeSet<JobDataset> {
        let items = self.instruments.iter().chain(&self.references);
        items.flat_map(JobInstrument::datasets).collect()
    }

    /// The same with the ticks of its fidelity ladder: all data that it names.
    pub fn all_datasets(&self) -> BTreeSet<JobDataset> {
        let mut all = self.datasets();
        all.extend(self.instruments.iter().filter_map(JobInstrument::ladder_dataset));
        all
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

    /// The upper rung of its fidelity ladder: the same job with fills from ticks. `None` without `[fidelity]`; an error if it does not
    /// say which ticks.
    pub fn ladder(&self) -> Result<Option<Self>, JobFault> {
        let Some(fidelity) = &self.spec.fidelity else {
            return Ok(None);
        };
        let mut spec = self.spec.clone();
        spec.execution.fill = Fill::NextTick;
        spec.execution.latency = fidelity.latency;
        spec.execution.intrabar = Intrabar::default();
        spec.fidelity = None;
        let mut instruments = self.instruments.clone();
        for item in &mut instruments {
            let ticks = item.ladder.take();
            item.ticks = Some(ticks.ok_or_else(|| {
                let symbol = &item.instrument.symbol;
                JobFault::Body(format!(
                    "it does not say on which ticks of {symbol} its best points run again"
                ))
            })?);
        }
        let job = Self::new(
            spec,
            self.source.clone(),
            self.strategy.clone(),
            self.strategy_source.clone(),
            instruments,
            self.folds.clone(),
        )?;
        Ok(Some(job.with_references(self.references.clone())))
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
