//! Tasks that may have ended their workers run alone, in a process of its own, which has limits of memory and time: whatever
//! happens there ends the process and not the worker, which says how it ended.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use assay_proto::{Grant, Report};

use crate::error::WorkerError;

/// What runs a task in a process of its own: it reads the task from stdin and writes what became of it to stdout; see
/// [`run_one`](crate::run_one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The file.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

#[cfg(feature = "alone")]
pub(crate) use process::run;

/// Built without, a worker runs all tasks itself.
#[cfg(not(feature = "alone"))]
pub(crate) async fn run(
    _: &Program,
    _: &Grant,
    _: Arc<str>,
    _: Option<Duration>,
    _: Arc<AtomicBool>,
) -> Result<Option<Report>, WorkerError> {
    Err(WorkerError::Alone {
        ending: "cannot be started by this build".to_owned(),
        said: String::new(),
    })
}

#[cfg(feature = "alone")]
mod process {
    use std::io::{self, BufRead, BufReader, Read, Write};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, ExitStatus, Stdio};
    use std::sync::atomic::Ordering;
    use std::thread;
    use std::time::Instant;

    use assay_proto::convert::{TaskAlone, report_of};

    use super::{Arc, AtomicBool, Duration, Grant, Program, Report, WorkerError};

    /// How often it is looked whether the process has ended, and whether its task is still wanted.
    const LOOK: Duration = Duration::from_millis(20);
    /// A process that is ended by somebody else is tried once more: a machine that ran out of memory chooses at random.
    const TRIES: u32 = 2;
    /// Variables that a process which talks to nobody has no use for.
    const SECRETS: [&str; 2] = ["ASSAY_KEY", "ASSAY_QUEUE"];
    /// Characters of the last line that a process says, in a reason.
    const MOST_SAID: usize = 500;

    /// How a process ended.
    enum Ended {
        Result(Vec<u8>),
        Killed,
        Broken { status: ExitStatus, said: String },
        Unwanted,
    }

    /// Runs a task in a process of its own; `None` if it is no longer wanted.
    pub(crate) async fn run(
        program: &Program,
        grant: &Grant,
        body: Arc<str>,
        limit: Option<Duration>,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Option<Report>, WorkerError> {
        let (program, grant) = (program.clone(), grant.clone());
        let ran = tokio::task::spawn_blocking(move || run_here(&program, &grant, body, limit, &cancelled));
        ran.await.map_err(|error| WorkerError::Panic(error.to_string()))?
    }

    /// The same on this thread, which has to outlive the process: that ends with the thread by which it was begun.
    fn run_here(
        program: &Program,
        grant: &Grant,
        body: Arc<str>,
        limit: Option<Duration>,
        cancelled: &AtomicBool,
    ) -> Result<Option<Report>, WorkerError> {
        // There it is not isolated once more.
        let inside = Grant {
            isolated: false,
            ..grant.clone()
        };
        let order = TaskAlone { grant: inside, body }.to_bytes();
        for tried in 1.. {
            match once(program, &order, limit, cancelled)? {
                Ended::Result(bytes) => {
                    let report = report_of(grant, &bytes);
                    return report
                        .map(Some)
                        .map_err(|error| broken("ended with a result that cannot be read", error.to_string()));
                }
                Ended::Unwanted => return Ok(None),
                Ended::Killed if tried < TRIES => {
                    tracing::warn!(task = %grant.task, "the task's process was killed, once more");
                }
                Ended::Killed => return Err(broken("was killed from outside", String::new())),
                Ended::Broken { status, said } => return Err(broken(&ending(status), said)),
            }
        }
        unreachable!("the last try returns")
    }

    fn broken(ending: &str, said: String) -> WorkerError {
        WorkerError::Alone {
            ending: ending.to_owned(),
            said,
        }
    }

    fn ending(status: ExitStatus) -> String {
        match (status.signal(), status.code()) {
            (Some(signal), _) => format!("was ended by signal {signal}{}", name_of(signal)),
            (None, Some(code)) => format!("ended with code {code}"),
            (None, None) => "ended".to_owned(),
        }
    }

    fn name_of(signal: i32) -> &'static str {
        match signal {
            4 => " (SIGILL)",
            6 => " (SIGABRT)",
            7 => " (SIGBUS)",
            8 => " (SIGFPE)",
            11 => " (SIGSEGV)",
            _ => "",
        }
    }

    fn once(program: &Program, order: &[u8], limit: Option<Duration>, cancelled: &AtomicBool) -> Result<Ended, WorkerError> {
        let mut command = Command::new(&program.path);
        command
            .args(&program.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its last line is to be the reason.
            .env("RUST_BACKTRACE", "0");
        for secret in SECRETS {
            command.env_remove(secret);
        }
        let failed = |error: io::Error| broken("cannot be used", error.to_string());
        let mut child = command.spawn().map_err(failed)?;
        let deadline = limit.map(|limit| Instant::now() + limit);
        thread::scope(|scope| {
            let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
            // One that does not listen has ended, which its status says.
            scope.spawn(move || stdin.is_some_and(|mut stdin| stdin.write_all(order).is_ok()));
            let out = scope.spawn(move || {
                let mut out = Vec::new();
                stdout
                    .is_some_and(|mut stdout| stdout.read_to_end(&mut out).is_ok())
                    .then_some(out)
            });
            let said = scope.spawn(move || stderr.map_or_else(String::new, last_line));
            let status = loop {
                if let Some(status) = child.try_wait().map_err(failed)? {
                    break status;
                }
                if cancelled.load(Ordering::Relaxed) {
                    end(&mut child);
                    return Ok(Ended::Unwanted);
                }
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    end(&mut child);
                    return Err(WorkerError::TooLong {
                        limit: limit.unwrap_or_default(),
                    });
                }
                thread::sleep(LOOK);
            };
            let (out, said) = (out.join().ok().flatten().unwrap_or_default(), said.join().unwrap_or_default());
            Ok(match status.signal() {
                _ if status.success() => Ended::Result(out),
                Some(9) => Ended::Killed,
                _ => Ended::Broken { status, said },
            })
        })
    }

    fn end(child: &mut Child) {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Logs what a process says, and gives the last of it.
    fn last_line(stderr: impl Read) -> String {
        let mut last = String::new();
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            tracing::warn!(line, "from a task's process");
            // The library's notes about backtraces come after what matters.
            if !line.trim().is_empty() && !line.starts_with("note: ") {
                last = line.chars().take(MOST_SAID).collect();
            }
        }
        last
    }

    #[cfg(test)]
    mod tests {
        use std::path::PathBuf;

        use assay_core::ids::{Attempt, TaskId};
        use assay_proto::Work;
        use assay_proto::convert::report_to_bytes;
        use assay_store::TaskRange;

        use super::*;

        fn grant() -> Grant {
            Grant {
                task: TaskId(5),
                attempt: Attempt(3),
                job: "j_00000000000000ff".parse().unwrap(),
                range: TaskRange {
                    first_block: 0,
                    blocks: 1,
                },
                work: Work::Blocks { first: 0, window: 0 },
                isolated: true,
                in_memory: false,
                threshold: None,
            }
        }

        /// Runs a shell script as a task's process.
        fn run(script: &str, limit: u64, cancelled: bool) -> Result<Option<Report>, WorkerError> {
            let program = Program {
                path: PathBuf::from("/bin/sh"),
                args: vec!["-c".into(), script.into()],
            };
            let limit = Some(Duration::from_secs(limit));
            run_here(&program, &grant(), "job".into(), limit, &AtomicBool::new(cancelled))
        }

        #[test]
        fn however_a_process_ends_there_is_a_word_for_it() {
            let error = |script: &str, limit| run(script, limit, false).unwrap_err().to_string();
            assert_eq!(error("cat >/dev/null; exit 3", 60), "its process ended with code 3");
            assert_eq!(
                error(
                    "echo 'memory allocation failed' >&2; echo 'note: more' >&2; kill -ABRT $$",
                    60
                ),
                "its process was ended by signal 6 (SIGABRT): memory allocation failed"
            );
            assert_eq!(error("kill -KILL $$", 60), "its process was killed from outside");
            assert_eq!(
                error("exec sleep 600", 0),
                "it took longer than 0 s, the time that a task may take"
            );
            assert!(error("echo rubbish", 60).starts_with("its process ended with a result that cannot be read"));
            assert!(run("exec sleep 600", 600, true).unwrap().is_none(), "nobody wants it");
        }

        #[test]
        fn a_process_is_given_the_task_and_its_answer_is_the_report() {
            let folder = tempfile::tempdir().unwrap();
            let (given, answer) = (folder.path().join("given"), folder.path().join("answer"));
            std::fs::write(&answer, report_to_bytes(&grant(), &Report::Failed("so".to_owned())).unwrap()).unwrap();
            let script = format!("cat >'{}'; cat '{}'", given.display(), answer.display());
            let report = run(&script, 60, false).unwrap();
            assert!(matches!(report, Some(Report::Failed(reason)) if reason == "so"));
            let task = TaskAlone::from_bytes(&std::fs::read(given).unwrap()).unwrap();
            assert_eq!((&*task.body, task.grant.isolated), ("job", false));
        }
    }
}

/// Runs a single task, in the process made for it: reads it, runs it, and gives back what its worker is to be told.
#[cfg(feature = "alone")]
pub(crate) mod inside {
    use assay_core::Explain;
    use assay_proto::convert::{TaskAlone, WireError, report_to_bytes};
    use assay_proto::{Answer, Link, LinkError, Question};

    use super::{Arc, Report};
    use crate::worker::Worker;

    /// Reads a task and says what is to be answered. `make` makes the worker, which has a link that leads nowhere but to the task.
    ///
    /// # Errors
    /// Bytes that are no task.
    pub async fn run_one<E>(order: &[u8], make: impl FnOnce(Link) -> Result<Worker, E>) -> Result<Vec<u8>, OneError<E>> {
        let TaskAlone { grant, body } = TaskAlone::from_bytes(order)?;
        let (link, mut calls) = Link::new(1);
        let answering = tokio::spawn(async move {
            while let Some(call) = calls.recv().await {
                let answer = match call.question {
                    Question::Job(_) => Ok(Answer::Job(Arc::clone(&body))),
                    _ => Err(LinkError::Refused {
                        reason: "a single task has no coordinator".to_owned(),
                        hint: String::new(),
                    }),
                };
                // Whoever asked has gone when the task is over.
                let _ = call.answer.send(answer);
            }
        });
        let worker = make(link).map_err(OneError::Worker)?;
        let report = match worker.execute(&grant, Arc::default()).await {
            Ok(Some(report)) => report,
            Ok(None) => Report::GivenBack(None),
            Err(error) if error.retryable() => Report::GivenBack(Some(error.to_string())),
            Err(error) => Report::Failed(error.to_string()),
        };
        answering.abort();
        Ok(report_to_bytes(&grant, &report)?)
    }

    /// A task that cannot be read, or not be begun.
    #[derive(Debug, thiserror::Error)]
    pub enum OneError<E> {
        /// What was read, or is to be written.
        #[error(transparent)]
        Wire(#[from] WireError),
        /// The worker.
        #[error("no worker can be made")]
        Worker(E),
    }
}
