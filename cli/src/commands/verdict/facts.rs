//! What a page says of a search, of its best trial, and of what trading costs it.

use assay_coordinator::Luck;
use assay_core::job::JobSpec;
use assay_core::metrics::{Metric, Metrics};
use assay_core::time::{BarLength, DAY_NS};
use assay_optimizer::verdict::Evidence;
use assay_proto::Recorded;
use assay_store::JobRecord;

use super::Facts;
use super::market::Again;
use crate::output::human;

pub(super) fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

pub(super) fn of_search(recorded: &Recorded, luck: Option<&Luck>, evidence: &Evidence) -> Facts {
    let count = |n: u64| human::count(n as i64);
    let mut facts = vec![
        fact("points of this job", count(evidence.trials_job)),
        fact("ever tried on this data, in this shape", count(evidence.trials_family)),
    ];
    if let Some(n) = luck.and_then(|luck| luck.observations) {
        facts.push(fact("returns of a trial", count(n)));
    }
    for of in luck.iter().flat_map(|luck| &luck.instruments) {
        let name = |what: &str| match luck.map_or(0, |luck| luck.instruments.len()) {
            1 => what.to_owned(),
            _ => format!("{what}, {}", of.instrument),
        };
        facts.push((
            name("probability of overfitting"),
            of.pbo.map_or_else(|| "none".to_owned(), |p| format!("{p:.3}")),
        ));
        if let Some(loss) = of.loss {
            facts.push((name("best of one half loses in the other"), human::percent(loss)));
        }
        if let Some(clusters) = of.clusters {
            let of_trials = format!("{} among {} looked at", count(clusters), count(of.clustered));
            facts.push((name("groups of similar trials"), of_trials));
        }
    }
    if let Some(plateau) = recorded.plateau {
        let share = plateau.share.map_or_else(|| "none".to_owned(), human::percent);
        facts.push(fact(
            "plateau: neighbours keep",
            format!("{share} of its Sharpe ratio ({} neighbours)", plateau.neighbours),
        ));
    }
    facts
}

pub(super) fn as_seen(metrics: &Metrics, record: &JobRecord, window: u32) -> Facts {
    let shown = [
        Metric::Sharpe,
        Metric::TotalReturn,
        Metric::Cagr,
        Metric::MaxDrawdown,
        Metric::Trades,
        Metric::BuyHoldReturn,
        Metric::Alpha,
        Metric::Beta,
        Metric::ExcessSharpe,
    ];
    let shown = shown
        .into_iter()
        .map(|metric| fact(metric.name(), human::metric(metric, metrics.get(metric))));
    of_fold(record, window).into_iter().chain(shown).collect()
}

/// In which training window of a walk-forward a trial ran.
pub(super) fn of_fold(record: &JobRecord, window: u32) -> Option<(String, String)> {
    let window = record.layout.windows.get(window as usize)?;
    let (fold, from, to) = (window.fold?, window.from?, window.to?);
    let text = format!(
        "the training of fold {fold}, {} to {}",
        human::time(from.0),
        human::time(to.0)
    );
    Some(fact("ran over", text))
}

pub(super) fn of_costs(metrics: &Metrics, bars: u64, spec: &JobSpec, again: Option<&Again>, evidence: &Evidence) -> Facts {
    let mut facts = vec![fact("fees", human::metric(Metric::Fees, metrics.get(Metric::Fees)))];
    if let Some(again) = again {
        facts.push(fact(
            "costs that use up the profit",
            match (again.has_costs, again.break_even) {
                (false, _) => "the job has no costs that could be multiplied".to_owned(),
                (true, Some(multiple)) if multiple <= 0.0 => "none: there is no profit without them either".to_owned(),
                (true, Some(multiple)) => format!("{multiple:.2} times those of the job"),
                (true, None) => "more than a thousand times those of the job".to_owned(),
            },
        ));
    }
    if let Some(turnover) = metrics.get(Metric::Turnover) {
        facts.push(fact("turnover", format!("{} times the capital", human::number(turnover))));
        let days = (bars as f64 * spec.data.bars.bar_ns() as f64 / DAY_NS as f64).max(1.0);
        let years = if spec.data.bars.length().is_some_and(BarLength::is_daily_or_longer) {
            bars as f64 / 252.0
        } else {
            days / 365.0
        };
        if years > 0.0 {
            facts.push(fact(
                "capacity: a basis point of market impact takes",
                format!("{} a year", human::percent(turnover / years / 1e4)),
            ));
        }
    }
    if let Some(share) = evidence.ambiguous {
        let mut text = human::percent(share);
        if let Some(lucky) = again.and_then(|again| again.lucky_bars) {
            text = format!("{text}; total return with the luckier order {}", human::percent(lucky));
        }
        facts.push(fact("trades decided inside a bar that reached stop and target", text));
    }
    facts
}
