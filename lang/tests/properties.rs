//! Properties of arbitrary expressions and arbitrary texts.

use assay_lang::{
    Argument, BinaryOp, Expr, ExprKind, Identifier, ParameterType, ScalarProgram, Scope, Span, UnaryOp, Value, check,
    eval_scalar, nulls, parse,
};
use proptest::prelude::*;

fn expr(kind: ExprKind) -> Expr {
    Expr {
        kind,
        span: Span::default(),
    }
}

fn identifier(name: &str) -> Identifier {
    Identifier {
        name: name.to_owned(),
        span: Span::default(),
    }
}

fn number() -> impl Strategy<Value = Expr> {
    let finite = any::<f64>()
        .prop_map(f64::abs)
        .prop_filter("finite", |value| value.is_finite());
    prop_oneof![(0_u32..100).prop_map(f64::from), finite].prop_map(|value| expr(ExprKind::Number(value)))
}

fn binary_op() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp::{Add, And, Div, Eq, Ge, Gt, Le, Lt, Mul, Ne, Or, Rem, Sub};
    proptest::sample::select(vec![Add, Sub, Mul, Div, Rem, Lt, Le, Gt, Ge, Eq, Ne, And, Or])
}

/// Any tree that the grammar can express, whatever its types.
fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        number(),
        any::<bool>().prop_map(|value| expr(ExprKind::Bool(value))),
        "[a-z \"]{0,4}".prop_map(|text| expr(ExprKind::Text(text))),
        "[a-c_][a-z0-9_]{0,3}"
            .prop_filter("a word", |name| name != "and")
            .prop_map(|name| expr(ExprKind::Name(name))),
    ];
    leaf.prop_recursive(5, 48, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new).boxed();
        let unary = proptest::sample::select(vec![UnaryOp::Neg, UnaryOp::Not]);
        let arguments = (
            proptest::collection::vec(inner.clone(), 0..3),
            proptest::option::of(inner.clone()),
        );
        prop_oneof![
            (unary, boxed.clone()).prop_map(|(op, x)| expr(ExprKind::Unary(op, x))),
            (binary_op(), boxed.clone(), boxed.clone()).prop_map(|(op, a, b)| expr(ExprKind::Binary(op, a, b))),
            (boxed.clone(), boxed).prop_map(|(x, n)| expr(ExprKind::Index(x, n))),
            (
                proptest::sample::select(vec!["sma", "if", "macd_signal", "unknown"]),
                arguments
            )
                .prop_map(|(name, (plain, named))| {
                    let mut arguments: Vec<Argument> = plain.into_iter().map(|value| Argument { name: None, value }).collect();
                    arguments.extend(named.map(|value| Argument {
                        name: Some(identifier("n")),
                        value,
                    }));
                    expr(ExprKind::Call {
                        function: identifier(name),
                        arguments,
                    })
                }),
        ]
    })
}

/// Conditions and numbers over two parameters, well typed.
fn scalar_number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("p".to_owned()),
        Just("q".to_owned()),
        (0_u32..5).prop_map(|n| n.to_string())
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (
                inner.clone(),
                proptest::sample::select(vec!["+", "-", "*", "/", "%"]),
                inner.clone()
            )
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (proptest::sample::select(vec!["abs", "sqrt", "floor", "-"]), inner.clone()).prop_map(|(f, x)| format!("{f}({x})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("if({a} < {b}, {b}, nz({c}))")),
        ]
    })
}

fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.parameter("a", ParameterType::Integer).expect("a free name");
    scope
        .parameter("b", ParameterType::Choice(vec!["x".into()]))
        .expect("a free name");
    scope
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_and_reading_back_changes_nothing(expr in any_expr()) {
        let printed = expr.to_string();
        prop_assert_eq!(parse(&printed).map_err(|error| error.render(&printed, "printed")), Ok(expr), "{}", printed);
    }

    #[test]
    fn no_bracket_is_superfluous(expr in any_expr()) {
        let printed = expr.to_string();
        for (open, _) in printed.match_indices('(') {
            // A bracket of a call follows its name; the others group. `a == (not b)` keeps its bracket for the reader.
            if printed[..open].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') || printed.contains(['"', '\'']) || printed[open..].starts_with("(not ") {
                continue;
            }
            let mut depth = 0_i32;
            let close = printed[open..].find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            let close = open + close.expect("brackets are balanced");
            let without = format!("{} {} {}", &printed[..open], &printed[open + 1..close], &printed[close + 1..]);
            prop_assert_ne!(parse(&without).ok(), Some(expr.clone()), "{}", printed);
        }
    }

    #[test]
    fn no_text_makes_it_panic(source in "\\PC{0,60}") {
        survives(&source);
    }

    #[test]
    fn no_sequence_of_tokens_makes_it_panic(tokens in proptest::collection::vec(proptest::sample::select(vec![
        "a", "b", "close", "sma", "if", "macd", "bbands", "n", "hour", "1", "2.5", "1e3", ".5", "\"x\"", "'", "+", "-", "*", "/", "%",
        "<", "<=", "==", "!=", "=", "and", "or", "not", "!", "(", ")", "[", "]", ",", ".", "signal", "true", "\u{e9}", "\n", "\t",
    ]), 0..24), gap in "[ ]?") {
        survives(&tokens.join(&gap));
    }

    #[test]
    fn trees_of_the_grammar_check_without_panic(expr in any_expr()) {
        let _ = check(&expr, &scope());
    }

    #[test]
    fn a_program_and_a_single_evaluation_agree(source in scalar_number(), p in -3_i32..4, q in 0_u32..3) {
        let (p, q) = (f64::from(p), f64::from(q) / 2.0);
        let expr = parse(&source).expect("generated from the grammar");
        let names = [("q", ParameterType::Number), ("p", ParameterType::Integer)];
        let compiled = ScalarProgram::compile(&expr, &names).expect("well typed").eval_number(&[q, p]);
        let once = eval_scalar(&expr, &|name| Some(Value::Number(if name == "p" { p } else { q })));
        prop_assert_eq!(once, Ok(if compiled.is_nan() { Value::Null } else { Value::Number(compiled) }));
        prop_assert!(!compiled.is_infinite());
    }

    #[test]
    fn de_morgan_holds_with_null(a in 0_usize..3, b in 0_usize..3) {
        let logic = [nulls::FALSE, nulls::TRUE, nulls::NULL];
        let (a, b) = (logic[a], logic[b]);
        let not = |x| nulls::unary(UnaryOp::Not, x);
        let left = not(nulls::binary(BinaryOp::And, a, b));
        let right = nulls::binary(BinaryOp::Or, not(a), not(b));
        prop_assert!(left == right || (left.is_nan() && right.is_nan()));
        prop_assert_eq!(left.is_nan(), nulls::binary(BinaryOp::And, b, a).is_nan());
    }
}

/// Whatever the text, the answer is a tree or an error that can be shown.
fn survives(source: &str) {
    let checked = parse(source).and_then(|expr| check(&expr, &scope()));
    if let Err(error) = checked {
        assert!(error.span.start <= error.span.end && error.span.end as usize <= source.len());
        assert!(source.is_char_boundary(error.span.start as usize) && source.is_char_boundary(error.span.end as usize));
        assert!(error.render(source, "any").contains("-->"));
    }
}
