//! What expressions mean: grammar, types, and the values of those that need no data.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use assay_lang::{
    Body, FUNCTIONS, ParameterType, SERIES, ScalarProgram, Scope, Type, Typed, TypedKind, Value, check, eval_scalar, nulls,
    parse,
};

fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.parameter("n", ParameterType::Integer).unwrap();
    scope.parameter("k", ParameterType::Number).unwrap();
    scope
        .parameter("mode", ParameterType::Choice(vec!["sma".into(), "ema".into()]))
        .unwrap();
    scope
}

fn typed(source: &str) -> Typed {
    check(&parse(source).unwrap(), &scope()).unwrap_or_else(|error| panic!("{}", error.render(source, "test")))
}

#[test]
fn spelling_does_not_change_the_meaning() {
    for (written, canonical) in [
        ("a+b*c-d", "a + b * c - d"),
        ("((a)+(b*c))", "a + b * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("-a*b", "-a * b"),
        ("-(a*b)", "-(a * b)"),
        ("!a&&b||c", "not a and b or c"),
        ("not (a and b)", "not (a and b)"),
        ("not a == b", "not a == b"),
        ("(not a) == b", "(not a) == b"),
        ("a and (b or c)", "a and (b or c)"),
        ("(a<b)==(c\u{2265}d)", "(a < b) == (c >= d)"),
        ("-x[1]", "-x[1]"),
        ("(a+b)[n+1][2]", "(a + b)[n + 1][2]"),
        ("mode=='sma'", "mode == \"sma\""),
        ("1_000.50+.5e-1-1E3", "1000.5 + 0.05 - 1000"),
        ("macd( close , slow=30, ).signal[1]", "macd_signal(close, slow = 30)[1]"),
        ("stoch().k", "stoch_k()"),
        ("a\n  +\tb", "a + b"),
    ] {
        let expr = parse(written).unwrap_or_else(|error| panic!("{}", error.render(written, "test")));
        assert_eq!(expr.to_string(), canonical);
        assert_eq!(parse(canonical).unwrap(), expr, "{canonical}");
    }
}

#[test]
fn types_follow_from_the_parts() {
    for (source, ty) in [
        ("close", Type::NumberSeries),
        ("close + n", Type::NumberSeries),
        ("close > k", Type::BoolSeries),
        ("2 * n + 1", Type::Integer),
        ("n / 2", Type::Scalar),
        ("round(n / 2)", Type::Integer),
        ("n * k", Type::Scalar),
        ("max(n, 3, 4)", Type::Integer),
        ("max(n, 3, k)", Type::Scalar),
        ("max(n, 3, close)", Type::NumberSeries),
        ("n > 3 and not (k < 0.5)", Type::ScalarBool),
        ("n > 3 or close > open", Type::BoolSeries),
        ("if(mode == \"sma\", sma(close, n), ema(close, n))", Type::NumberSeries),
        ("if(mode == \"sma\", n, 2 * n)", Type::Integer),
        ("if(close > open, n, 2 * n)", Type::NumberSeries),
        ("if(n > 3, close > open, true)", Type::BoolSeries),
        ("(close > open)[1]", Type::BoolSeries),
        ("is_null(sma(close, n)[n + 1])", Type::BoolSeries),
        ("is_null(k)", Type::ScalarBool),
        ("crossover(close, 3)", Type::BoolSeries),
        ("barssince(close > open)", Type::NumberSeries),
        ("sma(close, if(mode != \"sma\", 3, n))", Type::NumberSeries),
        ("hour()", Type::NumberSeries),
        ("mode", Type::Text),
    ] {
        assert_eq!(typed(source).ty, ty, "{source}");
    }
}

#[test]
fn every_function_and_series_can_be_used_as_documented() {
    for function in FUNCTIONS.iter() {
        let arguments: Vec<&str> = function
            .parameters
            .iter()
            .map(|parameter| match parameter.kind {
                assay_lang::functions::Kind::Series | assay_lang::functions::Kind::Any => "close",
                assay_lang::functions::Kind::Condition => "close > open",
                assay_lang::functions::Kind::Scalar => "k",
                assay_lang::functions::Kind::Length { .. } => "n",
            })
            .collect();
        let called = typed(&format!("{}({})", function.name, arguments.join(", ")));
        assert!(!called.ty.is_scalar(), "{function}");
        let needed = function
            .parameters
            .iter()
            .take_while(|parameter| parameter.default.is_none())
            .count();
        let short = typed(&format!("{}({})", function.name, arguments[..needed].join(", ")));
        match short.kind {
            TypedKind::Call(found, filled) if !matches!(function.body, Body::Formula(_)) => {
                assert_eq!((&found.name, filled.len()), (&function.name, function.parameters.len()));
            }
            _ => assert!(matches!(function.body, Body::Formula(_)), "{function}"),
        }
    }
    for (series, _) in SERIES {
        assert!(matches!(typed(series).kind, TypedKind::Series(name) if name == *series));
    }
}

#[test]
fn named_arguments_land_in_their_places() {
    let TypedKind::Call(_, arguments) = typed("quantile(q = 0.25, x = open, n = n)").kind else {
        panic!("a call")
    };
    assert!(matches!(arguments[0].kind, TypedKind::Series("open")));
    assert!(matches!(&arguments[1].kind, TypedKind::Parameter(name) if name == "n"));
    assert!(matches!(arguments[2].kind, TypedKind::Number(0.25)));
    let TypedKind::Call(_, arguments) = typed("mama(slow = k, x = open)").kind else {
        panic!("a call")
    };
    assert!(matches!(arguments[1].kind, TypedKind::Number(0.5)));
    assert!(matches!(&arguments[2].kind, TypedKind::Parameter(name) if name == "k"));
}

#[test]
fn names_are_those_of_values() {
    let expr = parse("sma(close, 2 * n) > bbands(close, n, k).upper[lag] and mode == 'sma'").unwrap();
    assert_eq!(
        expr.names().into_iter().collect::<Vec<_>>(),
        ["close", "k", "lag", "mode", "n"]
    );
}

fn value(source: &str) -> Value {
    let values = |name: &str| match name {
        "n" => Some(Value::Number(14.0)),
        "k" => Some(Value::Number(0.5)),
        "mode" => Some(Value::Text("ema".into())),
        "on" => Some(Value::Bool(true)),
        _ => None,
    };
    let expr = parse(source).unwrap();
    eval_scalar(&expr, &values).unwrap_or_else(|error| panic!("{}", error.render(source, "test")))
}

#[test]
fn scalars_are_evaluated() {
    for (source, expected) in [
        ("2 * n + 1", 29.0),
        ("n % 4 - -n % 4", 4.0),
        ("-7 % 4", -3.0),
        ("1 - 2 - 3", -4.0),
        ("2 + 3 * 4 / 8", 3.5),
        ("min(n, 3, k) + max(1, 2, 5, 4)", 5.5),
        ("round(2.5) + round(-2.5) + floor(-0.5) + ceil(k)", 0.0),
        ("sign(-3) + sign(0) + abs(-2)", 1.0),
        ("sqrt(16) + log(exp(1))", 5.0),
        ("nz(1 / 0, 7) + nz(n)", 21.0),
        ("if(mode == 'ema', n, 1 / 0)", 14.0),
        ("if(mode != 'ema', 1, 2)", 2.0),
    ] {
        assert_eq!(value(source), Value::Number(expected), "{source}");
    }
    assert_eq!(value("mode"), Value::Text("ema".into()));
    assert_eq!(value("'x'"), Value::Text("x".into()));
}

#[test]
fn null_spreads_except_where_the_other_side_decides() {
    for source in [
        "1 / 0",
        "n % 0",
        "sqrt(-1)",
        "log(0)",
        "exp(1000)",
        "1e308 * 10",
        "1 / 0 + 1",
        "1 / 0 < 1",
        "1 / 0 == 1 / 0",
        "not (1 / 0 < 1)",
        "(1 / 0 < 1) and true",
        "(1 / 0 < 1) or false",
        "(1 / 0 < 1) == true",
        "if(1 / 0 < 1, 1, 2)",
        "min(1, 1 / 0)",
    ] {
        assert_eq!(value(source), Value::Null, "{source}");
    }
    for (source, expected) in [
        ("(1 / 0 < 1) and false", false),
        ("false and (1 / 0 < 1)", false),
        ("(1 / 0 < 1) or true", true),
        ("true or (1 / 0 < 1)", true),
        ("is_null(1 / 0)", true),
        ("is_null(1 / 0 < 1)", true),
        ("is_null(n)", false),
        ("on and n > k and (n > 3) == (k < 1)", true),
    ] {
        assert_eq!(value(source), Value::Bool(expected), "{source}");
    }
}

#[test]
fn programs_take_values_in_order_and_choices_by_position() {
    let choices = ParameterType::Choice(vec!["sma".into(), "ema".into()]);
    let names = [
        ("slow", ParameterType::Integer),
        ("fast", ParameterType::Integer),
        ("mode", choices),
    ];
    let source = "fast < slow and (mode == \"ema\" or fast * 2 <= slow) and 10 / (slow - 8) > 0";
    let program = ScalarProgram::condition(&parse(source).unwrap(), &names, "where").unwrap();
    assert!(program.eval_bool(&[12.0, 9.0, 1.0]));
    assert!(!program.eval_bool(&[12.0, 9.0, 0.0]));
    assert!(program.eval_bool(&[12.0, 6.0, 0.0]));
    assert!(!program.eval_bool(&[8.0, 4.0, 0.0]), "a division by zero is no point");
    assert!(!program.eval_bool(&[]), "nothing is known");
    let refuse = |source: &str| {
        ScalarProgram::condition(&parse(source).unwrap(), &names, "where")
            .unwrap_err()
            .to_string()
    };
    assert_eq!(refuse("fast + 1"), "where must be a condition, found a whole number");
    assert_eq!(
        refuse("fast < close"),
        "the value depends on bars, a number known before the data is needed"
    );
    assert_eq!(
        refuse("hour() < 3"),
        "the value depends on bars, a number known before the data is needed"
    );
}

#[test]
fn lengths_are_checked_once_the_parameters_are_known() {
    let mut scope = scope();
    scope.bind("twice", check(&parse("2 * n").unwrap(), &scope).unwrap()).unwrap();
    let call = check(&parse("sma(close, twice - 3)").unwrap(), &scope).unwrap();
    let TypedKind::Call(_, arguments) = &call.kind else {
        panic!("a call")
    };
    let length = ScalarProgram::from_typed(&arguments[1], &["k", "n"]).unwrap();
    assert_eq!(length.eval_length(&[0.5, 14.0], 1), Ok(25));
    let error = length.eval_length(&[0.5, 1.0], 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a length must be a whole number from 1 to 1000000000, found -1"
    );
    assert_eq!((error.span.start, error.span.end), (11, 20));
    assert!(
        length
            .eval_length(&[0.5, 1.0], 0)
            .unwrap_err()
            .to_string()
            .contains("cannot read the future")
    );
    assert!(length.eval_length(&[0.5, 1e300], 1).is_err());
}

#[test]
fn scalars_and_series_share_one_algebra() {
    use assay_lang::{BinaryOp, Elementwise};
    assert!(nulls::binary(BinaryOp::Div, 1.0, 0.0).is_nan());
    assert_eq!(nulls::binary(BinaryOp::And, nulls::NULL, nulls::FALSE), nulls::FALSE);
    assert_eq!(nulls::call2(Elementwise::Nz, nulls::NULL, 3.0), 3.0);
    assert!(nulls::choose(nulls::NULL, 1.0, 2.0).is_nan());
    for function in FUNCTIONS.iter() {
        let Some(id) = function.elementwise() else { continue };
        let known = match function.parameters.len() {
            1 => !nulls::call(id, 0.5).is_nan(),
            2 => !nulls::call2(id, 2.0, 3.0).is_nan(),
            _ => id == Elementwise::If,
        };
        assert!(known, "{function} is elementwise but has no value");
    }
}
