//! Reports of jobs and trials, as files.

use serde_json::Value;

use crate::support::{Lab, job};

/// What an enemy would call a job.
const HOSTILE: &str = "</title><script>alert(1)</script>&'";

/// A lab with a job that was run, and the id of its best trial.
fn ran() -> (Lab, String) {
    let lab = Lab::with_bars(3_000);
    lab.write("job.toml", &job(HOSTILE, "[2, 20]", "[3, 40]"));
    let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
    let trial = ran["best"]["trial_id"].as_str().expect("a best trial").to_owned();
    (lab, trial)
}

fn read(lab: &Lab, name: &str) -> String {
    std::fs::read_to_string(lab.path(name)).expect("a report")
}

/// Everything in it is drawn, nothing comes from elsewhere, and no name became markup.
#[track_caller]
fn is_a_page(html: &str, pictures: usize) {
    assert_eq!(html.matches("<figure").count(), pictures);
    assert!(html.contains("prefers-color-scheme: dark") && html.ends_with("</html>"));
    for bad in ["<script", "alert(1)</s", "http:", "https:", "url(", "<link", "NaN"] {
        let inside = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!inside.contains(bad), "{bad}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;"));
    // Some thousand places of lines, not empty frames.
    assert!(html.matches("<polyline").count() + html.matches("<rect").count() > 200);
}

#[test]
fn a_trial_is_drawn_as_html_svg_and_png() {
    let (lab, trial) = ran();
    let told = lab.run(&["report", &trial]).ok();
    assert!(told.contains(&format!("{trial}.html: 8 pictures")), "{told}");
    is_a_page(&read(&lab, &format!("{trial}.html")), 8);
    let told = lab.run(&["report", &trial, "--to", "t.svg", "-o", "json"]).json();
    assert_eq!(
        (told["file"].as_str(), told["matches_stored"].as_bool()),
        (Some("t.svg"), Some(true))
    );
    assert_eq!(told["pictures"].as_array().unwrap().len(), 8);
    assert!(read(&lab, "t.svg").starts_with("<svg "));
    lab.run(&["report", &trial, "--to", "t.png", "--only", "equity", "--dark"])
        .ok();
    let png = std::fs::read(lab.path("t.png")).unwrap();
    assert_eq!(&png[1..4], b"PNG");
    assert!(png.len() > 20_000, "{} bytes", png.len());
}

#[test]
fn a_job_is_drawn_with_what_was_learned_of_its_parameters() {
    let (lab, _) = ran();
    let told = lab.run(&["report", "job.toml", "--to", "job.html", "-o", "json"]).json();
    let pictures = told["pictures"].as_array().unwrap();
    assert!(
        pictures.contains(&"objective".into()) && pictures.contains(&"heatmap".into()),
        "{told}"
    );
    let html = read(&lab, "job.html");
    is_a_page(&html, pictures.len());
    assert!(
        !html.contains("the first bar") && !html.contains("the last bar"),
        "it says from when to when"
    );
    assert_eq!(told["points"], 551);
    let shares: f64 = told["importance"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["share"].as_f64().unwrap())
        .sum();
    assert!(shares > 0.3 && shares < 1.2, "{told}");
    let plateau = told["plateau"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&plateau));
    assert!(
        lab.home_files()
            .iter()
            .any(|file| file.starts_with("results/v1/kind=analysis/") && file.ends_with("_SUCCESS"))
    );
    let table = lab.run(&["importance", "job.toml", "-o", "json"]).json();
    let named = |i: usize| table[i]["parameter"].as_str().map(ToOwned::to_owned);
    assert!(
        named(0) == Some("fast".to_owned()) || named(0) == Some("slow".to_owned()),
        "{table}"
    );
    assert_eq!(
        table
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["with"] == Value::Null)
            .count(),
        2
    );
    // The same job gives the same page.
    lab.run(&["report", "job.toml", "--to", "again.html"]).ok();
    assert_eq!(read(&lab, "job.html"), read(&lab, "again.html"));
}

#[test]
fn two_trials_are_compared() {
    let (lab, _) = ran();
    let top = lab.run(&["top", "job.toml", "-n", "2", "-o", "json"]).json();
    let ids: Vec<&str> = (0..2).map(|i| top[i]["trial_id"].as_str().unwrap()).collect();
    let rows = lab.run(&["compare", ids[0], ids[1], "-o", "json"]).json();
    let sharpe = rows.as_array().unwrap().iter().find(|row| row["metric"] == "sharpe").unwrap();
    let of = |i: usize| top[i]["metrics"]["sharpe"].as_f64().unwrap();
    assert_eq!(
        (sharpe["first"].as_f64(), sharpe["second"].as_f64()),
        (Some(of(0)), Some(of(1)))
    );
    assert_eq!(sharpe["difference"].as_f64(), Some(of(1) - of(0)));
    let page = lab.run(&["compare", ids[0], ids[1]]).ok();
    assert!(
        page.contains(ids[0]) && page.contains(ids[1]) && page.contains("sharpe"),
        "{page}"
    );
    assert!(!page.contains("periods_per_year"), "what is equal is left out: {page}");
    let equity = lab.run(&["show", ids[0], "--rows", "equity", "-o", "csv"]).ok();
    assert!(
        equity.starts_with("time,equity,buy_and_hold,drawdown\n") && equity.lines().count() == 3_001,
        "{equity}"
    );
}

#[test]
fn what_cannot_be_reported_says_why() {
    let (lab, trial) = ran();
    lab.run(&["report", "nonsense"]).fails(3, &["nonsense"]);
    lab.run(&["report", &trial, "--only", "equitty"])
        .fails(2, &["no picture `equitty`", "did you mean `equity`?"]);
    lab.run(&["report", &trial, "--to", "no/such/folder/x.html"])
        .fails(3, &["no/such/folder"]);
    let pdf = lab.run(&["report", &trial, "--to", "x.pdf"]);
    assert!(pdf.code == 2 && pdf.stderr.contains("ends in .html, .svg or .png"), "{pdf:?}");
    assert!(!lab.path("x.pdf").exists());
    lab.write("flat.toml", &job("flat", "[2, 2]", "[3, 3]"));
    lab.run(&["run", "flat.toml"]).ok();
    lab.run(&["report", "flat"]).ok();
    lab.run(&["importance", "flat"]).fails(3, &["nothing to explain"]);
}
