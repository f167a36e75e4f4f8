//! Projects, settings, shells, and pages whose commands must work.

use std::fs;
use std::path::Path;

use crate::support::Lab;

/// The commands of a page: lines after `$` in blocks of `console`, with quotes and comments as shells have them.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in page.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if inside => {
                let command = line
                    .strip_prefix("$ assay ")
                    .unwrap_or_else(|| panic!("not a command: {line}"));
                found.push(words(command));
            }
            _ => {}
        }
    }
    assert!(!found.is_empty(), "a page without commands");
    found
}

fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        let last = words.last_mut().expect("there is a first word");
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted && last.is_empty() => {}
            ' ' if !quoted => words.push(String::new()),
            '#' if !quoted && last.is_empty() => break,
            _ => last.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The best trial of the newest job.
#[track_caller]
fn best(lab: &Lab) -> String {
    let jobs = lab.run(&["jobs", "-o", "json"]).json();
    let job = jobs[0]["job_id"].as_str().expect("a job");
    let top = lab.run(&["top", job, "-n", "1", "-o", "json"]).json();
    top[0]["trial_id"].as_str().expect("a trial").to_owned()
}

/// Runs all commands; `BEST` is the best trial of the newest job.
#[track_caller]
fn follow(lab: &Lab, page: &str) {
    for mut command in commands(page) {
        for word in command.iter_mut().filter(|word| *word == "BEST") {
            *word = best(lab);
        }
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let ran = lab.run(&args);
        assert_eq!(ran.code, 0, "assay {}: {ran:#?}", args.join(" "));
    }
}

fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A lab with a copy of an example, whose page is followed.
#[track_caller]
fn example(name: &str) {
    let lab = Lab::new();
    let folder = project().join("examples").join(name);
    for entry in fs::read_dir(&folder).expect("an example is a folder") {
        let entry = entry.expect("a file of the example");
        let name = entry.file_name().into_string().expect("a plain name");
        fs::copy(entry.path(), lab.path(&name)).expect("a copy in the temporary folder");
    }
    follow(
        &lab,
        &fs::read_to_string(folder.join("README.md")).expect("an example has a page"),
    );
}

#[test]
fn the_example_first_sweep_runs() {
    example("first-sweep");
}

#[test]
fn the_example_own_data_runs() {
    example("own-data");
}

#[test]
fn the_example_random_search_runs() {
    example("random-search");
}

#[test]
fn the_example_several_instruments_runs() {
    example("several-instruments");
}

#[test]
fn every_example_is_listed_and_run() {
    let page = fs::read_to_string(project().join("examples/README.md")).unwrap();
    for entry in fs::read_dir(project().join("examples")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            assert!(page.contains(&format!("[{name}]({name})")), "{name} is not listed");
            let call = format!("example(\"{name}\")");
            assert!(include_str!("comfort.rs").contains(&call), "no test runs {name}");
        }
    }
}

#[test]
fn the_first_hour_and_the_recipes_run() {
    let lab = Lab::new();
    let book = |page: &str| fs::read_to_string(project().join("docs").join(page)).unwrap();
    follow(&lab, &book("first-hour.md"));
    follow(&lab, &book("recipes.md"));
}

#[test]
fn the_book_has_no_dead_links() {
    for entry in fs::read_dir(project().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(path.parent().unwrap().join(file).exists(), "{}: {link}", path.display());
            }
        }
    }
}

#[test]
fn a_new_project_runs_and_never_overwrites() {
    let lab = Lab::new();
    let told = lab.run(&["init", "idea"]).ok();
    assert!(told.contains("next: cd idea && assay run job.toml"), "{told}");
    let page = fs::read_to_string(lab.path("idea/README.md")).unwrap();
    for command in commands(&page) {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let ran = lab.command(&args).current_dir(lab.path("idea")).output().unwrap();
        assert!(ran.status.success(), "assay {}: {ran:?}", args.join(" "));
    }
    lab.write("idea/job.toml", "mine");
    fs::remove_file(lab.path("idea/README.md")).unwrap();
    lab.run(&["init", "idea"]).fails(2, &["is there already"]);
    assert_eq!(fs::read_to_string(lab.path("idea/job.toml")).unwrap(), "mine");
    assert!(!lab.path("idea/README.md").exists(), "all or nothing");
}

#[test]
fn settings_are_shown_with_where_they_come_from() {
    let lab = Lab::new();
    lab.write("assay.toml", "home = \"here\"\nthreads = 3\n");
    let mut command = lab.command(&["config", "show", "--origin", "-o", "json", "--memory", "1GB"]);
    command.env("ASSAY_THREADS", "2").env("ASSAY_KEY", "very secret");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("very secret"), "{text}");
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    let of = |name: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["setting"] == name);
        let row = row.unwrap_or_else(|| panic!("no {name} in {text}"));
        let text = |key: &str| row[key].as_str().unwrap_or("null").to_owned();
        (text("value"), text("origin"))
    };
    let (home, origin) = of("home");
    assert!(home.ends_with("/here") && origin.ends_with("/assay.toml"), "{home} {origin}");
    assert_eq!(of("threads"), ("2".to_owned(), "variable ASSAY_THREADS".to_owned()));
    assert_eq!(of("memory"), ("1.0 GB".to_owned(), "flag".to_owned()));
    assert_eq!(of("output"), ("json".to_owned(), "flag".to_owned()));
    #[cfg(feature = "cluster")]
    assert_eq!(of("key").0, "(set, not shown)");
    let plain = lab.run(&["config", "show"]).ok();
    assert!(plain.contains("home") && !plain.contains("origin"), "{plain}");
}

#[test]
fn shells_complete_commands_and_names_of_this_home() {
    let lab = Lab::with_bars(300);
    lab.write("job.toml", &crate::support::job("my-first-job", "[2, 5]", "[6, 9]"));
    lab.run(&["run", "job.toml"]).ok();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = lab.run(&["completions", shell]).ok();
        assert!(script.contains("ASSAY_COMPLETE"), "{script}");
    }
    let complete = |words: &[&str]| {
        let mut args = vec!["--", "assay"];
        args.extend(words);
        let mut command = lab.command(&args);
        command.env("ASSAY_COMPLETE", "fish");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(complete(&["rep"]).starts_with("report"));
    assert!(complete(&["top", ""]).contains("my-first-job"));
    assert!(complete(&["eval", ""]).contains("WALK"));
    assert!(complete(&["strategy", "show", "ma"]).contains("ma_cross"));
    assert!(complete(&["report", "x", "--only", "heat"]).contains("heatmap"));
    for command in ["verdict", "folds", "importance"] {
        assert!(complete(&[command, ""]).contains("my-first-job"), "{command}");
    }
    #[cfg(feature = "cluster")]
    for command in ["watch", "pause", "resume", "cancel", "logs"] {
        assert!(complete(&[command, ""]).contains("my-first-job"), "{command}");
    }
    for words in [
        &["data", "check", ""][..],
        &["data", "show", ""],
        &["data", "export", ""],
        &["data", "import", "x", "--symbol", ""],
    ] {
        assert!(complete(words).contains("WALK"), "{words:?}");
    }
    for (words, text) in [
        (&["data", "import", "x", "--format", "h"][..], "histdata"),
        (&["data", "import", "x", "--kind", ""], "funding"),
        (&["data", "import", "x", "--crossed", ""], "swap"),
        (&["data", "import", "x", "--adjust", ""], "total"),
        (&["data", "check", "WALK", "--kind", ""], "1m"),
        (&["trades", "import", "x", "--format", ""], "freqtrade"),
        (&["help", "ver"], "verdict"),
        (&["help", "fn", "supertrend_l"], "supertrend_line"),
    ] {
        assert!(complete(words).contains(text), "{words:?}");
    }
    let trial = best(&lab);
    for words in [&["show", ""][..], &["trades", ""], &["compare", ""]] {
        assert!(complete(words).contains(&trial), "{words:?}");
    }
    assert!(lab.run(&["completions", "tcsh"]).stderr.contains("possible values"));
}

#[test]
fn manual_pages_are_written() {
    let lab = Lab::new();
    let page = lab.run(&["man"]).ok();
    assert!(page.contains(".TH assay 1") && page.contains(".SH SYNOPSIS"), "{page}");
    lab.run(&["man", "pages"]).ok();
    for page in ["assay.1", "assay-report.1", "assay-data-import.1"] {
        assert!(lab.path("pages").join(page).exists(), "{page}");
    }
}
