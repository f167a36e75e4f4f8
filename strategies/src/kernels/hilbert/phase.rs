//! Trendline, phase and mode of the dominant cycle.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::{Core, LATE, arctangent, degrees};
use crate::elementwise::transcendental::{Sin, each};
use crate::kernels::Walker;

/// Most bars of a cycle, in whole vectors.
const CYCLE: usize = 52;

/// The last bars in one slice, oldest first: written twice into a ring of twice the length.
#[derive(Debug, Clone)]
struct Cycle {
    values: [f64; 2 * CYCLE],
    at: usize,
}

impl Default for Cycle {
    fn default() -> Self {
        Self {
            values: [0.0; 2 * CYCLE],
            at: 0,
        }
    }
}

impl Cycle {
    #[inline(always)]
    fn keep(&mut self, x: f64) {
        self.values[self.at] = x;
        self.values[self.at + CYCLE] = x;
        self.at = if self.at + 1 == CYCLE { 0 } else { self.at + 1 };
    }

    /// Sum weighted with a row.
    ///
    /// Bars of no weight are added too: a sum over as many bars as the cycle has would end at a branch that cannot be foreseen.
    /// Not inlined, because a compiler would join two of these into pairs, and shuffle the values of both.
    #[inline(never)]
    fn weighted(&self, row: &[f64; CYCLE]) -> f64 {
        let bars: &[f64; CYCLE] = self.values[self.at..].first_chunk().expect("a ring of twice the length");
        let mut sums = [0.0; 4];
        for (weights, bars) in row.as_chunks::<4>().0.iter().zip(bars.as_chunks::<4>().0) {
            for lane in 0..4 {
                sums[lane] += weights[lane] * bars[lane];
            }
        }
        // Halves of the vector first.
        (sums[0] + sums[2]) + (sums[1] + sums[3])
    }
}

/// Weights of the last bars for cycles of 0 to 51 bars.
struct Weights {
    sines: [f64; CYCLE],
    cosines: [f64; CYCLE],
    ones: [f64; CYCLE],
}

static WEIGHTS: LazyLock<Vec<Weights>> = LazyLock::new(|| {
    let of = |bars: usize| {
        // The newest bar stands last.
        let row = |value: &dyn Fn(f64) -> f64| {
            std::array::from_fn(|i| match CYCLE - 1 - i {
                back if back < bars => value(back as f64 * (2.0 * PI) / bars as f64),
                _ => 0.0,
            })
        };
        Weights {
            sines: row(&libm::sin),
            cosines: row(&libm::cos),
            ones: row(&|_| 1.0),
        }
    };
    (0..CYCLE).map(of).collect()
});

/// Bars of a cycle and their weights.
#[inline(always)]
fn whole_bars(weights: &[Weights], period: f64) -> (usize, &Weights) {
    let bars = ((period + 0.5) as usize).min(CYCLE - 1);
    (bars, &weights[bars])
}

/// Mean over the dominant cycle, smoothed over four bars.
#[derive(Debug, Clone, Default)]
struct Trend {
    cycle: Cycle,
    before: [f64; 3],
}

impl Trend {
    #[inline(always)]
    fn step(&mut self, smooth_period: f64, weights: &[Weights]) -> f64 {
        let (bars, weights) = whole_bars(weights, smooth_period);
        let sum = self.cycle.weighted(&weights.ones);
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

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let weights = &*WEIGHTS;
        for (out, x) in out[0].iter_mut().zip(x[0]) {
            let begun = self.core.step(*x);
            self.trend.cycle.keep(*x);
            if begun {
                *out = self.trend.step(self.core.smooth_period, weights);
            }
        }
    }
}

/// The phase of the dominant cycle in degrees.
#[derive(Debug, Clone, Default)]
struct PhaseOf {
    smooth: Cycle,
    phase: f64,
}

impl PhaseOf {
    #[inline(always)]
    fn step(&mut self, core: &Core, weights: &[Weights]) -> f64 {
        self.smooth.keep(core.smoothed);
        let (_, weights) = whole_bars(weights, core.smooth_period);
        let (real, imaginary) = (self.smooth.weighted(&weights.sines), self.smooth.weighted(&weights.cosines));
        let angle = degrees(arctangent(real, imaginary));
        if imaginary != 0.0 {
            self.phase = angle;
        } else if real < 0.0 {
            self.phase -= 90.0;
        } else if real > 0.0 {
            self.phase += 90.0;
        }
        let phase = self.phase + (90.0 + 360.0 / core.smooth_period);
        let phase = phase + if imaginary < 0.0 { 180.0 } else { 0.0 };
        self.phase = phase - if phase > 315.0 { 360.0 } else { 0.0 };
        self.phase
    }
}

/// Bars whose sines are computed together.
const BLOCK: usize = 64;

/// Sines of phases, and sines 45 degrees ahead.
#[inline(always)]
fn sines(phases: &[f64; BLOCK]) -> [[f64; BLOCK]; 2] {
    const RADIANS: f64 = PI / 180.0;
    [0.0, 45.0].map(|ahead| {
        let mut sines = [0.0; BLOCK];
        each::<Sin>(&phases.map(|phase| (phase + ahead) * RADIANS), &mut sines);
        sines
    })
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

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let weights = &*WEIGHTS;
        for (block, x) in x[0].chunks(BLOCK).enumerate() {
            let mut phases = [0.0; BLOCK];
            for (phase, x) in phases.iter_mut().zip(x) {
                if self.core.step(*x) {
                    *phase = self.of.step(&self.core, weights);
                }
            }
            let bars = block * BLOCK..block * BLOCK + x.len();
            if self.sine {
                for (out, sines) in out.iter_mut().zip(sines(&phases)) {
                    out[bars.clone()].copy_from_slice(&sines[..x.len()]);
                }
            } else {
                out[0][bars].copy_from_slice(&phases[..x.len()]);
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
    mode: Mode,
}

impl Default for TrendMode {
    fn default() -> Self {
        Self {
            core: Core::new(LATE),
            trend: Trend::default(),
            phase: PhaseOf::default(),
            mode: Mode::default(),
        }
    }
}

/// What tells a trend from a cycle at a bar.
#[derive(Debug, Clone, Copy, Default)]
struct Signs {
    smoothed: f64,
    line: f64,
    period: f64,
}

#[derive(Debug, Clone, Default)]
struct Mode {
    phase: f64,
    sines: (f64, f64),
    days: f64,
}

impl Mode {
    #[inline(always)]
    fn step(&mut self, signs: Signs, phase: f64, (sine, lead): (f64, f64)) -> bool {
        let Signs { smoothed, line, period } = signs;
        let change = phase - std::mem::replace(&mut self.phase, phase);
        let (sine_before, lead_before) = std::mem::replace(&mut self.sines, (sine, lead));
        let crosses = (sine > lead && sine_before <= lead_before) || (sine < lead && sine_before >= lead_before);
        self.days = if crosses { 0.0 } else { self.days } + 1.0;
        let turns = period != 0.0 && change > 0.67 * 360.0 / period && change < 1.5 * 360.0 / period;
        let far = line != 0.0 && ((smoothed - line) / line).abs() >= 0.015;
        far || !(crosses || turns || self.days < 0.5 * period)
    }
}

impl Walker for TrendMode {
    fn lookback(&self, _: usize) -> usize {
        63
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let weights = &*WEIGHTS;
        for (x, out) in x[0].chunks(BLOCK).zip(out[0].chunks_mut(BLOCK)) {
            let mut phases = [0.0; BLOCK];
            let mut signs = [Signs::default(); BLOCK];
            let mut begins = x.len();
            for (bar, x) in x.iter().enumerate() {
                let begun = self.core.step(*x);
                self.trend.cycle.keep(*x);
                if begun {
                    begins = begins.min(bar);
                    phases[bar] = self.phase.step(&self.core, weights);
                    signs[bar] = Signs {
                        smoothed: self.core.smoothed,
                        line: self.trend.step(self.core.smooth_period, weights),
                        period: self.core.smooth_period,
                    };
                }
            }
            let [sine, lead] = sines(&phases);
            for (bar, out) in out.iter_mut().enumerate().skip(begins) {
                *out = f64::from(u8::from(self.mode.step(signs[bar], phases[bar], (sine[bar], lead[bar]))));
            }
        }
    }
}
