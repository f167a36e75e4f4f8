//! What carries state from bar to bar.
//!
//! A [`Walker`] takes its inputs bar by bar in order, so that its values do not depend on where tiles begin, and it never sees a
//! null: an [`Instance`] deals with those. A window is null until it is defined from end to end; a recursion keeps its state over a
//! null and gives null at that bar.

mod candles;
pub(crate) mod clock;
mod directional;
mod events;
mod extreme;
mod four;
mod hilbert;
mod moments;
mod order;
mod pairs;
mod parabolic;
mod recursion;
mod recursive;
mod session;
pub(crate) mod smoothing;
mod volume;
mod windows;

use std::fmt::Debug;

use assay_lang::Kernel;

pub(crate) use self::recursion::Recursion;
use crate::simd::{self, Level, Loop};

/// A computation that walks from bar to bar.
pub(crate) trait Walker: Debug + Send {
    /// How many numbers it gives at each bar.
    fn outputs(&self) -> usize {
        1
    }

    /// Bars before the first value of an output; what it writes there is not looked at.
    fn lookback(&self, output: usize) -> usize;

    /// Says before the first bar which outputs are asked for, a bit for each. What is written to the others is not looked at.
    fn want(&mut self, _outputs: u32) {}

    /// The next bars. To be marked `#[inline(always)]`, see [`Loop`].
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]);

    /// [`Walker::run`] with the instructions of the level.
    fn run_at(&mut self, level: Level, x: &[&[f64]], out: &mut [&mut [f64]]) {
        simd::run(level, Walk { walker: self, x, out });
    }
}

struct Walk<'a, 'b, W: ?Sized> {
    walker: &'a mut W,
    x: &'a [&'a [f64]],
    out: &'a mut [&'b mut [f64]],
}

impl<W: Walker + ?Sized> Loop for Walk<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.walker.run(self.x, self.out);
    }
}

/// What a null among the inputs does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// All begins anew: windows.
    Restart,
    /// The bar is as if it were not there: recursions.
    Skip,
    /// The kernel sees it.
    Seen,
}

/// The kernel of that name with its numbers.
pub(crate) fn make(kernel: Kernel, numbers: &[f64]) -> Box<dyn Walker> {
    use Kernel as K;
    let number = |at: usize| numbers.get(at).copied().unwrap_or(f64::NAN);
    let length = |at: usize| number(at) as usize;
    match kernel {
        K::WeightedMean => Box::new(windows::WeightedMean::new(length(0))),
        K::Deviation => Box::new(windows::Spread::deviation(length(0), 0.0)),
        K::SampleDeviation => Box::new(windows::Spread::deviation(length(0), 1.0)),
        K::Variance => Box::new(windows::Spread::variance(length(0))),
        K::Skew => Box::new(windows::Shape::skew(length(0))),
        K::Kurtosis => Box::new(windows::Shape::kurtosis(length(0))),
        K::Regression => Box::new(windows::Regression::new(length(0))),
        K::Correlation => Box::new(pairs::Pair::correlation(length(0))),
        K::Covariance => Box::new(pairs::Pair::covariance(length(0))),
        K::Beta => Box::new(pairs::Pair::slope(length(0))),
        K::ReturnBeta => Box::new(pairs::ReturnBeta::new(length(0))),
        K::Highest => Box::new(extreme::Extreme::highest(length(0))),
        K::Lowest => Box::new(extreme::Extreme::lowest(length(0))),
        K::HighestAge => Box::new(extreme::Age::new(length(0), true, false)),
        K::LowestAge => Box::new(extreme::Age::new(length(0), false, false)),
        K::EarliestHighestAge => Box::new(extreme::Age::new(length(0), true, true)),
        K::EarliestLowestAge => Box::new(extreme::Age::new(length(0), false, true)),
        K::MeanDeviation => Box::new(order::MeanDeviation::new(length(0))),
        K::Quantile => Box::new(order::Sorted::quantile(length(0), number(1))),
        K::NearestRank => Box::new(order::Sorted::nearest_rank(length(0), number(1))),
        K::PercentRank => order::percent_rank(length(0)),
        K::Rank => order::rank(length(0)),
        K::Entropy => Box::new(order::Entropy::new(length(0), length(1))),
        K::Hurst => Box::new(order::Hurst::new(length(0))),
        K::Product => Box::new(order::Product::new(length(0))),
        K::VariableMean => Box::new(order::VariableMean::new(length(0), length(1))),
        K::Cascade => Box::new(recursive::Cascade::new(length(0), std::array::from_fn(|k| number(k + 1)))),
        K::Smooth => Box::new(smoothing::Smoothing::new(length(0), length(1), number(2))),
        K::Kama => Box::new(recursive::Kama::new(length(0))),
        K::Rsi => Box::new(recursive::Strength::rsi(length(0))),
        K::ChandeMomentum => Box::new(recursive::Strength::chande(length(0))),
        K::CumulativeSum => Box::new(recursive::CumulativeSum::default()),
        K::AdOscillator => Box::new(recursive::AdOscillator::new(length(0), length(1))),
        K::ValueWhen => Box::new(events::ValueWhen::new(length(0))),
        K::Fractal => Box::new(events::Fractal::new(length(0), length(1))),
        K::HeikinAshi => Box::new(events::HeikinAshi::default()),
        K::Directional => Box::new(directional::Directional::new(length(0))),
        K::DirectionalMovement => Box::new(directional::Movement::new(length(0))),
        K::Sar => Box::new(parabolic::Parabolic::plain(number(0), number(1))),
        K::SarExtended => Box::new(parabolic::Parabolic::extended(std::array::from_fn(number))),
        K::Supertrend => Box::new(parabolic::Supertrend::new(length(0), number(1))),
        K::Obv => Box::new(volume::Obv::default()),
        K::VolumeIndex => Box::new(volume::VolumeIndex::default()),
        K::MoneyFlow => Box::new(volume::MoneyFlow::new(length(0))),
        K::Vwap => Box::new(volume::Vwap::default()),
        K::Session => Box::new(session::Session::new(number(0))),
        K::HilbertPeriod => Box::new(hilbert::Period::default()),
        K::HilbertTrendline => Box::new(hilbert::Trendline::default()),
        K::HilbertPhase => Box::new(hilbert::Phase::alone()),
        K::HilbertSine => Box::new(hilbert::Phase::with_sine()),
        K::HilbertTrendMode => Box::new(hilbert::TrendMode::default()),
        K::Mama => Box::new(hilbert::Mama::new(number(0), number(1))),
        K::Candle(candle) => candles::make(candle, number(0)),
    }
}

fn nulls_of(kernel: Kernel) -> Nulls {
    use Kernel as K;
    match kernel {
        K::ValueWhen => Nulls::Seen,
        K::WeightedMean
        | K::Deviation
        | K::SampleDeviation
        | K::Variance
        | K::Skew
        | K::Kurtosis
        | K::MeanDeviation
        | K::Highest
        | K::Lowest
        | K::HighestAge
        | K::LowestAge
        | K::EarliestHighestAge
        | K::EarliestLowestAge
        | K::Quantile
        | K::NearestRank
        | K::PercentRank
        | K::Rank
        | K::Entropy
        | K::Hurst
        | K::Product
        | K::VariableMean
        | K::Regression
        | K::Correlation
        | K::Covariance
        | K::Beta
        | K::ReturnBeta
        | K::Candle(_) => Nulls::Restart,
        K::Cascade
        | K::Smooth
        | K::Kama
        | K::Rsi
        | K::ChandeMomentum
        | K::CumulativeSum
        | K::Directional
        | K::DirectionalMovement
        | K::Sar
        | K::SarExtended
        | K::Supertrend
        | K::HeikinAshi
        | K::Obv
        | K::VolumeIndex
        | K::AdOscillator
        | K::MoneyFlow
        | K::Vwap
        | K::Session
        | K::Fractal
        | K::HilbertPeriod
        | K::HilbertTrendline
        | K::HilbertPhase
        | K::HilbertSine
        | K::HilbertTrendMode
        | K::Mama => Nulls::Skip,
    }
}

/// What a kernel is made of, for beginning anew.
#[derive(Debug, Clone)]
enum Recipe {
    Kernel { kernel: Kernel, numbers: Vec<f64>, wanted: u32 },
    Sum(usize, f64),
}

impl Recipe {
    fn make(&self) -> Box<dyn Walker> {
        match self {
            Self::Kernel { kernel, numbers, wanted } => {
                let mut walker = make(*kernel, numbers);
                walker.want(*wanted);
                walker
            }
            Self::Sum(n, divisor) => Box::new(windows::Sum::new(*n, *divisor)),
        }
    }
}

/// What need not be looked for in a tile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// No input is null.
    pub(crate) inputs: bool,
    /// No output is infinite.
    pub(crate) outputs: bool,
}

/// A kernel at a place in time.
#[derive(Debug)]
pub(crate) struct Instance {
    recipe: Recipe,
    wanted: u32,
    nulls: Nulls,
    walker: Box<dyn Walker>,
    /// Bars that the kernel saw since it began.
    seen: usize,
}

impl Instance {
    /// `wanted` has a bit for each output that is asked for.
    pub(crate) fn of(kernel: Kernel, numbers: Vec<f64>, wanted: u32) -> Self {
        let recipe = Recipe::Kernel { kernel, numbers, wanted };
        Self::new(recipe, wanted, nulls_of(kernel))
    }

    /// Sum of `n` bars over `divisor`.
    pub(crate) fn sum(n: u32, divisor: f64) -> Self {
        Self::new(Recipe::Sum(n as usize, divisor), 1, Nulls::Restart)
    }

    fn new(recipe: Recipe, wanted: u32, nulls: Nulls) -> Self {
        Self {
            walker: recipe.make(),
            recipe,
            wanted,
            nulls,
            seen: 0,
        }
    }

    /// The next tile: inputs and outputs of one length, with what is known of them.
    pub(crate) fn run(&mut self, level: Level, known: Known, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let bars = out[0].len();
        if known.inputs || self.nulls == Nulls::Seen || simd::all_defined(level, x) {
            self.defined(level, known, x, out);
            return;
        }
        let is_null = |bar: usize| x.iter().any(|x| x[bar].is_nan());
        let mut bar = 0;
        while bar < bars {
            let end = (bar..bars).find(|bar| is_null(*bar)).unwrap_or(bars);
            if end > bar {
                let x: Vec<&[f64]> = x.iter().map(|x| &x[bar..end]).collect();
                let mut out: Vec<&mut [f64]> = out.iter_mut().map(|out| &mut out[bar..end]).collect();
                self.defined(level, known, &x, &mut out);
            }
            bar = (end..bars).find(|bar| !is_null(*bar)).unwrap_or(bars);
            for out in out.iter_mut() {
                out[end..bar].fill(f64::NAN);
            }
            if bar > end && self.nulls == Nulls::Restart && self.seen > 0 {
                self.walker = self.recipe.make();
                self.seen = 0;
            }
        }
    }

    fn defined(&mut self, level: Level, known: Known, x: &[&[f64]], out: &mut [&mut [f64]]) {
        self.walker.run_at(level, x, out);
        let wanted = self.wanted;
        for (output, out) in out.iter_mut().enumerate().filter(|(output, _)| wanted >> output & 1 == 1) {
            let undefined = self.walker.lookback(output).saturating_sub(self.seen).min(out.len());
            out[..undefined].fill(f64::NAN);
            if !known.outputs {
                simd::keep_finite(level, &mut out[undefined..]);
            }
        }
        self.seen += out[0].len();
    }
}

/// The last `n` values, in a ring.
#[derive(Debug, Clone)]
struct Ring {
    n: usize,
    at: usize,
    values: Vec<f64>,
}

impl Ring {
    /// Nothing is kept before the first value comes, so that a kernel can be made only to be asked.
    fn new(n: usize) -> Self {
        Self {
            n,
            at: 0,
            values: Vec::new(),
        }
    }

    /// Puts a value in and gives the one `n` bars before it, or 0.
    #[inline]
    fn push(&mut self, x: f64) -> f64 {
        if self.values.len() < self.n {
            self.values.reserve_exact(self.n - self.values.len());
            self.values.push(x);
            return 0.0;
        }
        let before = std::mem::replace(&mut self.values[self.at], x);
        self.at += 1;
        if self.at == self.n {
            self.at = 0;
        }
        before
    }
}

/// Bars since a condition last held.
#[derive(Debug, Clone, Default)]
pub(crate) struct BarsSince(Option<u64>);

impl BarsSince {
    pub(crate) fn run(&mut self, holds: &[u64], out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            self.0 = if holds[i / 64] >> (i % 64) & 1 == 1 {
                Some(0)
            } else {
                self.0.map(|bars| bars + 1)
            };
            *out = self.0.map_or(f64::NAN, |bars| bars as f64);
        }
    }
}
