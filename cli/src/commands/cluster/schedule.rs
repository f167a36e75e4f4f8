//! `assay schedule`: of a cluster if one is named, else of the home.

use std::io::Write;

use anstream::eprintln;
use assay_coordinator::schedule::{Report, ScheduleError};
use assay_core::time::UtcNs;
use assay_data::Catalog;
use assay_proto::ScheduleInfo;
use serde_json::json;

use super::schedule_view::{info_rows, print_report, report_rows};
use crate::args::{ClusterArgs, Limits, OutputFormat, ScheduleArgs, ScheduleCommand};
use crate::cluster::Session;
use crate::failure::{Failure, INTERRUPTED, Outcome};
use crate::job;
use crate::local::Nights;
use crate::output::{human, print_json, print_rows, stdout};
use crate::settings::Settings;

pub(in crate::commands) fn run(command: &ScheduleCommand, settings: &Settings) -> Outcome {
    match command {
        ScheduleCommand::Add {
            job,
            cron,
            tz,
            name,
            priority,
            cluster,
        } => {
            let catalog = Catalog::open(&settings.home)?;
            let job = job::load(job, &catalog)?;
            let name = name.as_deref().unwrap_or(&job.spec.name);
            let place = Place::of(cluster, settings)?;
            if let Place::There(session) = &place {
                session.push_data_of(&job, &catalog)?;
            }
            let info = place.add(name, cron, tz, job.body(), *priority)?;
            added(&info, settings)
        }
        ScheduleCommand::Ls(cluster) => list(&Place::of(cluster, settings)?, settings),
        ScheduleCommand::RunNow { schedule, limits } => run_now(schedule, *limits, settings),
        ScheduleCommand::Disable(args) => {
            Place::of(&args.cluster, settings)?.enable(&args.name, false)?;
            eprintln!("{} rests", args.name);
            Ok(0)
        }
        ScheduleCommand::Enable(args) => {
            Place::of(&args.cluster, settings)?.enable(&args.name, true)?;
            eprintln!("{} is enabled", args.name);
            Ok(0)
        }
        ScheduleCommand::Rm(args) => {
            Place::of(&args.cluster, settings)?.remove(&args.name)?;
            eprintln!("{} is removed; its jobs stay", args.name);
            Ok(0)
        }
        ScheduleCommand::Report { schedule, at } => {
            let text = Place::of(&schedule.cluster, settings)?.report(&schedule.name, *at)?;
            let report: Report = serde_json::from_str(&text).map_err(|error| ScheduleError::Report {
                name: schedule.name.clone(),
                reason: error.to_string(),
            })?;
            show(&report, settings)
        }
        ScheduleCommand::RunDue(limits) => run_due(*limits, settings),
    }
}

/// Who has the schedules.
enum Place<'a> {
    There(Session),
    Here(Nights<'a>),
}

impl<'a> Place<'a> {
    fn of(cluster: &ClusterArgs, settings: &'a Settings) -> Result<Self, Failure> {
        Ok(match cluster.session()? {
            Some(session) => Self::There(session),
            None => Self::Here(Nights::open(settings)?),
        })
    }

    fn add(&self, name: &str, cron: &str, zone: &str, body: String, priority: u8) -> Result<ScheduleInfo, Failure> {
        match self {
            Self::There(session) => {
                session.ask(|remote| async move { remote.add_schedule(name, cron, zone, body, priority).await })
            }
            Self::Here(nights) => nights.add(name, cron, zone, body, priority),
        }
    }

    fn list(&self) -> Result<Vec<ScheduleInfo>, Failure> {
        match self {
            Self::There(session) => session.ask(|remote| async move { remote.schedules().await }),
            Self::Here(nights) => nights.list(),
        }
    }

    fn enable(&self, name: &str, enabled: bool) -> Result<(), Failure> {
        match self {
            Self::There(session) => session.ask(|remote| async move { remote.enable_schedule(name, enabled).await }),
            Self::Here(nights) => nights.enable(name, enabled),
        }
    }

    fn remove(&self, name: &str) -> Result<(), Failure> {
        match self {
            Self::There(session) => session.ask(|remote| async move { remote.remove_schedule(name).await }),
            Self::Here(nights) => nights.remove(name),
        }
    }

    fn report(&self, name: &str, planned: Option<UtcNs>) -> Result<String, Failure> {
        match self {
            Self::There(session) => session.ask(|remote| async move { remote.schedule_report(name, planned).await }),
            Self::Here(nights) => nights.report(name, planned),
        }
    }
}

fn added(info: &ScheduleInfo, settings: &Settings) -> Outcome {
    let name = &info.schedule.name;
    match (settings.format(), info.next) {
        (OutputFormat::Table, Some(next)) => {
            writeln!(stdout(), "{name} runs next at {} UTC", human::time(next.0))?;
            eprintln!("next: assay schedule run-now \"{name}\", or wait; then assay schedule report \"{name}\"");
        }
        (format, _) => print_rows(&info_rows(std::slice::from_ref(info)), format)?,
    }
    Ok(0)
}

fn list(place: &Place<'_>, settings: &Settings) -> Outcome {
    let schedules = place.list()?;
    if schedules.is_empty() && settings.format() == OutputFormat::Table {
        eprintln!("no schedules yet; `assay schedule add JOB.toml --cron \"0 2 * * *\" --tz Europe/London` makes one");
        return Ok(0);
    }
    print_rows(&info_rows(&schedules), settings.format())?;
    Ok(0)
}

fn run_now(args: &ScheduleArgs, limits: Limits, settings: &Settings) -> Outcome {
    match Place::of(&args.cluster, settings)? {
        Place::There(session) => {
            let id = session.ask(|remote| async move { remote.run_schedule(&args.name).await })?;
            match settings.format() {
                OutputFormat::Table => {
                    writeln!(stdout(), "{id}")?;
                    eprintln!("next: assay watch {id}, then assay schedule report \"{}\"", args.name);
                }
                _ => print_json(&json!({ "schedule": args.name, "job_id": id }))?,
            }
            Ok(0)
        }
        Place::Here(nights) => match nights.run_now(&args.name, limits)? {
            Some(report) => show(&report, settings),
            None => Ok(stopped()),
        },
    }
}

fn run_due(limits: Limits, settings: &Settings) -> Outcome {
    let reports = Nights::open(settings)?.run_due(limits)?;
    if reports.is_empty() {
        eprintln!("nothing is due");
    }
    let mut code = 0;
    for report in reports {
        code = code.max(match report {
            Some(report) => show(&report, settings)?,
            None => stopped(),
        });
    }
    Ok(code)
}

fn stopped() -> u8 {
    eprintln!("stopped; `assay schedule run-due` goes on with it");
    INTERRUPTED
}

/// Shows a report; a run whose job failed is no success.
fn show(report: &Report, settings: &Settings) -> Outcome {
    match settings.format() {
        OutputFormat::Json => print_json(report)?,
        OutputFormat::Table => print_report(report)?,
        format => print_rows(&report_rows(report), format)?,
    }
    match &report.error {
        Some(error) => Err(Failure::external(format!("job {} failed: {error}", report.job_id))),
        None => Ok(0),
    }
}
