//! What a request leaves unsaid: all of it at once, rather than a flag an attempt.

use assay_core::calendar::Zone;
use assay_core::time::{BarLength, DAY_NS};

use super::error::{ImportError, Problem};
use super::request::ImportRequest;

/// The error of a plan together with all that would be asked for after it.
pub(super) fn with_all_that_is_missing(
    request: &ImportRequest,
    first: ImportError,
    plan: impl Fn(&ImportRequest) -> Result<(), ImportError>,
) -> ImportError {
    let mut filled = request.clone();
    if !fill(&mut filled, &first.problem) {
        return first;
    }
    let mut place = first.place;
    let mut problems = vec![*first.problem];
    while let Err(next) = plan(&filled) {
        if !fill(&mut filled, &next.problem) {
            break;
        }
        problems.push(*next.problem);
    }
    if problems.len() == 1 {
        let problem = problems.remove(0);
        return ImportError::new(*place, problem);
    }
    // How far rows are apart is known once their times can be read.
    filled.bar = request.bar;
    if let Some(unknown) = problems
        .iter_mut()
        .find(|problem| matches!(problem, Problem::NoBarLength { guess: None }))
        && let Err(known) = plan(&filled)
        && matches!(*known.problem, Problem::NoBarLength { .. })
    {
        *unknown = *known.problem;
    }
    (place.line, place.column) = (None, None);
    ImportError::new(*place, Problem::Unsaid { problems })
}

/// Fills in what a problem asks for with anything that will do. False if it asks for nothing that was left out.
fn fill(request: &mut ImportRequest, problem: &Problem) -> bool {
    match problem {
        Problem::NoBarLength { .. } | Problem::DailyPrices if request.bar.is_none() => request.bar = BarLength::from_ns(DAY_NS),
        Problem::NoZone { .. } if request.zone.is_none() => request.zone = Some(Zone::utc()),
        Problem::WhichSymbol if request.symbol.is_none() => request.symbol = "X".parse().ok(),
        _ => return false,
    }
    true
}

/// The flags that are missing, as a hint.
pub(super) fn hint(problems: &[Problem]) -> String {
    let flags = problems.iter().filter_map(|problem| match problem {
        Problem::NoBarLength { guess: Some(guess) } => Some(format!("--bar {guess} (most rows are {guess} apart)")),
        Problem::NoBarLength { guess: None } => Some("--bar LENGTH (1m, 1d)".to_owned()),
        Problem::DailyPrices => Some("--bar 1d".to_owned()),
        Problem::NoZone { .. } => Some("--tz ZONE (UTC, America/New_York, -05:00)".to_owned()),
        Problem::WhichSymbol => Some("--symbol NAME".to_owned()),
        _ => None,
    });
    format!("add {}", flags.collect::<Vec<_>>().join(", "))
}
