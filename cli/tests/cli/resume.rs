//! Every method of search is killed in the middle, goes on, and ends as if nothing had been.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assay_core::job::Method;
use serde_json::Value;

use crate::support::{Lab, job};

/// Day files of FXCM's EURUSD quotes; says so where there are none.
fn real_ticks() -> Option<Vec<PathBuf>> {
    let folder = std::env::var_os("ASSAY_MARKET").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/market"),
        PathBuf::from,
    );
    let days = std::fs::read_dir(folder.join("fx_ticks/fxcm_eurusd")).ok();
    let mut days: Vec<PathBuf> = days?.flatten().map(|day| day.path()).collect();
    days.sort();
    (!days.is_empty()).then_some(days)
}

fn searching(text: &str, method: Method) -> String {
    let trials = if method == Method::Bayes { 40 } else { 150 };
    match method {
        Method::Grid => format!("{text}[search]\nmethod = \"grid\"\n"),
        Method::Random | Method::Sobol => format!("{text}[search]\nmethod = \"{method}\"\ntrials = {trials}\nseed = 5\n"),
        _ => format!("{text}[search]\nmethod = \"{method}\"\ntrials = {trials}\nbatch = 4\nprobe = 16\nseed = 5\n"),
    }
}

/// Starts the job, kills it when something of it is recorded, runs it to its end. Whether it could be killed, and what it came to.
fn cut_off(lab: &Lab, name: &str) -> (bool, Value) {
    let file = format!("{name}.toml");
    let mut child = lab.start(&["run", &file, "--threads", "2"]);
    let patience = Instant::now() + Duration::from_mins(2);
    let of_this = |jobs: &Value| {
        let mut jobs = jobs.as_array().into_iter().flatten();
        jobs.find(|job| job["name"] == name).and_then(|job| job["done"].as_u64())
    };
    while child.try_wait().expect("a child").is_none() {
        assert!(Instant::now() < patience, "{name}: nothing was recorded in two minutes");
        let jobs = lab.run(&["jobs", "-o", "json"]);
        if jobs.code == 0 && of_this(&jobs.json()).is_some_and(|done| done > 0) {
            break;
        }
    }
    let killed = child.try_wait().expect("a child").is_none();
    // A run that has ended already cannot be killed.
    let _ = child.kill();
    child.wait().expect("a child that can be waited for");
    (killed, lab.run(&["run", &file, "--threads", "1", "-o", "json"]).json())
}

/// Of all methods on one lab: the same fingerprint cut off and whole. How many could be killed.
fn all_methods(cut: &Lab, whole: &Lab, text: impl Fn(&str) -> String) -> usize {
    let mut killed = 0;
    for method in Method::ALL {
        let name = format!("by-{method}");
        let job = searching(&text(&name), method);
        cut.write(&format!("{name}.toml"), &job);
        whole.write(&format!("{name}.toml"), &job);
        let (caught, resumed) = cut_off(cut, &name);
        killed += usize::from(caught);
        let uninterrupted = whole
            .run(&["run", &format!("{name}.toml"), "--threads", "2", "-o", "json"])
            .json();
        assert!(resumed["fingerprint"].is_string(), "{resumed:#}");
        assert_eq!(resumed["fingerprint"], uninterrupted["fingerprint"], "{method}");
        assert_eq!(resumed["trials"], uninterrupted["trials"], "{method}");
        // What it comes to reads the same, too.
        let verdict = |lab: &Lab| lab.run(&["verdict", &name, "-o", "json"]).json();
        assert_eq!(verdict(cut), verdict(whole), "{method}");
        cut.run(&["report", &name, "--to", "page.html"]).ok();
        assert!(cut.read("page.html").contains("What luck explains"), "{method}");
    }
    killed
}

#[test]
fn every_method_goes_on_after_a_kill() {
    let labs = [Lab::with_bars(12_000), Lab::with_bars(12_000)];
    let text = |name: &str| {
        let slow = "commission = 0.0001\npyramiding = 2\ntrailing_stop = \"1%\"";
        let text = job(name, "[2, 30]", "[3, 60]").replace("commission = 0.0001", slow);
        format!("{text}[metrics]\nsampling = \"bar\"\n")
    };
    let killed = all_methods(&labs[0], &labs[1], text);
    assert!(killed > 0, "every run ended before it could be killed");
}

#[test]
fn every_method_goes_on_after_a_kill_on_real_ticks() {
    let Some(days) = real_ticks() else {
        eprintln!("skipped: no market files");
        return;
    };
    let labs = [Lab::new(), Lab::new()];
    let files: Vec<String> = days.iter().map(|day| day.display().to_string()).collect();
    for lab in &labs {
        let mut args = vec!["data", "import"];
        args.extend(files.iter().map(String::as_str));
        args.extend(["--format", "lean", "--symbol", "EURUSD"]);
        lab.run(&args).ok();
    }
    let text = |name: &str| {
        format!(
            "name = \"{name}\"\n[data]\ninstruments = [\"EURUSD\"]\nbars = \"1m\"\n[strategy]\nuse = \"ma_cross\"\n\
             [params]\nfast = {{ int = [2, 40] }}\nslow = {{ int = [3, 90] }}\nwhere = \"fast < slow\"\n\
             [execution]\nfill = \"next_tick\"\nlatency = \"250ms\"\ndirection = \"both\"\nstop_loss = \"0.2%\"\ntake_profit = \"0.4%\"\n\
             [metrics]\nsampling = \"bar\"\n"
        )
    };
    let killed = all_methods(&labs[0], &labs[1], text);
    eprintln!("{killed} of {} runs were killed", Method::ALL.len());
}
