//! The last digits: a simplex that contracts around each of the best points.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use argmin::core::{CostFunction, Error, IterState, Problem, Solver, State, TerminationStatus};
use argmin::solver::neldermead::NelderMead;

use assay_core::job::PolishSettings;

use crate::search::random::uniform;
use crate::search::stream::Stream;
use crate::search::tried::bits;
use crate::search::{Cube, Dimension, EARLIER, Outcome, Sampler, Told, Unit, pareto};

/// Cost of a point that violates constraints; a failed one costs the square of it.
const INFEASIBLE: f64 = 1e50;

/// Nelder and Mead's simplex from each of the best points of an earlier job, or of a random sample, side by side; for one objective.
///
/// The simplexes are those of `argmin`. A step of its solver is tried on a copy until all the losses it asks for are known. Values
/// without an order stay what they are.
pub struct Polish {
    cube: Cube,
    settings: PolishSettings,
    seed: u64,
    pool: Vec<Told>,
    /// Points still to be sampled.
    sample: usize,
    runs: Option<Vec<Run>>,
    /// Which run asked for each point of a batch.
    plans: BTreeMap<u64, Vec<(usize, Vec<f64>)>>,
}

/// One simplex.
struct Run {
    start: Unit,
    /// Dimensions of the simplex.
    ordered: Vec<usize>,
    /// Vertices to begin with; the solver begins when their losses are known.
    vertices: Vec<Vec<f64>>,
    solver: Option<NelderMead<Vec<f64>, f64>>,
    costs: BTreeMap<Box<[u64]>, f64>,
    /// Asked for, and not proposed yet.
    wanted: Vec<Vec<f64>>,
    /// Proposed, and not told yet.
    open: usize,
    steps: usize,
}

/// Costs that are known; one that is not is an error, and noted.
struct Known<'a> {
    costs: &'a BTreeMap<Box<[u64]>, f64>,
    missing: std::cell::RefCell<Option<Vec<f64>>>,
}

impl CostFunction for Known<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, place: &Vec<f64>) -> Result<f64, Error> {
        if let Some(cost) = self.costs.get(&bits(place)) {
            return Ok(*cost);
        }
        self.missing.replace(Some(place.clone()));
        Err(Error::msg("a loss that is not known yet"))
    }
}

impl Run {
    fn new(cube: &Cube, start: Unit, edge: f64) -> Self {
        let dimensions = cube.dimensions();
        let ordered: Vec<usize> = (0..dimensions.len())
            .filter(|i| !matches!(dimensions[*i], Dimension::Category(_)))
            .collect();
        let first: Vec<f64> = ordered.iter().map(|i| start[*i]).collect();
        let mut vertices = vec![first.clone()];
        for (k, i) in ordered.iter().enumerate() {
            // At least to the next value.
            let least = cube.cell(*i, start[*i]).map_or(0.0, |(left, right)| 1.2 * (right - left));
            let mut vertex = first.clone();
            let step = edge.max(least);
            vertex[k] += if vertex[k] + step <= 1.0 { step } else { -step };
            vertices.push(vertex);
        }
        Self {
            wanted: if ordered.is_empty() { Vec::new() } else { vertices.clone() },
            start,
            ordered,
            vertices,
            solver: None,
            costs: BTreeMap::new(),
            open: 0,
            steps: 0,
        }
    }

    fn unit(&self, place: &[f64]) -> Unit {
        let mut unit = self.start.clone();
        self.ordered.iter().zip(place).for_each(|(i, x)| unit[*i] = x.clamp(0.0, 1.0));
        unit
    }

    /// Goes on as far as the known costs allow.
    fn advance(&mut self, tolerance: f64) {
        if self.ordered.is_empty() || self.vertices.iter().any(|vertex| !self.costs.contains_key(&bits(vertex))) {
            return;
        }
        let known = Known {
            costs: &self.costs,
            missing: None.into(),
        };
        let mut problem = Problem::new(known);
        let begun = self.solver.take().map(Ok);
        let begun = begun.unwrap_or_else(|| {
            let mut solver = NelderMead::new(self.vertices.clone()).with_sd_tolerance(tolerance.max(0.0))?;
            // All vertices are known.
            solver.init(&mut problem, IterState::new())?;
            Ok::<_, Error>(solver)
        });
        let Ok(mut solver) = begun else {
            return;
        };
        while self.steps < 400 * self.vertices.len() {
            let status =
                Solver::<Known<'_>, IterState<Vec<f64>, (), (), (), (), f64>>::terminate(&mut solver, &IterState::new());
            if status != TerminationStatus::NotTerminated {
                break;
            }
            let mut tried = solver.clone();
            if tried.next_iter(&mut problem, IterState::new()).is_err() {
                break;
            }
            solver = tried;
            self.steps += 1;
        }
        let missing = problem.problem.and_then(|known| known.missing.into_inner());
        self.wanted.extend(missing);
        self.solver = Some(solver);
    }
}

impl Polish {
    /// A polishing search.
    pub fn new(cube: Cube, seed: u64, settings: PolishSettings) -> Self {
        Self {
            sample: settings.sample.unwrap_or(10 * cube.dimensions().len()).max(1),
            cube,
            settings,
            seed,
            pool: Vec::new(),
            runs: None,
            plans: BTreeMap::new(),
        }
    }

    fn plan(&mut self, batch: u64, count: usize) -> Vec<Unit> {
        let mut stream = Stream::new(self.seed, batch);
        let drawn = count.min(self.sample);
        self.sample -= drawn;
        if drawn > 0 {
            self.plans.insert(batch, Vec::new());
            return (0..drawn).map(|_| uniform(&self.cube, &mut stream)).collect();
        }
        if self.runs.is_none() {
            if !self.plans.is_empty() {
                return Vec::new();
            }
            self.runs = Some(self.best());
        }
        let mut plan = Vec::new();
        let mut units = Vec::new();
        for (index, run) in self.runs.iter_mut().flatten().enumerate() {
            let taken = run.wanted.len().min(count - units.len());
            for place in run.wanted.drain(..taken).collect::<Vec<_>>() {
                units.push(self.cube.repair(&run.unit(&place), &run.start));
                plan.push((index, place));
                run.open += 1;
            }
        }
        if !plan.is_empty() {
            self.plans.insert(batch, plan);
        }
        units
    }

    /// A simplex for each of the best points of the pool.
    fn best(&self) -> Vec<Run> {
        let mut order: Vec<&Told> = self.pool.iter().collect();
        order.sort_by(|a, b| pareto::compare(&a.outcome, &b.outcome).unwrap_or(Ordering::Equal));
        let mut known = BTreeSet::new();
        order.retain(|told| known.insert(bits(&told.unit)));
        let best = order.into_iter().take(self.settings.starts.max(1));
        best.map(|told| Run::new(&self.cube, told.unit.clone(), self.settings.edge))
            .collect()
    }
}

/// What the simplex sees of an outcome: any feasible loss is below any infeasible one.
fn cost(outcome: &Outcome) -> f64 {
    match &outcome.losses {
        None => INFEASIBLE * INFEASIBLE,
        Some(_) if outcome.violation > 0.0 => (INFEASIBLE * (1.0 + outcome.violation)).min(INFEASIBLE * INFEASIBLE),
        Some(losses) => losses[0].clamp(-INFEASIBLE, INFEASIBLE),
    }
}

impl Sampler for Polish {
    fn propose(&mut self, batch: u64, count: usize, _: &[Unit]) -> Vec<Unit> {
        self.plan(batch, count)
    }

    fn recall(&mut self, batch: u64, count: usize, _: &[Unit]) {
        self.plan(batch, count);
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        if batch == EARLIER {
            self.sample = 0;
        }
        let plan = self.plans.remove(&batch).unwrap_or_default();
        let Some(runs) = &mut self.runs else {
            self.pool.extend_from_slice(told);
            return;
        };
        for (k, (index, place)) in plan.into_iter().enumerate() {
            let found = told.get(k).map_or(INFEASIBLE * INFEASIBLE, |told| cost(&told.outcome));
            runs[index].costs.insert(bits(&place), found);
            runs[index].open -= 1;
        }
        for run in runs.iter_mut().filter(|run| run.wanted.is_empty() && run.open == 0) {
            run.advance(self.settings.tolerance);
        }
    }
}
