//! What is remembered of an equity curve: moments of its returns, drawdown, and the sketch.

use assay_core::row::SKETCH_BLOCKS;

/// Equity within this share of the peak is at the peak: rounding dust starts no drawdown and is none.
pub(crate) const PEAK_DUST: f64 = 1e-12;

/// Sums over returns r, with rf the risk-free return per period and b the return of buy-and-hold.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub struct Moments {
    /// Sums of r, r^2, r^3, r^4.
    pub powers: [f64; 4],
    /// Sum of min(r - rf, 0)^2.
    pub downside: f64,
    /// Sum of r x b.
    pub with_benchmark: f64,
}

impl Moments {
    /// Adds one return.
    #[inline(always)]
    pub fn push(&mut self, r: f64, rf: f64, benchmark: f64) {
        let square = r * r;
        self.powers[0] += r;
        self.powers[1] += square;
        self.powers[2] += square * r;
        self.powers[3] += square * square;
        let short = if r < rf { r - rf } else { 0.0 };
        self.downside += short * short;
        self.with_benchmark += r * benchmark;
    }

    /// Adds sums.
    #[inline(always)]
    pub fn add(&mut self, more: &Self) {
        for k in 0..4 {
            self.powers[k] += more.powers[k];
        }
        self.downside += more.downside;
        self.with_benchmark += more.with_benchmark;
    }
}

/// Running central moments (Pebay, 2008), for samples so few that raw sums would cancel: returns by day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Central {
    /// Returns.
    pub n: f64,
    /// Mean of r.
    pub mean: f64,
    /// Sums of (r - mean)^2, ^3, ^4.
    pub powers: [f64; 3],
    /// Sum of r^2.
    pub squares: f64,
    /// Sum of min(r - rf, 0)^2.
    pub downside: f64,
    /// Mean of b.
    pub benchmark_mean: f64,
    /// Sum of (r - mean)(b - mean of b).
    pub with_benchmark: f64,
    /// Sum of (d - mean of d)^2 with d = r - b.
    pub difference: f64,
}

impl Central {
    /// Adds one return.
    #[inline(always)]
    pub fn push(&mut self, r: f64, rf: f64, benchmark: f64) {
        let before = self.n;
        self.n += 1.0;
        let n = self.n;
        let difference_mean = self.mean - self.benchmark_mean;
        let delta = r - self.mean;
        let step = delta / n;
        let term = delta * step * before;
        let [m2, m3, m4] = self.powers;
        self.mean += step;
        self.powers[2] = m4 + term * step * step * (n * n - 3.0 * n + 3.0) + 6.0 * step * step * m2 - 4.0 * step * m3;
        self.powers[1] = m3 + term * step * (n - 2.0) - 3.0 * step * m2;
        self.powers[0] = m2 + term;
        self.squares += r * r;
        let short = (r - rf).min(0.0);
        self.downside += short * short;
        self.benchmark_mean += (benchmark - self.benchmark_mean) / n;
        self.with_benchmark += delta * (benchmark - self.benchmark_mean);
        let from_difference = (r - benchmark) - difference_mean;
        self.difference += from_difference * from_difference * before / n;
    }

    /// The same from raw sums over `n` returns, given those of the benchmark with itself.
    pub fn from_raw(n: f64, raw: &Moments, benchmark: &Moments) -> Self {
        let [s1, s2, s3, s4] = raw.powers;
        let (mean, b1, b2) = (s1 / n, benchmark.powers[0], benchmark.powers[1]);
        let difference = s1 - b1;
        let powers = [
            s2 - s1 * mean,
            s3 - 3.0 * mean * s2 + 2.0 * mean * mean * s1,
            s4 - 4.0 * mean * s3 + 6.0 * mean * mean * s2 - 3.0 * mean * mean * mean * s1,
        ];
        Self {
            n,
            mean,
            powers,
            squares: s2,
            downside: raw.downside,
            benchmark_mean: b1 / n,
            with_benchmark: raw.with_benchmark - s1 * b1 / n,
            difference: s2 - 2.0 * raw.with_benchmark + b2 - difference * difference / n,
        }
    }
}

/// Return from one equity to the next; 0 once equity is not positive.
#[inline(always)]
pub(crate) fn simple_return(before: f64, after: f64) -> f64 {
    if before > 0.0 { after / before - 1.0 } else { 0.0 }
}

const NONE: u32 = u32::MAX;

/// Running drawdown over bars.
#[derive(Debug, Clone, Copy)]
pub struct Drawdown {
    /// Highest equity so far, at first the capital.
    pub peak: f64,
    /// Lowest equity since the peak.
    pub trough: f64,
    /// Worst `trough / peak - 1` of finished peaks.
    worst: f64,
    /// Largest `peak - trough` of finished peaks.
    worst_money: f64,
    /// First bar of the current run below the peak.
    below_since: u32,
    /// Longest finished run, nanoseconds.
    longest_ns: i64,
}

/// Start times of bars and their length, to turn runs of bars into time.
#[derive(Clone, Copy)]
pub struct BarTimes<'a> {
    /// Starts of all bars.
    pub start: &'a [i64],
    /// Length of a bar.
    pub length: i64,
    /// Ends of all bars, where these do not follow from their length.
    pub ends: Option<&'a [i64]>,
}

impl BarTimes<'_> {
    #[inline(always)]
    fn span(&self, first: u32, last: u32) -> i64 {
        self.end(last as usize) - self.start[first as usize]
    }

    /// When a bar ends.
    #[inline(always)]
    pub fn end(&self, bar: usize) -> i64 {
        self.ends.map_or(self.start[bar] + self.length, |ends| ends[bar])
    }
}

impl Drawdown {
    /// Before the first bar.
    pub fn new(capital: f64) -> Self {
        Self {
            peak: capital,
            trough: capital,
            worst: 0.0,
            worst_money: 0.0,
            below_since: NONE,
            longest_ns: 0,
        }
    }

    /// Whether this equity counts as being at the peak or above it.
    #[inline(always)]
    pub fn at_peak(&self, equity: f64) -> bool {
        equity >= self.peak * (1.0 - PEAK_DUST)
    }

    /// Adds the close of bar `bar`.
    #[inline(always)]
    pub fn mark(&mut self, bar: u32, equity: f64, times: BarTimes<'_>) {
        if self.at_peak(equity) {
            self.surface(bar, equity, times);
        } else {
            self.below(bar, equity);
        }
    }

    /// Adds bars from `first` on whose lowest equity is `lowest` and which are all below the peak.
    #[inline(always)]
    pub fn below(&mut self, first: u32, lowest: f64) {
        if self.below_since == NONE {
            self.below_since = first;
        }
        self.trough = if lowest < self.trough { lowest } else { self.trough };
    }

    #[inline(never)]
    fn surface(&mut self, bar: u32, equity: f64, times: BarTimes<'_>) {
        if self.below_since != NONE {
            self.longest_ns = self.longest_ns.max(times.span(self.below_since, bar - 1));
            self.below_since = NONE;
        }
        if equity > self.peak {
            self.settle();
            self.peak = equity;
            self.trough = equity;
        }
    }

    fn settle(&mut self) {
        self.worst = self.worst.min(self.trough / self.peak - 1.0);
        self.worst_money = self.worst_money.max(self.peak - self.trough);
    }

    /// Adds consecutive closes starting at bar `first`, `equity` in order.
    #[inline(always)]
    pub fn scan(&mut self, first: u32, equity: &[f64], times: BarTimes<'_>) {
        const LANES: usize = 32;
        let mut bar = first;
        let mut chunks = equity.chunks_exact(LANES);
        for chunk in &mut chunks {
            let (mut low, mut high) = ([f64::INFINITY; 4], [f64::NEG_INFINITY; 4]);
            for quad in chunk.chunks_exact(4) {
                for k in 0..4 {
                    low[k] = if quad[k] < low[k] { quad[k] } else { low[k] };
                    high[k] = if quad[k] > high[k] { quad[k] } else { high[k] };
                }
            }
            let highest = high[0].max(high[1]).max(high[2].max(high[3]));
            if self.at_peak(highest) {
                for (e, bar) in chunk.iter().zip(bar..) {
                    self.mark(bar, *e, times);
                }
            } else {
                self.below(bar, low[0].min(low[1]).min(low[2].min(low[3])));
            }
            bar += LANES as u32;
        }
        chunks
            .remainder()
            .iter()
            .zip(bar..)
            .for_each(|(e, bar)| self.mark(bar, *e, times));
    }

    /// Worst drawdown as a ratio (0 or negative), in money (0 or positive), and the longest run below a peak in nanoseconds,
    /// `last` being the last bar.
    pub fn finish(mut self, last: u32, times: BarTimes<'_>) -> (f64, f64, i64) {
        self.settle();
        if self.below_since != NONE {
            self.longest_ns = self.longest_ns.max(times.span(self.below_since, last));
        }
        (self.worst, self.worst_money, self.longest_ns)
    }
}

/// Sums of returns in blocks of time, filled in order of time.
#[derive(Debug, Clone, Copy)]
pub struct SketchSums {
    /// Equity at the last grid point.
    pub before: f64,
    /// Sums of returns.
    pub sums: [f64; SKETCH_BLOCKS],
    /// Sums of squares.
    pub squares: [f64; SKETCH_BLOCKS],
}

impl SketchSums {
    /// Before the first grid point.
    pub fn new(capital: f64) -> Self {
        Self {
            before: capital,
            sums: [0.0; SKETCH_BLOCKS],
            squares: [0.0; SKETCH_BLOCKS],
        }
    }

    /// Adds the equity at a grid point of block `block`.
    #[inline(always)]
    pub fn push(&mut self, block: usize, equity: f64) {
        let r = simple_return(self.before, equity);
        self.before = equity;
        self.sums[block] += r;
        self.squares[block] += r * r;
    }

    /// Adds grid points in order, each a block and an equity.
    #[inline(always)]
    pub fn push_all(&mut self, points: impl Iterator<Item = (usize, f64)>) {
        // Sums that were added to in memory would wait for each other.
        let (mut open, mut sum, mut squares, mut before) = (0, self.sums[0], self.squares[0], self.before);
        for (block, equity) in points {
            if block != open {
                (self.sums[open], self.squares[open]) = (sum, squares);
                (open, sum, squares) = (block, self.sums[block], self.squares[block]);
            }
            let r = simple_return(before, equity);
            before = equity;
            sum += r;
            squares += r * r;
        }
        (self.sums[open], self.squares[open], self.before) = (sum, squares, before);
    }
}
