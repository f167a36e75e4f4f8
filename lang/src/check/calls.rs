//! Calls: functions, formulas in their place, and expressions on other bars.

use std::sync::Arc;

use assay_core::ids::Symbol;
use assay_core::nearest;

use super::{check, check_length, leaf, need_condition, need_number, need_scalar, node, number_type};
use crate::ast::{Argument, Expr, ExprKind, Identifier, Span};
use crate::error::{LangError, LangErrorKind};
use crate::functions::{self, Body, Elementwise, FUNCTIONS, Function, Kind, Output};
use crate::parser::parse;
use crate::table::HELPERS;
use crate::types::{Binding, Elsewhere, ParameterType, Scope, Type, Typed, TypedKind};

pub(super) fn check_call(called: &Identifier, given: &[Argument], span: Span, scope: &Scope) -> Result<Typed, LangError> {
    if matches!(called.name.as_str(), "tf" | "ref") {
        return check_elsewhere(called, given, span, scope);
    }
    let helper = || HELPERS.iter().find(|helper| scope.formula && helper.name == called.name);
    let function = functions::find(&called.name).or_else(helper);
    let function = function.ok_or_else(|| unknown_function(called, scope))?;
    let written = place_arguments(function, given, called.span)?;
    let mut arguments = Vec::with_capacity(written.len());
    for (i, value) in written.into_iter().enumerate() {
        let parameter = &function.parameters[i.min(function.parameters.len() - 1)];
        let argument = match (value, parameter.default) {
            (Some(value), _) => check(value, scope)?,
            (None, Some(default)) => leaf(TypedKind::Number(default), number_type(default), span),
            (None, None) => {
                let kind = LangErrorKind::MissingArgument {
                    function: &function.name,
                    parameter: parameter.name,
                };
                return Err(LangError::new(kind, span).with_hint(format!("write `{function}`")));
            }
        };
        let place = || format!("`{}` of `{}`", parameter.name, function.name);
        match parameter.kind {
            Kind::Series => need_number(&argument, place)?,
            Kind::Condition => need_condition(&argument, place)?,
            Kind::Any if argument.ty == Type::Text => {
                let error = argument.wrong(place(), "a number or a condition");
                return Err(error.with_hint("a text can only be compared with a parameter, as in `mode == \"sma\"`"));
            }
            Kind::Any => {}
            Kind::Scalar => need_scalar(&argument, place)?,
            Kind::Length { minimum } => check_length(&argument, minimum, place)?,
        }
        arguments.push(argument);
    }
    if let Body::Formula(text) = function.body {
        return expand(function, text, arguments, span);
    }
    let ty = call_type(function, &arguments)?;
    let below = arguments.iter().map(|argument| argument.height).max().unwrap_or(0);
    node(TypedKind::Call(function, arguments), ty, span, below)
}

/// `tf("1h", x)`, `ref("SPY", x)`
fn check_elsewhere(called: &Identifier, given: &[Argument], span: Span, scope: &Scope) -> Result<Typed, LangError> {
    let of_bars = called.name == "tf";
    let (written, first) = if of_bars {
        ("write `tf(\"1h\", x)`", "a length of bars in quotes")
    } else {
        ("write `ref(\"SPY\", x)`", "a symbol in quotes, or a parameter with choices")
    };
    let [place, value] = given else {
        let found = format!("{} arguments", given.len());
        let kind = LangErrorKind::Unexpected {
            expected: "two arguments",
            found,
        };
        return Err(LangError::new(kind, called.span).with_hint(written));
    };
    let place = &place.value;
    let choice = |name: &String| matches!(scope.get(name), Some(Binding::Parameter(ParameterType::Choice(_))));
    let elsewhere = match &place.kind {
        ExprKind::Text(text) if of_bars => {
            let bad = |_| LangError::new(LangErrorKind::BadBars(text.clone()), place.span);
            Elsewhere::Bars(
                text.parse()
                    .map_err(bad)
                    .map_err(|error| error.with_hint("such as `15m`, `4h`, `1d`"))?,
            )
        }
        ExprKind::Text(text) => {
            let bad = |_| LangError::new(LangErrorKind::BadSymbol(text.clone()), place.span);
            let symbol: Symbol = text.parse().map_err(bad)?;
            Elsewhere::Symbol(symbol.to_string())
        }
        ExprKind::Name(name) if !of_bars && choice(name) => Elsewhere::Parameter(name.clone()),
        _ => return Err(check(place, scope)?.wrong(format!("the first argument of `{}`", called.name), first)),
    };
    let value = check(&value.value, scope)?;
    if !matches!(value.ty, Type::NumberSeries | Type::BoolSeries) {
        let error = value.wrong(format!("the second argument of `{}`", called.name), "a series");
        return Err(error.with_hint(written));
    }
    let (ty, below) = (value.ty, value.height);
    node(TypedKind::Elsewhere(elsewhere, Arc::new(value)), ty, span, below)
}

/// The formula of a function with its arguments in place. Whatever is wrong with it is shown at the call.
fn expand(function: &'static Function, text: &'static str, arguments: Vec<Typed>, span: Span) -> Result<Typed, LangError> {
    let mut expr = parse(text)?;
    expr.stand_at(span);
    let named = |arguments: Vec<Typed>| {
        let names = function.parameters.iter().map(|parameter| parameter.name);
        Scope::of_formula(names.zip(arguments))
    };
    let scope = named(arguments.clone());
    // A number known before the data stands for a series only where that is needed: `ln(2)` is a number.
    check(&expr, &scope).or_else(|error| {
        let kinds = function.parameters.iter().map(|parameter| parameter.kind);
        let arguments = kinds.zip(arguments).map(|(kind, argument)| match kind {
            Kind::Series if argument.ty.is_scalar() => per_bar(argument),
            _ => argument,
        });
        check(&expr, &named(arguments.collect())).map_err(|_| error)
    })
}

/// A number known before the data as one per bar: its value 0 bars ago.
fn per_bar(value: Typed) -> Typed {
    let (span, height) = (value.span, value.height + 1);
    let delay = functions::find("delay").expect("the table has it");
    let none = leaf(TypedKind::Number(0.0), Type::Integer, span);
    Typed {
        kind: TypedKind::Call(delay, vec![value, none]),
        ty: Type::NumberSeries,
        span,
        height,
    }
}

fn unknown_function(called: &Identifier, scope: &Scope) -> LangError {
    let name = called.name.as_str();
    let outputs = functions::outputs_of(name);
    let known = FUNCTIONS.iter().map(|function| function.name.as_str()).chain(["tf", "ref"]);
    if !outputs.is_empty() {
        let written: Vec<String> = outputs.iter().map(|output| format!("`{name}(...).{output}`")).collect();
        let kind = LangErrorKind::WhichOutput(name.to_owned());
        return LangError::new(kind, called.span).with_hint(format!("write {}", written.join(" or ")));
    }
    let hint = if scope.known_names().contains(&name) {
        format!("`{name}` is not a function; its previous bar is `{name}[1]`, a product is `{name} * x`")
    } else {
        match nearest::nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`assay help fn` lists the functions".to_owned(),
        }
    };
    LangError::new(LangErrorKind::UnknownFunction(name.to_owned()), called.span).with_hint(hint)
}

/// The written arguments in the order of the parameters; `None` where one is left out.
fn place_arguments<'a>(
    function: &'static Function,
    given: &'a [Argument],
    called: Span,
) -> Result<Vec<Option<&'a Expr>>, LangError> {
    let limit = function.parameters.len();
    let hint = || format!("write `{function}`");
    if given.len() > limit && !function.variadic {
        let kind = LangErrorKind::TooManyArguments {
            function: &function.name,
            limit,
            found: given.len(),
        };
        let span = given[limit].value.span.to(given[given.len() - 1].value.span);
        return Err(LangError::new(kind, span).with_hint(hint()));
    }
    let mut placed = vec![None; limit.max(given.len())];
    for (i, argument) in given.iter().enumerate() {
        let (slot, span) = match &argument.name {
            None => (i, called),
            Some(key) => {
                let slot = function.parameters.iter().position(|parameter| parameter.name == key.name);
                let unknown = || {
                    let kind = LangErrorKind::UnknownArgument {
                        function: &function.name,
                        argument: key.name.clone(),
                    };
                    LangError::new(kind, key.span).with_hint(format!("write `{function}`; a comparison is written `==`"))
                };
                (slot.ok_or_else(unknown)?, key.span)
            }
        };
        if placed[slot].replace(&argument.value).is_some() {
            let argument = function.parameters[slot].name.to_owned();
            return Err(LangError::new(LangErrorKind::RepeatedArgument { argument }, span).with_hint(hint()));
        }
    }
    Ok(placed)
}

fn call_type(function: &Function, arguments: &[Typed]) -> Result<Type, LangError> {
    let scalar = function.elementwise().is_some() && arguments.iter().all(|argument| argument.ty.is_scalar());
    let of_condition = match function.output() {
        Output::Number => false,
        Output::Condition => true,
        Output::Branches => {
            let [a, b] = [&arguments[arguments.len() - 2], &arguments[arguments.len() - 1]];
            if a.ty.is_condition() {
                need_condition(b, || format!("`b` of `{}`", function.name))?;
            } else {
                need_number(b, || format!("`b` of `{}`", function.name))?;
            }
            a.ty.is_condition()
        }
    };
    let numbers = if function.output() == Output::Branches {
        &arguments[1..]
    } else {
        arguments
    };
    let whole = match function.elementwise() {
        Some(Elementwise::Floor | Elementwise::Ceil | Elementwise::Round | Elementwise::Sign) => true,
        Some(Elementwise::Abs | Elementwise::Min | Elementwise::Max | Elementwise::Nz | Elementwise::If) => {
            numbers.iter().all(|argument| argument.ty == Type::Integer)
        }
        _ => false,
    };
    Ok(match (of_condition, scalar) {
        (true, true) => Type::ScalarBool,
        (true, false) => Type::BoolSeries,
        (false, true) if whole => Type::Integer,
        (false, true) => Type::Scalar,
        (false, false) => Type::NumberSeries,
    })
}
