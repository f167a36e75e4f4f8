//! Other bars beside those of the rules: longer ones of the same instrument, and those of other instruments.
//!
//! At each bar of the rules an expression of other bars has the value that it had at the last of those bars that has ended by the
//! end of this one. What is still going on is not seen.

use std::ops::Range;
use std::sync::Arc;

use assay_core::time::{BarLength, DAY_NS};
use assay_engine::Market;
use assay_engine::market::{Column, Ohlc, Quotes};

use crate::evaluator::Evaluator;
use crate::graph::{ColumnId, ColumnOp, Graph};
use crate::program::{Program, TILE};
use crate::simd::Level;

/// What is computed on other bars.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    market: Arc<Market>,
    ends: Arc<[i64]>,
    program: Box<Program>,
}

impl Beside {
    pub(crate) fn new(market: Arc<Market>, ends: Arc<[i64]>, graph: Graph, besides: Vec<Self>) -> Self {
        Self {
            market,
            ends,
            program: Box::new(Program::with_besides(graph, besides)),
        }
    }

    /// Bytes that it takes while it is computed, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.program.memory_bytes() + self.market.len() * 8
    }
}

/// Other bars at a place in time.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    beside: &'a Beside,
    evaluator: Evaluator<'a>,
    /// How many of its bars have ended.
    ended: usize,
    /// Columns here, each with the column of the program beside that it shows.
    shown: Vec<(ColumnId, ColumnId)>,
}

impl<'a> Walk<'a> {
    /// What `graph` shows of `besides[at]`.
    pub(crate) fn new(beside: &'a Beside, at: usize, graph: &Graph, level: Level) -> Self {
        let shown = graph.columns.iter().enumerate().filter_map(|(id, node)| match node.op {
            ColumnOp::Elsewhere { place, column, .. } if place as usize == at => Some((ColumnId(id as u32), column)),
            _ => None,
        });
        let scales = Evaluator::scales(&beside.program, &beside.market);
        Self {
            beside,
            evaluator: Evaluator::with(&beside.program, &beside.market, &scales, level),
            ended: 0,
            shown: shown.collect(),
        }
    }

    /// Goes on to the end of a tile of `market`; `write` takes the values of each column from bar to bar of the tile.
    pub(crate) fn advance(&mut self, market: &Market, tile: &Range<usize>, mut write: impl FnMut(ColumnId, Range<usize>, f64)) {
        let ends = &self.beside.ends;
        let mut from = tile.start;
        while from < tile.end {
            let next = ends.get(self.ended).copied().unwrap_or(i64::MAX);
            // Up to the bar at whose end the next of these has ended, nothing changes.
            let same = first_until(market, from..tile.end, next) - from;
            if same > 0 {
                let bars = from - tile.start..from + same - tile.start;
                for (column, source) in &self.shown {
                    write(*column, bars.clone(), self.value(*source));
                }
                from += same;
                continue;
            }
            if self.ended == self.evaluator.tile().end {
                let start = self.ended;
                self.evaluator.advance(start..self.beside.market.len().min(start + TILE));
            }
            self.ended += 1;
        }
    }

    fn value(&self, column: ColumnId) -> f64 {
        match self.ended.checked_sub(1) {
            Some(bar) => self.evaluator.column(column)[bar - self.evaluator.tile().start],
            None => f64::NAN,
        }
    }
}

/// The ends of a market's bars.
pub(crate) fn ends(market: &Market) -> Arc<[i64]> {
    (0..market.len()).map(|bar| market.end_of(bar)).collect()
}

/// The first of some bars that has not ended before a moment.
pub(crate) fn first_until(market: &Market, bars: Range<usize>, moment: i64) -> usize {
    let (mut low, mut high) = (bars.start, bars.end);
    while low < high {
        let middle = usize::midpoint(low, high);
        if market.end_of(middle) < moment {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Longer bars, and their ends: within a day counted from UTC midnight, whole days by the calendar's. `None` if bars of that length
/// cannot be made of these.
pub(crate) fn longer_bars(market: &Market, length: BarLength) -> Option<(Arc<Market>, Arc<[i64]>)> {
    let ns = length.ns();
    // Bars that count ticks or volume may have any length: they belong to the frame in which they begin.
    let counted = market.bar_ns == 0;
    let longer = counted || (ns > market.bar_ns && ns % market.bar_ns == 0);
    let whole = longer && (ns < DAY_NS || ns % DAY_NS == 0);
    if !whole {
        return None;
    }
    let calendar = &market.instrument.facts.calendar;
    let days = ns / DAY_NS;
    // 1970-01-05 was a Monday: weeks begin with it.
    let anchor = if days % 7 == 0 { 4 } else { 0 };
    let first_day = |day: i32| i64::from(day) - (i64::from(day) - anchor).rem_euclid(days.max(1));
    let bucket = |bar: usize| {
        let time = market.time[bar];
        if days == 0 {
            let within = time.rem_euclid(DAY_NS);
            time - within + within / ns * ns
        } else {
            first_day(market.days[bar])
        }
    };
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut current = None;
    for bar in 0..market.len() {
        let own = bucket(bar);
        if current == Some(own) {
            if let Some(group) = groups.last_mut() {
                group.end = bar + 1;
            }
        } else {
            groups.push(bar..bar + 1);
            current = Some(own);
        }
    }
    let (mut times, mut group_ends, mut group_days) = (Vec::new(), Vec::new(), Vec::new());
    for group in &groups {
        let key = bucket(group.start);
        if days == 0 {
            times.push(key);
            let midnight = key - key.rem_euclid(DAY_NS) + DAY_NS;
            group_ends.push((key + ns).min(midnight).max(market.end_of(group.end - 1)));
            group_days.push(market.days[group.start]);
        } else {
            let start = calendar.day_start(key as i32).unwrap_or(market.time[group.start]);
            // A day that a weekend joins begins with the weekend's first bar.
            times.push(start.min(market.time[group.start]));
            let last = calendar.day_span(market.time[group.end - 1]);
            let end = if days == 1 {
                day_end(market, group.end - 1).unwrap_or(last.to)
            } else {
                calendar.day_start((key + days) as i32).unwrap_or(last.to)
            };
            group_ends.push(end.max(market.end_of(group.end - 1)));
            group_days.push(key as i32);
        }
    }
    let resample = |ohlc: &Ohlc| {
        let column = |values: &[f64], pick: fn(&[f64]) -> f64| -> Column<f64> {
            groups
                .iter()
                .map(|group| pick(&values[group.clone()]))
                .collect::<Vec<_>>()
                .into()
        };
        Ohlc {
            open: column(&ohlc.open, |x| x[0]),
            high: column(&ohlc.high, |x| x.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            low: column(&ohlc.low, |x| x.iter().copied().fold(f64::INFINITY, f64::min)),
            close: column(&ohlc.close, |x| x[x.len() - 1]),
        }
    };
    let quotes = market.quotes.as_ref().map(|quotes| Quotes {
        bid: resample(&quotes.bid),
        ask: resample(&quotes.ask),
    });
    let mid = match &quotes {
        Some(Quotes { bid, ask }) => {
            let middle = |bid: &[f64], ask: &[f64]| -> Column<f64> {
                bid.iter()
                    .zip(ask)
                    .map(|(bid, ask)| f64::midpoint(*bid, *ask))
                    .collect::<Vec<_>>()
                    .into()
            };
            Ohlc {
                open: middle(&bid.open, &ask.open),
                high: middle(&bid.high, &ask.high),
                low: middle(&bid.low, &ask.low),
                close: middle(&bid.close, &ask.close),
            }
        }
        None => resample(&market.mid),
    };
    let volume: Vec<f64> = groups.iter().map(|group| market.volume[group.clone()].iter().sum()).collect();
    let (instrument, times) = (market.instrument.clone(), times.into());
    let mut longer = Market::of_columns(instrument, ns, times, group_days, mid, quotes, volume.into());
    longer.others = Arc::clone(&market.others);
    Some((Arc::new(longer), group_ends.into()))
}

/// End of the trading day of a bar: the next day's start, or a weekend's.
fn day_end(market: &Market, bar: usize) -> Option<i64> {
    let calendar = &market.instrument.facts.calendar;
    let span = calendar.day_span(market.time[bar]);
    if span.day == market.days[bar] && !span.weekend {
        return Some(span.to);
    }
    calendar.day_start(market.days[bar] + 1)
}
