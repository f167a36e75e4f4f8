//! A job's best trial, and all that was recorded and can be run again to judge it.

use assay_coordinator::Luck;
use assay_core::job::{JobSpec, ValidationSpec};
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::space::Point;
use assay_core::time::{BarLength, DAY_NS};
use assay_data::Catalog;
use assay_optimizer::statistics::SharpeEstimate;
use assay_optimizer::verdict::{BeyondMarket, Evidence, OutOfSample, judge};
use assay_proto::{HeldBackState, Recorded};
#[cfg(feature = "cluster")]
use assay_store::scan_points;
use assay_store::{JobRecord, JobState};
use serde_json::{Value, json};

use super::cross::Crossed;
use super::market::Replays;
use super::{Case, Cost, Facts};
use crate::args::VerdictArgs;
#[cfg(feature = "cluster")]
use crate::cluster::Session;
use crate::commands::leaderboard::Board;
use crate::commands::show::params_text;
use crate::commands::top::find_job;
#[cfg(feature = "cluster")]
use crate::commands::top::job_name;
use crate::failure::Failure;
use crate::job::catalog_of;
use crate::local::Ledger;
use crate::output::human;
use crate::settings::Settings;

pub(super) fn case(name: &str, args: &VerdictArgs, settings: &Settings) -> Result<Case, Failure> {
    #[cfg(feature = "cluster")]
    if let Some(session) = args.cluster.session()? {
        let name = job_name(name, settings)?;
        let (job, recorded) = session.ask(|remote| async move { remote.evidence(&name, true).await })?;
        let id = job.record.id.to_string();
        let mut look = || {
            let id = id.clone();
            session.ask(|remote| async move { remote.record_look(&id).await })
        };
        let data = session.data_of(&job.record, settings)?;
        let crossed = matches!(stored_spec(&job.record)?.validation, ValidationSpec::Cpcv(_));
        let points = crossed.then(|| points_there(&session, &job.record)).transpose()?;
        return judged(&job.record, &recorded, points.as_deref(), &mut look, &data.catalog);
    }
    #[cfg(not(feature = "cluster"))]
    let _ = args;
    let mut ledger = Ledger::new(&settings.home)?;
    let record = find_job(name, settings, &mut ledger)?;
    if record.state != JobState::Done {
        let message = format!(
            "job `{}` ({}) is {}: there is nothing to judge yet",
            record.name, record.id, record.state
        );
        return Err(Failure::not_found(message).hint("`assay run JOB.toml` finishes it"));
    }
    let recorded = ledger.recorded(&record, true)?;
    let points = ledger.points(&record)?;
    judged(
        &record,
        &recorded,
        Some(&points),
        &mut || ledger.record_look(&record),
        &catalog_of(&record, settings)?,
    )
}

/// All points of a job of a cluster.
#[cfg(feature = "cluster")]
fn points_there(session: &Session, record: &JobRecord) -> Result<Vec<Point>, Failure> {
    let home = session.fetch_results(record)?;
    let mut points = Vec::new();
    scan_points(home.path(), &record.layout, &[], |scanned| {
        points.push(Point(scanned.point.into()))
    })?;
    Ok(points)
}

/// What the best trial does on the data that its search had not seen.
struct HeldBack {
    state: HeldBackState,
    metrics: Metrics,
}

impl HeldBack {
    /// Looks, after the look is recorded; `None` without a holdout.
    fn look(
        recorded: &Recorded,
        replays: &Replays,
        catalog: &Catalog,
        record_look: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<Option<Self>, Failure> {
        let (Some(state), Some(best)) = (recorded.held_back, &recorded.best) else {
            return Ok(None);
        };
        let Some(markets) = replays.held_back(catalog)? else {
            return Ok(None);
        };
        record_look()?;
        Ok(Some(Self {
            state,
            metrics: replays.on(&markets, &best.point),
        }))
    }

    fn of_verdict(&self) -> OutOfSample {
        OutOfSample {
            sharpe: self.metrics.get(Metric::Sharpe),
            seen: self.state.searched || self.state.looked_at_before,
        }
    }

    fn to_json(&self, in_sample: Option<f64>) -> Value {
        let sharpe = self.metrics.get(Metric::Sharpe);
        json!({
            "method": "holdout",
            "from": self.state.from,
            "to": self.state.to,
            "sharpe": sharpe,
            "in_sample_sharpe": in_sample,
            "ratio": sharpe.zip(in_sample.filter(|sharpe| *sharpe > 0.0)).map(|(out, inside)| out / inside),
            "total_return": self.metrics.get(Metric::TotalReturn),
            "trades": self.metrics.get(Metric::Trades),
            "seen": self.of_verdict().seen,
            "looks": self.state.looks + 1,
        })
    }

    fn facts(&self) -> Facts {
        let show = |metric: Metric| human::metric(metric, self.metrics.get(metric));
        let seen = match (self.state.searched, self.state.looked_at_before) {
            (true, _) => "a search like this one had them before",
            (false, true) => "the verdict on another job had looked at them before",
            (false, false) => "nobody had seen them before",
        };
        vec![
            fact(
                "held back",
                format!("{} to {}", human::time(self.state.from.0), human::time(self.state.to.0)),
            ),
            fact("seen", seen),
            fact("looks so far", human::count(self.state.looks as i64 + 1)),
            fact("sharpe", show(Metric::Sharpe)),
            fact("total_return", show(Metric::TotalReturn)),
            fact("max_drawdown", show(Metric::MaxDrawdown)),
            fact("trades", show(Metric::Trades)),
        ]
    }
}

fn judged(
    record: &JobRecord,
    recorded: &Recorded,
    points: Option<&[Point]>,
    record_look: &mut dyn FnMut() -> Result<(), Failure>,
    catalog: &Catalog,
) -> Result<Case, Failure> {
    let objective = record.objective()?;
    let ranked: Vec<Ranked> = recorded.best.iter().cloned().collect();
    let board = Board::new(record, &ranked, objective.maximize)?;
    let metrics = recorded
        .best
        .as_ref()
        .and_then(|best| board.metrics(best))
        .unwrap_or_default();
    let luck = Luck::from_json(&recorded.luck);
    let mut notes = Vec::new();
    if luck.is_none() {
        notes.push("this job ran before its luck was measured; run it again under another --home to have all of it".to_owned());
    }
    let spec = stored_spec(record)?;
    let replays = Replays::new(record, objective.aggregate, catalog);
    let again = match (&recorded.best, &replays) {
        (Some(best), Ok(replays)) => Some(Again::run(replays, best, &metrics)?),
        (Some(_), Err(failure)) => {
            notes.push(format!("the best trial was not run again: {}", failure.message()));
            None
        }
        (None, _) => None,
    };
    let held_back = match &replays {
        Ok(replays) => HeldBack::look(recorded, replays, catalog, record_look)?,
        Err(_) => None,
    };
    let crossed = match (&spec.validation, &replays, points) {
        (ValidationSpec::Cpcv(cpcv), Ok(replays), Some(points)) => Some(Crossed::new(cpcv, replays, points)?),
        (ValidationSpec::Cpcv(_), Ok(_), None) => {
            notes.push("cross-validation needs the result files: ask for the verdict where they are".to_owned());
            None
        }
        _ => None,
    };
    let periods_per_year = metrics.get(Metric::PeriodsPerYear).unwrap_or(252.0);
    let trades = metrics.get(Metric::Trades);
    let evidence = Evidence {
        best: luck
            .as_ref()
            .and_then(|luck| luck.observations)
            .and_then(|n| estimate(&metrics, n)),
        beyond_market: again.as_ref().map_or(BeyondMarket::Unknown, |again| again.beyond_market),
        periods_per_year,
        variance: recorded.sharpe_variance,
        trials_job: luck.as_ref().map_or(record.points.unwrap_or_default(), |luck| luck.points),
        trials_family: recorded.family_points,
        overfitting: match &luck {
            Some(luck) => luck.pbo(),
            None => Err("it was not measured when the job ran".to_owned()),
        },
        trades,
        excess_sharpe: metrics.get(Metric::ExcessSharpe),
        out_of_sample: match (&held_back, &crossed) {
            (Some(held), _) => Some(held.of_verdict()),
            (None, Some(crossed)) => Some(OutOfSample {
                sharpe: crossed.median(),
                seen: false,
            }),
            (None, None) => None,
        },
        plateau: recorded.plateau.and_then(|plateau| plateau.share),
        cost_break_even: again.as_ref().and_then(|again| again.break_even),
        ambiguous: metrics
            .get(Metric::AmbiguousBars)
            .zip(trades)
            .map(|(bars, trades)| bars / trades.max(1.0)),
    };
    let verdict = judge(&evidence);
    let best_json = board.to_json().into_iter().next().unwrap_or(Value::Null);
    let best_text = match &recorded.best {
        Some(best) => params_text(&record.layout.values(&best.point)),
        None => "no trial has an objective".to_owned(),
    };
    let points = human::count(evidence.trials_job as i64);
    let title = format!(
        "{} ({}): the best of {points} points by {}",
        record.name, record.id, objective.maximize
    );
    let mut facts = vec![
        ("search", of_search(recorded, luck.as_ref(), &evidence)),
        ("best trial as seen", as_seen(&metrics)),
        (
            "costs and capacity",
            of_costs(&metrics, record, &spec, again.as_ref(), &evidence),
        ),
    ];
    if let Some(held_back) = &held_back {
        facts.insert(2, ("out of sample", held_back.facts()));
    }
    if let Some(crossed) = &crossed {
        facts.insert(2, ("cross-validation", crossed.facts()));
    }
    let out_of_sample = match (&held_back, &crossed) {
        (Some(held), _) => held.to_json(verdict.sharpe),
        (None, Some(crossed)) => crossed.to_json(verdict.sharpe),
        (None, None) => Value::Null,
    };
    Ok(Case {
        title,
        best: best_json,
        best_text,
        evidence,
        verdict,
        out_of_sample,
        facts,
        costs: again.map_or_else(Vec::new, |again| again.costs),
        notes,
    })
}

/// What running the best trial again tells.
struct Again {
    beyond_market: BeyondMarket,
    costs: Vec<Cost>,
    break_even: Option<f64>,
    has_costs: bool,
    lucky_bars: Option<f64>,
}

impl Again {
    fn run(replays: &Replays, best: &Ranked, metrics: &Metrics) -> Result<Self, Failure> {
        let point = &best.point;
        let has_costs = replays.has_costs();
        let ambiguous = metrics.get(Metric::AmbiguousBars).is_some_and(|bars| bars > 0.0);
        Ok(Self {
            beyond_market: replays.beyond_market(point)?,
            costs: if has_costs { replays.costs(point)? } else { Vec::new() },
            break_even: if has_costs { replays.break_even(point)? } else { None },
            has_costs,
            lucky_bars: if ambiguous { replays.lucky_bars(point)? } else { None },
        })
    }
}

/// The Sharpe ratio of a trial from its row.
fn estimate(metrics: &Metrics, observations: u64) -> Option<SharpeEstimate> {
    let periods = metrics.get(Metric::PeriodsPerYear)?;
    Some(SharpeEstimate {
        sharpe: metrics.get(Metric::Sharpe)? / periods.sqrt(),
        observations,
        skew: metrics.get(Metric::Skew)?,
        kurtosis: metrics.get(Metric::Kurtosis)? + 3.0,
    })
}

fn stored_spec(record: &JobRecord) -> Result<JobSpec, Failure> {
    let broken = |reason: &str| Failure::external(format!("the record of job {} {reason}", record.id));
    let stored: Value = serde_json::from_str(&record.spec).map_err(|_| broken("is not JSON"))?;
    let source = stored["source"].as_str().ok_or_else(|| broken("has no source"))?;
    Ok(JobSpec::from_toml(source)?)
}

fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

fn of_search(recorded: &Recorded, luck: Option<&Luck>, evidence: &Evidence) -> Facts {
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

fn as_seen(metrics: &Metrics) -> Facts {
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
    shown.collect()
}

fn of_costs(metrics: &Metrics, record: &JobRecord, spec: &JobSpec, again: Option<&Again>, evidence: &Evidence) -> Facts {
    let mut facts = vec![fact("fees", human::metric(Metric::Fees, metrics.get(Metric::Fees)))];
    if let Some(again) = again {
        facts.push(fact(
            "costs that use up the profit",
            match (again.has_costs, again.break_even) {
                (false, _) => "the job has no costs that could be multiplied".to_owned(),
                (true, Some(multiple)) => format!("{multiple:.2} times those of the job"),
                (true, None) => "more than a thousand times those of the job".to_owned(),
            },
        ));
    }
    if let Some(turnover) = metrics.get(Metric::Turnover) {
        facts.push(fact("turnover", format!("{} times the capital", human::number(turnover))));
        let bars = record.bars.unwrap_or_default() / record.layout.instruments.len().max(1) as u64;
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
