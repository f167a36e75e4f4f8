//! What the best of a search is worth, and what was ever searched.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use crate::support::{Lab, job};

const KEYS: [&str; 17] = [
    "grade",
    "best",
    "sharpe",
    "deflated_sharpe",
    "dsr",
    "luck",
    "luck_beyond_market",
    "returns",
    "pbo",
    "trials_job",
    "trials_family",
    "out_of_sample",
    "plateau",
    "cost_break_even",
    "costs",
    "reasons",
    "tests",
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn by_bar(name: &str, fast: &str, slow: &str) -> String {
    format!("{}[metrics]\nsampling = \"bar\"\n", job(name, fast, slow))
}

#[test]
fn a_verdict_tells_luck_from_skill_and_counts_what_was_ever_tried() {
    let lab = Lab::with_bars(3_000);
    lab.write("first.toml", &by_bar("first", "[2, 20]", "[3, 40]"));
    let ran = lab.run(&["run", "first.toml", "-o", "json"]).json();
    let verdict = lab.run(&["verdict", "first", "-o", "json", "--html", "page.html"]).json();
    assert_eq!(keys(&verdict), KEYS);
    assert_eq!(verdict["best"]["trial_id"], ran["best"]["trial_id"]);
    assert_eq!(
        (verdict["trials_job"].as_u64(), verdict["trials_family"].as_u64()),
        (Some(551), Some(551))
    );
    assert_eq!(verdict["grade"], "fool's gold", "{verdict:#}");
    let number = |key: &str| verdict[key].as_f64().unwrap_or_else(|| panic!("{key} of {verdict:#}"));
    let close = |a: f64, b: &Value| assert!((a - b.as_f64().unwrap()).abs() < 1e-9 * a.abs(), "{a} and {b}");
    close(number("sharpe"), &ran["best"]["metrics"]["sharpe"]);
    close(number("deflated_sharpe"), &ran["best"]["deflated_sharpe"]);
    assert!(number("deflated_sharpe") < number("sharpe"));
    assert!((0.0..=1.0).contains(&number("pbo")) && (0.0..1.0).contains(&number("dsr")));
    assert!(!verdict["reasons"].as_array().unwrap().is_empty());
    let page = lab.read("page.html");
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("Fool's gold") && page.contains("<svg"),
        "{page}"
    );
    let text = lab.run(&["verdict", "first"]).ok();
    let all = &verdict["tests"]["all"];
    assert_eq!((all["trials"].as_u64(), all["of"].as_u64()), (Some(551), Some(551)));
    let p = |of: &str, name: &str| all[of][name].as_f64().unwrap_or_else(|| panic!("{name} in {all:#}"));
    for of in ["against_zero", "against_holding"] {
        let [low, middle, high] = ["spa_lower", "spa_consistent", "spa_upper"].map(|name| p(of, name));
        assert!(0.0 < low && low <= middle && middle <= high && high <= 1.0, "{all:#}");
    }
    // Prices are random and trading costs: nothing beats zero.
    assert!(p("against_zero", "spa_consistent") > 0.05 && all["superior"] == 0, "{all:#}");
    let range = &verdict["tests"]["best"]["intervals"]["sharpe"];
    let range = [0, 1, 2].map(|i| range[i].as_f64().unwrap());
    assert!(range.is_sorted(), "{range:?}");
    close(range[1], &verdict["sharpe"]);
    for expected in [
        "all 551",
        "FOOL'S GOLD",
        "deflated",
        "overfitting",
        "plateau",
        "at other costs",
        "4 x",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }

    // Another name, other names inside, a number in place of a parameter: the same family and, where they overlap, the same points.
    let renamed = "name = 'mine'\n[params]\na = { int = [2, 30], default = 5 }\n\
        [let]\nquick = 'sma(close, a)'\nslowly = 'sma(close, 40)'\n\
        [rules]\nenter_long = 'crossover(quick, slowly)'\nexit_long = 'crossunder(quick, slowly)'";
    lab.write("mine.toml", renamed);
    let second = by_bar("second", "[2, 20]", "[3, 40]")
        .replace("use = \"ma_cross\"", "use = \"./mine.toml\"")
        .replace(
            "fast = { int = [2, 20] }\nslow = { int = [3, 40] }\nwhere = \"fast < slow\"",
            "a = { int = [2, 30] }",
        );
    lab.write("second.toml", &second);
    lab.run(&["run", "second.toml"]).ok();
    let family = |name: &str| {
        lab.run(&["verdict", name, "-o", "json"]).json()["trials_family"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(family("second"), 551 + 10, "21 to 30 beside 40 are new");
    assert_eq!(family("first"), 551 + 10);
    lab.run(&["run", "first.toml"]).ok();
    assert_eq!(family("first"), 551 + 10, "the same job again adds nothing");
    let top = lab.run(&["top", "first", "-n", "1", "-o", "json"]).json();
    assert!(top[0]["deflated_sharpe"].as_f64().unwrap() < ran["best"]["deflated_sharpe"].as_f64().unwrap());
}

#[test]
fn without_enough_returns_nothing_is_proven() {
    let lab = Lab::with_bars(100);
    lab.write("job.toml", &job("days", "[2, 5]", "[6, 9]"));
    lab.run(&["run", "job.toml"]).ok();
    let verdict = lab.run(&["verdict", "days", "-o", "json"]).json();
    assert_eq!(verdict["grade"], "unproven");
    lab.run(&["verdict", "nothing"]).fails(3, &["no job"]);
    lab.run(&["verdict", "days", "-o", "csv"]).fails(2, &["page"]);
}

/// Writes series as columns.
fn write_returns(lab: &Lab, name: &str, series: &[(String, Vec<f64>)]) {
    let columns = series
        .iter()
        .map(|(name, values)| (name.as_str(), Arc::new(Float64Array::from(values.clone())) as ArrayRef));
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let file = File::create(lab.path(name)).expect("a file in the temporary folder");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a schema that Parquet has");
    writer.write(&batch).expect("rows of the schema");
    writer.close().expect("a file that can be written");
}

/// About normal, from sums of uniform numbers.
fn noise(seed: u64, count: usize, mean: f64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count)
        .map(|_| 0.01 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0 + mean))
        .collect()
}

#[test]
fn returns_from_elsewhere_are_judged_too() {
    let lab = Lab::new();
    let mut series: Vec<(String, Vec<f64>)> = (0..50).map(|i| (format!("trial{i}"), noise(i + 1, 1_000, 0.0))).collect();
    write_returns(&lab, "noise.parquet", &series);
    let verdict = lab.run(&["verdict", "--returns", "noise.parquet", "-o", "json"]).json();
    assert_eq!(keys(&verdict), KEYS);
    assert_eq!(verdict["grade"], "fool's gold", "{verdict:#}");
    assert_eq!(verdict["trials_family"], 50);
    series[7].1 = noise(99, 1_000, 0.25);
    write_returns(&lab, "edge.parquet", &series);
    let verdict = lab.run(&["verdict", "--returns", "edge.parquet", "-o", "json"]).json();
    assert_eq!(
        (&verdict["grade"], &verdict["best"]["column"]),
        (&"gold".into(), &"trial7".into()),
        "{verdict:#}"
    );
    // The market itself is no skill.
    series.push(("benchmark".to_owned(), series[7].1.clone()));
    write_returns(&lab, "market.parquet", &series);
    let verdict = lab.run(&["verdict", "--returns", "market.parquet", "-o", "json"]).json();
    assert_eq!(verdict["grade"], "fool's gold", "{verdict:#}");
    let edge = lab.run(&["verdict", "--returns", "edge.parquet", "-o", "json"]).json();
    let all = &edge["tests"]["all"];
    assert!(
        all["against_zero"]["spa_consistent"].as_f64().unwrap() < 0.01 && all["superior"] == 1,
        "{all:#}"
    );
    let text = lab.run(&["verdict", "--returns", "edge.parquet"]).ok();
    assert!(text.contains("GOLD") && text.contains("Reality Check"), "{text}");

    series[3].1[5] = f64::NAN;
    write_returns(&lab, "gap.parquet", &series);
    lab.run(&["verdict", "--returns", "gap.parquet"])
        .fails(1, &["row 5 of column `trial3`"]);
    lab.write("text.parquet", "no such thing");
    lab.run(&["verdict", "--returns", "text.parquet"]).fails(1, &["text.parquet"]);
}

#[test]
fn methods_are_tried_on_functions_with_known_best_points() {
    let lab = Lab::new();
    let args = [
        "optimize-fn",
        "branin",
        "--method",
        "tpe",
        "--trials",
        "60",
        "--seed",
        "4",
        "-o",
        "json",
    ];
    let mut found = lab.run(&args).json();
    assert_eq!(found["trials"], 60);
    assert!(found["regret"].as_f64().unwrap() < 2.0, "{found:#}");
    let mut again = lab.run(&args).json();
    for value in [&mut found, &mut again] {
        value["seconds"].take();
    }
    assert_eq!(found, again);
    let many = [
        "optimize-fn",
        "zdt1",
        "--method",
        "genetic",
        "--trials",
        "2000",
        "--shift",
        "random",
        "-o",
        "json",
    ];
    assert!(lab.run(&many).json()["hypervolume"].as_f64().unwrap() > 0.0);
    let grid = [
        "optimize-fn",
        "sphere",
        "--dimension",
        "2",
        "--method",
        "grid",
        "--trials",
        "130",
        "-o",
        "json",
    ];
    let grid = lab.run(&grid).json();
    assert_eq!((grid["trials"].as_u64(), grid["best"].as_f64()), (Some(121), Some(0.0)));
    let bad = |args: &[&str], texts: &[&str]| {
        let ran = lab.run(args);
        assert_eq!(ran.code, 2, "{ran:#?}");
        for text in texts {
            assert!(ran.stderr.contains(text), "{text} in {ran:#?}");
        }
    };
    bad(&["optimize-fn", "brannin", "--method", "tpe"], &["branin"]);
    bad(&["optimize-fn", "branin", "--method", "tpee"], &["tpe"]);
    bad(&["optimize-fn", "zdt1", "--method", "cmaes"], &["one objective"]);
    bad(&["optimize-fn", "branin", "--method", "tpe", "--dimension", "3"], &["branin"]);
}

#[test]
fn what_is_held_back_is_seen_by_the_verdict_alone_and_every_look_is_counted() {
    let lab = Lab::with_bars(4_000);
    let text = |name: &str, share: f64| {
        format!(
            "{}[validation]\nmethod = \"holdout\"\nshare = {share}\n",
            by_bar(name, "[2, 12]", "[13, 40]")
        )
    };
    lab.write("job.toml", &text("held", 0.25));
    let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert_eq!(ran["bars"], 3_000);
    // The page of a job does not look at what is held back.
    lab.run(&["report", "held", "--to", "held.html"]).ok();
    assert!(lab.read("held.html").contains("assay verdict"));
    let out = |name: &str| lab.run(&["verdict", name, "-o", "json"]).json()["out_of_sample"].clone();
    let first = out("held");
    assert_eq!(
        (&first["method"], &first["seen"], &first["looks"]),
        (&"holdout".into(), &false.into(), &1.into())
    );
    assert!(first["sharpe"].is_number() && first["trades"].is_number(), "{first:#}");
    let again = out("held");
    assert_eq!(
        (&again["seen"], &again["looks"]),
        (&false.into(), &2.into()),
        "its own verdict may be read twice"
    );
    // Another job of the family looks at the same data, when they have been looked at.
    lab.write("other.toml", &text("other", 0.2));
    lab.run(&["run", "other.toml"]).ok();
    assert_eq!(out("other")["seen"], true);
    assert_eq!(out("held")["seen"], true, "the other one's search went further");
    let text = lab.run(&["verdict", "held"]).ok();
    assert!(
        text.contains("looks so far") && text.contains("a search like this one had them before"),
        "{text}"
    );
}

#[test]
fn cross_validation_shows_the_sharpe_ratio_of_every_path() {
    let lab = Lab::with_bars(3_000);
    let spec = "[validation]\nmethod = \"cpcv\"\nn = 6\nk = 2\npurge = 10\nembargo = \"5m\"\n";
    lab.write("job.toml", &format!("{}{spec}", by_bar("crossed", "[2, 9]", "[10, 20]")));
    lab.run(&["run", "job.toml"]).ok();
    let verdict = lab.run(&["verdict", "crossed", "-o", "json"]).json();
    let found = &verdict["out_of_sample"];
    let paths: Vec<f64> = found["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect();
    assert_eq!((paths.len(), found["trials"].as_u64()), (5, Some(88)));
    assert!(paths.is_sorted() && found["sharpe"].as_f64() == Some(paths[2]));
    assert!(
        paths[2] < verdict["sharpe"].as_f64().unwrap(),
        "what was chosen elsewhere does worse"
    );
    assert!(lab.run(&["verdict", "crossed"]).ok().contains("cross-validation"));
    // The paths are drawn on the job's page.
    let told = lab.run(&["report", "crossed", "--to", "page.html", "-o", "json"]).json();
    assert!(told["pictures"].as_array().unwrap().contains(&"paths".into()), "{told:#}");
}
