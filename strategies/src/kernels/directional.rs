//! Wilder's directional movement.

use super::Walker;

/// How far the range went up, and how far down; only the longer of the two counts.
#[inline]
fn moves(high: f64, low: f64, before: (f64, f64)) -> (f64, f64) {
    let (up, down) = (high - before.0, before.1 - low);
    let plus = if up > 0.0 && up > down { up } else { 0.0 };
    let minus = if down > 0.0 && up < down { down } else { 0.0 };
    (plus, minus)
}

/// Smoothed sums of upward and downward moves.
#[derive(Debug, Clone)]
pub(super) struct Movement {
    n: usize,
    seen: usize,
    before: (f64, f64),
    sums: [f64; 2],
}

impl Movement {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n,
            seen: 0,
            before: (0.0, 0.0),
            sums: [0.0; 2],
        }
    }
}

impl Walker for Movement {
    fn outputs(&self) -> usize {
        2
    }

    fn lookback(&self, _: usize) -> usize {
        self.n - 1
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.n as f64;
        let [ups, downs] = out else { return };
        for (bar, (high, low)) in x[0].iter().zip(x[1]).enumerate() {
            if self.seen > 0 {
                let (plus, minus) = moves(*high, *low, self.before);
                // The first n - 1 moves are added up, later ones smoothed in.
                if self.seen >= self.n {
                    self.sums = self.sums.map(|sum| sum - sum / n);
                }
                self.sums[0] += plus;
                self.sums[1] += minus;
            }
            self.seen += 1;
            self.before = (*high, *low);
            (ups[bar], downs[bar]) = (self.sums[0], self.sums[1]);
        }
    }
}

/// Directional indicators, their index, and its average.
#[derive(Debug, Clone)]
pub(super) struct Directional {
    n: usize,
    seen: usize,
    before: (f64, f64),
    close: f64,
    plus: f64,
    minus: f64,
    range: f64,
    index: f64,
    /// Sum of the first n indices, then their average.
    average: f64,
}

impl Directional {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n,
            seen: 0,
            before: (0.0, 0.0),
            close: 0.0,
            plus: 0.0,
            minus: 0.0,
            range: 0.0,
            index: 0.0,
            average: 0.0,
        }
    }
}

impl Walker for Directional {
    fn outputs(&self) -> usize {
        4
    }

    fn lookback(&self, output: usize) -> usize {
        if output == 3 { 2 * self.n - 1 } else { self.n }
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let (n, share) = (self.n as f64, 1.0 / self.n as f64);
        let [pluses, minuses, indices, averages] = out else {
            return;
        };
        let bars = x[0].iter().zip(x[1]).zip(x[2]);
        for (bar, ((high, low), close)) in bars.enumerate() {
            if self.seen > 0 {
                let (plus, minus) = moves(*high, *low, self.before);
                let range = (high - low).max((high - self.close).abs()).max((low - self.close).abs());
                if self.seen >= self.n {
                    self.plus -= self.plus * share;
                    self.minus -= self.minus * share;
                    self.range -= self.range * share;
                }
                self.plus += plus;
                self.minus += minus;
                self.range += range;
            }
            if self.seen >= self.n {
                let scale = if self.range > 0.0 { 100.0 / self.range } else { 0.0 };
                let (plus, minus) = (self.plus * scale, self.minus * scale);
                let total = self.plus + self.minus;
                // A market without any move keeps the index it had.
                if self.range > 0.0 && total > 0.0 {
                    self.index = 100.0 * (self.plus - self.minus).abs() / total;
                }
                if self.seen < 2 * self.n {
                    self.average += self.index;
                    if self.seen == 2 * self.n - 1 {
                        self.average /= n;
                    }
                } else {
                    self.average += share * (self.index - self.average);
                }
                (pluses[bar], minuses[bar], indices[bar], averages[bar]) = (plus, minus, self.index, self.average);
            }
            self.seen += 1;
            self.before = (*high, *low);
            self.close = *close;
        }
    }
}
