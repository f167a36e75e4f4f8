//! Checks of values that need no neighbours, and the carrying forward of one-sided quotes.

use super::columns::Shape;
use super::error::Problem;
use super::request::{BadBars, Crossed};
use super::rows::Rows;

/// What was counted in some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Rows in the text.
    pub(super) read: u64,
    /// Quotes with the bid above the ask.
    pub(super) crossed: u64,
    /// Bars whose high or low did not enclose their prices.
    pub(super) bad_bars: u64,
    /// Rows with a price at or below zero.
    pub(super) zero_or_negative: u64,
    /// Rows the source doubts.
    pub(super) suspicious: u64,
    /// Rows without a price.
    pub(super) absent: u64,
    /// Quotes before both sides were known.
    pub(super) one_sided: u64,
    /// Rows left out.
    pub(super) dropped: u64,
}

impl Counts {
    /// Adds another count.
    pub(super) fn add(&mut self, other: Self) {
        self.read += other.read;
        self.crossed += other.crossed;
        self.bad_bars += other.bad_bars;
        self.zero_or_negative += other.zero_or_negative;
        self.suspicious += other.suspicious;
        self.absent += other.absent;
        self.one_sided += other.one_sided;
        self.dropped += other.dropped;
    }
}

/// A problem of one row.
#[derive(Debug)]
pub(super) struct ValueError {
    /// Position in the rows.
    pub(super) row: usize,
    /// The column, if one is to blame.
    pub(super) column: Option<&'static str>,
    /// What is wrong.
    pub(super) problem: Problem,
}

/// What is done with rows that are odd, not impossible to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Treatment {
    /// With quotes whose bid is above the ask.
    pub(super) crossed: Crossed,
    /// With bars whose prices contradict each other.
    pub(super) bad_bars: BadBars,
}

/// Treats impossible bars, refuses negative sizes and rates that are no share of anything, counts and treats crossed quotes. Zero and
/// negative prices are counted and kept: oil has been sold at -37 dollars.
pub(super) fn check(shape: Shape, treatment: Treatment, rows: &mut Rows) -> Result<Counts, ValueError> {
    let mut counts = Counts::default();
    for (slot, column) in rows.values.iter().enumerate().skip(shape.prices()) {
        // An absent size is NaN, which is not below zero.
        if let Some(row) = column.iter().position(|size| *size < 0.0) {
            let problem = Problem::NegativeSize { value: column[row] };
            return Err(ValueError {
                row,
                column: Some(shape.slots()[slot]),
                problem,
            });
        }
    }
    if shape.is_bars() {
        treat_bars(shape, treatment.bad_bars, rows, &mut counts)?;
    }
    if shape == Shape::Quotes {
        let pairs = rows.values[0].iter().zip(&rows.values[1]);
        counts.crossed = pairs.filter(|(bid, ask)| bid > ask).count() as u64;
        if counts.crossed > 0 {
            treat_crossed(treatment.crossed, rows, &mut counts);
        }
    }
    if shape == Shape::Funding {
        check_rates(&rows.values[0])?;
        return Ok(counts);
    }
    counts.zero_or_negative = count_zero_or_negative(&rows.values[..shape.prices()]);
    Ok(counts)
}

fn treat_bars(shape: Shape, bad_bars: BadBars, rows: &mut Rows, counts: &mut Counts) -> Result<(), ValueError> {
    let mut bad = vec![false; rows.len()];
    for side in rows.values[..shape.prices()].chunks_exact_mut(4) {
        let [opens, highs, lows, closes] = side else { continue };
        for (row, bad) in bad.iter_mut().enumerate() {
            let (open, high, low, close) = (opens[row], highs[row], lows[row], closes[row]);
            if high >= open && high >= close && low <= open && low <= close {
                continue;
            }
            if bad_bars == BadBars::Reject {
                return Err(ValueError {
                    row,
                    column: None,
                    problem: Problem::BadBar { open, high, low, close },
                });
            }
            *bad = true;
            highs[row] = high.max(open).max(close);
            lows[row] = low.min(open).min(close);
        }
    }
    counts.bad_bars = bad.iter().filter(|bad| **bad).count() as u64;
    if bad_bars == BadBars::Drop && counts.bad_bars > 0 {
        counts.dropped += counts.bad_bars;
        let keep: Vec<bool> = bad.iter().map(|bad| !bad).collect();
        rows.retain(&keep);
    }
    Ok(())
}

/// A payment of the whole notional does not happen, and a rate in per cent soon looks like one.
fn check_rates(rates: &[f64]) -> Result<(), ValueError> {
    match rates.iter().position(|rate| rate.abs() >= 1.0) {
        None => Ok(()),
        Some(row) => Err(ValueError {
            row,
            column: Some("rate"),
            problem: Problem::RateTooLarge { value: rates[row] },
        }),
    }
}

fn treat_crossed(crossed: Crossed, rows: &mut Rows, counts: &mut Counts) {
    match crossed {
        Crossed::Keep => {}
        Crossed::Drop => {
            let pairs = rows.values[0].iter().zip(&rows.values[1]);
            let keep: Vec<bool> = pairs.map(|(bid, ask)| bid <= ask).collect();
            counts.dropped += counts.crossed;
            rows.retain(&keep);
        }
        Crossed::Swap => {
            for row in 0..rows.len() {
                if rows.values[0][row] > rows.values[1][row] {
                    swap_sides(rows, row);
                }
            }
        }
    }
}

fn swap_sides(rows: &mut Rows, row: usize) {
    let [bid, ask, bid_size, ask_size] = rows.values.as_mut_slice() else {
        return;
    };
    std::mem::swap(&mut bid[row], &mut ask[row]);
    if !bid_size.is_empty() && !ask_size.is_empty() {
        std::mem::swap(&mut bid_size[row], &mut ask_size[row]);
    }
}

fn count_zero_or_negative(prices: &[Vec<f64>]) -> u64 {
    if prices.iter().all(|column| column.iter().all(|price| *price > 0.0)) {
        return 0;
    }
    let rows = prices.first().map_or(0, Vec::len);
    (0..rows)
        .filter(|row| prices.iter().any(|column| column[*row] <= 0.0))
        .count() as u64
}

/// The last known value of each side within a day.
#[derive(Debug, Default)]
pub(super) struct Carry {
    bid: Option<(f64, f64)>,
    ask: Option<(f64, f64)>,
}

impl Carry {
    /// Completes quotes of which a row gives one side and zero for the other. Leaves out rows before both sides are known; their number.
    pub(super) fn complete(&mut self, rows: &mut Rows) -> u64 {
        let [bids, asks, bid_sizes, ask_sizes] = rows.values.as_mut_slice() else {
            return 0;
        };
        let mut keep = vec![true; bids.len()];
        for row in 0..keep.len() {
            if bids[row] != 0.0 {
                self.bid = Some((bids[row], bid_sizes[row]));
            }
            if asks[row] != 0.0 {
                self.ask = Some((asks[row], ask_sizes[row]));
            }
            match (self.bid, self.ask) {
                (Some(bid), Some(ask)) => {
                    (bids[row], bid_sizes[row]) = bid;
                    (asks[row], ask_sizes[row]) = ask;
                }
                _ => keep[row] = false,
            }
        }
        let left_out = keep.iter().filter(|keep| !**keep).count();
        if left_out > 0 {
            rows.retain(&keep);
        }
        left_out as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotes(sides: &[(f64, f64)]) -> Rows {
        let column = |value: fn(&(f64, f64)) -> f64| sides.iter().map(value).collect::<Vec<f64>>();
        Rows {
            times: (0..sides.len() as i64).collect(),
            values: vec![
                column(|s| s.0),
                column(|s| s.1),
                column(|s| s.0 * 10.0),
                column(|s| s.1 * 10.0),
            ],
            ..Rows::default()
        }
    }

    #[test]
    fn crossed_quotes_are_kept_dropped_or_swapped_and_always_counted() {
        let all = [(1.0, 2.0), (3.0, 2.0), (2.0, 2.0), (-1.0, 0.0)];
        for (crossed, bids, dropped) in [
            (Crossed::Keep, vec![1.0, 3.0, 2.0, -1.0], 0),
            (Crossed::Drop, vec![1.0, 2.0, -1.0], 1),
            (Crossed::Swap, vec![1.0, 2.0, 2.0, -1.0], 0),
        ] {
            let mut rows = quotes(&all);
            rows.values[2] = vec![5.0; 4];
            rows.values[3] = vec![6.0; 4];
            let treatment = Treatment {
                crossed,
                ..Treatment::default()
            };
            let counts = check(Shape::Quotes, treatment, &mut rows).unwrap();
            assert_eq!((counts.crossed, counts.dropped, counts.zero_or_negative), (1, dropped, 1));
            assert_eq!(rows.values[0], bids);
            if crossed == Crossed::Swap {
                assert_eq!((rows.values[1][1], rows.values[2][1], rows.values[3][1]), (3.0, 6.0, 5.0));
            }
            if crossed == Crossed::Drop {
                assert_eq!(
                    (rows.times.as_slice(), rows.lines.of(1)),
                    ([0, 2, 3].as_slice(), 3),
                    "lines stay with their rows"
                );
            }
        }
    }

    #[test]
    fn one_side_a_row_becomes_two() {
        let mut carry = Carry::default();
        let mut rows = quotes(&[(1.0, 0.0), (0.0, 3.0), (2.0, 0.0), (0.0, 4.0)]);
        assert_eq!(carry.complete(&mut rows), 1);
        assert_eq!(rows.values[0], [1.0, 2.0, 2.0]);
        assert_eq!(rows.values[1], [3.0, 3.0, 4.0]);
        assert_eq!(rows.values[2], [10.0, 20.0, 20.0]);
        let mut next = quotes(&[(0.0, 5.0)]);
        assert_eq!(carry.complete(&mut next), 0, "the next chunk goes on from the last");
        assert_eq!(next.values[0], [2.0]);
    }

    #[test]
    fn impossible_values_name_their_row() {
        let bars = |values: [f64; 5]| Rows {
            times: vec![0, 1],
            values: values.iter().map(|v| vec![1.0, *v]).collect(),
            ..Rows::default()
        };
        assert!(check(Shape::Bars, Treatment::default(), &mut bars([1.0, 2.0, 0.5, 1.5, 0.0])).is_ok());
        for bad in [
            [3.0, 2.0, 0.5, 1.5, 0.0],
            [1.0, 2.0, 1.2, 1.5, 0.0],
            [1.0, 2.0, 0.5, 2.5, 0.0],
            [1.0, 0.5, 2.0, 1.0, 0.0],
        ] {
            let error = check(Shape::Bars, Treatment::default(), &mut bars(bad)).unwrap_err();
            assert!(matches!((error.row, error.problem), (1, Problem::BadBar { .. })), "{bad:?}");
        }
        for (bad_bars, kept, dropped) in [(BadBars::Widen, 2, 0), (BadBars::Drop, 1, 1)] {
            let mut rows = bars([3.0, 2.0, 1.8, 1.5, 0.0]);
            let treatment = Treatment {
                bad_bars,
                ..Treatment::default()
            };
            let counts = check(Shape::Bars, treatment, &mut rows).unwrap();
            assert_eq!((rows.len(), counts.bad_bars, counts.dropped), (kept, 1, dropped));
            if bad_bars == BadBars::Widen {
                assert_eq!((rows.values[1][1], rows.values[2][1]), (3.0, 1.5));
            }
        }
        let error = check(Shape::Bars, Treatment::default(), &mut bars([1.0, 2.0, 0.5, 1.5, -1.0])).unwrap_err();
        assert_eq!((error.row, error.column), (1, Some("volume")));
        let rates = |rate| Rows {
            times: vec![0, 1],
            values: vec![vec![-0.0001, rate]],
            ..Rows::default()
        };
        let counts = check(Shape::Funding, Treatment::default(), &mut rates(-0.999)).unwrap();
        assert_eq!(counts.zero_or_negative, 0, "a rate below zero is nothing odd");
        for bad in [1.0, -1.0, 12.5] {
            let error = check(Shape::Funding, Treatment::default(), &mut rates(bad)).unwrap_err();
            assert!(
                matches!((error.row, error.problem), (1, Problem::RateTooLarge { .. })),
                "{bad}"
            );
        }
    }
}
