//! Replays one after the other, each begun with what the one before ended with: a walk forward as one curve.

use assay_core::metrics::{Metric, Metrics};

use crate::config::YEAR_NS;
use crate::equity::PEAK_DUST;
use crate::plan::Plan;
use crate::replay::{self, Replay};
use crate::trades::Trade;

/// A walk forward as one curve.
#[derive(Debug, Clone)]
pub struct Stitched {
    /// Metrics over all of it, those that need no benchmark.
    pub metrics: Metrics,
    /// End of each period of the sampling, UTC nanoseconds, and equity at its last close.
    pub curve: Vec<(i64, f64)>,
}

/// Puts replays together, each with the plan that it was made by; there is at least one.
///
/// Returns are those of the replays, one after the other; time between two of them counts as elapsed, without a return.
pub fn stitch(parts: &[(Plan, Replay)]) -> Stitched {
    let mut metrics = Metrics::default();
    let (Some((first, _)), Some((last, ended))) = (parts.first(), parts.last()) else {
        return Stitched {
            metrics,
            curve: Vec::new(),
        };
    };
    let capital = first.config.capital;
    let returns: Vec<f64> = parts.iter().flat_map(|(_, replay)| replay.returns.iter().copied()).collect();
    replay::of_returns(&mut metrics, first, &returns, &[]);
    for metric in [Metric::Alpha, Metric::Beta, Metric::ExcessSharpe] {
        metrics.set(metric, f64::NAN);
    }
    let trades: Vec<Trade> = parts.iter().flat_map(|(_, replay)| replay.trades.iter().copied()).collect();
    replay::of_trades(&mut metrics, &trades);
    let end = ended.equity.last().copied().unwrap_or(capital);
    let growth = end / capital;
    metrics.set(Metric::FinalEquity, end);
    metrics.set(Metric::PeriodsPerYear, first.config.periods_per_year);
    metrics.set(Metric::TotalReturn, growth - 1.0);
    let from = first.market.time[first.market.window.start];
    let to = last.market.time[last.market.window.end - 1] + last.market.bar_ns;
    if growth > 0.0 {
        metrics.set(Metric::Cagr, libm::pow(growth, YEAR_NS / (to - from) as f64) - 1.0);
    }
    let (mut peak, mut worst, mut worst_money) = (capital, 0.0f64, 0.0f64);
    for equity in parts.iter().flat_map(|(_, replay)| &replay.equity) {
        if *equity < peak * (1.0 - PEAK_DUST) {
            worst = worst.min(equity / peak - 1.0);
            worst_money = worst_money.max(peak - equity);
        }
        peak = peak.max(*equity);
    }
    metrics.set(Metric::MaxDrawdown, worst);
    metrics.set(Metric::RecoveryFactor, (end - capital) / worst_money);
    let cagr = metrics.get(Metric::Cagr);
    metrics.set(Metric::Calmar, cagr.map_or(f64::NAN, |cagr| cagr / worst.abs()));
    Stitched {
        metrics,
        curve: parts.iter().flat_map(|(plan, replay)| sampled(plan, replay)).collect(),
    }
}

/// Equity at the end of each period of the sampling.
fn sampled<'a>(plan: &'a Plan, replay: &'a Replay) -> impl Iterator<Item = (i64, f64)> + 'a {
    replay::sample_ends(plan).map(move |i| {
        let bar = plan.market.window.start + i;
        (plan.market.time[bar] + plan.market.bar_ns, replay.equity[i])
    })
}
