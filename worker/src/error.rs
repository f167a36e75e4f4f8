//! What keeps a worker from running a task.

use std::time::Duration;

use assay_core::{Domain, Explain};
use assay_data::DataError;
use assay_engine::market::MarketError;
use assay_optimizer::OptimizerError;
use assay_proto::LinkError;
use assay_store::StoreError;
use assay_strategies::sweep::SweepError;
use assay_strategies::{JobFault, JobInstrument};

/// A job that cannot be run here, or a task that cannot be finished.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The job.
    #[error(transparent)]
    Job(#[from] JobFault),
    /// Its data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data are not those that the job was submitted with.
    #[error("the data of {symbol} have changed since the job was submitted")]
    OtherValues {
        /// The instrument.
        symbol: String,
    },
    /// The bars of an instrument.
    #[error("{}: {error}", instrument.instrument.symbol)]
    Market {
        /// What is wrong.
        error: MarketError,
        /// The instrument and its data.
        instrument: Box<JobInstrument>,
    },
    /// Its strategy on its data.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// Its search.
    #[error(transparent)]
    Search(#[from] OptimizerError),
    /// Too little memory.
    #[error("a memory limit of {:.1} MB is too small for this job", *limit as f64 / 1e6)]
    Memory {
        /// Bytes allowed.
        limit: u64,
        /// Bytes needed at least.
        least: u64,
    },
    /// No bar is left to trade.
    #[error("the shortest warm-up of the strategy, {warmup} bars, leaves none of the {bars} bars of {symbol} to trade")]
    Warmup {
        /// Bars of the shortest warm-up.
        warmup: usize,
        /// Bars there are.
        bars: usize,
        /// The instrument.
        symbol: String,
    },
    /// Rows that cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The coordinator.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Threads that cannot be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many.
        threads: usize,
        /// Why not.
        reason: String,
    },
    /// A task that does not come to its end.
    #[error("it took longer than {:.0} s, the time that a task may take", limit.as_secs_f64())]
    TooLong {
        /// How long it may take.
        limit: Duration,
    },
    /// A task in a process of its own, which ended without a result.
    #[error("its process {ending}{}", words(said))]
    Alone {
        /// How it ended.
        ending: String,
        /// What it said last.
        said: String,
    },
    /// A defect.
    #[error("internal error while computing trials: {0}")]
    Panic(String),
}

fn words(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl WorkerError {
    /// Whether the worker had better take no tasks for a while: nothing is wrong with the task at hand.
    pub(crate) fn hinders(&self) -> bool {
        matches!(self, Self::Data(_) | Self::Store(_)) && self.retryable()
    }
}

impl Explain for WorkerError {
    fn domain(&self) -> Domain {
        match self {
            Self::Job(error) => error.domain(),
            Self::Data(error) => error.domain(),
            Self::Sweep(error) => error.domain(),
            Self::Search(error) => error.domain(),
            Self::Store(error) => error.domain(),
            Self::Link(error) => error.domain(),
            Self::Market { .. } | Self::Memory { .. } | Self::Warmup { .. } => Domain::Usage,
            Self::OtherValues { .. } | Self::Threads { .. } | Self::TooLong { .. } | Self::Alone { .. } => Domain::External,
            Self::Panic(_) => Domain::Internal,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Data(error) => error.retryable(),
            Self::Store(error) => error.retryable(),
            Self::Link(error) => error.retryable(),
            _ => false,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Job(error) => error.hint(),
            Self::Data(error) => error.hint(),
            Self::Sweep(error) => error.hint(),
            Self::Search(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Link(error) => error.hint(),
            Self::OtherValues { .. } => {
                Some("run the job again on the new data, or import the old data into another --home".to_owned())
            }
            Self::Market { error, instrument } => Some(match error {
                MarketError::FundingWindow { .. } => format!(
                    "move data.from and data.to there, import more with `assay data import FILE --symbol {} --kind funding`, \
                     or leave `funding` out",
                    instrument.instrument.symbol
                ),
                _ => format!(
                    "the data of {} go from {} to {}: see data.from and data.to of the job",
                    instrument.instrument.symbol, instrument.first, instrument.last
                ),
            }),
            Self::Memory { least, .. } => {
                let megabytes = least / 1_000_000 + 1;
                Some(format!("it needs at least {megabytes} MB: --memory {megabytes}MB"))
            }
            Self::Warmup { .. } => {
                Some("shorten the windows under [params] of the job, use shorter bars, or import more data".to_owned())
            }
            Self::Threads { .. } => Some("lower --threads".to_owned()),
            Self::TooLong { .. } => Some("raise --task-time of the workers if such tasks are in order".to_owned()),
            Self::Alone { .. } => Some("`assay logs JOB` shows its earlier tries".to_owned()),
            Self::Panic(_) => None,
        }
    }
}
