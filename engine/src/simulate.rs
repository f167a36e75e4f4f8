//! Running trials: one tile of bars after the other, every trial through each tile.

use assay_core::job::Fill;
use assay_core::metrics::Metrics;
use assay_core::row::Sketch;

use crate::account::{Account, TrialBuffers};
use crate::course::Course;
use crate::plan::{Path, Plan};
use crate::signals::{Settings, SignalTile};
use crate::tile::Tile;
use crate::{bars, each_tick, events, finish, holdings, levels, turns};

/// Which instructions the hot loops may use. Results have the same bits at every level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What every x86-64 has.
    Baseline,
    /// AVX2 and bit manipulation.
    Avx2,
}

impl Level {
    /// The best level of this machine.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
        {
            return Self::Avx2;
        }
        Self::Baseline
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2 => "avx2",
        }
    }
}

/// One trial on one tile of bars.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// What the trials of the job share.
    pub plan: &'a Plan,
    /// The bars.
    pub tile: &'a Tile<'a>,
    /// The trial's scalars.
    pub settings: &'a Settings,
    /// The trial's signals over the tile.
    pub signals: SignalTile<'a>,
}

/// Runs one tile of one trial.
pub fn advance(level: Level, pass: &Pass<'_>, account: &mut Account, buffers: &mut TrialBuffers) {
    let plan = pass.plan;
    // Compiled apart: the hottest loops keep their registers to themselves.
    if plan.alternates {
        let course = &mut buffers.course;
        return match (plan.has_levels, plan.config.fill) {
            (false, Fill::Close) => alternate::<false, true>(level, pass, account, course),
            (false, _) => alternate::<false, false>(level, pass, account, course),
            (true, Fill::Close) => alternate::<true, true>(level, pass, account, course),
            (true, _) => alternate::<true, false>(level, pass, account, course),
        };
    }
    if plan.turns && !account.ruined {
        let done = match plan.config.fill {
            Fill::Close => turn::<true>(level, pass, account, buffers),
            _ => turn::<false>(level, pass, account, buffers),
        };
        if done {
            return;
        }
    }
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Level::Avx2` only comes from `Level::detect`, which has seen these features on this machine.
        Level::Avx2 => unsafe { advance_avx2(pass, account, buffers) },
        _ => advance_on(pass, account, buffers),
    }
}

/// [`holdings`] and [`levels`].
fn alternate<const LEVELS: bool, const CLOSE: bool>(level: Level, pass: &Pass<'_>, account: &mut Account, course: &mut Course) {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as in `advance`.
        Level::Avx2 => unsafe { alternate_avx2::<LEVELS, CLOSE>(pass, account, course) },
        _ => alternate_on::<LEVELS, CLOSE>(pass, account, course),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn alternate_avx2<const LEVELS: bool, const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account, course: &mut Course) {
    alternate_on::<LEVELS, CLOSE>(pass, account, course);
}

#[inline(always)]
fn alternate_on<const LEVELS: bool, const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account, course: &mut Course) {
    if LEVELS {
        levels::advance::<CLOSE>(pass, account, course);
    } else {
        holdings::advance::<CLOSE>(pass, account, course);
    }
}

fn turn<const CLOSE: bool>(level: Level, pass: &Pass<'_>, account: &mut Account, buffers: &mut TrialBuffers) -> bool {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as in `advance`.
        Level::Avx2 => unsafe { turn_avx2::<CLOSE>(pass, account, buffers) },
        _ => turns::advance::<CLOSE>(pass, account, buffers),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn turn_avx2<const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account, buffers: &mut TrialBuffers) -> bool {
    turns::advance::<CLOSE>(pass, account, buffers)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn advance_avx2(pass: &Pass<'_>, account: &mut Account, buffers: &mut TrialBuffers) {
    advance_on(pass, account, buffers);
}

#[inline(always)]
fn advance_on(pass: &Pass<'_>, account: &mut Account, buffers: &mut TrialBuffers) {
    match pass.plan.path {
        Path::Events | Path::Ticks => events::advance(pass, account, buffers),
        Path::EachTick => each_tick::advance(pass, account, &mut buffers.equity, &mut ()),
        Path::Bars => bars::advance(pass, account, &mut buffers.equity, &mut ()),
    }
}

/// Metrics and sketch of a trial whose last tile has been run.
pub fn finish(plan: &Plan, account: &Account) -> (Metrics, Option<Box<Sketch>>) {
    (finish::metrics(plan, account), finish::sketch(plan, account))
}
