//! What happened since the trading day began, in its first minutes, and in the day before.

use super::Walker;

#[derive(Debug, Clone, Copy)]
struct Day {
    number: f64,
    bars: f64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    range: Option<(f64, f64)>,
}

/// Inputs: open, high, low, close, the trading day, the minute of it.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Length of the opening range.
    minutes: f64,
    day: Option<Day>,
    before: Option<Day>,
}

impl Session {
    pub(super) fn new(minutes: f64) -> Self {
        Self {
            minutes,
            day: None,
            before: None,
        }
    }
}

impl Walker for Session {
    fn outputs(&self) -> usize {
        10
    }

    fn lookback(&self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [opens, highs, lows, closes, days, minutes] = x else {
            return;
        };
        for bar in 0..opens.len() {
            let (open, high, low, close) = (opens[bar], highs[bar], lows[bar], closes[bar]);
            let day = match &mut self.day {
                Some(day) if day.number == days[bar] => {
                    day.bars += 1.0;
                    day.high = day.high.max(high);
                    day.low = day.low.min(low);
                    day.close = close;
                    day
                }
                past => {
                    self.before = *past;
                    past.insert(Day {
                        number: days[bar],
                        bars: 0.0,
                        open,
                        high,
                        low,
                        close,
                        range: None,
                    })
                }
            };
            let early = minutes[bar] < self.minutes;
            // Before the session opens minutes are negative.
            if early && minutes[bar] >= 0.0 {
                let (top, bottom) = day.range.unwrap_or((high, low));
                day.range = Some((top.max(high), bottom.min(low)));
            }
            let day = *day;
            let range = day.range.filter(|_| !early).unwrap_or((f64::NAN, f64::NAN));
            let before = |part: fn(&Day) -> f64| self.before.as_ref().map_or(f64::NAN, part);
            let values = [
                day.bars,
                day.open,
                day.high,
                day.low,
                before(|day| day.open),
                before(|day| day.high),
                before(|day| day.low),
                before(|day| day.close),
                range.0,
                range.1,
            ];
            for (out, value) in out.iter_mut().zip(values) {
                out[bar] = value;
            }
        }
    }
}
