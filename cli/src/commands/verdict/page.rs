//! A verdict as people see it: on a terminal, and as a page of its own.

use std::io::Write;

use assay_optimizer::statistics::SharpeEstimate;
use assay_optimizer::verdict::{BeyondMarket, Evidence, Grade, Verdict, luck};
use assay_report::{Group, LuckCurve, Table, Tone, VerdictReport, verdict_page};
use owo_colors::OwoColorize;

use super::Case;
use crate::failure::Failure;
use crate::output::{Cell, Kind, Rows, human, report_table, stdout, table};

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

/// How likely the best without skill is about each annual Sharpe ratio, and where the best trial stands.
pub(super) fn luck_curve(evidence: &Evidence, verdict: &Verdict) -> Option<LuckCurve> {
    let best = evidence.best?;
    let root = evidence.periods_per_year.sqrt();
    let trials = evidence.trials_family.max(evidence.trials_job).max(1);
    let expected = verdict.sharpe? - verdict.deflated_sharpe?;
    let beyond_market = match evidence.beyond_market {
        BeyondMarket::Market(estimate) | BeyondMarket::AverageTrial(estimate) => estimate.map(|found| found.sharpe * root),
        BeyondMarket::Unknown => None,
    };
    // From where the best of so many hardly ever ends to where it hardly ever gets.
    let reached = |sharpe: f64| luck(&SharpeEstimate { sharpe, ..best }, trials);
    let deviation = 1.0 / (best.observations.max(2) as f64 - 1.0).sqrt();
    let at = |step: i32| f64::from(step) * deviation / 16.0;
    let mut density = Vec::new();
    for step in -64..160 {
        let (from, to) = (reached(at(step))?, reached(at(step + 1))?);
        density.push((f64::midpoint(at(step), at(step + 1)) * root, (from - to).max(0.0) * 16.0));
    }
    let high = density.iter().map(|point| point.1).fold(0.0, f64::max);
    let seen = |point: &(f64, f64)| point.1 > high * 1e-3;
    let (first, last) = (density.iter().position(seen)?, density.iter().rposition(seen)?);
    Some(LuckCurve {
        trials,
        density: density[first..=last].to_vec(),
        expected,
        seen: verdict.sharpe?,
        beyond_market,
    })
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
        rows.push(("out of sample", number(found.sharpe), case.out_of_sample_is.to_owned()));
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
pub(super) fn html(case: &Case) -> Result<String, Failure> {
    Ok(assay_report::html(&verdict_page(
        &report(case),
        &case.title,
        &case.best_text,
        &case.footer,
    ))?)
}

/// The same as a part of a page.
pub(super) fn report(case: &Case) -> VerdictReport {
    let grade = case.verdict.grade;
    let headline = headline(case).into_iter();
    let subjects = case.facts.iter().map(|(subject, lines)| Group {
        title: (*subject).to_owned(),
        lines: lines.clone(),
    });
    VerdictReport {
        grade: grade.name().to_owned(),
        tone: match grade {
            Grade::Gold => Tone::Good,
            Grade::Silver | Grade::Unproven => Tone::Plain,
            Grade::FoolsGold => Tone::Bad,
        },
        sentence: sentence(grade).to_owned(),
        reasons: case.verdict.reasons.clone(),
        figures: headline.map(|(name, value, about)| [name.to_owned(), value, about]).collect(),
        luck: case.luck.clone(),
        paths: case.paths.clone(),
        costs: if case.costs.is_empty() {
            Table::default()
        } else {
            report_table(&cost_rows(case), "At other costs")
        },
        subjects: subjects.collect(),
        notes: case.notes.clone(),
    }
}
