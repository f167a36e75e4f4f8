//! Stops that follow prices: Wilder's parabolic and the supertrend.

use super::Walker;
use super::smoothing::Smoothing;

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

#[derive(Debug, Clone, Copy)]
struct Running {
    long: bool,
    sar: f64,
    extreme: f64,
    factor: f64,
    high: f64,
    low: f64,
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
        Running {
            long,
            sar,
            extreme: if long { high } else { low },
            factor: if long { self.long.first } else { self.short.first },
            // The first step sees the same bar twice.
            high,
            low,
        }
    }

    #[inline]
    fn step(&self, at: &mut Running, high: f64, low: f64) -> f64 {
        let (before_high, before_low) = (at.high, at.low);
        (at.high, at.low) = (high, low);
        let signed = |long: bool, sar: f64| if self.signed && !long { -sar } else { sar };
        let ceiling = |sar: f64| sar.max(before_high).max(high);
        let floor = |sar: f64| sar.min(before_low).min(low);
        if at.long && low <= at.sar {
            at.long = false;
            let turned = ceiling(at.extreme);
            at.sar = turned + turned * self.offset;
            let given = at.sar;
            (at.factor, at.extreme) = (self.short.first, low);
            at.sar = ceiling(at.sar + at.factor * (at.extreme - at.sar));
            return signed(false, given);
        }
        if !at.long && high >= at.sar {
            at.long = true;
            let turned = floor(at.extreme);
            at.sar = turned - turned * self.offset;
            let given = at.sar;
            (at.factor, at.extreme) = (self.long.first, high);
            at.sar = floor(at.sar + at.factor * (at.extreme - at.sar));
            return signed(true, given);
        }
        let given = at.sar;
        if at.long {
            if high > at.extreme {
                at.extreme = high;
                at.factor = (at.factor + self.long.step).min(self.long.most);
            }
            at.sar = floor(at.sar + at.factor * (at.extreme - at.sar));
        } else {
            if low < at.extreme {
                at.extreme = low;
                at.factor = (at.factor + self.short.step).min(self.short.most);
            }
            at.sar = ceiling(at.sar + at.factor * (at.extreme - at.sar));
        }
        signed(at.long, given)
    }
}

impl Walker for Parabolic {
    fn lookback(&self, _: usize) -> usize {
        1
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        for ((out, high), low) in out[0].iter_mut().zip(x[0]).zip(x[1]) {
            let mut running = match self.state {
                State::Empty => {
                    self.state = State::One { high: *high, low: *low };
                    continue;
                }
                State::One {
                    high: before,
                    low: before_low,
                } => self.begin((before, before_low), *high, *low),
                State::Running(running) => running,
            };
            *out = self.step(&mut running, *high, *low);
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
    close: f64,
    upper: f64,
    lower: f64,
    up: Option<bool>,
}

impl Supertrend {
    pub(super) fn new(n: usize, k: f64) -> Self {
        Self {
            n,
            k,
            range: Smoothing::wilder(n as u32),
            close: f64::NAN,
            upper: f64::INFINITY,
            lower: f64::NEG_INFINITY,
            up: None,
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

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [lines, trends] = out else { return };
        let bars = x[0].iter().zip(x[1]).zip(x[2]);
        for (bar, ((high, low), close)) in bars.enumerate() {
            let before = self.close;
            self.close = *close;
            if before.is_nan() {
                continue;
            }
            let range = (high - low).max((high - before).abs()).max((low - before).abs());
            let average = self.range.step(range);
            if average.is_nan() {
                continue;
            }
            let middle = f64::midpoint(*high, *low);
            let (upper, lower) = (middle + self.k * average, middle - self.k * average);
            if upper < self.upper || before > self.upper {
                self.upper = upper;
            }
            if lower > self.lower || before < self.lower {
                self.lower = lower;
            }
            let up = match self.up {
                None => true,
                Some(true) => *close >= self.lower,
                Some(false) => *close > self.upper,
            };
            self.up = Some(up);
            lines[bar] = if up { self.lower } else { self.upper };
            trends[bar] = if up { 1.0 } else { -1.0 };
        }
    }
}
