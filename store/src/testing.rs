//! Synthetic jobs for the tests of this crate.

use assay_core::ids::{JobId, Ordinal};
use assay_core::metrics::{Metric, Metrics, Unit};
use assay_core::row::{Outcome, Sketch, TrialRow};
use assay_core::space::{Domain, Parameter, Point, Space};

use crate::layout::Layout;

/// A job of `fast` (whole), `mode` (choice) and `stop` (number) over `instruments` instruments.
pub(crate) fn layout(instruments: usize) -> Layout {
    let parameter = |name: &str, domain| Parameter {
        name: name.to_owned(),
        domain,
        default: None,
    };
    let params = vec![
        parameter(
            "fast",
            Domain::Int {
                low: 0,
                high: 1 << 40,
                step: 1,
                log: false,
            },
        ),
        parameter("mode", Domain::Choice(vec!["sma".to_owned(), "ema".to_owned()])),
        parameter(
            "stop",
            Domain::Float {
                low: 0.0,
                high: 1.0,
                step: None,
                steps: None,
                log: false,
            },
        ),
    ];
    let symbols: Vec<_> = (0..instruments)
        .map(|i| format!("SYM{i}").parse().expect("a symbol"))
        .collect();
    let space = Space {
        params,
        ..Space::default()
    };
    Layout::new(JobId::from_hash([0xab; 32]), &symbols, &space)
}

/// A row whose numbers follow from its place alone, undefined here and there.
pub(crate) fn row(ordinal: u64, instrument: u32) -> TrialRow {
    let mut state = ordinal * 31 + u64::from(instrument) + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    let mut metrics = Metrics::default();
    for metric in Metric::ALL {
        let value = next();
        match metric.unit() {
            Unit::Count => metrics.set(metric, libm::floor(value * 100.0)),
            _ if value < 0.05 => {}
            _ => metrics.set(metric, value - 0.5),
        }
    }
    let mut sketch = Box::<Sketch>::default();
    sketch.sums = std::array::from_fn(|_| next());
    sketch.squares = std::array::from_fn(|_| next());
    sketch.counts = std::array::from_fn(|i| i as u32 + 8);
    TrialRow {
        instrument,
        ordinal: Ordinal(ordinal),
        // A point is the same on every instrument.
        point: Point(Box::from([
            ordinal as f64,
            (ordinal % 2) as f64,
            (ordinal * 31 % 97) as f64 / 97.0,
        ])),
        window: 0,
        outcome: Outcome::Done {
            metrics,
            sketch: Some(sketch),
        },
    }
}
