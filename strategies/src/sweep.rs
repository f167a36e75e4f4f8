//! Trials of one job on one instrument: strategy and engine together, many trials through each tile of bars.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use assay_core::ids::Ordinal;
use assay_core::job::{Execution, MetricsSpec};
use assay_core::row::{Outcome, TrialRow};
use assay_core::signals::SignalTable;
use assay_core::space::{Point, Space};
use assay_core::window::{Fold, Window};
use assay_core::{Domain, Explain};
use assay_engine::market::MarketError;
use assay_engine::replay::SignalSource;
use assay_engine::{
    Account, ConfigError, Market, Pass, Path, Plan, Replay, SignalTile, SimdLevel, TILE, TileBuffers, TrialBuffers, replay,
    replay_fold, simulate,
};

use crate::error::StrategyError;
use crate::evaluator::Evaluator;
use crate::given::Given;
use crate::program::Program;
use crate::strategy::Strategy;

/// Trials that share a pass over the bars: enough to share their columns, few enough that their state stays in the cache.
const TOGETHER: usize = 2_048;

/// A sweep that cannot be set up.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SweepError {
    /// The strategy does not fit the job or the data.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// The execution does not fit the data.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The bars do not fit the job.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// A single trial that cannot be replayed.
    #[error("the trial failed: {0}")]
    Trial(String),
}

impl Explain for SweepError {
    fn domain(&self) -> Domain {
        match self {
            Self::Strategy(error) => error.domain(),
            Self::Config(_) | Self::Market(_) => Domain::Usage,
            Self::Trial(_) => Domain::External,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Strategy(error) => error.hint(),
            Self::Config(ConfigError::SpreadOnQuotes(_)) => Some("leave `spread` out: fills use the quotes' own".to_owned()),
            Self::Config(ConfigError::NeedsTicks { .. } | ConfigError::BarWithoutTicks { .. }) => Some(
                "import quotes or trades of the whole window, or use fill = \"next_open\" and intrabar = \"worst\"".to_owned(),
            ),
            Self::Config(ConfigError::NeedsFunding(symbol)) => Some(format!(
                "import them with `assay data import FILE --symbol {symbol} --kind funding`, or leave `funding` out"
            )),
            Self::Market(MarketError::EmptyWindow { .. } | MarketError::FundingWindow { .. }) => {
                Some("move `from` and `to` into the data; `assay data ls` shows its range".to_owned())
            }
            Self::Market(MarketError::Column(_) | MarketError::Funding | MarketError::Ticks) | Self::Trial(_) => None,
        }
    }
}

/// One job on one instrument, shared by all threads.
#[derive(Debug)]
pub struct Sweep {
    strategy: Strategy,
    execution: Execution,
    space: Space,
    plan: Plan,
    /// Of the job's further windows.
    windows: Vec<Plan>,
    level: SimdLevel,
    given: Option<Given>,
}

impl Sweep {
    /// Prepares a job on a market. `space` is the resolved one: exactly the strategy's parameters.
    pub fn new(
        strategy: &Strategy,
        execution: &Execution,
        metrics: &MetricsSpec,
        space: &Space,
        market: Arc<Market>,
        level: SimdLevel,
    ) -> Result<Self, SweepError> {
        let settings = settings_of(strategy, execution, space, &market)?;
        let plan = Plan::new(market, execution, metrics, &settings)?;
        Ok(Self {
            strategy: strategy.clone(),
            execution: execution.clone(),
            space: space.clone(),
            plan,
            windows: Vec::new(),
            level,
            given: None,
        })
    }

    /// The same with the signals that the strategy names, one bit for each bar of the market.
    ///
    /// # Errors
    /// Signals of other bars.
    pub fn with_signals(mut self, table: SignalTable) -> Result<Self, SweepError> {
        let bars = self.plan.market.len();
        let direction = self.execution.direction;
        self.given = Some(Given::new(table, &self.strategy, &self.space, direction, bars)?);
        Ok(self)
    }

    /// The same for a job with these windows, of which the first is that of the market.
    ///
    /// # Errors
    /// A window without bars.
    pub fn over(mut self, windows: &[Window], metrics: &MetricsSpec) -> Result<Self, SweepError> {
        let settings = self.settings()?;
        for window in windows.iter().skip(1) {
            let market = self.plan.market.over(window.from.map(|t| t.0), window.to.map(|t| t.0))?;
            let plan = Plan::new(Arc::new(market), &self.execution, metrics, &settings)?;
            self.windows.push(plan);
        }
        Ok(self)
    }

    /// What trials share, over one of the job's windows.
    pub fn plan_of(&self, window: u32) -> &Plan {
        match window {
            0 => &self.plan,
            further => &self.windows[further as usize - 1],
        }
    }

    fn settings(&self) -> Result<assay_engine::Settings, SweepError> {
        settings_of(&self.strategy, &self.execution, &self.space, &self.plan.market)
    }

    /// The rules of the engine on this market.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Which engine runs the trials, for people.
    pub fn path(&self) -> &'static str {
        match (self.plan.path, self.plan.compounds) {
            (Path::Events, true) => "events, compounding",
            (Path::Events, false) => "events",
            (Path::Bars, _) => "bar by bar",
            (Path::Ticks, _) => "tick to tick",
            (Path::EachTick, _) => "tick by tick",
        }
    }

    /// Bytes that one thread needs to run `points` at once, besides the bars.
    pub fn bytes(&self, points: &[Point]) -> usize {
        let points = &points[..points.len().min(TOGETHER)];
        let program = Program::build(&self.strategy, &self.execution, &self.space, points, &self.plan.market);
        let rows = points.len() * (size_of::<TrialRow>() + size_of::<assay_core::row::Sketch>());
        program.map_or(0, |p| p.memory_bytes()) + points.len() * size_of::<Account>() + rows
    }

    /// The shortest and the longest warm-up of `points`, in bars; `None` if none of them can run.
    pub fn warmup(&self, points: &[Point]) -> Option<(usize, usize)> {
        let program = Program::build(&self.strategy, &self.execution, &self.space, points, &self.plan.market).ok()?;
        let able = (0..points.len()).filter(|index| !program.failures.contains_key(index));
        able.map(|index| program.warmup(index)).fold(None, |range, bars| {
            let (least, most) = range.unwrap_or((bars, bars));
            Some((least.min(bars), most.max(bars)))
        })
    }

    /// Runs points on the calling thread, in their order. A point that cannot run, or panics, becomes a failed row.
    pub fn run(&self, instrument: u32, points: &[(Ordinal, Point)]) -> Vec<TrialRow> {
        self.run_over(0, instrument, points)
    }

    /// The same over one of the job's windows.
    pub fn run_over(&self, window: u32, instrument: u32, points: &[(Ordinal, Point)]) -> Vec<TrialRow> {
        self.run_until(window, instrument, points, &AtomicBool::new(false))
    }

    /// The same, until `stop` is set: then it comes back after the tile of bars at hand, and what it gives is of no use.
    pub fn run_until(&self, window: u32, instrument: u32, points: &[(Ordinal, Point)], stop: &AtomicBool) -> Vec<TrialRow> {
        points
            .chunks(TOGETHER)
            .take_while(|_| !stop.load(Ordering::Relaxed))
            .flat_map(|chunk| self.run_together(window, instrument, chunk, stop))
            .collect()
    }

    fn run_together(&self, window: u32, instrument: u32, points: &[(Ordinal, Point)], stop: &AtomicBool) -> Vec<TrialRow> {
        let row = |(ordinal, point): &(Ordinal, Point), outcome| TrialRow {
            instrument,
            ordinal: *ordinal,
            point: point.clone(),
            window,
            outcome,
        };
        match catch_unwind(AssertUnwindSafe(|| self.outcomes(self.plan_of(window), points, stop))) {
            Ok(Ok(outcomes)) => points
                .iter()
                .zip(outcomes)
                .map(|(point, outcome)| row(point, outcome))
                .collect(),
            Ok(Err(error)) => points
                .iter()
                .map(|point| row(point, Outcome::Failed(error.to_string())))
                .collect(),
            Err(_) if points.len() > 1 => points
                .iter()
                .flat_map(|point| self.run_together(window, instrument, std::slice::from_ref(point), stop))
                .collect(),
            Err(panic) => {
                let text = panic
                    .downcast_ref::<&str>()
                    .map(ToString::to_string)
                    .or_else(|| panic.downcast_ref::<String>().cloned());
                let reason = format!("defect: {}", text.unwrap_or_else(|| "panicked".to_owned()));
                vec![row(&points[0], Outcome::Failed(reason))]
            }
        }
    }

    fn outcomes(&self, plan: &Plan, points: &[(Ordinal, Point)], stop: &AtomicBool) -> Result<Vec<Outcome>, StrategyError> {
        let only: Vec<Point> = points.iter().map(|(_, point)| point.clone()).collect();
        let mut program = Program::build(&self.strategy, &self.execution, &self.space, &only, &plan.market)?;
        let mut failures = std::mem::take(&mut program.failures);
        let mut columns = Vec::new();
        for (index, column) in self.columns(&only).into_iter().enumerate() {
            columns.push(column.as_ref().ok().copied());
            if let Err(error) = column {
                failures.entry(index).or_insert(error);
            }
        }
        let mut evaluator = self.evaluator(&program);
        let mut accounts: Vec<Account> = points.iter().map(|_| Account::new(plan)).collect();
        let (mut buffers, mut tiles) = (TrialBuffers::default(), TileBuffers::default());
        let window = plan.market.window.clone();
        for start in (0..window.end).step_by(TILE) {
            if stop.load(Ordering::Relaxed) {
                return Ok(Vec::new());
            }
            let range = start..window.end.min(start + TILE);
            evaluator.advance(range.clone());
            if range.end <= window.start {
                continue;
            }
            let tile = tiles.load(plan, range.clone());
            for (index, account) in accounts.iter_mut().enumerate() {
                let settings = &program.trials[index].settings;
                let pass = Pass {
                    plan,
                    tile: &tile,
                    settings,
                    signals: match (&self.given, columns.get(index)) {
                        (Some(given), Some(Some(column))) => given.over(evaluator.signals(index), *column, &range),
                        _ => evaluator.signals(index),
                    },
                };
                simulate::advance(self.level, &pass, account, &mut buffers);
            }
        }
        let outcome = |(index, account): (usize, &Account)| {
            if let Some(error) = failures.get(&index) {
                return Outcome::Failed(error.to_string());
            }
            let (metrics, sketch) = simulate::finish(plan, account);
            Outcome::Done { metrics, sketch }
        };
        Ok(accounts.iter().enumerate().map(outcome).collect())
    }

    /// The columns of signals that points take; none without signals.
    fn columns(&self, points: &[Point]) -> Vec<Result<usize, StrategyError>> {
        self.given.as_ref().map_or_else(Vec::new, |given| given.columns(points))
    }

    /// What a replay reads of one trial.
    fn walk<'a>(&'a self, program: &'a Program, point: &Point) -> Result<Walk<'a>, SweepError> {
        let column = self.columns(std::slice::from_ref(point)).pop().transpose();
        let column = column.map_err(|error| SweepError::Trial(error.to_string()))?;
        Ok(Walk {
            evaluator: self.evaluator(program),
            given: self.given.as_ref().zip(column),
        })
    }

    fn evaluator<'a>(&'a self, program: &'a Program) -> Evaluator<'a> {
        let market = &self.plan.market;
        Evaluator::with(program, market, &Evaluator::scales(program, market), self.level)
    }

    /// One trial in full detail, by the slow path.
    pub fn replay(&self, point: &Point) -> Result<Replay, SweepError> {
        self.replay_by(&self.plan, point)
    }

    /// The same over one of the job's windows.
    pub fn replay_over(&self, window: u32, point: &Point) -> Result<Replay, SweepError> {
        self.replay_by(self.plan_of(window), point)
    }

    /// A trial over a test window: begun with this capital, and closed at its end, with costs.
    pub fn replay_test(
        &self,
        fold: &Fold,
        capital: f64,
        metrics: &MetricsSpec,
        point: &Point,
    ) -> Result<(Plan, Replay), SweepError> {
        let execution = Execution {
            capital,
            ..self.execution.clone()
        };
        let market = self.plan.market.over(Some(fold.test_from.0), Some(fold.test_to.0))?;
        let plan = Plan::new(Arc::new(market), &execution, metrics, &self.settings()?)?;
        let (program, settings) = self.alone(&plan, point)?;
        let replay = replay_fold(&plan, &settings, &mut self.walk(&program, point)?);
        Ok((plan, replay))
    }

    fn replay_by(&self, plan: &Plan, point: &Point) -> Result<Replay, SweepError> {
        let (program, settings) = self.alone(plan, point)?;
        Ok(replay(plan, &settings, &mut self.walk(&program, point)?))
    }

    /// The program of a single trial.
    fn alone(&self, plan: &Plan, point: &Point) -> Result<(Program, assay_engine::Settings), SweepError> {
        let market = &plan.market;
        let mut program = Program::build(
            &self.strategy,
            &self.execution,
            &self.space,
            std::slice::from_ref(point),
            market,
        )?;
        if let Some(error) = program.failures.remove(&0) {
            return Err(SweepError::Trial(error.to_string()));
        }
        let settings = program.trials[0].settings;
        Ok((program, settings))
    }
}

/// The scalars of any trial: which levels a job has, and which kind of size, does not depend on the point.
fn settings_of(
    strategy: &Strategy,
    execution: &Execution,
    space: &Space,
    market: &Market,
) -> Result<assay_engine::Settings, SweepError> {
    let last = |p: &assay_core::space::Parameter| p.domain.grid_coordinate(p.domain.grid_len().unwrap_or(1) - 1);
    let first = |p: &assay_core::space::Parameter| p.domain.grid_coordinate(0);
    let mut failure = None;
    // Where one point fails, another is asked.
    for sample in [
        space.params.iter().map(first).collect::<Box<[f64]>>(),
        space.params.iter().map(last).collect(),
    ] {
        let mut program = Program::build(strategy, execution, space, &[Point(sample)], market)?;
        match program.failures.remove(&0) {
            Some(error) => failure = Some(error),
            None => return Ok(program.trials[0].settings),
        }
    }
    Err(failure.map_or_else(|| SweepError::Trial("it has no settings".to_owned()), Into::into))
}

/// An evaluator as the source of one trial's signals.
struct Walk<'a> {
    evaluator: Evaluator<'a>,
    /// Signals that a program computed, and which of them.
    given: Option<(&'a Given, usize)>,
}

impl SignalSource for Walk<'_> {
    fn tile(&mut self, start: usize, len: usize) -> SignalTile<'_> {
        self.evaluator.advance(start..start + len);
        let signals = self.evaluator.signals(0);
        match self.given {
            Some((given, column)) => given.over(signals, column, &(start..start + len)),
            None => signals,
        }
    }
}
