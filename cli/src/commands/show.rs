//! `assay show`: one trial again in full detail, compared with its row.

use assay_core::ids::TrialId;
use assay_core::job::Intrabar;
use assay_core::metrics::{Metric, Metrics};
use assay_core::row::{Outcome as TrialOutcome, TrialRow};
use assay_data::Catalog;
use assay_engine::{Plan, Replay, Trade};
use assay_store::JobRecord;
use assay_strategies::Job;
use assay_worker::{Markets, trade_record};
use serde_json::{Map, Value, json};

use super::show_view;
#[cfg(feature = "cluster")]
use crate::args::ClusterArgs;
use crate::args::{OutputFormat, ShowArgs, ShowRows};
use crate::failure::{Failure, Outcome};
use crate::job;
use crate::local::{Ledger, rows_on_ticks};
use crate::output::{Cell, Kind, Rows, human, print_json, print_rows};
use crate::settings::Settings;

/// Replay against row: `|a - b| <= tolerance x max(|a|, |b|, 1)`.
const TOLERANCE: f64 = 1e-9;

/// A trial, its row and its replay.
pub(super) struct Shown {
    pub(super) record: JobRecord,
    pub(super) trial: TrialId,
    pub(super) row: TrialRow,
    /// As stored.
    pub(super) metrics: Metrics,
    pub(super) replay: Replay,
    /// The trial under other assumptions about what came first within a bar, and on ticks.
    pub(super) readings: Readings,
    markets: Markets,
}

/// A trial as it would have been.
#[derive(Default)]
pub(super) struct Readings {
    /// With the stop first, and with the target first, where a bar reached both.
    pub(super) bounds: Option<[Metrics; 2]>,
    /// With fills from ticks, where `[fidelity]` ran it again.
    pub(super) on_ticks: Option<Metrics>,
}

impl Shown {
    pub(super) fn instrument(&self) -> &str {
        &self.record.layout.instruments[self.trial.instrument as usize]
    }

    pub(super) fn params(&self) -> Map<String, Value> {
        self.record.layout.values(&self.row.point)
    }

    /// The market and the rules it was run by, over its window.
    pub(super) fn plan(&self) -> &Plan {
        self.markets.sweep(0).plan_of(self.row.window)
    }

    /// How far equity is below its peak, at the close of each bar.
    pub(super) fn drawdown(&self) -> Vec<f64> {
        assay_report::drawdown(&self.replay.equity, self.plan().config.capital)
    }

    /// Metrics in which the replay is not its row.
    pub(super) fn differences(&self) -> Vec<Metric> {
        self.replay.metrics.differences(&self.metrics, TOLERANCE)
    }
}

/// A trial run again: as JSON, its trades, and the close of each bar.
#[cfg(feature = "cluster")]
pub(crate) fn in_full(trial: TrialId, cluster: &ClusterArgs, settings: &Settings) -> Result<(Value, Rows, Rows), Failure> {
    let shown = find(trial, cluster, settings)?;
    Ok((to_json(&shown), trade_rows(&shown.replay.trades), equity_rows(&shown)))
}

pub(super) fn run(args: &ShowArgs, settings: &Settings) -> Outcome {
    #[cfg(feature = "cluster")]
    let shown = find(args.trial, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let shown = replay(args.trial, settings)?;
    match settings.format() {
        OutputFormat::Table => show_view::print(&shown)?,
        OutputFormat::Json => print_json(&to_json(&shown))?,
        format => match args.rows {
            ShowRows::Trades => print_rows(&trade_rows(&shown.replay.trades), format)?,
            ShowRows::Equity => print_rows(&equity_rows(&shown), format)?,
        },
    }
    let differences = shown.differences();
    if differences.is_empty() {
        return Ok(0);
    }
    let text = |metric: &Metric| {
        let of = |metrics: &Metrics| metrics.get(*metric).map_or("null".to_owned(), |value| value.to_string());
        format!(
            "{metric} ({} stored, {} replayed)",
            of(&shown.metrics),
            of(&shown.replay.metrics)
        )
    };
    let texts: Vec<String> = differences.iter().map(text).collect();
    Err(Failure::internal(format!("the replay differs from its row in {}", texts.join(", "))).at(args.trial))
}

/// Finds a trial's row in a cluster, or in the home, and runs it again.
#[cfg(feature = "cluster")]
pub(super) fn find(trial: TrialId, cluster: &ClusterArgs, settings: &Settings) -> Result<Shown, Failure> {
    if let Some(session) = cluster.session()? {
        let (job, row) = session.ask(|remote| async move { remote.row(trial).await })?;
        let data = session.data_of(&job.record, settings)?;
        let on_ticks = session.rows_on_ticks(&job.record)?;
        return replay_row(job.record, trial, row, &data.catalog, on_ticks);
    }
    replay(trial, settings)
}

/// Finds a trial's row in the home and runs it again.
pub(super) fn replay(trial: TrialId, settings: &Settings) -> Result<Shown, Failure> {
    let mut ledger = Ledger::new(&settings.home)?;
    let record = ledger.job(trial.job)?.ok_or_else(|| {
        let message = format!("no job {} in {}", trial.job, settings.home.display());
        Failure::not_found(message).hint("`assay jobs` lists the jobs of a home; --home names another one")
    })?;
    if trial.instrument as usize >= record.layout.instruments.len() {
        let message = format!("job {} has no instrument number {}", record.id, trial.instrument);
        return Err(Failure::not_found(message).hint(format!(
            "its trials are t_..._0_... to t_..._{}_...",
            record.layout.instruments.len() - 1
        )));
    }
    let row = ledger.row(&trial)?.ok_or_else(|| {
        let message = format!("job `{}` has no row of trial {trial}", record.name);
        Failure::not_found(message).hint(format!(
            "`assay top {}` lists the best; `[results] keep` may have left this one out",
            record.id
        ))
    })?;
    let catalog = job::catalog_of(&record, settings)?;
    let on_ticks = rows_on_ticks(&record, settings)?;
    replay_row(record, trial, row, &catalog, on_ticks)
}

/// Runs a trial again, on the data of a catalog. `on_ticks` are the rows of its job's best points on ticks.
fn replay_row(
    record: JobRecord,
    trial: TrialId,
    row: TrialRow,
    catalog: &Catalog,
    on_ticks: Option<Vec<TrialRow>>,
) -> Result<Shown, Failure> {
    let metrics = match &row.outcome {
        TrialOutcome::Done { metrics, .. } => *metrics,
        TrialOutcome::Failed(reason) => {
            return Err(Failure::external(format!("trial {trial} failed when it ran: {reason}"))
                .hint("narrow the parameters with `where` so that such points are left out"));
        }
    };
    let mut job = job::restore(&record, trial.instrument as usize, catalog)?;
    // The windows are those of all instruments together.
    job.windows.clone_from(&record.layout.windows);
    let markets = Markets::load(&job, catalog)?;
    let replay = markets.sweep(0).replay_over(row.window, &row.point)?;
    let readings = Readings {
        bounds: bounds(&job, &row, &metrics, catalog)?,
        on_ticks: on_ticks.and_then(|rows| metrics_of(trial, &rows)),
    };
    Ok(Shown {
        record,
        trial,
        row,
        metrics,
        replay,
        readings,
        markets,
    })
}

/// The trial with the stop and with the target first, where bars reached both.
fn bounds(job: &Job, row: &TrialRow, metrics: &Metrics, catalog: &Catalog) -> Result<Option<[Metrics; 2]>, Failure> {
    if metrics.get(Metric::AmbiguousBars).is_none_or(|bars| bars == 0.0) {
        return Ok(None);
    }
    let with = |intrabar| -> Result<Metrics, Failure> {
        let mut job = job.clone();
        job.spec.execution.intrabar = intrabar;
        Ok(Markets::load(&job, catalog)?
            .sweep(0)
            .replay_over(row.window, &row.point)?
            .metrics)
    };
    Ok(Some([with(Intrabar::Worst)?, with(Intrabar::Best)?]))
}

/// The trial's metrics, if it is among the rows and did not fail.
fn metrics_of(trial: TrialId, rows: &[TrialRow]) -> Option<Metrics> {
    let mut rows = rows.iter();
    let row = rows.find(|row| row.ordinal == trial.ordinal && row.instrument == trial.instrument)?;
    row.metrics().copied()
}

fn to_json(shown: &Shown) -> Value {
    let [worst, best] = shown.readings.bounds.map_or([None; 2], |bounds| bounds.map(Some));
    json!({
        "trial_id": shown.trial,
        "job_id": shown.record.id,
        "instrument": shown.instrument(),
        "params": shown.params(),
        "metrics": shown.metrics,
        "replay": show_view::extra(shown).iter().map(|extra| (extra.name.to_owned(), json!(extra.value))).collect::<Map<_, _>>(),
        "trades": shown.replay.trades.iter().map(|trade| super::trades::to_json(&trade_record(trade))).collect::<Vec<_>>(),
        "worst": worst,
        "best": best,
        "on_ticks": shown.readings.on_ticks,
        "matches_stored": shown.differences().is_empty(),
    })
}

/// Trades as rows, for tables and files.
pub(super) fn trade_rows(trades: &[Trade]) -> Rows {
    let records: Vec<_> = trades.iter().map(trade_record).collect();
    super::trades::rows(&records)
}

/// The close of each bar as a row.
fn equity_rows(shown: &Shown) -> Rows {
    let mut rows = Rows::new([
        ("time", Kind::Time),
        ("equity", Kind::Money),
        ("buy_and_hold", Kind::Money),
        ("drawdown", Kind::Ratio),
    ]);
    let replay = &shown.replay;
    let curves = replay.equity.iter().zip(&replay.benchmark).zip(shown.drawdown());
    for (time, ((equity, benchmark), drawdown)) in replay.times.iter().zip(curves) {
        rows.push(vec![
            Cell::Whole(*time),
            (*equity).into(),
            (*benchmark).into(),
            drawdown.into(),
        ]);
    }
    rows
}

/// Parameters in one line: `fast 10, slow 50`.
pub(super) fn params_text(params: &Map<String, Value>) -> String {
    let value = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| human::number(number.as_f64().unwrap_or(f64::NAN)), |n| n.to_string()),
        other => other.to_string(),
    };
    let texts: Vec<String> = params.iter().map(|(name, v)| format!("{name} {}", value(v))).collect();
    texts.join(", ")
}
