//! What a search tells about luck: moments over all of its trials, for the ledger.

use std::collections::BTreeMap;

use assay_core::job::Objective;
use assay_core::metrics::Metric;
use assay_core::row::TrialRow;

/// Count, mean and sum of squared deviations of a stream of numbers.
///
/// Source: B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3), 1962;
/// merging: T. F. Chan, G. H. Golub, R. J. Le Veque, "Updating formulae and a pairwise algorithm for computing sample
/// variances", 1979.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// Numbers seen.
    pub count: u64,
    /// Their mean; 0 without any.
    pub mean: f64,
    /// Sum of their squared deviations from the mean.
    pub squares: f64,
}

impl Moments {
    /// Adds a number.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    /// Adds the numbers of another stream.
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 {
            *self = *other;
        } else if other.count > 0 {
            let (n, m) = (self.count as f64, other.count as f64);
            let apart = other.mean - self.mean;
            self.mean += apart * (m / (n + m));
            self.squares += other.squares + apart * apart * (n * m / (n + m));
            self.count += other.count;
        }
    }

    /// The mean; `None` without numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Sample variance (ddof 1); `None` for fewer than two numbers.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64)
    }
}

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
    }
}

/// Statistics of a job that come out with the same bits however its blocks were grouped into tasks and spread over threads:
/// kept per block, added up in the order of the blocks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobStatistics {
    blocks: BTreeMap<u64, SearchStatistics>,
}

impl JobStatistics {
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

    /// Adds the blocks of another part of the job.
    pub fn merge(&mut self, other: Self) {
        for (block, statistics) in other.blocks {
            self.blocks.entry(block).or_default().merge(&statistics);
        }
    }

    /// Over all blocks.
    pub fn total(&self) -> SearchStatistics {
        let mut total = SearchStatistics::default();
        self.blocks.values().for_each(|block| total.merge(block));
        total
    }

    fn push_point(&mut self, objective: &Objective, rows: &[&TrialRow]) {
        let block = rows[0].ordinal.0 / assay_core::BLOCK;
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
            outcome: sharpe.map_or(Outcome::Failed(String::new()), done),
        }
    }

    proptest! {
        #[test]
        fn moments_equal_the_two_pass_formulas_however_they_are_split(
            values in prop::collection::vec(-1e3f64..1e3, 2..200), cut in 0usize..200,
        ) {
            let cut = cut.min(values.len());
            let (mut left, mut right) = (Moments::default(), Moments::default());
            values[..cut].iter().for_each(|x| left.push(*x));
            values[cut..].iter().for_each(|x| right.push(*x));
            left.merge(&right);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
            prop_assert_eq!(left.count as usize, values.len());
            prop_assert!((left.mean().unwrap() - mean).abs() < 1e-9);
            prop_assert!((left.variance().unwrap() - variance).abs() < 1e-9 * variance.max(1.0));
        }

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
            prop_assert_eq!(late.total(), whole.total());
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
