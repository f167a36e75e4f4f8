//! Reading strategy files, and what is said of those that are wrong.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use assay_core::Explain;
use assay_core::space::Space;
use assay_strategies::{Strategy, StrategyError, library, library_strategy};

const CROSS: &str = r#"
name = "cross"
about = "test"
[params]
fast = { int = [5, 50], default = 10 }
slow = { int = [20, 200], default = 50 }
band = { float = [0.0, 0.1], default = 0.01 }
mode = { choice = ["sma", "ema"], default = "ema" }
where = "fast < slow"
[let]
f = "if(mode == \"sma\", sma(close, fast), ema(close, fast))"
s = "wide"
wide = "sma(close, slow)"
[rules]
enter_long = "crossover(f, s * (1 + band))"
exit_long = "crossunder(f, s)"
stop_loss = "2%"
take_profit = "3 * atr(14)"
size = { fraction = "band * 10" }
max_bars = "slow * 2"
"#;

fn parse(source: &str) -> Result<Strategy, StrategyError> {
    Strategy::parse(source, "cross.toml")
}

fn broken(from: &str, to: &str) -> StrategyError {
    assert!(CROSS.contains(from), "{from}");
    parse(&CROSS.replace(from, to)).unwrap_err()
}

#[test]
fn lets_stand_after_those_they_mention() {
    let strategy = parse(CROSS).unwrap();
    let names: Vec<&str> = strategy.lets.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["f", "wide", "s"]);
    assert_eq!(*strategy.default_point().0, [0.01, 10.0, 1.0, 50.0]);
}

#[test]
fn the_canonical_text_ignores_layout_and_names_but_no_meaning() {
    let canonical = |text: &str| parse(text).unwrap().canonical();
    let base = canonical(CROSS);
    assert_eq!(base, canonical(&CROSS.replace("about = \"test\"", "# a comment")));
    assert_eq!(base, canonical(&CROSS.replace("name = \"cross\"", "name = \"other\"")));
    assert_eq!(base, canonical(&CROSS.replace("s * (1 + band)", "(s)*(1+band)")));
    for (from, to) in [
        ("default = 10", "default = 11"),
        ("\"2%\"", "\"2\""),
        ("fast < slow", "fast <= slow"),
        ("crossunder", "crossover"),
        ("slow * 2", "slow"),
    ] {
        assert_ne!(base, canonical(&CROSS.replace(from, to)), "{from}");
    }
}

#[test]
fn expressions_are_shown_with_file_place_and_underline() {
    let error = broken("sma(close, slow)", "smaa(close, slow)");
    assert_eq!(
        error.to_string(),
        "unknown function `smaa`\n  --> cross.toml, let.wide, column 1\n   |  smaa(close, slow)\n   |  ^^^^"
    );
    assert_eq!(error.hint().unwrap(), "did you mean `sma`?");
    let error = broken("crossunder(f, s)", "f - s");
    assert!(error.to_string().contains("cross.toml, rules.exit_long, column 1"), "{error}");
    let error = broken("3 * atr(14)", "3 * atr(14) > 1");
    assert!(error.to_string().contains("rules.take_profit"), "{error}");
    let error = broken("\"2%\"", "\"close%\"");
    assert!(
        error.to_string().contains("`stop_loss`") || error.to_string().contains("stop_loss must be"),
        "{error}"
    );
    let error = broken("band * 10", "bandd * 10");
    assert!(error.to_string().contains("rules.size.fraction"), "{error}");
    assert_eq!(error.hint().unwrap(), "did you mean `band`?");
    let error = broken("\"fast < slow\"", "\"fast < slo\"");
    assert!(error.to_string().contains("params.where"), "{error}");
    let error = broken("mode == \\\"sma\\\"", "mode == \\\"smaa\\\"");
    assert_eq!(error.hint().unwrap(), "did you mean `sma`?");
}

#[test]
fn unknown_keys_circles_and_empty_strategies_are_refused() {
    let error = broken("exit_long =", "exit_lon =");
    assert_eq!(error.to_string(), "cross.toml: unknown key `exit_lon` (line 16)");
    assert_eq!(error.hint().unwrap(), "did you mean `exit_long`?");
    let error = broken("wide = \"sma(close, slow)\"", "wide = \"sma(s, slow)\"");
    assert_eq!(error.to_string(), "cross.toml: let.s in a circle: s -> wide -> s");
    let error = parse("name = 'x'\n[rules]\nexit_long = 'close > open'").unwrap_err();
    assert!(matches!(error, StrategyError::NoEntry { .. }), "{error}");
    let error = broken(
        "wide = \"sma(close, slow)\"",
        "volume = \"sma(close, slow)\"\nwide = \"open\"",
    );
    assert!(error.to_string().contains("`volume` cannot be a name"), "{error}");
}

#[test]
fn a_job_narrows_parameters_and_takes_defaults_for_the_rest() {
    let strategy = parse(CROSS).unwrap();
    let resolve = |text: &str| strategy.resolve_space(Some(&toml::from_str::<Space>(text).unwrap()));
    let space = resolve("fast = { int = [2, 4] }\nmode = { choice = [\"sma\"] }").unwrap();
    assert_eq!(space.grid_len(), Some(3));
    assert_eq!(space.condition.as_deref(), Some("fast < slow"));
    assert_eq!(
        resolve("fast = 3\nwhere = \"fast > 0\"").unwrap().condition.as_deref(),
        Some("fast > 0")
    );
    let error = resolve("fst = 3").unwrap_err();
    assert_eq!(error.to_string(), "cross has no parameter `fst`");
    assert_eq!(error.hint().unwrap(), "did you mean `fast`?");
    for wrong in [
        "fast = { float = [1, 2] }",
        "fast = 2.5",
        "mode = { choice = [\"wma\"] }",
        "mode = 3",
        "band = \"x\"",
    ] {
        assert!(matches!(resolve(wrong), Err(StrategyError::WrongParameter { .. })), "{wrong}");
    }
    assert!(resolve("band = { int = [0, 1] }").is_ok());
    assert!(
        resolve("where = \"fast\"")
            .unwrap_err()
            .to_string()
            .contains("job, params.where")
    );
}

#[test]
fn the_library_is_sorted_and_reads() {
    let names: Vec<&str> = library().iter().map(|(name, _)| *name).collect();
    assert!(names.is_sorted() && names.len() >= 40);
    for name in names {
        let strategy = library_strategy(name).unwrap();
        assert_eq!(strategy.name, name);
        assert!(!strategy.about.is_empty());
        assert!(strategy.rules.enter_long.is_some() && strategy.rules.enter_short.is_some());
        assert!(
            strategy.space.params.iter().all(|parameter| parameter.default.is_some()),
            "{name}"
        );
    }
    let error = library_strategy("ma_cros").unwrap_err();
    assert_eq!(error.hint().unwrap(), "did you mean `ma_cross`?");
}
