//! Expressions on other bars: `tf` and `ref`.

use std::sync::Arc;

use assay_core::time::BarLength;
use assay_engine::Market;

use super::{Binder, Bound, On};
use crate::elsewhere::{self, Beside};
use crate::error::StrategyError;
use crate::graph::{BitsId, ColumnId, ColumnOp, Graph, Operand};
use crate::template::{self, Slot, Template};

/// Whose bars; by this a place is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Bars(BarLength),
    Symbol(String),
}

/// Other bars with what is computed on them.
#[derive(Debug)]
pub(super) struct Place {
    key: Key,
    market: Arc<Market>,
    /// End of each of its bars.
    ends: Arc<[i64]>,
    graph: Graph,
    operands: Vec<Option<Operand>>,
    truths: Vec<[Option<BitsId>; 2]>,
    places: Vec<Self>,
}

impl Place {
    fn new(key: Key, market: Arc<Market>, ends: Arc<[i64]>, parts: usize) -> Self {
        Self {
            key,
            market,
            ends,
            graph: Graph::default(),
            operands: vec![None; parts],
            truths: vec![[None; 2]; parts],
            places: Vec::new(),
        }
    }

    /// Forgets what the last trial's parameters came to.
    pub(super) fn start(&mut self, template: &Template) {
        for (at, part) in template.parts.iter().enumerate() {
            if part.varies {
                self.operands[at] = None;
                self.truths[at] = [None; 2];
            }
        }
        self.places.iter_mut().for_each(|place| place.start(template));
    }
}

impl Binder<'_> {
    /// An expression of other bars as a column of these: at each bar its value at the last one of those that has ended.
    pub(super) fn elsewhere(&mut self, place: &template::Place, slot: Slot) -> Bound<ColumnId> {
        let key = match place {
            template::Place::Bars(length) if length.ns() == self.market.bar_ns => return self.numbers(slot),
            template::Place::Bars(length) => Key::Bars(*length),
            template::Place::Symbol(symbol) => Key::Symbol(symbol.clone()),
            template::Place::Parameter(at) => {
                let text = self.choices.get(*at).and_then(|texts| texts.get(self.values[*at] as usize));
                Key::Symbol(text.cloned().unwrap_or_default())
            }
        };
        let known = self.places.iter().position(|place| place.key == key);
        let at = if let Some(at) = known {
            at
        } else {
            let place = self.open(key)?;
            self.places.push(place);
            self.places.len() - 1
        };
        let mut place = self.places.remove(at);
        self.exchange(&mut place);
        let outer = std::mem::replace(&mut self.market, On::Place(Arc::clone(&place.market)));
        let column = self.numbers(slot);
        self.market = outer;
        self.exchange(&mut place);
        let lookback = column
            .as_ref()
            .ok()
            .map(|column| self.first_bar(&place, place.graph.lookback(*column)));
        self.places.insert(at, place);
        let column = column?;
        let lookback = lookback.unwrap_or(0);
        if lookback as usize >= self.market.len() {
            return Ok(self.graph.column(ColumnOp::Never(lookback)));
        }
        Ok(self.graph.column(ColumnOp::Elsewhere {
            place: at as u32,
            column,
            lookback,
        }))
    }

    /// What has been computed on other bars, for the program.
    pub(crate) fn take_places(&mut self) -> Vec<Beside> {
        std::mem::take(&mut self.places).into_iter().map(close).collect()
    }

    /// A number or a condition as numbers.
    fn numbers(&mut self, slot: Slot) -> Bound<ColumnId> {
        if self.template.parts[slot.0 as usize].ty.is_condition() {
            self.select(slot, Operand::number(1.0), Operand::number(0.0))
        } else {
            self.column(slot)
        }
    }

    fn exchange(&mut self, place: &mut Place) {
        std::mem::swap(&mut *self.graph, &mut place.graph);
        std::mem::swap(&mut self.operands, &mut place.operands);
        std::mem::swap(&mut self.truths, &mut place.truths);
        std::mem::swap(&mut self.places, &mut place.places);
    }

    /// The first of these bars at whose end so many bars of the place, and one more, have ended.
    fn first_bar(&self, place: &Place, lookback: u32) -> u32 {
        let needed = place.ends.get(lookback as usize).copied().unwrap_or(i64::MAX);
        elsewhere::first_until(&self.market, 0..self.market.len(), needed) as u32
    }

    fn open(&self, key: Key) -> Bound<Place> {
        let parts = self.template.parts.len();
        let (market, ends) = match &key {
            Key::Bars(length) => {
                let longer = elsewhere::longer_bars(&self.market, *length);
                longer.ok_or_else(|| StrategyError::BadFrame {
                    wanted: *length,
                    bars: BarLength::from_ns(self.market.bar_ns).unwrap_or(*length),
                })?
            }
            Key::Symbol(symbol) if *symbol == self.market.instrument.symbol.to_string() => {
                // Its own bars need no copy, but `ref` must not lead in a circle.
                let market = Market::clone(&self.market);
                let ends = elsewhere::ends(&market);
                (Arc::new(market), ends)
            }
            Key::Symbol(symbol) => {
                let market = self.market.others.get(symbol).cloned();
                let market = market.ok_or_else(|| StrategyError::NoReference { symbol: symbol.clone() })?;
                let ends = elsewhere::ends(&market);
                (market, ends)
            }
        };
        Ok(Place::new(key, market, ends, parts))
    }
}

fn close(place: Place) -> Beside {
    let besides = place.places.into_iter().map(close).collect();
    Beside::new(place.market, place.ends, place.graph, besides)
}
