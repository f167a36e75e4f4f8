//! The windows that the trials of a job run over.

use assay_core::job::{JobSpec, Method};
use assay_core::time::UtcNs;
use assay_core::window::{Fold, Window};

use crate::job::JobInstrument;

/// First and last moment (exclusive) that all instruments of a job have data for.
pub fn common_window(spec: &JobSpec, instruments: &[JobInstrument]) -> (UtcNs, UtcNs) {
    // A bar begins before the first tick in it.
    let bar = spec.data.bars.bar_ns().max(1);
    let first = instruments.iter().map(|item| UtcNs(item.first.0.div_euclid(bar) * bar)).max();
    let last = instruments.iter().map(|item| UtcNs(item.last.0.saturating_add(1))).min();
    let from = spec.data.from.into_iter().chain(first).max();
    let to = spec.data.to.into_iter().chain(last).min();
    (from.unwrap_or(UtcNs(0)), to.unwrap_or(UtcNs(i64::MAX)))
}

/// How many lengths of window the search has.
pub(crate) fn levels(spec: &JobSpec) -> u32 {
    let halving = spec.search.halving.as_ref().filter(|_| spec.search.method == Method::Halving);
    halving.map_or(1, |halving| halving.levels.max(1))
}

/// The windows of a job: all of its data, then by fold, or once without folds, those of each length from the shortest on. Without folds
/// the longest is the first one.
pub(crate) fn windows(spec: &JobSpec, instruments: &[JobInstrument], folds: &[Fold]) -> Vec<Window> {
    let whole = Window {
        from: spec.data.from,
        to: spec.data.to,
        fold: None,
        level: levels(spec) - 1,
        ranked: true,
    };
    let mut all = vec![whole];
    if folds.is_empty() {
        let (from, to) = common_window(spec, instruments);
        all.extend((0..levels(spec) - 1).map(|level| shortened(spec, (from, to), None, level)));
    }
    for (fold, number) in folds.iter().zip(0..) {
        let train = (fold.train_from, fold.train_to);
        all.extend((0..levels(spec)).map(|level| shortened(spec, train, Some(number), level)));
    }
    all
}

/// The beginning of a window: as short as its level says. What begins early needs the fewest bars computed.
fn shortened(spec: &JobSpec, (from, to): (UtcNs, UtcNs), fold: Option<u32>, level: u32) -> Window {
    let last = levels(spec) - 1;
    let reduction = spec.search.halving.as_ref().map_or(1, |halving| i64::from(halving.reduction));
    let length = to.0.saturating_sub(from.0) / reduction.saturating_pow(last - level).max(1);
    Window {
        from: Some(from),
        to: Some(UtcNs(from.0.saturating_add(length))),
        fold,
        level,
        ranked: level == last,
    }
}
