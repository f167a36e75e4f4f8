//! What a search tells about luck: counts and moments over all of its trials, for the ledger.

use std::collections::BTreeMap;
use std::ops::Range;

use assay_core::job::Objective;
use assay_core::metrics::Metric;
use assay_core::row::TrialRow;

use crate::statistics::Moments;

/// Counts and moments over the trials of a block or a job.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SearchStatistics {
    /// Points.
    pub points: u64,
    /// Trials: points times instruments.
    pub trials: u64,
    /// Trials that failed.
    pub failed: u64,
    /// The aggregated objective of the points where it is defined, in the metric's unit.
    pub objective: Moments,
    /// Sharpe ratio per observation (not annualised: `sharpe / sqrt(periods_per_year)`) of the trials where it is defined.
    pub sharpe: Moments,
    /// Returns of a trial, on the instrument and over the window with the fewest; 0 where nobody said.
    pub observations: u64,
}

impl SearchStatistics {
    /// Adds one point: its rows on all instruments.
    pub fn push_point(&mut self, objective: &Objective, rows: &[&TrialRow]) {
        self.points += 1;
        self.trials += rows.len() as u64;
        let metric = objective.maximize.metric;
        let score = objective.score(rows.iter().map(|row| row.metrics().and_then(|m| m.get(metric))));
        if let Some(score) = score {
            self.objective.push(objective.value(score));
        }
        for row in rows {
            let Some(metrics) = row.metrics() else {
                self.failed += 1;
                continue;
            };
            if let (Some(sharpe), Some(periods)) = (metrics.get(Metric::Sharpe), metrics.get(Metric::PeriodsPerYear)) {
                self.sharpe.push(sharpe / periods.sqrt());
            }
        }
    }

    /// Adds the trials of another part of the job.
    pub fn merge(&mut self, other: &Self) {
        self.points += other.points;
        self.trials += other.trials;
        self.failed += other.failed;
        self.objective.merge(&other.objective);
        self.sharpe.merge(&other.sharpe);
        self.observe(other.observations);
    }

    /// Takes note of how many returns the trials have.
    pub fn observe(&mut self, observations: u64) {
        if self.observations == 0 || (1..self.observations).contains(&observations) {
            self.observations = observations;
        }
    }
}

/// Bytes of a block's statistics: eleven words.
const BLOCK_BYTES: usize = 88;

/// Statistics of a job that come out with the same bits however its blocks were grouped into tasks and spread over threads:
/// kept per block, added up in the order of the blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct JobStatistics {
    /// Ordinals in a block.
    block: u64,
    blocks: BTreeMap<u64, SearchStatistics>,
}

impl Default for JobStatistics {
    fn default() -> Self {
        Self::of_blocks(assay_core::BLOCK)
    }
}

impl JobStatistics {
    /// Of a job whose blocks have so many ordinals.
    pub fn of_blocks(block: u64) -> Self {
        Self {
            block: block.max(1),
            blocks: BTreeMap::new(),
        }
    }

    /// Adds whole blocks: per instrument, in the job's order, the rows of the same points in the order of their ordinals.
    ///
    /// # Panics
    /// If the slices do not hold the same points.
    pub fn push_block(&mut self, objective: &Objective, by_instrument: &[&[TrialRow]]) {
        let points = by_instrument.first().map_or(0, |rows| rows.len());
        for i in 0..points {
            let rows: Vec<&TrialRow> = by_instrument.iter().map(|rows| &rows[i]).collect();
            self.push_point(objective, &rows);
        }
    }

    /// Adds whole blocks from rows in the order of (ordinal, instrument), as stored.
    pub fn push_rows(&mut self, objective: &Objective, instruments: usize, rows: &[TrialRow]) {
        for point in rows.chunks(instruments) {
            self.push_point(objective, &point.iter().collect::<Vec<_>>());
        }
    }

    /// Takes note of how many returns the trials of these blocks have, on the instrument with the fewest.
    pub fn observe(&mut self, observations: u64) {
        self.blocks.values_mut().for_each(|block| block.observe(observations));
    }

    /// Adds the blocks of another part of the job.
    pub fn merge(&mut self, other: Self) {
        for (block, statistics) in other.blocks {
            self.blocks.entry(block).or_default().merge(&statistics);
        }
    }

    /// Forgets blocks.
    pub fn forget_blocks(&mut self, blocks: Range<u64>) {
        self.blocks.retain(|block, _| !blocks.contains(block));
    }

    /// Over all blocks.
    pub fn total(&self) -> SearchStatistics {
        let mut total = SearchStatistics::default();
        self.blocks.values().for_each(|block| total.merge(block));
        total
    }

    /// As bytes, for storage: per block its number, four counts and two moments, all little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.blocks.len() * BLOCK_BYTES);
        for (block, part) in &self.blocks {
            for count in [*block, part.points, part.trials, part.failed, part.observations] {
                bytes.extend(count.to_le_bytes());
            }
            for moments in [&part.objective, &part.sharpe] {
                bytes.extend(moments.count.to_le_bytes());
                bytes.extend(moments.mean.to_bits().to_le_bytes());
                bytes.extend(moments.squares.to_bits().to_le_bytes());
            }
        }
        bytes
    }

    /// From [`JobStatistics::to_bytes`]; `None` if the bytes are not such.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut blocks = BTreeMap::new();
        let parts = bytes.chunks_exact(BLOCK_BYTES);
        if !parts.remainder().is_empty() {
            return None;
        }
        for part in parts {
            let mut words = part
                .chunks_exact(8)
                .map(|word| u64::from_le_bytes(word.try_into().expect("chunks of eight")));
            let mut next = || words.next().expect("a part has eleven words");
            let (block, points, trials, failed, observations) = (next(), next(), next(), next(), next());
            let mut moments = || Moments {
                count: next(),
                mean: f64::from_bits(next()),
                squares: f64::from_bits(next()),
            };
            let (objective, sharpe) = (moments(), moments());
            let statistics = SearchStatistics {
                points,
                trials,
                failed,
                objective,
                sharpe,
                observations,
            };
            blocks.insert(block, statistics);
        }
        Some(Self {
            blocks,
            ..Self::default()
        })
    }

    fn push_point(&mut self, objective: &Objective, rows: &[&TrialRow]) {
        let block = rows[0].ordinal.0 / self.block;
        self.blocks.entry(block).or_default().push_point(objective, rows);
    }
}

#[cfg(test)]
mod tests {
    use assay_core::ids::Ordinal;
    use assay_core::metrics::Metrics;
    use assay_core::row::Outcome;
    use assay_core::space::Point;
    use proptest::prelude::*;

    use super::*;

    fn row(ordinal: u64, sharpe: Option<f64>) -> TrialRow {
        let done = |sharpe| {
            let mut metrics = Metrics::default();
            metrics.set(Metric::Sharpe, sharpe);
            metrics.set(Metric::PeriodsPerYear, 4.0);
            Outcome::Done { metrics, sketch: None }
        };
        TrialRow {
            instrument: 0,
            ordinal: Ordinal(ordinal),
            point: Point(Box::from([])),
            window: 0,
            outcome: sharpe.map_or(Outcome::Failed(String::new()), done),
        }
    }

    proptest! {
        #[test]
        fn a_job_has_the_same_bits_whatever_the_order_of_its_blocks(
            sharpes in prop::collection::vec(prop::option::of(-2f64..2.0), 3000), cut in 0usize..3,
        ) {
            let rows: Vec<TrialRow> = sharpes.iter().enumerate().map(|(i, s)| row(i as u64, *s)).collect();
            let objective = Objective::default();
            let mut whole = JobStatistics::default();
            whole.push_rows(&objective, 1, &rows);
            let (mut early, mut late) = (JobStatistics::default(), JobStatistics::default());
            early.push_rows(&objective, 1, &rows[..cut * 1024]);
            late.push_block(&objective, &[&rows[cut * 1024..]]);
            late.merge(early);
            whole.observe(700);
            late.observe(900);
            late.observe(700);
            late.observe(0);
            prop_assert_eq!(late.total(), whole.total());
            prop_assert_eq!(JobStatistics::from_bytes(&late.to_bytes()), Some(late));
            prop_assert_eq!(JobStatistics::from_bytes(&whole.to_bytes()[1..]), None);
            prop_assert_eq!(whole.total().observations, 700);
            prop_assert_eq!(whole.total().failed, sharpes.iter().filter(|s| s.is_none()).count() as u64);
        }
    }

    #[test]
    fn sharpe_is_per_observation() {
        let mut statistics = SearchStatistics::default();
        statistics.push_point(&Objective::default(), &[&row(0, Some(3.0))]);
        assert_eq!((statistics.sharpe.mean, statistics.objective.mean), (1.5, 3.0));
        assert_eq!(statistics.sharpe.variance(), None);
    }
}
