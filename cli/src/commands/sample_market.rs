//! A small generated market, for checks that need bars but no data.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::instrument::Instrument;
use assay_core::time::{HOUR_NS, SECOND_NS};
use assay_engine::Market;

use crate::failure::Failure;

/// Length of its bars: so long that hours, weekdays and months all change within it.
const BAR_NS: i64 = HOUR_NS;
/// 2024-01-01.
const BEGIN_NS: i64 = 1_704_067_200 * SECOND_NS;
/// Width of a price step; prices are decimals, as real ones are.
const TICK: f64 = 0.01;

/// Quote bars of a random walk; always the same.
pub(super) fn sample_market(bars: usize) -> Result<Market, Failure> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut ticks = move |most: u64| {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % (most + 1)
    };
    const SIDES: [&str; 4] = ["open", "high", "low", "close"];
    let mut bid: [Vec<f64>; 4] = Default::default();
    let mut ask: [Vec<f64>; 4] = Default::default();
    let mut volume = Vec::with_capacity(bars);
    let mut last = 10_000i64;
    for _ in 0..bars {
        let open = last;
        last = (open + ticks(80) as i64 - 40).clamp(2_000, 50_000);
        let high = open.max(last) + ticks(15) as i64;
        let low = open.min(last) - ticks(15) as i64;
        let spread = 1 + ticks(3) as i64;
        for (side, price) in [open, high, low, last].into_iter().enumerate() {
            bid[side].push(price as f64 * TICK);
            ask[side].push((price + spread) as f64 * TICK);
        }
        volume.push(ticks(500) as f64);
    }
    let times = (0..bars as i64).map(|i| BEGIN_NS + i * BAR_NS);
    let time = TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC");
    let mut columns: Vec<(String, ArrayRef)> = vec![("time".to_owned(), Arc::new(time))];
    let column = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    for (side, name) in SIDES.iter().enumerate() {
        let mid = bid[side].iter().zip(&ask[side]).map(|(bid, ask)| f64::midpoint(*bid, *ask));
        columns.push(((*name).to_owned(), column(mid.collect())));
    }
    columns.push(("volume".to_owned(), column(volume)));
    for (prefix, prices) in [("bid", bid), ("ask", ask)] {
        for (name, values) in SIDES.iter().zip(prices) {
            columns.push((format!("{prefix}_{name}"), column(values)));
        }
    }
    let broken = |error: &dyn std::fmt::Display| Failure::internal(format!("cannot generate bars: {error}"));
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| broken(&error))?;
    let symbol = "SAMPLE".parse().map_err(|error: assay_core::ids::IdError| broken(&error))?;
    Market::new(&batch, Instrument::unknown(symbol), BAR_NS, None, None).map_err(|error| broken(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_bars_and_always_the_same() {
        let (a, b) = (sample_market(500).unwrap(), sample_market(500).unwrap());
        assert_eq!(a.mid.close, b.mid.close);
        for i in 0..500 {
            assert!(a.mid.low[i] <= a.mid.open[i].min(a.mid.close[i]) && a.mid.high[i] >= a.mid.open[i].max(a.mid.close[i]));
        }
        assert!(a.quotes.is_some());
    }
}
