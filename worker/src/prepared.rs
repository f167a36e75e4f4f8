//! A job whose bars are in memory.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use assay_core::ids::Ordinal;
use assay_core::row::{Planned, TrialRow};
use assay_core::space::Point;
use assay_data::Catalog;
use assay_optimizer::{Count, Proposals, Target, listed, planned};
use assay_store::{Layout, Place};
use assay_strategies::Job;

use crate::budget::Budget;
use crate::error::WorkerError;
use crate::markets::Markets;
use crate::pool::Compute;
use crate::warmup::{self, NeverTrades};

/// Points looked at to size the memory of a unit: more do not share a pass over the bars.
pub const SHARING: usize = 2_048;

/// Everything that is needed to run trials of a job.
#[derive(Debug)]
pub struct Prepared {
    /// The job.
    pub job: Job,
    /// What it wants of a point.
    pub target: Target,
    /// Its points, or some like them where only the search knows them.
    pub proposals: Proposals,
    /// Its bars, and what computes on them.
    pub markets: Markets,
    /// Columns of its results.
    pub layout: Layout,
    /// How much of it may be in memory at a time.
    pub budget: Budget,
    /// Where its data lie: they stay there for as long as this does.
    pub data: Place,
    /// Instruments on which some points cannot trade, because their warm-up is as long as the data.
    pub never_trade: Vec<NeverTrades>,
}

impl Prepared {
    /// Loads the bars of a job and divides `memory` bytes between `threads` threads.
    pub fn load(job: Job, catalog: &Catalog, memory: u64, threads: usize) -> Result<Arc<Self>, WorkerError> {
        Self::load_from(job, catalog, Place::folder(catalog.home()), memory, threads)
    }

    /// The same from a catalog that lies at a place, which is held for as long as the bars are.
    pub(crate) fn load_from(
        job: Job,
        catalog: &Catalog,
        data: Place,
        memory: u64,
        threads: usize,
    ) -> Result<Arc<Self>, WorkerError> {
        let proposals = listed(&job.space, &job.spec.search)?;
        let target = Target::new(&job.spec.objective)?;
        let markets = Markets::load(&job, catalog)?;
        let points = bare(&sample_points(&proposals, SHARING));
        let never_trade = warmup::check(&job, &markets, &proposals, &points)?;
        let budget = Budget::new(memory, threads, &markets, &points)?;
        Ok(Arc::new(Self {
            layout: layout_of(&job),
            job,
            target,
            proposals,
            markets,
            budget,
            data,
            never_trade,
        }))
    }

    /// The points of a run of blocks, counted from the block `first`, over a window.
    pub fn points(&self, blocks: Range<u64>, first: u64, window: u32) -> Vec<Planned> {
        planned(&self.proposals, blocks, first, window)
    }
}

impl Compute for Prepared {
    fn instruments(&self) -> usize {
        self.layout.instruments.len()
    }

    fn compute(&self, instrument: u32, points: &[Planned], stop: &AtomicBool) -> Vec<TrialRow> {
        #[cfg(feature = "failpoints")]
        crate::poison::go_wrong(points, stop);
        let sweep = self.markets.sweep(instrument);
        let over_one_window = points.chunk_by(|a, b| a.window == b.window);
        let rows = over_one_window.flat_map(|planned| {
            let points: Vec<(Ordinal, Point)> = planned.iter().map(|p| (p.ordinal, p.point.clone())).collect();
            sweep.run_until(planned[0].window, instrument, &points, stop)
        });
        rows.collect()
    }
}

/// Points without their ordinals.
pub(crate) fn bare(points: &[(Ordinal, Point)]) -> Vec<Point> {
    points.iter().map(|(_, point)| point.clone()).collect()
}

/// Neighbouring points from the middle of the search, as units have them.
pub fn sample_points(proposals: &Proposals, wanted: usize) -> Vec<(Ordinal, Point)> {
    let (blocks, mut block, mut points) = (proposals.blocks(), Vec::new(), Vec::new());
    let enough = ((wanted as f64 / points_per_block(proposals)) as u64)
        .saturating_add(2)
        .min(100_000);
    let first = (blocks / 2).min(blocks.saturating_sub(enough));
    for index in (first..blocks.min(first + enough)).chain(0..first.min(enough)) {
        proposals.block(index, &mut block);
        points.append(&mut block);
        if points.len() >= wanted {
            break;
        }
    }
    points.truncate(wanted);
    points
}

fn points_per_block(proposals: &Proposals) -> f64 {
    let (Count::Exact(count) | Count::About(count)) = proposals.count();
    (count as f64 / proposals.blocks().max(1) as f64).clamp(1e-6, assay_core::BLOCK as f64)
}

/// The columns of a job's rows.
pub(crate) fn layout_of(job: &Job) -> Layout {
    Layout::new(job.id, &job.symbols(), &job.space).over(&job.windows)
}
