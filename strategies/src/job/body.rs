//! A job as text, from which the same job is made elsewhere.

use assay_core::SEMANTICS_VERSION;
use assay_core::ids::Symbol;
use assay_core::instrument::{Facts, Instrument};
use assay_core::job::{DataKind, JobSpec};
use assay_core::time::{BarLength, UtcNs};
use assay_core::window::Fold;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Job, JobFault, JobInstrument, JobTicks};
use crate::strategy::Strategy;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ladder: Option<JobTicks>,
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
            ladder: item.ladder.clone(),
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
            ladder: item.ladder,
        }
    }
}

impl Job {
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
        Ok(job.with_references(read(body.references)))
    }
}
