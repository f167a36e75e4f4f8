//! Searches that learn, what they are asked for, and walks forward.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Lab, job};

const BARS: usize = 3_000;

/// A job with this `[search]`, and whatever else.
fn searching(name: &str, search: &str, rest: &str) -> String {
    let text = job(name, "[2, 60]", "[3, 90]");
    format!("{text}[search]\n{search}\n{rest}\n")
}

fn lab(text: &str) -> Lab {
    let lab = Lab::with_bars(BARS);
    lab.write("job.toml", text);
    lab
}

fn fingerprint(lab: &Lab, threads: &str) -> Value {
    let ran = lab.run(&["run", "job.toml", "--threads", threads, "-o", "json"]).json();
    ran["fingerprint"].clone()
}

#[test]
fn every_search_ends_and_finds_the_same_on_any_number_of_threads() {
    let methods = ["genetic", "tpe", "bayes", "cmaes", "de", "pso", "refine", "halving", "polish"];
    for method in methods {
        let text = searching(
            method,
            &format!("method = \"{method}\"\ntrials = 40\nbatch = 8\nprobe = 30\nseed = 3"),
            "",
        );
        let one = lab(&text);
        let first = fingerprint(&one, "1");
        assert_eq!(first, fingerprint(&lab(&text), "3"), "{method}");
        let top = one.run(&["top", method, "-n", "3", "-o", "json"]).json();
        assert_eq!(top.as_array().unwrap().len(), 3, "{method}: {top}");
        let sharpe = |i: usize| top[i]["metrics"]["sharpe"].as_f64().unwrap();
        assert!(sharpe(0) >= sharpe(1) && sharpe(1) >= sharpe(2), "{method}: {top}");
        // The best is a trial in full, that can be replayed.
        one.run(&["show", top[0]["trial_id"].as_str().unwrap(), "-o", "json"]).ok();
        assert!(one.home_files().iter().all(|file| !file.starts_with("staging/")), "{method}");
    }
}

#[test]
fn a_killed_search_goes_on_with_what_it_proposed() {
    let search = "method = \"genetic\"\ntrials = 400\nbatch = 4\nprobe = 0";
    let text = searching("cut-off", search, "").replace("commission = 0.0001", "commission = 0.0001\ntrailing_stop = \"1%\"");
    let cut_off = Lab::with_bars(12_000);
    cut_off.write("job.toml", &text);
    let mut killed = 0;
    for wanted in [8, 60] {
        let mut child = cut_off.start(&["run", "job.toml", "--threads", "2"]);
        let patience = Instant::now() + Duration::from_mins(2);
        loop {
            assert!(Instant::now() < patience, "nothing was recorded in two minutes");
            let jobs = cut_off.run(&["jobs", "-o", "json"]).json();
            if jobs[0]["done"].as_u64().is_some_and(|done| done > wanted) || child.try_wait().unwrap().is_some() {
                break;
            }
        }
        killed += u32::from(child.try_wait().unwrap().is_none());
        // A run that has ended already cannot be killed.
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(killed > 0, "every run ended before it could be killed");
    let whole = Lab::with_bars(12_000);
    whole.write("job.toml", &text);
    assert_eq!(fingerprint(&cut_off, "1"), fingerprint(&whole, "3"));
    let top = |lab: &Lab| lab.run(&["top", "cut-off", "-n", "400", "-o", "json"]).json();
    assert_eq!(top(&cut_off), top(&whole));
}

#[test]
fn several_goals_are_shown_by_front_and_what_is_required_comes_first() {
    let objective = "[objective]\nmaximize = [\"sharpe\", \"-turnover\"]\nrequire = [\"trades >= 40\"]";
    let lab = lab(&searching(
        "goals",
        "method = \"genetic\"\ntrials = 120\nbatch = 20\nprobe = 0",
        objective,
    ));
    lab.run(&["run", "job.toml"]).ok();
    let top = lab.run(&["top", "goals", "-n", "120", "-o", "json"]).json();
    let points = top.as_array().unwrap();
    let feasible: Vec<bool> = points.iter().map(|point| point["feasible"].as_bool().unwrap()).collect();
    assert!(feasible.is_sorted_by(|a, b| a >= b), "{feasible:?}");
    assert!(feasible.contains(&true) && feasible.contains(&false));
    for point in points {
        let enough = point["metrics"]["trades"].as_f64().unwrap() >= 40.0;
        assert_eq!(point["feasible"], enough);
    }
    let front: Vec<&Value> = points.iter().filter(|point| point["front"] == 1).collect();
    let value = |point: &Value, name: &str| point["metrics"][name].as_f64().unwrap();
    for a in &front {
        let better = |b: &&&Value| value(b, "sharpe") > value(a, "sharpe") && value(b, "turnover") < value(a, "turnover");
        assert!(!front.iter().any(|b| better(&b)), "no point of the front beats another");
    }
    // By another metric what is required still comes first.
    let by = lab
        .run(&["top", "goals", "--by", "total_return", "-n", "120", "-o", "json"])
        .json();
    assert!(
        by.as_array()
            .unwrap()
            .iter()
            .map(|p| p["feasible"].as_bool().unwrap())
            .is_sorted_by(|a, b| a >= b)
    );
    let table = lab.run(&["top", "goals", "-n", "5"]).ok();
    assert!(table.contains("front") && table.contains("feasible"), "{table}");
    // The page of the job shows the same, and no more points than a page has room for.
    lab.run(&["report", "goals", "--to", "page.html"]).ok();
    let page = lab.read("page.html");
    assert!(page.contains(">front</th>") && page.contains("Hypervolume"));
    assert!(page.matches("<td").count() < 15 * 30, "{}", page.matches("<td").count());
}

#[test]
fn fronts_are_those_of_all_points_however_many() {
    let rest = "[metrics]\nsampling = \"bar\"\n[objective]\nmaximize = [\"sharpe\", \"-turnover\"]\n";
    let text = format!("{}{rest}", job("many", "[2, 120]", "[3, 170]"));
    let lab = Lab::with_bars(1_500);
    lab.write("job.toml", &text);
    let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert!(
        ran["trials"].as_u64().unwrap() > 10_000,
        "more than the database ranks: {ran}"
    );
    let every = lab
        .run(&["top", "many", "--by", "turnover", "-n", "20000", "-o", "json"])
        .json();
    let goals = |point: &Value| Some([point["metrics"]["sharpe"].as_f64()?, -point["metrics"]["turnover"].as_f64()?]);
    let all: Vec<[f64; 2]> = every.as_array().unwrap().iter().filter_map(goals).collect();
    assert!(all.len() > 10_000, "{}", all.len());
    let beaten = |a: &[f64; 2]| all.iter().any(|b| b[0] >= a[0] && b[1] >= a[1] && b != a);
    let mut expected: Vec<[f64; 2]> = all.iter().filter(|a| !beaten(a)).copied().collect();
    let top = lab.run(&["top", "many", "-n", "3000", "-o", "json"]).json();
    let first = top.as_array().unwrap().iter().filter(|point| point["front"] == 1);
    let mut found: Vec<[f64; 2]> = first.filter_map(goals).collect();
    for points in [&mut expected, &mut found] {
        points.sort_by(|a, b| a.partial_cmp(b).unwrap());
    }
    assert_eq!(found, expected);
}

#[test]
fn a_search_begins_with_points_and_with_results_of_another_job() {
    let lab = lab(&searching(
        "first",
        "method = \"tpe\"\ntrials = 30\nbatch = 10\nprobe = 0\nenqueue = [{ fast = 7, slow = 9 }]",
        "",
    ));
    let first = lab.run(&["run", "job.toml", "-o", "json"]).json();
    let id = first["job_id"].as_str().unwrap();
    let shown = lab.run(&["show", &format!("t_{}_0_0", &id[2..]), "-o", "json"]).json();
    assert_eq!(
        (&shown["params"]["fast"], &shown["params"]["slow"]),
        (&Value::from(7), &Value::from(9))
    );
    let second = searching(
        "second",
        &format!("method = \"tpe\"\ntrials = 30\nbatch = 10\nprobe = 0\nstart_from = \"{id}\""),
        "",
    );
    lab.write("second.toml", &second);
    let ran = lab.run(&["run", "second.toml", "-o", "json"]).json();
    assert_ne!(ran["fingerprint"], first["fingerprint"]);
    lab.write("third.toml", &second.replace(id, "j_0123456789abcdef"));
    lab.run(&["run", "third.toml"]).fails(2, &["start_from", "not known"]);
}

// By bar: a window of 1,000 minutes may hold too few days for a Sharpe ratio.
const WALK: &str = "[metrics]\nsampling = \"bar\"\n[validation]\nmethod = \"walk_forward\"\ntrain = 1000\ntest = 400";

#[test]
fn a_walk_forward_runs_the_winners_in_the_test_windows() {
    for (name, search) in [
        ("learned", "method = \"tpe\"\ntrials = 20\nbatch = 5\nprobe = 20"),
        ("listed", "method = \"random\"\ntrials = 60"),
    ] {
        let text = searching(name, search, WALK);
        let lab = lab(&text);
        let print = fingerprint(&lab, "1");
        let folds = lab.run(&["folds", name, "-o", "json"]).json();
        let list = folds["folds"].as_array().unwrap();
        // 3,000 bars hold 1,000 to train and five times 400 to test.
        assert_eq!(list.len(), 5, "{folds}");
        let mut capital = 10_000.0;
        for (fold, next) in list.iter().zip(list.iter().skip(1).map(Some).chain([None])) {
            assert_eq!(fold["capital"].as_f64(), Some(capital));
            assert_eq!(fold["train_to"], fold["test_from"]);
            if let Some(next) = next {
                assert_eq!(fold["test_to"], next["test_from"]);
            }
            capital = fold["out_of_sample"]["final_equity"].as_f64().unwrap();
            assert_eq!(fold["out_of_sample"]["open_trades"], 0, "closed at its end");
            // The winner's row is that of its training window.
            let trial = fold["trial_id"].as_str().unwrap();
            let shown = lab.run(&["show", trial, "-o", "json"]).json();
            assert_eq!(shown["metrics"]["sharpe"], fold["in_sample"]["sharpe"]);
        }
        let stitched = &folds["stitched"][0];
        assert_eq!(stitched["out_of_sample"]["final_equity"].as_f64(), Some(capital));
        let total = capital / 10_000.0 - 1.0;
        assert!((stitched["out_of_sample"]["total_return"].as_f64().unwrap() - total).abs() < 1e-12);
        let again = self::lab(&text);
        assert_eq!(print, fingerprint(&again, "3"));
        assert_eq!(folds, again.run(&["folds", name, "-o", "json"]).json());
        let table = lab.run(&["folds", name]).ok();
        assert!(table.contains("all test windows as one"), "{table}");
        // The verdict takes the test windows as what is out of sample, and the page of the job draws them.
        let verdict = lab.run(&["verdict", name, "-o", "json"]).json();
        let out = &verdict["out_of_sample"];
        assert_eq!((&out["method"], &out["folds"]), (&"walk_forward".into(), &5.into()));
        assert_eq!(out["sharpe"], stitched["out_of_sample"]["sharpe"]);
        // The best trial is judged by the window that it ran over: its luck follows from its own row.
        let best = &verdict["best"];
        let fold = best["fold"].as_u64().unwrap() as usize;
        let rows = lab.run(&["top", name, "-n", "100", "-o", "json"]).json();
        assert_eq!((&rows[0]["trial_id"], &rows[0]["fold"]), (&best["trial_id"], &best["fold"]));
        assert!(
            rows.as_array().unwrap().iter().any(|row| row["fold"] != best["fold"]),
            "{name}"
        );
        let number = |value: &Value| value.as_f64().unwrap();
        assert_eq!(verdict["returns"], 1_000);
        let alone = number(&best["metrics"]["psr"]);
        let luck = 1.0
            - vec![alone; verdict["trials_family"].as_u64().unwrap() as usize]
                .iter()
                .product::<f64>();
        assert!((number(&verdict["luck"]) - luck).abs() < 1e-9, "{verdict:#}");
        let page = lab.run(&["verdict", name]).ok();
        assert!(page.contains(&format!("the training of fold {fold}")), "{page}");
        // The page of a trial shows the prices of its window, under its trades.
        let trial = best["trial_id"].as_str().unwrap();
        lab.run(&["report", trial, "--to", "trial.html"]).ok();
        assert!(!lab.read("trial.html").contains("long 0.00 %, short 0.00 %"), "{name}");
        // At the job's own costs it is the trial once more.
        for cost in verdict["costs"].as_array().unwrap() {
            if cost["multiple"] == 1.0 {
                assert_eq!(cost["total_return"], best["metrics"]["total_return"]);
            }
        }
        let told = lab.run(&["report", name, "--to", "page.html", "-o", "json"]).json();
        for picture in ["luck", "walk", "folds", "efficiency", "drift"] {
            let drawn = told["pictures"].as_array().unwrap().contains(&picture.into());
            // Where no training window gains, there is no efficiency.
            let known = list.iter().any(|fold| fold["efficiency"].is_number());
            assert_eq!(drawn, picture != "efficiency" || known, "{picture}: {told:#}");
        }
    }
}

#[test]
fn what_cannot_be_searched_is_one_clear_error() {
    let tpe = "method = \"tpe\"\ntrials = 20\nprobe = 0";
    for (search, rest, texts) in [
        (tpe, "[objective]\nmaximize = \"sharp\"", ["sharp", "did you mean `sharpe`?"]),
        (tpe, "[objective]\nrequire = [\"trade > 3\"]", ["objective.require", "trades"]),
        (
            tpe,
            "[validation]\nmethod = \"walk_forward\"\ntrain = \"90d\"\ntest = \"1d\"",
            ["validation", "shorten the windows"],
        ),
        (
            tpe,
            "[validation]\nmethod = \"walk_forward\"\ntrain = 2900\ntest = 200",
            ["3,100 bars", "there are 3,000 bars"],
        ),
        (
            "method = \"tpe\"\ntrials = 20\nenqueue = [{ fst = 3 }]",
            "",
            ["search.enqueue", "did you mean `fast`?"],
        ),
        (
            "method = \"cmaes\"\ntrials = 20",
            "[objective]\nmaximize = [\"sharpe\", \"calmar\"]",
            ["one goal", "genetic"],
        ),
    ] {
        lab(&searching("bad", search, rest))
            .run(&["run", "job.toml"])
            .fails(2, &texts);
    }
}

#[test]
fn searches_of_nothing_much_end_all_the_same() {
    // One point; nothing that satisfies what is required; an objective that is never defined.
    let one = searching("one", "method = \"tpe\"\ntrials = 20\nprobe = 5", "")
        .replace("[2, 60]", "[5, 5]")
        .replace("[3, 90]", "[9, 9]");
    let never = "[objective]\nrequire = [\"trades > 1000000\"]";
    for (name, text, trials, grade) in [
        ("one", one, 1, "unproven"),
        (
            "never",
            searching("never", "method = \"tpe\"\ntrials = 20\nprobe = 0", never),
            20,
            "fool's gold",
        ),
        (
            "undefined",
            searching("undefined", "method = \"de\"\ntrials = 20\nprobe = 0", "")
                .replace("commission = 0.0001", "size = { units = 1000000 }"),
            20,
            "unproven",
        ),
    ] {
        let lab = lab(&text);
        let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
        assert_eq!(ran["trials"], trials, "{name}: {ran}");
        let top = lab.run(&["top", name, "-o", "json"]).ok();
        assert!(!top.contains("NaN"), "{top}");
        // Neither proves anything.
        let verdict = lab.run(&["verdict", name, "-o", "json"]).json();
        assert_eq!(verdict["grade"], grade, "{name}: {verdict:#}");
        let page = lab.run(&["report", name, "--to", "page.html"]).ok();
        assert!(page.contains("page.html") && !lab.read("page.html").contains("NaN"), "{name}");
    }
}

#[test]
fn a_seed_with_other_settings_is_another_job() {
    let text = searching("seeded", "method = \"tpe\"\ntrials = 20\nprobe = 0\nseed = 9", "");
    let lab = lab(&text);
    let first = lab.run(&["run", "job.toml", "-o", "json"]).json();
    lab.write("job.toml", &text.replace("trials = 20", "trials = 25"));
    let second = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert_ne!(first["job_id"], second["job_id"]);
    assert_eq!((&first["trials"], &second["trials"]), (&20.into(), &25.into()));
    // The first one is as it was, and found again rather than run again.
    lab.write("job.toml", &text);
    let again = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert_eq!(again["fingerprint"], first["fingerprint"]);
    assert_eq!(lab.run(&["jobs", "-o", "json"]).json().as_array().unwrap().len(), 2);
}

#[test]
fn a_search_that_stops_on_time_says_that_it_cannot_be_repeated() {
    let search = "method = \"genetic\"\ntrials = 100000\nbatch = 4\nprobe = 0\ntime_limit = \"1s\"";
    let text = searching("late", search, "")
        .replace("[2, 60]", "[2, 600]")
        .replace("[3, 90]", "[3, 900]");
    let lab = lab(&text);
    let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert_eq!(ran["reproducible"], false, "{ran}");
    assert!(ran["trials"].as_u64().unwrap() < 100_000);
    assert!(ran["trials"].as_u64().unwrap() > 0);
}
