//! A verdict as people see it: on a terminal, and as a page of its own.

use std::io::Write;

use assay_optimizer::verdict::Grade;
use owo_colors::OwoColorize;

use super::Case;
use crate::failure::Failure;
use crate::output::{Cell, Kind, Rows, human, stdout, table};

/// What a grade says, in a sentence.
fn sentence(grade: Grade) -> &'static str {
    match grade {
        Grade::Gold => "Neither luck, nor the market, nor a flaw that was looked for explains this result.",
        Grade::Silver => "There is something here, but the evidence is weak or the result has a flaw.",
        Grade::FoolsGold => {
            "This is what the best of so many trials without skill looks like, or what the market or a flaw explains."
        }
        Grade::Unproven => "There is too little to say whether this is skill or luck.",
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| human::UNDEFINED.to_owned(), |value| format!("{value:.2}"))
}

fn probability(value: Option<f64>) -> String {
    value.map_or_else(|| human::UNDEFINED.to_owned(), |value| format!("{value:.3}"))
}

/// The figures that decide, with what they mean.
fn headline(case: &Case) -> Vec<(&'static str, String, String)> {
    let (verdict, evidence) = (&case.verdict, &case.evidence);
    let luck = |value: Option<f64>| match value {
        Some(value) if value < 0.001 => format!("{value:.1e}"),
        other => probability(other),
    };
    let pbo = match &evidence.overfitting {
        Ok(pbo) => format!("{pbo:.3}"),
        Err(_) => human::UNDEFINED.to_owned(),
    };
    let count = |n: u64| human::count(n as i64);
    let mut rows = vec![
        ("Sharpe ratio", number(verdict.sharpe), "a year, as seen".to_owned()),
        (
            "deflated",
            number(verdict.deflated_sharpe),
            format!(
                "over what the best of {} without skill shows",
                count(evidence.trials_family.max(evidence.trials_job))
            ),
        ),
        (
            "probability that it is real",
            probability(verdict.dsr),
            "deflated Sharpe ratio".to_owned(),
        ),
        (
            "the same by its paper",
            probability(verdict.dsr_paper),
            format!("of this job's {} alone, with their own variance", count(evidence.trials_job)),
        ),
        (
            "luck",
            luck(verdict.luck),
            "probability that the best of so many looks as good".to_owned(),
        ),
        (
            "luck beyond the market",
            luck(verdict.luck_beyond_market),
            "the same, without the market's share in the returns".to_owned(),
        ),
        (
            "overfitting",
            pbo,
            "probability that the choice is worse than the median later".to_owned(),
        ),
    ];
    if let Some(found) = evidence.out_of_sample {
        let seen = if found.seen { "seen before" } else { "never seen before" };
        rows.push((
            "out of sample",
            number(found.sharpe),
            format!("Sharpe ratio on what was held back, {seen}"),
        ));
    }
    rows
}

pub(super) fn print(case: &Case) -> Result<(), Failure> {
    let mut out = stdout();
    let grade = case.verdict.grade;
    let name = grade.name().to_uppercase();
    let name = match grade {
        Grade::Gold => name.bold().yellow().to_string(),
        Grade::Silver => name.bold().to_string(),
        Grade::FoolsGold => name.bold().red().to_string(),
        Grade::Unproven => name.bold().magenta().to_string(),
    };
    writeln!(out, "{}\n{}\n", case.title, case.best_text)?;
    writeln!(out, "{name}  {}", sentence(grade))?;
    for reason in &case.verdict.reasons {
        writeln!(out, "  - {reason}")?;
    }
    writeln!(out)?;
    for (name, value, about) in headline(case) {
        writeln!(out, "{name:<28} {value:>9}  {}", about.dimmed())?;
    }
    for (subject, facts) in &case.facts {
        writeln!(out, "\n{}", subject.bold())?;
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, value) in facts {
            writeln!(out, "  {name:<width$}  {value}")?;
        }
    }
    if !case.costs.is_empty() {
        writeln!(out, "\n{}", "at other costs".bold())?;
        for line in table(&cost_rows(case)).lines() {
            writeln!(out, "  {line}")?;
        }
    }
    for note in &case.notes {
        writeln!(out, "\nnote: {note}")?;
    }
    Ok(out.flush()?)
}

fn cost_rows(case: &Case) -> Rows {
    let mut rows = Rows::new([("costs", Kind::Text), ("total_return", Kind::Ratio), ("sharpe", Kind::Number)]);
    for cost in &case.costs {
        let cell = |value: Option<f64>| value.map_or(Cell::Null, Cell::from);
        rows.push(vec![
            format!("{} x", cost.multiple).into(),
            cell(cost.total_return),
            cell(cost.sharpe),
        ]);
    }
    rows
}

/// The same as a page without anything from elsewhere.
pub(super) fn html(case: &Case) -> String {
    let grade = case.verdict.grade;
    let colour = match grade {
        Grade::Gold => "#b8860b",
        Grade::Silver => "#6b7280",
        Grade::FoolsGold => "#b91c1c",
        Grade::Unproven => "#7c3aed",
    };
    let reasons = joined(
        case.verdict
            .reasons
            .iter()
            .map(|reason| format!("<li>{}</li>", escaped(reason))),
    );
    let headline = joined(headline(case).iter().map(|(name, value, about)| {
        let (name, value, about) = (escaped(name), escaped(value), escaped(about));
        format!("<tr><th>{name}</th><td class=n>{value}</td><td class=about>{about}</td></tr>")
    }));
    let sections = joined(case.facts.iter().map(|(subject, facts)| {
        let row = |(name, value): &(String, String)| format!("<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(value));
        let rows = joined(facts.iter().map(row));
        format!("<section><h2>{}</h2><table>{rows}</table></section>", escaped(subject))
    }));
    let costs = if case.costs.is_empty() {
        String::new()
    } else {
        cost_table(case)
    };
    let notes = joined(
        case.notes
            .iter()
            .map(|note| format!("<p class=about>Note: {}</p>", escaped(note))),
    );
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>{grade}: {title}</title><style>{STYLE}</style></head>\
         <body><h1>{title}</h1><p>{best}</p><div class=grade style=\"border-color:{colour}\"><strong style=\"color:{colour}\">{grade}</strong> {sentence}<ul>{reasons}</ul></div>\
         <table class=headline>{headline}</table>{sections}{costs}{notes}</body></html>\n",
        title = escaped(&case.title),
        best = escaped(&case.best_text),
        sentence = sentence(grade),
    )
}

fn cost_table(case: &Case) -> String {
    let rows = joined(case.costs.iter().map(|cost| {
        let total = cost.total_return.map_or_else(|| human::UNDEFINED.to_owned(), human::percent);
        let (multiple, sharpe) = (cost.multiple, number(cost.sharpe));
        format!("<tr><th>{multiple} x</th><td class=n>{total}</td><td class=n>{sharpe}</td></tr>")
    }));
    let head = "<tr><th>costs</th><th class=n>total return</th><th class=n>Sharpe ratio</th></tr>";
    format!("<section><h2>at other costs</h2><table>{head}{rows}</table></section>")
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().concat()
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1f2937;max-width:56rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.25rem;margin-bottom:0}h2{font-size:1rem;margin:1.5rem 0 .25rem}table{border-collapse:collapse;width:100%}\
th{text-align:left;font-weight:500}th,td{padding:.2rem .75rem .2rem 0;border-bottom:1px solid #e5e7eb;vertical-align:top}\
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.about{color:#6b7280}\
.grade{border-left:6px solid;padding:.25rem 1rem;margin:1rem 0;background:#f9fafb}.grade strong{font-size:1.5rem;display:block}\
ul{margin:.25rem 0;padding-left:1.25rem}.headline td.n{font-weight:600}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
