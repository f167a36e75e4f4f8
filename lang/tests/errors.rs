//! What users see when an expression is wrong: the message, the part underlined, the hint.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use assay_core::Explain;
use assay_lang::{LangError, ParameterType, Scope, Typed, check, parse};

fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.parameter("fast", ParameterType::Integer).unwrap();
    scope.parameter("slow", ParameterType::Integer).unwrap();
    scope.parameter("band", ParameterType::Number).unwrap();
    scope
        .parameter("mode", ParameterType::Choice(vec!["sma".into(), "ema".into()]))
        .unwrap();
    scope.bind("up", checked("close > open", &Scope::new()).unwrap()).unwrap();
    scope
}

fn checked(source: &str, scope: &Scope) -> Result<Typed, LangError> {
    check(&parse(source)?, scope)
}

/// Source, message, underlined part, a part of the hint.
const CASES: &[(&str, &str, &str, &str)] = &[
    // Text.
    ("close # open", "unexpected character `#`", "#", ""),
    ("close ^ 2", "unexpected character `^`", "^", "no power operator"),
    ("close > 1 ? 2 : 3", "unexpected character `?`", "?", "`if(condition, a, b)`"),
    ("up & up", "unexpected character `&`", "&", "`and`"),
    ("sma(close, 14d)", "`14d` is not a number", "14d", "units"),
    ("1e999", "`1e999` is not a number", "1e999", ""),
    ("1__0 + 2", "`1__0` is not a number", "1__0", ""),
    ("mode == \"sma", "the text is not closed", "\"sma", "close it with `\"`"),
    // Grammar.
    ("", "expected an expression, found the end", "", ""),
    ("(close", "expected `)`, found the end", "", "the bracket at column 1"),
    ("close)", "expected an operator or the end, found `)`", ")", "closes nothing"),
    ("close +", "expected a value, found the end", "", ""),
    ("band > 2%", "expected a value, found the end", "", "0.02 for 2 percent"),
    ("close <> open", "expected a value, found `>`", ">", "`!=`"),
    (
        "up AND up",
        "expected an operator or the end, found `AND`",
        "AND",
        "write `and`",
    ),
    ("fast = slow", "`=` is not a comparison", "=", "`==`"),
    ("1 < fast < 5", "comparisons cannot be chained", "<", "`a < b and b < c`"),
    ("fast == slow == 3", "comparisons cannot be chained", "==", "brackets"),
    (
        "sma(n = 3, close)",
        "an argument without a name follows one with a name",
        "close",
        "front",
    ),
    (
        "close.high",
        "expected an operator or the end, found `.high`",
        "high",
        "`macd(close).signal`",
    ),
    // Names.
    ("clsoe", "unknown name `clsoe`", "clsoe", "did you mean `close`?"),
    ("fats < slow", "unknown name `fats`", "fats", "did you mean `fast`?"),
    ("smaa(close, fast)", "unknown function `smaa`", "smaa", "did you mean `sma`?"),
    (
        "bbands(close)",
        "`bbands` has several outputs, and which one is not said",
        "bbands",
        "write `bbands(...).upper`",
    ),
    ("hour >= 8", "unknown name `hour`", "hour", "`hour()`"),
    ("close(14)", "unknown function `close`", "close", "`close[1]`"),
    ("macd(close).sginal", "`macd` has no output `sginal`", "sginal", "`signal`"),
    (
        "sma(close, 3).upper",
        "`sma` has no output `upper`",
        "upper",
        "leave `.upper` out",
    ),
    // Arguments.
    ("sma(close)", "`sma` needs `n`", "sma(close)", "`sma(x, n)`"),
    (
        "sma(close, 3, 4, 5)",
        "`sma` takes at most 2 arguments, found 4",
        "4, 5",
        "`sma(x, n)`",
    ),
    ("hour(3)", "`hour` takes at most 0 arguments, found 1", "3", "`hour()`"),
    ("max(close)", "`max` needs `b`", "max(close)", "`max(a, b, ...)`"),
    (
        "rsi(close, length = 3)",
        "`rsi` has no parameter `length`",
        "length",
        "`rsi(x, n = 14)`",
    ),
    ("rsi(close, 3, n = 3)", "`rsi` takes at most 2 arguments, found 3", "3", ""),
    ("rsi(n = 3, n = 4)", "`n` is given twice", "n", ""),
    // Types.
    (
        "up + 1",
        "the left side of `+` must be a number, found a condition per bar",
        "up",
        "`if(condition, 1, 0)`",
    ),
    (
        "not close",
        "what follows `not` must be a condition, found a number per bar",
        "close",
        "`x > 0`",
    ),
    (
        "up and close",
        "the right side of `and` must be a condition, found a number per bar",
        "close",
        "`x > 0`",
    ),
    (
        "up == 1",
        "the right side of `==` must be a condition, found a whole number",
        "1",
        "",
    ),
    (
        "sma(up, 3)",
        "`x` of `sma` must be a number, found a condition per bar",
        "up",
        "`if(condition, 1, 0)`",
    ),
    (
        "if(close, 1, 2)",
        "`condition` of `if` must be a condition, found a number per bar",
        "close",
        "`x > 0`",
    ),
    (
        "if(up, 1, up)",
        "`b` of `if` must be a number, found a condition per bar",
        "up",
        "",
    ),
    (
        "if(up, mode, 1)",
        "`a` of `if` must be a number or a condition, found a text",
        "mode",
        "`mode == \"sma\"`",
    ),
    (
        "sma(close, open)",
        "`n` of `sma` must be a whole number known before the data, found a number per bar",
        "open",
        "bar to bar",
    ),
    (
        "sma(close, fast / 2)",
        "`n` of `sma` must be a whole number known before the data, found a number",
        "fast / 2",
        "`round(x)`",
    ),
    (
        "bbands(close, 20, close).upper",
        "`k` of `bbands_upper` must be a number known before the data, found a number per bar",
        "close",
        "",
    ),
    (
        "fast[1]",
        "what stands before `[` must be a series, found a whole number",
        "fast",
        "previous one",
    ),
    ("mode == \"wma\"", "`mode` is never \"wma\"", "\"wma\"", "did you mean `ema`?"),
    (
        "mode == 3",
        "the right side of `==` must be one of the choices in quotes, found a whole number",
        "3",
        "",
    ),
    (
        "\"sma\" == fast",
        "the left side of `==` must be a number, found a text",
        "\"sma\"",
        "",
    ),
    (
        "mode < \"sma\"",
        "the left side of `<` must be a number, found a text",
        "mode",
        "",
    ),
    // Lengths.
    (
        "close[-1]",
        "cannot read the future: 1 bars ago lies ahead",
        "-1",
        "`x[1]` is the previous bar",
    ),
    (
        "delay(close, 1 - 3)",
        "cannot read the future: 2 bars ago lies ahead",
        "1 - 3",
        "",
    ),
    (
        "sma(close, 0)",
        "a length must be a whole number from 1 to 1000000000, found 0",
        "0",
        "",
    ),
    (
        "close[floor(1 / 0)]",
        "a length must be a whole number from 0 to 1000000000, found null",
        "floor(1 / 0)",
        "",
    ),
];

#[test]
fn errors_say_what_where_and_what_to_do() {
    let scope = scope();
    for (source, message, underlined, hint) in CASES {
        let error = checked(source, &scope).expect_err(source);
        assert_eq!(error.to_string(), *message, "{source}");
        assert_eq!(
            &source[error.span.start as usize..error.span.end as usize],
            *underlined,
            "{source}"
        );
        let found = error.hint.clone().unwrap_or_default();
        assert!(found.contains(hint), "{source}: hint `{found}` lacks `{hint}`");
        assert_eq!(Explain::domain(&error).exit_code(), 2);
    }
}

#[test]
fn the_column_is_underlined_whatever_stands_before_it() {
    let render = |source: &str| checked(source, &scope()).unwrap_err().render(source, "job.toml, where");
    assert_eq!(
        render("mode == 'ä' or clsoe > 1"),
        "error: `mode` is never \"ä\"\n  --> job.toml, where, column 9\n   |  mode == 'ä' or clsoe > 1\n   |          ^^^\n   \
         hint: known names: sma, ema"
    );
    assert_eq!(
        render("up and\n\tclsoe > 1"),
        "error: unknown name `clsoe`\n  --> job.toml, where, line 2, column 2\n   |   clsoe > 1\n   |   ^^^^^\n   \
         hint: did you mean `close`?"
    );
    let long = format!("{}clsoe", "close + ".repeat(100));
    let shown = render(&long);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() < 130), "{shown}");
    assert!(lines[1].ends_with("column 801"));
    assert_eq!(&lines[2][lines[3].find('^').unwrap()..], "clsoe");
}

#[test]
fn hostile_sources_are_refused_without_exhausting_the_stack() {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(500), close.repeat(500));
    for source in [
        nested("(", ")"),
        nested("-", ""),
        nested("abs(", ")"),
        nested("not ", ""),
        nested("close[", "]"),
        nested("(-", ")"),
    ] {
        let error = parse(&source).unwrap_err();
        assert_eq!(error.to_string(), "the expression nests deeper than 64 levels", "{source}");
    }
    let tall = parse(&format!("1{}", "+1".repeat(255))).expect("as tall as allowed");
    assert!(check(&tall, &scope()).is_ok());
    let error = parse(&format!("1{}", "+1".repeat(1_000))).unwrap_err();
    assert_eq!(error.to_string(), "the expression nests deeper than 256 levels");
    let error = parse(&" ".repeat(5_000)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the expression has 5000 characters, at most 4096 are allowed"
    );
}

#[test]
fn lets_cannot_smuggle_in_depth_or_size() {
    let mut scope = Scope::new();
    scope.bind("v0", checked("1", &scope).unwrap()).unwrap();
    let mut last = None;
    for i in 0..2_000 {
        // Written out, the hundredth has 2^100 parts; the tree itself shares them.
        match checked(&format!("v{i} + v{i}"), &scope) {
            Ok(value) => scope.bind(&format!("v{}", i + 1), value).unwrap(),
            Err(error) => {
                last = Some(error.to_string());
                break;
            }
        }
    }
    assert_eq!(last.as_deref(), Some("the expression nests deeper than 1024 levels"));
    let length = checked("close[v100]", &scope).unwrap();
    let assay_lang::TypedKind::Index(_, bars) = &length.kind else {
        panic!("an index")
    };
    let error = assay_lang::ScalarProgram::from_typed(bars, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the expression has more than 4096 parts once its `let`s are written out"
    );
}

#[test]
fn names_that_cannot_be_declared_are_refused() {
    let refuse = |name: &str| scope().parameter(name, ParameterType::Integer).unwrap_err().to_string();
    assert!(refuse("close").contains("built-in series"));
    assert!(refuse("fast").contains("declared twice"));
    assert!(refuse("not").contains("word of the language"));
    for bad in ["2x", "a-b", "", "\u{e4}"] {
        assert!(refuse(bad).contains("do not begin with a digit"), "{bad}");
    }
    scope()
        .parameter("atr", ParameterType::Integer)
        .expect("functions and names do not get in each other's way");
    let text = checked("\"sma\"", &scope()).unwrap();
    assert!(
        scope()
            .bind("kind", text)
            .unwrap_err()
            .to_string()
            .contains("must be a number or a condition, found a text")
    );
}
