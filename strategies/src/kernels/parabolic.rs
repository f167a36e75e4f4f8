//! Stops that follow prices: Wilder's parabolic and the supertrend.

use super::Walker;
use super::smoothing::Smoothing;
use crate::branchless::{all, any, least, most};

/// How the stop of one side accelerates.
#[derive(Debug, Clone, Copy)]
struct Steps {
    first: f64,
    step: f64,
    most: f64,
}

impl Steps {
    fn new(first: f64, step: f64, most: f64) -> Self {
        Self {
            first: first.min(most),
            step: step.min(most),
            most,
        }
    }
}

/// Parabolic stop and reverse.
#[derive(Debug, Clone)]
pub(super) struct Parabolic {
    /// 0 to begin with the direction of the first bars, above to begin long at this price, below to begin short.
    start: f64,
    /// Share by which the stop is moved away on a reversal.
    offset: f64,
    long: Steps,
    short: Steps,
    /// Whether stops of short positions are given with a minus.
    signed: bool,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Empty,
    One { high: f64, low: f64 },
    Running(Running),
}

/// Prices of a short position are turned upside down, so that both sides take the same steps.
#[derive(Debug, Clone, Copy)]
struct Running {
    long: bool,
    sar: f64,
    extreme: f64,
    factor: f64,
    /// The bar before, as it was.
    high: f64,
    low: f64,
}

impl Running {
    /// Prices as this side sees them.
    #[inline(always)]
    fn seen(&self, high: f64, low: f64) -> (f64, f64) {
        if self.long { (high, low) } else { (-low, -high) }
    }
}

impl Parabolic {
    pub(super) fn plain(acceleration: f64, maximum: f64) -> Self {
        let steps = Steps::new(acceleration, acceleration, maximum);
        Self {
            start: 0.0,
            offset: 0.0,
            long: steps,
            short: steps,
            signed: false,
            state: State::Empty,
        }
    }

    /// Start, offset, then first step, step and maximum of long and of short positions.
    pub(super) fn extended([start, offset, first_long, long, most_long, first_short, short, most_short]: [f64; 8]) -> Self {
        Self {
            start,
            offset,
            long: Steps::new(first_long, long, most_long),
            short: Steps::new(first_short, short, most_short),
            signed: true,
            state: State::Empty,
        }
    }

    fn begin(&self, before: (f64, f64), high: f64, low: f64) -> Running {
        let (up, down) = (high - before.0, before.1 - low);
        let long = if self.start == 0.0 {
            !(down > 0.0 && up < down)
        } else {
            self.start > 0.0
        };
        let sar = match (self.start == 0.0, long) {
            (true, true) => before.1,
            (true, false) => before.0,
            (false, _) => self.start.abs(),
        };
        let sign = if long { 1.0 } else { -1.0 };
        Running {
            long,
            sar: sign * sar,
            extreme: if long { high } else { -low },
            factor: self.steps(long).first,
            // The first step sees the same bar twice.
            high,
            low,
        }
    }

    #[inline(always)]
    fn steps(&self, long: bool) -> Steps {
        if long { self.long } else { self.short }
    }

    #[inline(always)]
    fn step(&self, at: &mut Running, bar_high: f64, bar_low: f64) -> f64 {
        let (high, low) = at.seen(bar_high, bar_low);
        let before = at.seen(at.high, at.low);
        if low <= at.sar {
            at.long = !at.long;
            // From the other side all signs are turned.
            let turned = -most(most(at.extreme, before.0), high);
            let price = if at.long { turned } else { -turned };
            at.sar = turned - price * self.offset;
            (at.factor, at.extreme) = (self.steps(at.long).first, -low);
            let given = at.sar;
            at.advance(least(-before.0, -high));
            (at.high, at.low) = (bar_high, bar_low);
            return self.given(at.long, given);
        }
        let given = at.sar;
        let steps = self.steps(at.long);
        let further = high > at.extreme;
        at.extreme = if further { high } else { at.extreme };
        at.factor = if further {
            least(at.factor + steps.step, steps.most)
        } else {
            at.factor
        };
        at.advance(least(before.1, low));
        (at.high, at.low) = (bar_high, bar_low);
        self.given(at.long, given)
    }

    #[inline(always)]
    fn given(&self, long: bool, sar: f64) -> f64 {
        if long || self.signed { sar } else { -sar }
    }
}

impl Running {
    /// Moves the stop towards the extreme, but not past the lows of two bars.
    #[inline(always)]
    fn advance(&mut self, floor: f64) {
        self.sar = least(self.sar + self.factor * (self.extreme - self.sar), floor);
    }
}

impl Walker for Parabolic {
    fn lookback(&self, _: usize) -> usize {
        1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let (mut highs, mut lows, mut out) = (x[0], x[1], &mut *out[0]);
        while let State::Empty | State::One { .. } = self.state {
            let ([high, later_highs @ ..], [low, later_lows @ ..]) = (highs, lows) else {
                return;
            };
            (highs, lows) = (later_highs, later_lows);
            let (first, later) = out.split_at_mut(1);
            out = later;
            self.state = match self.state {
                State::One {
                    high: before,
                    low: before_low,
                } => {
                    let mut running = self.begin((before, before_low), *high, *low);
                    first[0] = self.step(&mut running, *high, *low);
                    State::Running(running)
                }
                _ => State::One { high: *high, low: *low },
            };
        }
        if let State::Running(mut running) = self.state {
            for ((out, high), low) in out.iter_mut().zip(highs).zip(lows) {
                *out = self.step(&mut running, *high, *low);
            }
            self.state = State::Running(running);
        }
    }
}

/// Bands of average true ranges around the middle of the bar that never retreat while the close stays on their side.
#[derive(Debug, Clone)]
pub(super) struct Supertrend {
    n: usize,
    k: f64,
    range: Smoothing,
    /// The close before the tile.
    before: f64,
    /// True ranges of a tile, and their averages.
    room: [Vec<f64>; 2],
    bands: Bands,
}

/// The state of the bands after a bar.
#[derive(Debug, Clone)]
struct Bands {
    upper: f64,
    lower: f64,
    /// Nothing before the first.
    up: Option<bool>,
}

impl Bands {
    /// After a bar whose bands would be these. Without branches: neither moves nor turns can be foreseen.
    #[inline(always)]
    fn step(&mut self, upper: f64, lower: f64, before: f64, close: f64) -> (f64, f64) {
        self.upper = if any([upper < self.upper, before > self.upper]) {
            upper
        } else {
            self.upper
        };
        self.lower = if any([lower > self.lower, before < self.lower]) {
            lower
        } else {
            self.lower
        };
        let up = match self.up {
            None => true,
            Some(up) => any([all([up, close >= self.lower]), all([!up, close > self.upper])]),
        };
        self.up = Some(up);
        if up { (self.lower, 1.0) } else { (self.upper, -1.0) }
    }
}

impl Supertrend {
    pub(super) fn new(n: usize, k: f64) -> Self {
        Self {
            n,
            k,
            range: Smoothing::wilder(n as u32),
            before: f64::NAN,
            room: [Vec::new(), Vec::new()],
            bands: Bands {
                upper: f64::INFINITY,
                lower: f64::NEG_INFINITY,
                up: None,
            },
        }
    }
}

impl Walker for Supertrend {
    fn outputs(&self) -> usize {
        2
    }

    fn lookback(&self, _: usize) -> usize {
        self.n
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let ([lines, trends], [high, low, close]) = (out, x) else {
            return;
        };
        // The first bar of all has no true range.
        let first = usize::from(self.before.is_nan());
        let before = |bar: usize| if bar == 0 { self.before } else { close[bar - 1] };
        let [ranges, averages] = &mut self.room;
        ranges.clear();
        ranges.extend((first..close.len()).map(|bar| {
            let (up, down) = ((high[bar] - before(bar)).abs(), (low[bar] - before(bar)).abs());
            most(most(high[bar] - low[bar], up), down)
        }));
        averages.resize(ranges.len(), 0.0);
        Walker::run(&mut self.range, &[ranges], &mut [averages]);
        let seeding = averages.iter().take_while(|average| average.is_nan()).count();
        for (bar, average) in (first..close.len()).zip(&*averages).skip(seeding) {
            let middle = (high[bar] + low[bar]) * 0.5;
            let (upper, lower) = (middle + self.k * average, middle - self.k * average);
            (lines[bar], trends[bar]) = self.bands.step(upper, lower, before(bar), close[bar]);
        }
        self.before = close.last().copied().unwrap_or(self.before);
    }
}
