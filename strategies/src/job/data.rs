//! The data of a job.

use assay_core::ids::Symbol;
use assay_core::instrument::Instrument;
use assay_core::job::DataKind;
use assay_core::time::{BarLength, UtcNs};
use serde::{Deserialize, Serialize};

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
    /// The ticks on which its `[fidelity]` runs the best points again. They decide no trial: no part of the job's id.
    pub ladder: Option<JobTicks>,
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

impl JobInstrument {
    /// The dataset's name: `quotes`, `trades`, `bars-1m`.
    pub fn source(&self) -> String {
        match self.bar {
            Some(bar) => format!("{}-{bar}", self.kind),
            None => self.kind.to_string(),
        }
    }

    pub(super) fn datasets(&self) -> impl Iterator<Item = JobDataset> {
        let ticks = self
            .ticks
            .as_ref()
            .map(|ticks| self.dataset(ticks.kind.to_string(), &ticks.values));
        let funding = self.funding.as_ref().map(|hash| self.dataset("funding".to_owned(), hash));
        [Some(self.dataset(self.source(), &self.values)), ticks, funding]
            .into_iter()
            .flatten()
    }

    pub(super) fn ladder_dataset(&self) -> Option<JobDataset> {
        let ticks = self.ladder.as_ref()?;
        Some(self.dataset(ticks.kind.to_string(), &ticks.values))
    }

    fn dataset(&self, kind: String, hash: &str) -> JobDataset {
        JobDataset {
            symbol: self.instrument.symbol.clone(),
            kind,
            hash: hash.to_owned(),
        }
    }

    /// The hash of its ticks, where its bars are not made from them.
    pub fn other_ticks(&self) -> Option<&str> {
        let ticks = self.ticks.as_ref()?;
        (ticks.values != self.values).then_some(&ticks.values)
    }
}
