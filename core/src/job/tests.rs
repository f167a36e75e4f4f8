use super::*;
use crate::failure::Explain;

const WHOLE: &str = r#"
name = "eurusd-cross"
[data]
instruments = ["EURUSD"]
bars = "5m"
from = "2014-05-01"
[strategy]
use = "./my_cross.toml"
[params]
fast = { int = [2, 60] }
mode = { choice = ["sma", "ema"] }
where = "fast < 50"
[execution]
fill = "close"
size = { vol_target = 0.1, bars = "n" }
stop_loss = "1%"
take_profit = "2.5 * atr(14)"
max_bars = 20
[metrics]
sampling = "1d"
[search]
method = "random"
trials = 5000
seed = 7
[objective]
maximize = "-max_drawdown"
[results]
keep = 100
"#;

#[test]
fn a_whole_job_reads_and_survives_its_own_canonical_form() {
    let job = JobSpec::from_toml(WHOLE).unwrap();
    assert_eq!(job.execution.stop_loss, Some(Level::Percent("1".to_owned())));
    assert_eq!(job.execution.max_bars, Some(Amount::Number(20.0)));
    assert_eq!(job.results.keep, Keep::Best(100));
    assert!(job.objective.maximize.negated);
    let json = serde_json::to_string(&job).unwrap();
    assert!(json.contains(r#""stop_loss":"1%""#), "{json}");
}

#[test]
fn a_job_without_funding_does_not_speak_of_it() {
    let text = |edit: &str| {
        let job = JobSpec::from_toml(&WHOLE.replace("fill = \"close\"", edit)).unwrap();
        serde_json::to_string(&job).unwrap()
    };
    // Its canonical form, and with it the job's id, is what it was before there was funding.
    assert!(!text("funding = false").contains("funding"));
    assert!(text("funding = true").contains(r#""funding":true"#));
    let error = JobSpec::from_toml(&WHOLE.replace("bars = \"5m\"", "bars = \"5m\"\nsource = \"funding\"")).unwrap_err();
    assert_eq!(error.to_string(), "data.source: no bars are made from funding");
    assert!(error.hint().unwrap().contains("[execution] funding = true"));
}

#[test]
fn errors_name_the_key_the_line_and_the_nearest_name() {
    let with = |from: &str, to: &str| JobSpec::from_toml(&WHOLE.replace(from, to)).unwrap_err();
    let error = with("seed = 7", "sead = 7");
    assert_eq!(error.to_string(), "unknown key `sead` (line 24)");
    assert_eq!(error.hint().unwrap(), "did you mean `seed`?");
    let error = with("\"close\"", "\"closed\"");
    assert_eq!(error.hint().unwrap(), "did you mean `close`?");
    let error = with("-max_drawdown", "sharp");
    assert!(error.to_string().contains("unknown metric `sharp`") && !error.to_string().contains("did you mean"));
    assert_eq!(error.hint().unwrap(), "did you mean `sharpe`?");
    assert!(with("trials = 5000\n", "").to_string().contains("search.trials"));
    assert!(with("keep = 100", "keep = 0").to_string().contains("expected \"all\""));
    assert!(
        with("{ vol_target = 0.1, bars = \"n\" }", "{ fration = 1 }")
            .to_string()
            .contains("unknown key `fration`")
    );
    assert!(
        with("from = \"2014-05-01\"", "from = \"May\"")
            .to_string()
            .contains("`May` is not a time")
    );
}

#[test]
fn a_job_without_search_that_learns_does_not_speak_of_it() {
    let job = JobSpec::from_toml(WHOLE).unwrap();
    let json = serde_json::to_string(&job).unwrap();
    // Its canonical form, and with it the job's id, is what it was before there were such searches.
    assert!(
        json.contains(r#""search":{"method":"random","trials":5000,"seed":7},"objective""#),
        "{json}"
    );
    assert!(
        json.contains(r#""objective":{"maximize":"-max_drawdown","aggregate":"mean"},"results""#),
        "{json}"
    );
}

#[test]
fn a_search_that_learns_has_its_settings_filled_in() {
    let text = WHOLE
        .replace(
            "method = \"random\"",
            "method = \"tpe\"\npending = 2\nenqueue = [{ fast = 3 }]",
        )
        .replace(
            "maximize = \"-max_drawdown\"",
            "maximize = [\"sharpe\", \"-max_drawdown\"]\nrequire = [\"trades > 3\"]",
        );
    let job = JobSpec::from_toml(&text).unwrap();
    assert_eq!((job.search.batch, job.search.lag), (Some(DEFAULT_BATCH), Some(2)));
    assert_eq!(job.search.tpe, Some(TpeSettings::default()));
    assert_eq!(job.objective.goal_count(), 2);
    let json = serde_json::to_value(&job).unwrap();
    assert_eq!(json["objective"]["maximize"].to_string(), r#"["sharpe","-max_drawdown"]"#);
    let again: Objective = serde_json::from_value(json["objective"].clone()).unwrap();
    assert_eq!(again, job.objective);
    let search: SearchSpec = serde_json::from_value(json["search"].clone()).unwrap();
    assert_eq!(search, job.search);
}

#[test]
fn validation_reads_time_and_bars() {
    let read = |text: &str| JobSpec::from_toml(&format!("{WHOLE}\n[validation]\n{text}")).map(|job| job.validation);
    let walk = read("method = \"walk_forward\"\ntrain = \"90d\"\ntest = \"30d\"\nanchored = true").unwrap();
    let ValidationSpec::WalkForward(walk) = walk else {
        panic!("{walk:?}")
    };
    assert_eq!((walk.step().to_string(), walk.anchored), ("30d".to_owned(), true));
    assert!(
        matches!(read("method = \"walk_forward\"\ntrain = 5000\ntest = 1000\npurge = 10").unwrap(),
        ValidationSpec::WalkForward(walk) if walk.counts_bars())
    );
    assert!(matches!(read("method = \"holdout\"").unwrap(), ValidationSpec::Holdout(holdout) if holdout.share == 0.2));
    assert!(matches!(read("method = \"cpcv\"\nn = 10").unwrap(), ValidationSpec::Cpcv(cpcv) if (cpcv.n, cpcv.k) == (10, 2)));
    for (text, expected) in [
        ("method = \"walk_forward\"\ntrain = \"90d\"\ntest = 100", "validation.test"),
        (
            "method = \"walk_forward\"\ntrain = 100\ntest = 100\nstep = 50",
            "tested twice",
        ),
        ("method = \"walk_forward\"\ntest = 100", "train"),
        ("method = \"cpcv\"\nn = 4\nk = 4", "validation.k"),
        ("method = \"holdout\"\nshare = 1.0", "validation.share"),
        ("method = \"holdout\"\nshares = 0.5", "shares"),
        ("method = \"walkforward\"", "walkforward"),
    ] {
        let error = read(text).unwrap_err();
        let whole = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(whole.contains(expected), "{text}: {whole}");
    }
}

#[test]
fn searches_that_cannot_be_are_refused() {
    for (from, to, expected) in [
        (
            "method = \"random\"",
            "method = \"tpe\"\n[search.genetic]\npopulation = 20\n[search.x]",
            "unknown key `x`",
        ),
        ("method = \"random\"", "method = \"cmaes\"\nbatch = 0", "search.batch"),
        ("method = \"random\"", "method = \"random\"\npatience = 5", "does not learn"),
        (
            "method = \"random\"",
            "method = \"pso\"\npso = { particles = 1 }",
            "search.pso.particles",
        ),
        (
            "method = \"random\"",
            "method = \"pso\"\nde = { memory = 1 }",
            "the method is pso",
        ),
        (
            "method = \"random\"",
            "method = \"tpe\"\nstart_from = \"other\"",
            "not a job id",
        ),
        (
            "maximize = \"-max_drawdown\"",
            "maximize = [\"sharpe\", \"-sharpe\"]",
            "named twice",
        ),
        ("maximize = \"-max_drawdown\"", "maximize = []", "names no metric"),
    ] {
        let error = JobSpec::from_toml(&WHOLE.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(expected), "{to}: {error}");
    }
    let pso = WHOLE
        .replace("\"random\"", "\"pso\"")
        .replace("\"-max_drawdown\"", "[\"sharpe\", \"calmar\"]");
    assert!(JobSpec::from_toml(&pso).unwrap_err().to_string().contains("one goal"));
}
