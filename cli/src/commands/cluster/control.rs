//! `assay pause | resume | cancel`

use std::io::Write;

use assay_proto::Control;
use serde_json::json;

use crate::args::{OutputFormat, WatchArgs};
use crate::failure::Outcome;
use crate::output::{Kind, Rows, print_json, print_rows, stdout};
use crate::settings::Settings;

pub(in crate::commands) fn pause(args: &WatchArgs, settings: &Settings) -> Outcome {
    control(args, Control::Pause, "paused", settings)
}

pub(in crate::commands) fn resume(args: &WatchArgs, settings: &Settings) -> Outcome {
    control(args, Control::Resume, "running", settings)
}

pub(in crate::commands) fn cancel(args: &WatchArgs, settings: &Settings) -> Outcome {
    control(args, Control::Stop, "stopped", settings)
}

fn control(args: &WatchArgs, control: Control, state: &str, settings: &Settings) -> Outcome {
    let session = args.cluster.needed()?;
    let id = session.ask(|remote| async move { remote.control(&args.job, control).await })?;
    match settings.format() {
        OutputFormat::Json => print_json(&json!({ "job_id": id, "state": state }))?,
        OutputFormat::Table => writeln!(stdout(), "{id} is {state}")?,
        format => {
            let mut rows = Rows::new([("job_id", Kind::Text), ("state", Kind::Text)]);
            rows.push(vec![id.to_string().into(), state.into()]);
            print_rows(&rows, format)?;
        }
    }
    Ok(0)
}
