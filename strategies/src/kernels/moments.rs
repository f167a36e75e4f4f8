//! Sums and moments over windows without anything being taken out again: a window is the end of one block of `n` bars and the
//! beginning of the next, and both parts are added up on their own. So no dust of values that have left remains, however long the
//! series, and a bar costs the same whatever `n` is.
//!
//! Values are measured from the last one of the block before, which lies in the window: where nothing moves, moments are exactly 0.
//!
//! Short windows are added up anew at each bar instead, measured from their newest value: several bars at a time that takes less.

use super::four::{Four, Number, apart, together};

/// The tiles of a series, each behind the last values of the one before, so that every window is one slice.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    pub(super) n: usize,
    values: Vec<f64>,
}

impl Windows {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n: n.max(1),
            values: Vec::new(),
        }
    }

    /// The windows that end at the values of a tile; what stands before the first tile is 0.
    pub(super) fn of(&mut self, x: &[f64]) -> std::slice::Windows<'_, f64> {
        let n = self.n;
        self.join(x).windows(n)
    }

    /// The tile behind the last `n - 1` values before it.
    pub(super) fn join(&mut self, x: &[f64]) -> &[f64] {
        let kept = self.n - 1;
        if self.values.len() < kept {
            self.values.resize(kept, 0.0);
        }
        self.values.drain(..self.values.len() - kept);
        self.values.extend_from_slice(x);
        &self.values
    }
}

/// Windows of up to so many bars are added up anew for each bar, several bars at a time: of one term, and of more.
const SHORT: [usize; 2] = [12, 16];
/// Bars added up side by side.
const LANES: usize = 8;

/// Blocks of longer windows added up side by side, where so many lie in a tile.
const BLOCKS: usize = 4;

/// The values of [`LANES`] bars.
#[derive(Debug, Clone, Copy)]
struct Pair([Four; 2]);

impl Pair {
    #[inline(always)]
    fn of(x: &[f64; LANES]) -> Self {
        let [a, b, c, d, e, f, g, h] = *x;
        Self([Four([a, b, c, d]), Four([e, f, g, h])])
    }
}

/// What is added up: terms of the distances of x and y from the center, and of the position.
pub(super) trait Terms<const K: usize> {
    /// Whether distances are from a value of the window; from 0 otherwise.
    const CENTERED: bool = true;
    /// Whether y is another series than x.
    const PAIRED: bool = false;

    fn of<T: Number>(x: T, y: T, position: T) -> [T; K];
}

/// Sums of `K` terms over a window.
#[derive(Debug, Clone)]
pub(super) struct Moments<const K: usize> {
    pub(super) n: usize,
    /// Bars of the present block.
    at: usize,
    center: [f64; 2],
    /// Values of the present block.
    x: Vec<f64>,
    y: Vec<f64>,
    /// Sums of the terms of the block before from each of its bars to its end.
    ends: Vec<[f64; K]>,
    begin: [f64; K],
    /// The same of blocks side by side, and the sums of all their windows, first side by side and then in order.
    values_of_blocks: [Vec<Four>; 2],
    ends_of_blocks: Vec<[Four; K]>,
    windows: Vec<[Four; K]>,
    sums: [Vec<f64>; K],
    /// The values of short windows.
    short: [Windows; 2],
}

/// A complete window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summed<const K: usize> {
    pub(super) sums: [f64; K],
    /// What was subtracted from the values.
    pub(super) center: [f64; 2],
    /// Position of the newest bar; that of the oldest is `n - 1` less.
    pub(super) newest: f64,
}

#[inline(always)]
fn plus<T: Number, const K: usize>(mut a: [T; K], b: [T; K]) -> [T; K] {
    for k in 0..K {
        a[k] = a[k] + b[k];
    }
    a
}

impl<const K: usize> Moments<K> {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n: n.max(1),
            at: 0,
            center: [0.0; 2],
            x: Vec::new(),
            y: Vec::new(),
            ends: Vec::new(),
            begin: [0.0; K],
            values_of_blocks: [Vec::new(), Vec::new()],
            ends_of_blocks: Vec::new(),
            windows: Vec::new(),
            sums: std::array::from_fn(|_| Vec::new()),
            short: [Windows::new(n), Windows::new(n)],
        }
    }

    /// Gives `out` the values of the window that ends at each bar. Where there is one series, `y` is `x` again. Windows that are not
    /// full yet hold anything.
    #[inline(always)]
    pub(super) fn run<T: Terms<K>, const O: usize>(
        &mut self,
        x: &[f64],
        y: &[f64],
        out: [&mut [f64]; O],
        value: impl Fn(&Summed<K>) -> [f64; O],
    ) {
        let mut out = out.map(|out| &mut out[..x.len()]);
        if self.n <= SHORT[usize::from(K > 1)] {
            return self.run_short::<T, O>(x, y, &mut out, &value);
        }
        if self.ends.is_empty() {
            self.ends = vec![[0.0; K]; self.n + 1];
            self.x = vec![0.0; self.n];
            self.y = vec![0.0; self.n];
        }
        let n = self.n;
        let mut bar = 0;
        while bar < x.len() {
            if self.at == 0 && x.len() - bar >= BLOCKS * n {
                self.run_blocks::<T, O>(x, y, bar, &mut out, &value);
                bar += BLOCKS * n;
                continue;
            }
            let part = (n - self.at).min(x.len() - bar);
            let (from, center) = (self.at, self.center);
            let bars = bar..bar + part;
            self.x[from..from + part].copy_from_slice(&x[bars.clone()]);
            self.y[from..from + part].copy_from_slice(&y[bars.clone()]);
            let mut begin = self.begin;
            let ends = &self.ends[from + 1..=from + part];
            let pairs = x[bars.clone()].iter().zip(&y[bars.clone()]);
            let mut outs = out.each_mut().map(|out| &mut out[bars.clone()]);
            for (k, ((x, y), end)) in pairs.zip(ends).enumerate() {
                let newest = (from + k) as f64;
                begin = plus(begin, T::of(x - center[0], y - center[1], newest));
                let sums = plus(begin, *end);
                let values = value(&Summed { sums, center, newest });
                for (out, value) in outs.iter_mut().zip(values) {
                    out[k] = value;
                }
            }
            self.begin = begin;
            self.at += part;
            bar += part;
            if self.at == n {
                self.turn::<T>();
                let values = value(&Summed {
                    sums: self.ends[0],
                    center: self.center,
                    newest: -1.0,
                });
                for (out, value) in out.iter_mut().zip(values) {
                    out[bar - 1] = value;
                }
            }
        }
    }

    /// [`Moments::run`] of whole blocks from a bar on, none of which is waited for: each of their sums goes through all of them side
    /// by side. Arrays are made place by place: what `map` and `from_fn` are given is not always inlined, see [`crate::simd::Loop`].
    #[inline(always)]
    #[allow(
        clippy::needless_range_loop,
        reason = "a loop over places is unrolled, one over arrays side by side not always"
    )]
    fn run_blocks<T: Terms<K>, const O: usize>(
        &mut self,
        x: &[f64],
        y: &[f64],
        bar: usize,
        out: &mut [&mut [f64]; O],
        value: &impl Fn(&Summed<K>) -> [f64; O],
    ) {
        let n = self.n;
        let [xs, ys] = &mut self.values_of_blocks;
        together(&x[bar..bar + BLOCKS * n], n, xs);
        if T::PAIRED {
            together(&y[bar..bar + BLOCKS * n], n, ys);
        }
        let (xs, ys) = (&xs[..n], if T::PAIRED { &ys[..n] } else { &xs[..n] });
        // The last values of the blocks, and of those before them.
        let (mut centers, mut before) = ([Four::all(0.0); 2], [Four::all(0.0); 2]);
        if T::CENTERED {
            centers = [xs[n - 1], ys[n - 1]];
            for of in 0..2 {
                let [a, b, c, _] = centers[of].0;
                before[of] = Four([self.center[of], a, b, c]);
            }
        }
        let terms = |x: Four, y: Four, position: f64, centers: [Four; 2]| {
            let distance = |x: Four, center: Four| if T::CENTERED { x - center } else { x };
            let x_distance = distance(x, centers[0]);
            let y_distance = if T::PAIRED { distance(y, centers[1]) } else { x_distance };
            T::of(x_distance, y_distance, Four::all(position))
        };
        let zero = [Four::all(0.0); K];
        if self.ends_of_blocks.is_empty() {
            self.ends_of_blocks = vec![zero; n + 1];
            self.windows = vec![zero; n];
            for sums in &mut self.sums {
                *sums = vec![0.0; BLOCKS * n];
            }
        }
        let mut sums = zero;
        let all_ends = &mut self.ends_of_blocks[..n];
        for (at, (ends, (x, y))) in all_ends.iter_mut().zip(xs.iter().zip(ys)).enumerate().rev() {
            sums = plus(sums, terms(*x, *y, f64::from(at as u32) - n as f64, centers));
            *ends = sums;
        }
        let (ends, ends_before) = (&self.ends_of_blocks[1..][..n], &self.ends[1..][..n]);
        let windows = &mut self.windows[..n];
        let mut begin = zero;
        for at in 0..n {
            begin = plus(begin, terms(xs[at], ys[at], f64::from(at as u32), before));
            for k in 0..K {
                let [a, b, c, _] = ends[at][k].0;
                windows[at][k] = begin[k] + Four([ends_before[at][k], a, b, c]);
            }
        }
        for (k, sums) in self.sums.iter_mut().enumerate() {
            apart(windows, k, sums);
        }
        for block in 0..BLOCKS {
            let center = [before[0].0[block], before[1].0[block]];
            let mut sums: [&[f64]; K] = [&[]; K];
            for k in 0..K {
                sums[k] = &self.sums[k][block * n..][..n];
            }
            for o in 0..O {
                let out = &mut out[o][bar + block * n..][..n];
                for at in 0..n {
                    let mut window = Summed {
                        sums: [0.0; K],
                        center,
                        newest: f64::from(at as u32),
                    };
                    for k in 0..K {
                        window.sums[k] = sums[k][at];
                    }
                    out[at] = value(&window)[o];
                }
                let mut window = Summed {
                    sums: [0.0; K],
                    center: [centers[0].0[block], centers[1].0[block]],
                    newest: -1.0,
                };
                for k in 0..K {
                    window.sums[k] = self.ends_of_blocks[0][k].0[block];
                }
                out[n - 1] = value(&window)[o];
            }
        }
        for (end, ends) in self.ends.iter_mut().zip(&self.ends_of_blocks) {
            for k in 0..K {
                end[k] = ends[k].0[BLOCKS - 1];
            }
        }
        self.center = [centers[0].0[BLOCKS - 1], centers[1].0[BLOCKS - 1]];
    }

    /// [`Moments::run`] of a short window: values are measured from the newest one.
    #[inline(always)]
    #[allow(
        clippy::needless_range_loop,
        reason = "a loop over places is unrolled, one over arrays side by side not always"
    )]
    fn run_short<T: Terms<K>, const O: usize>(
        &mut self,
        x: &[f64],
        y: &[f64],
        out: &mut [&mut [f64]; O],
        value: &impl Fn(&Summed<K>) -> [f64; O],
    ) {
        let [x_windows, y_windows] = &mut self.short;
        let mut joined_x = x_windows.join(x);
        let mut joined_y = if T::PAIRED { y_windows.join(y) } else { joined_x };
        let (before, bars) = (self.n - 1, x.len());
        let padded: [Vec<f64>; 2];
        let mut rooms = [[0.0; LANES]; O];
        let few = bars < LANES;
        if few {
            padded = [joined_x, joined_y].map(|joined| [joined, &[0.0; LANES]].concat());
            [joined_x, joined_y] = padded.each_ref().map(|padded| &padded[..before + LANES]);
        }
        let mut given: [&mut [f64]; O] = if few {
            rooms.each_mut().map(<[f64; LANES]>::as_mut_slice)
        } else {
            out.each_mut().map(|out| &mut **out)
        };
        let mut bar = 0;
        while bar < bars {
            // The last ones are added up with some of those before once more.
            let from = bar.min(bars.max(LANES) - LANES);
            let (x, y) = (&joined_x[from..from + before + LANES], &joined_y[from..from + before + LANES]);
            let newest = |x: &[f64]| Pair::of(x.last_chunk().filter(|_| T::CENTERED).unwrap_or(&[0.0; LANES]));
            let (center_x, center_y) = (newest(x), newest(y));
            let mut sums = [[Four::all(0.0); 2]; K];
            let mut position = Four::all(0.0);
            for (x, y) in x.windows(LANES).zip(y.windows(LANES)) {
                let (x, y) = (
                    Pair::of(x.first_chunk().unwrap_or(&[0.0; LANES])),
                    Pair::of(y.first_chunk().unwrap_or(&[0.0; LANES])),
                );
                for half in 0..2 {
                    let terms = T::of(x.0[half] - center_x.0[half], y.0[half] - center_y.0[half], position);
                    for (sums, term) in sums.iter_mut().zip(terms) {
                        sums[half] = sums[half] + term;
                    }
                }
                position = position + Four::all(1.0);
            }
            let mut values = [[0.0; LANES]; O];
            for i in 0..LANES {
                let mut window = Summed {
                    sums: [0.0; K],
                    center: [center_x.0[i / 4].0[i % 4], center_y.0[i / 4].0[i % 4]],
                    newest: before as f64,
                };
                for k in 0..K {
                    window.sums[k] = sums[k][i / 4].0[i % 4];
                }
                let of_window = value(&window);
                for o in 0..O {
                    values[o][i] = of_window[o];
                }
            }
            for (out, values) in given.iter_mut().zip(&values) {
                out[from..from + LANES].copy_from_slice(values);
            }
            bar = from + LANES;
        }
        if few {
            for (out, room) in out.iter_mut().zip(&rooms) {
                out.copy_from_slice(&room[..bars]);
            }
        }
    }

    /// The present block becomes the one before.
    #[inline(always)]
    fn turn<T: Terms<K>>(&mut self) {
        if T::CENTERED {
            self.center = [self.x[self.n - 1], self.y[self.n - 1]];
        }
        let center = self.center;
        let mut sums = [0.0; K];
        self.ends[self.n] = sums;
        for at in (0..self.n).rev() {
            let position = at as f64 - self.n as f64;
            sums = plus(sums, T::of(self.x[at] - center[0], self.y[at] - center[1], position));
            self.ends[at] = sums;
        }
        self.at = 0;
        self.begin = [0.0; K];
    }
}
