//! A coordinator in office: drives the [`Core`], makes its decisions durable, carries them out.
//!
//! One task owns the core. It takes what has come in, up to some hundreds of events at a time, lets the core decide about all of them,
//! makes the decisions durable in one transaction, and only then answers and publishes: a result is acknowledged only when it is safe,
//! and a busy coordinator writes few large transactions instead of many small ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use assay_core::ids::JobId;
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;
use assay_proto::{Answer, Call, Control, JobView, Link, Question, QueueView, WorkerView};
use assay_queue::{Producer, TaskMessage};
use assay_store::{Change, Depot, JobState, Leadership, NewJob, Store, Unfinished};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::core::{CompactError, Compaction, Core, Effect, Event, Proposing, Request};
use crate::error::CoordinatorError;
#[cfg(feature = "failpoints")]
use crate::failpoints;
use crate::meters::Meters;
use crate::plan::JobPlan;
use crate::publisher;
use crate::results;
use crate::settings::Settings;
use crate::sweep;

/// Events decided about in one transaction.
pub(crate) const BATCH: usize = 512;
/// Events that may wait before whoever sends more has to wait too.
const WAITING: usize = 4_096;
/// How often the core is told that time went by.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// What a coordinator needs to take office.
#[derive(Debug)]
pub struct Office {
    /// How it works.
    pub settings: Settings,
    /// Where the truth is.
    pub store: Arc<Store>,
    /// The right to change it.
    pub leadership: Leadership,
    /// Where workers hear of tasks.
    pub producer: Arc<Producer>,
    /// Where result files lie, and what is on its way there.
    pub depot: Depot,
    /// What it counts.
    pub meters: Meters,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The job.
    pub job: JobId,
    /// `done`, `stopped` or `failed`.
    pub state: JobState,
    /// Why it failed.
    pub error: Option<String>,
}

/// What comes in.
pub(crate) enum Command {
    Call(Call),
    Submit {
        job: Box<NewJob>,
        plan: Arc<JobPlan>,
        also: Vec<Change>,
        answer: Reply,
    },
    Record {
        changes: Vec<Change>,
        answer: Reply,
    },
    Control {
        job: JobId,
        control: Control,
        answer: Reply,
    },
    Look(Box<dyn FnOnce(&Core) + Send>),
    Happened(Event),
}

type Reply = oneshot::Sender<Result<Answer, CoordinatorError>>;

/// Speaks to a coordinator in office. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Coordinator {
    commands: mpsc::Sender<Command>,
    ends: broadcast::Sender<JobEnd>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Call(_) => "Call",
            Self::Submit { .. } => "Submit",
            Self::Record { .. } => "Record",
            Self::Control { .. } => "Control",
            Self::Look(_) => "Look",
            Self::Happened(_) => "Happened",
        })
    }
}

impl Coordinator {
    /// Enters a job, or finds it. `Answer::Submitted` says where it is.
    pub async fn submit(&self, job: NewJob, plan: Arc<JobPlan>) -> Result<JobState, CoordinatorError> {
        self.submit_with(job, plan, Vec::new()).await
    }

    /// The same, with further changes in the same transaction. They must not contradict what is recorded.
    pub async fn submit_with(&self, job: NewJob, plan: Arc<JobPlan>, also: Vec<Change>) -> Result<JobState, CoordinatorError> {
        let job = Box::new(job);
        let submit = |answer| Command::Submit { job, plan, also, answer };
        match self.ask(submit).await? {
            Answer::Submitted(state) => Ok(state),
            other => Err(CoordinatorError::unexpected(&other)),
        }
    }

    /// Makes changes durable that concern no job under way. They must not contradict what is recorded.
    pub async fn record(&self, changes: Vec<Change>) -> Result<(), CoordinatorError> {
        match self.ask(|answer| Command::Record { changes, answer }).await? {
            Answer::Done => Ok(()),
            other => Err(CoordinatorError::unexpected(&other)),
        }
    }

    /// Sends a job another way.
    pub async fn control(&self, job: JobId, control: Control) -> Result<(), CoordinatorError> {
        match self.ask(|answer| Command::Control { job, control, answer }).await? {
            Answer::Done => Ok(()),
            Answer::UnknownJob => Err(CoordinatorError::NotOpen { job }),
            Answer::NotNow { state } => Err(CoordinatorError::NotNow { job, state }),
            other => Err(CoordinatorError::unexpected(&other)),
        }
    }

    /// How far a job is; `None` once it is over.
    pub async fn job(&self, job: JobId) -> Result<Option<JobView>, CoordinatorError> {
        self.look(move |core| core.job(job)).await
    }

    /// All jobs that are not over.
    pub async fn jobs(&self) -> Result<Vec<JobView>, CoordinatorError> {
        self.look(|core| core.jobs().collect()).await
    }

    /// The best points so far of a job that is not over, best first.
    pub async fn top(&self, job: JobId) -> Result<Option<Vec<Ranked>>, CoordinatorError> {
        self.look(move |core| core.top(job)).await
    }

    /// All workers.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, CoordinatorError> {
        self.look(|core| core.workers().collect()).await
    }

    /// The queue in numbers.
    pub async fn queue(&self) -> Result<QueueView, CoordinatorError> {
        self.look(Core::queue).await
    }

    /// Tells of every job that ends from now on.
    pub fn ends(&self) -> broadcast::Receiver<JobEnd> {
        self.ends.subscribe()
    }

    /// A link for a worker in this process.
    pub fn link(&self) -> Link {
        let (link, mut calls) = Link::new(WAITING);
        let coordinator = self.clone();
        tokio::spawn(async move {
            while let Some(call) = calls.recv().await {
                coordinator.pass(call).await;
            }
        });
        link
    }

    /// Takes a worker's call in. Without a coordinator the caller learns it from the answer that does not come.
    pub async fn pass(&self, call: Call) {
        let _ = self.commands.send(Command::Call(call)).await;
    }

    async fn look<T: Send + 'static>(&self, look: impl FnOnce(&Core) -> T + Send + 'static) -> Result<T, CoordinatorError> {
        let (sender, receiver) = oneshot::channel();
        let command = Command::Look(Box::new(move |core| {
            // Who asked may have gone away.
            let _ = sender.send(look(core));
        }));
        self.commands.send(command).await.map_err(|_| CoordinatorError::Gone)?;
        receiver.await.map_err(|_| CoordinatorError::Gone)
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> Command) -> Result<Answer, CoordinatorError> {
        let (answer, answered) = oneshot::channel();
        self.commands
            .send(command(answer))
            .await
            .map_err(|_| CoordinatorError::Gone)?;
        answered.await.map_err(|_| CoordinatorError::Gone)?
    }
}

/// Wall time that never jumps: a lease must not end because a clock was set.
#[derive(Debug, Clone, Copy)]
struct Clock {
    wall: i64,
    began: Instant,
}

impl Clock {
    fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            wall: since.as_nanos() as i64,
            began: Instant::now(),
        }
    }

    fn now(&self) -> UtcNs {
        UtcNs(self.wall + self.began.elapsed().as_nanos() as i64)
    }
}

/// Who waits for the answer to a request.
enum Waiting {
    Worker(oneshot::Sender<Result<Answer, assay_proto::LinkError>>),
    Client(Reply),
}

struct Desk {
    office: Office,
    core: Core,
    clock: Clock,
    waiting: HashMap<Request, Waiting>,
    next_request: u64,
    messages: mpsc::UnboundedSender<TaskMessage>,
    /// Weak, or its own end would keep the inbox open for ever.
    commands: mpsc::WeakSender<Command>,
    ends: broadcast::Sender<JobEnd>,
}

impl Office {
    /// Takes up all jobs that are not over, unless its worker is this process: then only what is submitted. Works until every
    /// [`Coordinator`] is dropped, or until the database is lost or another coordinator took over.
    pub async fn open(self) -> Result<(Coordinator, impl Future<Output = Result<(), CoordinatorError>>), CoordinatorError> {
        let clock = Clock::new();
        let unfinished = if self.settings.in_process {
            Unfinished {
                jobs: Vec::new(),
                next_task: self.store.next_task().await?.0,
            }
        } else {
            self.store.unfinished().await?
        };
        let mut jobs = Vec::new();
        let mut unreadable = Vec::new();
        for job in unfinished.jobs {
            let planned = match JobPlan::of_record(&job.record) {
                Ok(mut plan) => plan
                    .begin_from(&self.store)
                    .await
                    .map(|()| plan)
                    .map_err(|error| error.to_string()),
                Err(reason) => Err(reason),
            };
            match planned {
                Ok(plan) => jobs.push((Arc::new(plan), job)),
                Err(reason) => unreadable.push((job.record.id, reason)),
            }
        }
        let (core, mut effects) = Core::new(self.settings, jobs, unfinished.next_task, clock.now());
        effects.extend(unreadable.into_iter().map(|(job, reason)| {
            Effect::Record(Change::JobMoved {
                job,
                to: JobState::Failed,
                at: clock.now(),
                error: Some(reason),
            })
        }));
        let (commands, inbox) = mpsc::channel(WAITING);
        let (ends, _) = broadcast::channel(1_024);
        let (messages, outbox) = mpsc::unbounded_channel();
        let coordinator = Coordinator {
            commands: commands.clone(),
            ends: ends.clone(),
        };
        let meters = self.meters.clone();
        if !self.settings.in_process {
            tokio::spawn(sweep::keep(Arc::clone(&self.store), self.depot.clone(), commands.downgrade()));
        }
        tokio::spawn(publisher::publish(
            Arc::clone(&self.producer),
            outbox,
            commands.downgrade(),
            meters,
        ));
        let desk = Desk {
            office: self,
            core,
            clock,
            waiting: HashMap::new(),
            next_request: 0,
            messages,
            commands: commands.downgrade(),
            ends,
        };
        Ok((coordinator, desk.work(inbox, effects)))
    }
}

impl Desk {
    async fn work(mut self, mut inbox: mpsc::Receiver<Command>, first: Vec<Effect>) -> Result<(), CoordinatorError> {
        self.carry_out(first).await?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut effects = Vec::new();
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.take(command, &mut effects).await?,
                    None => return Ok(()),
                },
                _ = tick.tick() => {
                    effects.extend(self.core.step(Event::Tick, self.clock.now()));
                    self.office.meters.ticked();
                }
                () = self.office.leadership.lost() => return Err(CoordinatorError::Deposed),
            }
            for _ in 1..BATCH {
                match inbox.try_recv() {
                    Ok(command) => self.take(command, &mut effects).await?,
                    Err(_) => break,
                }
            }
            self.carry_out(effects).await?;
        }
    }

    async fn take(&mut self, command: Command, effects: &mut Vec<Effect>) -> Result<(), CoordinatorError> {
        let event = match command {
            Command::Look(look) => {
                look(&self.core);
                return Ok(());
            }
            Command::Happened(event) => event,
            Command::Control { job, control, answer } => Event::Control {
                request: self.wait_for(Waiting::Client(answer)),
                job,
                control,
            },
            Command::Record { changes, answer } => {
                let request = self.wait_for(Waiting::Client(answer));
                effects.extend(changes.into_iter().map(Effect::Record));
                effects.push(Effect::Answer(request, Answer::Done));
                return Ok(());
            }
            Command::Submit { job, plan, also, answer } => {
                effects.extend(also.into_iter().map(Effect::Record));
                match self.submission(job, plan, answer, effects).await? {
                    Some(event) => event,
                    None => return Ok(()),
                }
            }
            Command::Call(call) => match self.event_of(call) {
                Some(event) => event,
                None => return Ok(()),
            },
        };
        effects.extend(self.core.step(event, self.clock.now()));
        Ok(())
    }

    fn wait_for(&mut self, who: Waiting) -> Request {
        self.next_request += 1;
        let request = Request(self.next_request);
        self.waiting.insert(request, who);
        request
    }

    /// A job that is done, and whose files are there, is found; any other one is begun or continued.
    async fn submission(
        &mut self,
        job: Box<NewJob>,
        plan: Arc<JobPlan>,
        answer: Reply,
        effects: &mut Vec<Effect>,
    ) -> Result<Option<Event>, CoordinatorError> {
        let mut known = self.office.store.job_with_tasks(job.id).await?;
        if let Some(known) = &known
            && known.record.state == JobState::Done
            && self.office.depot.has_results(&known.record.layout).await?
        {
            let asked = if plan.ladder && !self.office.settings.in_process {
                let there = self.office.depot.fidelity(&known.record.layout).await?.is_some();
                !there || known.record.body != job.body
            } else {
                false
            };
            if asked {
                effects.push(Effect::Record(Change::ReplayAsked {
                    job: job.id,
                    spec: job.spec,
                    body: job.body,
                }));
            }
            effects.push(Effect::Answer(
                self.wait_for(Waiting::Client(answer)),
                Answer::Submitted(JobState::Done),
            ));
            return Ok(None);
        }
        if let Some(known) = &mut known
            && self.office.settings.in_process
        {
            let (depot, plan, tasks) = (self.office.depot.clone(), Arc::clone(&plan), known.tasks.clone());
            let found = tokio::task::spawn_blocking(move || results::best_points(&depot, &plan, &tasks)).await;
            known.ranked = found.map_err(|error| CoordinatorError::Unexpected(error.to_string()))?;
        }
        Ok(Some(Event::Submit {
            request: self.wait_for(Waiting::Client(answer)),
            job,
            plan,
            known: known.map(Box::new),
        }))
    }

    fn event_of(&mut self, call: Call) -> Option<Event> {
        let Call { question, answer } = call;
        let event = match question {
            Question::Job(job) => {
                let body = self.core.body(job);
                // Who asked may have gone away; here and below that is no concern of the coordinator.
                let _ = answer.send(Ok(body.map_or(Answer::UnknownJob, Answer::Job)));
                return None;
            }
            // The worker of a run in this process is not asked to: whoever began the run does it.
            Question::NextReplay { .. } | Question::Replayed { .. } => {
                let _ = answer.send(Ok(Answer::NotWanted));
                return None;
            }
            Question::Leave { worker } => {
                let _ = answer.send(Ok(Answer::Done));
                Event::Leave { worker }
            }
            Question::Heartbeat { worker, slots, running } => Event::Heartbeat {
                request: self.wait_for(Waiting::Worker(answer)),
                worker,
                slots,
                running,
            },
            Question::Lease { worker, task } => Event::Lease {
                request: self.wait_for(Waiting::Worker(answer)),
                worker,
                task,
            },
            Question::Report {
                worker,
                task,
                attempt,
                report,
            } => Event::Report {
                request: self.wait_for(Waiting::Worker(answer)),
                worker,
                task,
                attempt,
                report,
            },
        };
        Some(event)
    }

    /// Records first, everything else when they are durable.
    async fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), CoordinatorError> {
        let mut changes = Vec::new();
        let mut others = Vec::new();
        for effect in effects {
            match effect {
                Effect::Record(change) => changes.push(change),
                other => others.push(other),
            }
        }
        if !changes.is_empty() {
            let began = Instant::now();
            self.office.store.apply(self.office.leadership.epoch(), &changes).await?;
            self.office.meters.committed(&changes, began);
            #[cfg(feature = "failpoints")]
            if others.iter().any(|effect| matches!(effect, Effect::Publish { .. })) {
                failpoints::reached(failpoints::Moment::Committed);
            }
        }
        for effect in others {
            match effect {
                Effect::Record(_) => unreachable!("records are carried out"),
                Effect::Publish { task, job } => {
                    let epoch = self.office.leadership.epoch();
                    // The publisher lives as long as this desk.
                    let _ = self.messages.send(TaskMessage { task, job, epoch });
                }
                Effect::Answer(request, answer) => match self.waiting.remove(&request) {
                    Some(Waiting::Worker(sender)) => drop(sender.send(Ok(answer))),
                    Some(Waiting::Client(sender)) => drop(sender.send(Ok(answer))),
                    None => {}
                },
                Effect::Compact(compaction) => self.compact(*compaction),
                Effect::Propose(proposing) => self.propose(*proposing),
                Effect::Ended { job, state, error } => self.ended(job, state, error),
                Effect::Late { job } => {
                    tokio::spawn(sweep::late(Arc::clone(&self.office.store), self.office.depot.clone(), job));
                }
                Effect::Alarm(text) => {
                    self.office.meters.alarm();
                    tracing::error!(alarm = true, "{text}");
                }
            }
        }
        Ok(())
    }

    fn compact(&self, compaction: Compaction) {
        let (depot, commands) = (self.office.depot.clone(), self.commands.clone());
        tokio::task::spawn_blocking(move || {
            let job = compaction.plan.id;
            let _span = tracing::info_span!("results", %job).entered();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| results::write(&depot, &compaction)));
            let result = result.unwrap_or_else(|_| Err(CompactError::Other("a defect in writing the result files".to_owned())));
            // Without a coordinator the next one writes them again.
            if let Some(commands) = commands.upgrade() {
                let _ = commands.blocking_send(Command::Happened(Event::Compacted { job, result }));
            }
        });
    }

    /// Lets a search think on a thread of its own.
    fn propose(&self, proposing: Proposing) {
        let commands = self.commands.clone();
        tokio::task::spawn_blocking(move || {
            let failed = proposing.failed();
            let proposed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| proposing.carry_out()));
            let proposed = Box::new(proposed.unwrap_or(failed));
            // Without a coordinator the next one asks again.
            if let Some(commands) = commands.upgrade() {
                let _ = commands.blocking_send(Command::Happened(Event::Proposed(proposed)));
            }
        });
    }

    fn ended(&self, job: JobId, state: JobState, error: Option<String>) {
        #[cfg(feature = "failpoints")]
        if state == JobState::Done {
            failpoints::reached(failpoints::Moment::JobDone);
        }
        let (depot, ends) = (self.office.depot.clone(), self.ends.clone());
        tokio::spawn(async move {
            // Before anybody hears of it: whoever waits for the end of a job may end this process.
            if state == JobState::Done
                && let Err(error) = depot.remove_staging(job).await
            {
                tracing::warn!(%job, %error, "what was staged is not removed for now");
            }
            // Nobody need be listening.
            let _ = ends.send(JobEnd { job, state, error });
        });
    }
}
