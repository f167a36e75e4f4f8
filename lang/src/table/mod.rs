//! The function table: a row says how a function is called, how it is computed, what it is, and whose it is. Type checks, the
//! graph, the reference and the terminal's help follow from the row.
//!
//! A signature is written as `macd.signal(x, n = 20, k:number = 2) of high, low`: with `.output` the row is `macd_signal`, also
//! written `macd(...).signal`; behind `of` stand the series that are read without being given. A parameter takes
//!
//! - a series if it is called `x`, `y`, `a`, `b`, `fallback` or `periods`, a condition if `condition`, and either if `:any`;
//! - a number known before the data if `:number`;
//! - otherwise a number of bars, at least 1, or at least what stands behind the colon.
//!
//! A name that begins with `_` is for formulas of other rows only.

mod candles;
mod definitions;
mod math;
mod momentum;
mod overlap;
mod statistics;
mod time;
mod volume;

use std::sync::LazyLock;

pub(crate) use definitions::DEFINITIONS;

use crate::functions::{Body, Elementwise, Function, Group, Kernel, Kind, Native, Parameter, SERIES};

/// A function as it is written down: signature, body, description, source.
type Row = (&'static str, Body, &'static str, &'static str);

/// Every function, in the order of the reference. Null is the value of what is undefined: null in, null out, except for `nz`
/// and `is_null`.
pub static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| rows(false));

/// What only formulas may call.
pub(crate) static HELPERS: LazyLock<Vec<Function>> = LazyLock::new(|| rows(true));

fn rows(helpers: bool) -> Vec<Function> {
    let groups: [(Group, &[Row]); 13] = [
        (Group::Math, math::MATH),
        (Group::Choice, math::CHOICE),
        (Group::Overlap, overlap::ROWS),
        (Group::Momentum, momentum::ROWS),
        (Group::Volume, volume::VOLUME),
        (Group::Volatility, volume::VOLATILITY),
        (Group::Price, volume::PRICE),
        (Group::Statistics, statistics::STATISTICS),
        (Group::Cycle, statistics::CYCLE),
        (Group::Candles, candles::ROWS),
        (Group::Event, time::EVENT),
        (Group::Time, time::TIME),
        (Group::Session, time::SESSION),
    ];
    let all = groups
        .into_iter()
        .flat_map(|(group, rows)| rows.iter().map(move |row| (group, row)));
    all.filter(|(_, row)| row.0.starts_with('_') == helpers)
        .map(|(group, row)| function(group, row))
        .collect()
}

const fn native(native: Native) -> Body {
    Body::Native(native)
}

const fn kernel(kernel: Kernel) -> Body {
    Body::Kernel(kernel, 0)
}

const fn output(kernel: Kernel, output: u8) -> Body {
    Body::Kernel(kernel, output)
}

const fn each(id: Elementwise) -> Body {
    Body::Elementwise(id)
}

const fn formula(text: &'static str) -> Body {
    Body::Formula(text)
}

/// The function of a row. What is written wrongly there panics, in the first test that touches the table.
fn function(group: Group, &(signature, body, doc, source): &Row) -> Function {
    let (called, reads) = signature.split_once(" of ").unwrap_or((signature, ""));
    let (name, parameters) = called.split_once('(').expect("a signature has brackets");
    let parameters = parameters.strip_suffix(')').expect("a signature ends with its bracket");
    let variadic = parameters.ends_with(", ...");
    let parameters = parameters.trim_end_matches(", ...");
    let given = if let Body::Formula(text) = body {
        read_by(text)
    } else {
        let written = reads.split(", ").filter(|read| !read.is_empty());
        written.collect()
    };
    Function {
        name: name.replace('.', "_"),
        group,
        parameters: parameters
            .split(", ")
            .filter(|text| !text.is_empty())
            .map(parameter)
            .collect(),
        variadic,
        reads: given,
        body,
        selected_as: name.split_once('.'),
        doc,
        source,
    }
}

fn parameter(text: &'static str) -> Parameter {
    let (declared, default) = match text.split_once(" = ") {
        Some((declared, default)) => (declared, Some(default.parse().expect("a default is a number"))),
        None => (text, None),
    };
    let (name, mark) = declared.split_once(':').unwrap_or((declared, ""));
    let kind = match (mark, name) {
        ("any", _) => Kind::Any,
        ("number", _) => Kind::Scalar,
        ("", "x" | "y" | "a" | "b" | "fallback" | "periods") => Kind::Series,
        ("", "condition") => Kind::Condition,
        ("", _) => Kind::Length { minimum: 1 },
        (minimum, _) => Kind::Length {
            minimum: minimum.parse().expect("a mark is a number"),
        },
    };
    Parameter { name, kind, default }
}

/// The built-in series that a formula mentions.
fn read_by(text: &str) -> Vec<&'static str> {
    let expr = crate::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let names = expr.names();
    let series = SERIES.iter().map(|(name, _)| *name);
    series.filter(|name| names.contains(name)).collect()
}
