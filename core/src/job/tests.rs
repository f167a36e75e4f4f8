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
    assert!(with("-max_drawdown", "sharp").to_string().contains("did you mean `sharpe`?"));
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
