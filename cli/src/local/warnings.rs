//! What a user should know of a job before its numbers are believed.

use assay_core::job::Goal;
use assay_core::metrics::Metric;
use assay_core::space::Domain;
use assay_core::time::DAY_NS;
use assay_engine::Plan;
use assay_strategies::Job;
use assay_strategies::sweep::Sweep;
use assay_worker::{Markets, Prepared};

use crate::output::human;
use crate::settings::Settings;

/// Days in a year.
const YEAR_DAYS: f64 = 365.2425;
/// Windows shorter than this say little about a year.
const LEAST_DAYS: f64 = 60.0;
/// How far the returns of a year may be from what they are annualised with.
const NEAR: f64 = 1.1;

/// Warns of what makes the numbers of a job other than they look.
pub(super) fn warn_of(job: &Job, prepared: &Prepared, settings: &Settings) {
    for found in &prepared.never_trade {
        settings.warn(&format!(
            "warm-ups of up to {} bars leave none of the {} bars of {}: such trials never trade",
            human::count(found.warmup as i64),
            human::count(found.bars as i64),
            found.symbol
        ));
    }
    of_goals(job.spec.objective.goals()).for_each(|text| settings.warn(&text));
    of_years(&prepared.markets).for_each(|text| settings.warn(&text));
    let searched = |domain: &Domain| !matches!(domain, Domain::Fixed(_));
    if job.spec.search.trials.is_some() && !job.space.params.iter().any(|parameter| searched(&parameter.domain)) {
        settings.warn("no parameter is searched, so that there is one point: give ranges in [params]");
    }
}

/// Goals that prefer what they seem to avoid.
pub(crate) fn of_goals(goals: impl Iterator<Item = Goal>) -> impl Iterator<Item = String> {
    goals
        .filter(|goal| goal.negated && goal.metric == Metric::MaxDrawdown)
        .map(|goal| {
            format!(
                "drawdowns are negative: `{goal}` ranks the deepest first, `{}` the smallest",
                goal.metric
            )
        })
}

/// Instruments whose year has far more or fewer returns than the calendar says by which Sharpe ratios are made annual.
pub(crate) fn of_years(markets: &Markets) -> impl Iterator<Item = String> {
    let plans = markets.sweeps().map(Sweep::plan);
    plans.filter_map(of_year)
}

fn of_year(plan: &Plan) -> Option<String> {
    let market = &plan.market;
    let (first, last) = (
        *market.time.get(market.window.start)?,
        *market.time.get(market.window.end.checked_sub(1)?)?,
    );
    let days = (last - first) as f64 / DAY_NS as f64;
    if days < LEAST_DAYS {
        return None;
    }
    let found = plan.observations() as f64 / days * YEAR_DAYS;
    let taken = plan.config.periods_per_year;
    let ratio = taken / found;
    if (1.0 / NEAR..NEAR).contains(&ratio) {
        return None;
    }
    let instrument = &market.instrument;
    let why = if instrument.known {
        "its calendar does not fit these data"
    } else {
        "it is in no symbol table, and taken for a market that never closes: give it a `calendar` in instruments.toml"
    };
    Some(format!(
        "{} has {} returns a year, but {} make its figures annual, so that Sharpe ratios come out {} times as large; {why}",
        instrument.symbol,
        human::count(found.round() as i64),
        human::count(taken.round() as i64),
        ((ratio.sqrt() * 10.0).round() / 10.0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_seeks_the_deepest_drawdown_is_told() {
        let goals = [
            (Metric::MaxDrawdown, true),
            (Metric::MaxDrawdown, false),
            (Metric::Volatility, true),
            (Metric::Sharpe, false),
        ];
        let told: Vec<String> = of_goals(goals.into_iter().map(|(metric, negated)| Goal { metric, negated })).collect();
        assert_eq!(told.len(), 1);
        assert!(
            told[0].contains("`-max_drawdown` ranks the deepest first, `max_drawdown` the smallest"),
            "{told:?}"
        );
    }
}
