//! Trendline, phase and mode of the dominant cycle.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::{Core, LATE, degrees};
use crate::kernels::Walker;

/// Mean over the dominant cycle, smoothed over four bars.
#[derive(Debug, Clone)]
struct Trend {
    values: [f64; 64],
    seen: usize,
    before: [f64; 3],
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            values: [0.0; 64],
            seen: 0,
            before: [0.0; 3],
        }
    }
}

impl Trend {
    #[inline]
    fn keep(&mut self, x: f64) {
        self.values[self.seen % 64] = x;
        self.seen += 1;
    }

    #[inline]
    fn step(&mut self, smooth_period: f64) -> f64 {
        let bars = (smooth_period + 0.5) as usize;
        let sum: f64 = (1..=bars).map(|back| self.values[self.seen.wrapping_sub(back) % 64]).sum();
        let mean = if bars > 0 { sum / bars as f64 } else { sum };
        let [one, two, three] = self.before;
        self.before = [mean, one, two];
        (4.0 * mean + 3.0 * one + 2.0 * two + three) / 10.0
    }
}

/// The trendline.
#[derive(Debug, Clone)]
pub(in crate::kernels) struct Trendline {
    core: Core,
    trend: Trend,
}

impl Default for Trendline {
    fn default() -> Self {
        Self {
            core: Core::new(LATE),
            trend: Trend::default(),
        }
    }
}

impl Walker for Trendline {
    fn lookback(&self, _: usize) -> usize {
        63
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        for (out, x) in out[0].iter_mut().zip(x[0]) {
            let begun = self.core.step(*x);
            self.trend.keep(*x);
            if begun {
                *out = self.trend.step(self.core.smooth_period);
            }
        }
    }
}

/// Sines and cosines of a whole turn in as many steps as the row's number.
static TURNS: LazyLock<Vec<Vec<(f64, f64)>>> = LazyLock::new(|| {
    let row = |steps: usize| {
        let angle = move |step: usize| step as f64 * (2.0 * PI) / steps as f64;
        (0..steps)
            .map(|step| (libm::sin(angle(step)), libm::cos(angle(step))))
            .collect()
    };
    (0..=51).map(row).collect()
});

/// The phase of the dominant cycle in degrees.
#[derive(Debug, Clone)]
struct PhaseOf {
    smooth: [f64; 64],
    seen: usize,
    phase: f64,
}

impl Default for PhaseOf {
    fn default() -> Self {
        Self {
            smooth: [0.0; 64],
            seen: 0,
            phase: 0.0,
        }
    }
}

impl PhaseOf {
    #[inline]
    fn step(&mut self, core: &Core, turns: &[Vec<(f64, f64)>]) -> f64 {
        self.smooth[self.seen % 64] = core.smoothed;
        let bars = (core.smooth_period + 0.5) as usize;
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (back, (sine, cosine)) in turns[bars.min(51)].iter().enumerate() {
            let smooth = self.smooth[self.seen.wrapping_sub(back) % 64];
            real += sine * smooth;
            imaginary += cosine * smooth;
        }
        self.seen += 1;
        if imaginary.abs() > 0.0 {
            self.phase = degrees(libm::atan(real / imaginary));
        } else if real < 0.0 {
            self.phase -= 90.0;
        } else if real > 0.0 {
            self.phase += 90.0;
        }
        self.phase += 90.0 + 360.0 / core.smooth_period;
        if imaginary < 0.0 {
            self.phase += 180.0;
        }
        if self.phase > 315.0 {
            self.phase -= 360.0;
        }
        self.phase
    }
}

fn sines(phase: f64) -> (f64, f64) {
    const RADIANS: f64 = PI / 180.0;
    (libm::sin(phase * RADIANS), libm::sin((phase + 45.0) * RADIANS))
}

/// The phase, or its sine and the sine 45 degrees ahead.
#[derive(Debug, Clone)]
pub(in crate::kernels) struct Phase {
    core: Core,
    of: PhaseOf,
    sine: bool,
}

impl Phase {
    pub(in crate::kernels) fn alone() -> Self {
        Self {
            core: Core::new(LATE),
            of: PhaseOf::default(),
            sine: false,
        }
    }

    pub(in crate::kernels) fn with_sine() -> Self {
        Self {
            sine: true,
            ..Self::alone()
        }
    }
}

impl Walker for Phase {
    fn outputs(&self) -> usize {
        1 + usize::from(self.sine)
    }

    fn lookback(&self, _: usize) -> usize {
        63
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let turns = &*TURNS;
        for (bar, x) in x[0].iter().enumerate() {
            if !self.core.step(*x) {
                continue;
            }
            let phase = self.of.step(&self.core, turns);
            match out {
                [sine, lead] => (sine[bar], lead[bar]) = sines(phase),
                [phases] => phases[bar] = phase,
                _ => {}
            }
        }
    }
}

/// 1 in a trend, 0 in a cycle.
#[derive(Debug, Clone)]
pub(in crate::kernels) struct TrendMode {
    core: Core,
    trend: Trend,
    phase: PhaseOf,
    before: (f64, f64),
    days: f64,
}

impl Default for TrendMode {
    fn default() -> Self {
        Self {
            core: Core::new(LATE),
            trend: Trend::default(),
            phase: PhaseOf::default(),
            before: (0.0, 0.0),
            days: 0.0,
        }
    }
}

impl Walker for TrendMode {
    fn lookback(&self, _: usize) -> usize {
        63
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let turns = &*TURNS;
        for (out, x) in out[0].iter_mut().zip(x[0]) {
            let begun = self.core.step(*x);
            self.trend.keep(*x);
            if !begun {
                continue;
            }
            let phase_before = self.phase.phase;
            let phase = self.phase.step(&self.core, turns);
            let (sine, lead) = sines(phase);
            let period = self.core.smooth_period;
            let line = self.trend.step(period);
            let mut trend = true;
            let (sine_before, lead_before) = std::mem::replace(&mut self.before, (sine, lead));
            if (sine > lead && sine_before <= lead_before) || (sine < lead && sine_before >= lead_before) {
                self.days = 0.0;
                trend = false;
            }
            self.days += 1.0;
            if self.days < 0.5 * period {
                trend = false;
            }
            let change = phase - phase_before;
            if period != 0.0 && change > 0.67 * 360.0 / period && change < 1.5 * 360.0 / period {
                trend = false;
            }
            if line != 0.0 && ((self.core.smoothed - line) / line).abs() >= 0.015 {
                trend = true;
            }
            *out = f64::from(u8::from(trend));
        }
    }
}
