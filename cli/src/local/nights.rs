//! Schedules of a home: what a coordinator does about them at night, done when somebody asks for it.

use assay_coordinator::JobPlan;
use assay_coordinator::schedule::{Report, book, due, warmed};
use assay_core::time::UtcNs;
use assay_data::Catalog;
use assay_proto::ScheduleInfo;
use assay_store::{Change, JobRecord, Schedule, ScheduledRun, Store};
use assay_strategies::Job;
use tokio::runtime::{Builder, Runtime};

use super::{Ended, now, run};
use crate::args::Limits;
use crate::failure::Failure;
use crate::job;
use crate::settings::Settings;

/// Whose schedules and jobs those of a home are.
const OWNER: &str = "local";

/// The schedules of a home.
pub(crate) struct Nights<'a> {
    settings: &'a Settings,
    runtime: Runtime,
    store: Store,
}

impl<'a> Nights<'a> {
    pub(crate) fn open(settings: &'a Settings) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| Failure::external(format!("cannot start the database runtime: {error}")))?;
        let store = runtime.block_on(Store::open(&settings.home))?;
        Ok(Self {
            settings,
            runtime,
            store,
        })
    }

    pub(crate) fn add(&self, name: &str, cron: &str, zone: &str, body: String, priority: u8) -> Result<ScheduleInfo, Failure> {
        let at = now();
        let schedule = Schedule {
            name: name.to_owned(),
            owner: OWNER.to_owned(),
            priority,
            cron: cron.to_owned(),
            zone: zone.to_owned(),
            body,
            enabled: true,
            created: at,
            since: at,
        };
        Ok(self.runtime.block_on(book::add(&self.store, schedule))?)
    }

    pub(crate) fn list(&self) -> Result<Vec<ScheduleInfo>, Failure> {
        let info = |schedule| Ok(self.runtime.block_on(book::info(&self.store, schedule, now()))?);
        let schedules = self.runtime.block_on(self.store.schedules())?;
        schedules.into_iter().map(info).collect()
    }

    fn find(&self, name: &str) -> Result<Schedule, Failure> {
        Ok(book::find(self.runtime.block_on(self.store.schedules())?, name)?)
    }

    pub(crate) fn enable(&self, name: &str, enabled: bool) -> Result<(), Failure> {
        let name = self.find(name)?.name;
        let changed = book::set_enabled(&self.store, &name, enabled, now());
        Ok(self.runtime.block_on(changed)?)
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        let name = self.find(name)?.name;
        self.runtime.block_on(self.store.remove_schedule(&name))?;
        Ok(())
    }

    pub(crate) fn report(&self, name: &str, planned: Option<UtcNs>) -> Result<String, Failure> {
        let name = self.find(name)?.name;
        Ok(self.runtime.block_on(book::report(&self.store, &name, planned))?)
    }

    /// Runs a schedule now; `None` if the user stopped it.
    pub(crate) fn run_now(&self, name: &str, limits: Limits) -> Result<Option<Report>, Failure> {
        let schedule = self.find(name)?;
        self.take_up(&schedule, now(), limits)
    }

    /// Goes on with what was begun, then runs what is due; `None` in place of a report where the user stopped it.
    pub(crate) fn run_due(&self, limits: Limits) -> Result<Vec<Option<Report>>, Failure> {
        let mut reports = Vec::new();
        for begun in self.runtime.block_on(self.store.unreported_runs())? {
            let Some(id) = begun.job else { continue };
            let record = self.runtime.block_on(self.store.job(id))?;
            let record = record.ok_or_else(|| Failure::internal(format!("job {id} vanished from the database")))?;
            reports.push(self.carry_out(&begun, &Job::from_body(&record.body)?, limits)?);
        }
        for schedule in self.runtime.block_on(self.store.schedules())? {
            let last = self.runtime.block_on(self.store.runs(&schedule.name, 1))?;
            if let Some(planned) = due(&schedule, last.first().map(|run| run.planned), now()) {
                reports.push(self.take_up(&schedule, planned, limits)?);
            }
        }
        Ok(reports)
    }

    /// Takes a time up in the transaction that enters its job: whoever is killed after that leaves a run that can be gone on with.
    fn take_up(&self, schedule: &Schedule, planned: UtcNs, limits: Limits) -> Result<Option<Report>, Failure> {
        let mut run = ScheduledRun {
            schedule: schedule.name.clone(),
            planned,
            taken: now(),
            job: None,
            error: None,
            report: None,
        };
        let planned = Job::from_body(&schedule.body).map_err(Failure::from).and_then(|job| {
            let job = job::renew(job, &Catalog::open(&self.settings.home)?)?;
            let job = self.runtime.block_on(warmed(&self.store, &run, job))?;
            let new = JobPlan::of_job(&job)?.new_job(&job, OWNER, schedule.priority, now());
            Ok((job, new))
        });
        let (job, new) = planned.or_else(|failure| {
            run.error = Some(failure.message().to_owned());
            self.record(&[Change::RunTaken(Box::new(run.clone()))])?;
            Err(failure.at(format!("schedule `{}`", schedule.name)))
        })?;
        run.job = Some(job.id);
        self.record(&[Change::JobAdded(Box::new(new)), Change::RunTaken(Box::new(run.clone()))])?;
        self.carry_out(&run, &job, limits)
    }

    /// Runs the job of a run, and writes down what it changed.
    fn carry_out(&self, taken: &ScheduledRun, job: &Job, limits: Limits) -> Result<Option<Report>, Failure> {
        let error = match run(job, &Catalog::open(&self.settings.home)?, self.settings, limits) {
            Ok(Ended::Done(_)) => None,
            Ok(Ended::Interrupted { .. }) => return Ok(None),
            Err(failure) => Some(failure.message().to_owned()),
        };
        let report = self.runtime.block_on(async {
            let record: Option<JobRecord> = self.store.job(job.id).await?;
            let record = record.ok_or_else(|| Failure::internal(format!("job {} vanished from the database", job.id)))?;
            Ok::<_, Failure>(Report::of_job(&self.store, taken, &record, error).await?)
        })?;
        self.record(&[Change::RunReported {
            schedule: taken.schedule.clone(),
            planned: taken.planned,
            report: report.to_json(),
        }])?;
        Ok(Some(report))
    }

    fn record(&self, changes: &[Change]) -> Result<(), Failure> {
        Ok(self.runtime.block_on(async {
            let office = self.store.lead("schedules").await?;
            self.store.apply(office.epoch(), changes).await
        })?)
    }
}
