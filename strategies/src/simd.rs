//! The loops that decide the speed, for two levels of processor, with the same bits at both.
//!
//! The only module with `unsafe`: vector instructions behind a check that the processor has them.

#[cfg(target_arch = "x86_64")]
mod avx2;

use std::cmp::Ordering;

pub(crate) use assay_engine::SimdLevel as Level;

/// Bars to a word of bits.
pub(crate) const WORD: usize = 64;

/// Bars that go through a chain of steps together.
pub(crate) const STRIP: usize = 64;

/// Values of a strip.
pub(crate) type Strip = [f64; STRIP];

/// Values of a word.
pub(crate) type Block = [f64; WORD];

/// The level, or the best that the processor has if that is less.
pub(crate) fn available(level: Level) -> Level {
    if Level::detect() == Level::Avx2 {
        level
    } else {
        Level::Baseline
    }
}

/// A loop that is compiled for each level.
///
/// Its bits are the same at every level: a compiler neither reorders sums nor contracts a product and a sum on its own.
pub(crate) trait Loop {
    type Output;

    /// To be marked `#[inline(always)]`, with all that it calls: what is not inlined is compiled for the baseline.
    fn run(self) -> Self::Output;
}

/// Runs a loop with the instructions of the level.
#[inline]
pub(crate) fn run<L: Loop>(level: Level, work: L) -> L::Output {
    match available(level) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `available` checked that the processor has AVX2.
        Level::Avx2 => unsafe { avx2::run(work) },
        _ => work.run(),
    }
}

/// Says that a strip of values is wanted soon: those from `at` on, which may lie behind the slice.
#[inline(always)]
pub(crate) fn prefetch(values: &[f64], at: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..STRIP).step_by(8) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let place = values.as_ptr().wrapping_add(at + line);
        // SAFETY: SSE is part of x86-64, and a prefetch of any address whatsoever is only a hint.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, at);
}

/// The values of an operand over a tile.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lane<'a> {
    Slice(&'a [f64]),
    Number(f64),
}

impl Lane<'_> {
    /// The values of word `w` of a tile; past its end, null.
    #[inline(always)]
    pub(crate) fn block<'b>(&'b self, w: usize, room: &'b mut Block) -> &'b Block {
        match self {
            Self::Number(_) => room,
            Self::Slice(values) => {
                let values = &values[w * WORD..];
                if let Some(block) = values.first_chunk() {
                    return block;
                }
                room.fill(f64::NAN);
                room[..values.len()].copy_from_slice(values);
                room
            }
        }
    }

    pub(crate) fn room(&self) -> Block {
        match self {
            Self::Number(value) => [*value; WORD],
            Self::Slice(_) => [f64::NAN; WORD],
        }
    }
}

/// What is asked of two numbers; all but `Unordered` are false where one is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Predicate {
    Gt,
    Ge,
    Eq,
    Ne,
    /// Either is null.
    Unordered,
}

/// The bits of the tile's last word that stand for bars.
#[inline]
pub(crate) fn last_mask(bars: usize) -> u64 {
    match bars % WORD {
        0 => !0,
        rest => (1 << rest) - 1,
    }
}

/// Compares bar by bar. `out` holds one bit for each of `bars` bars, those past the end 0.
pub(crate) fn compare(level: Level, predicate: Predicate, a: Lane<'_>, b: Lane<'_>, bars: usize, out: &mut [u64]) {
    match available(level) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `available` checked that the processor has AVX2.
        Level::Avx2 => unsafe { avx2::compare(predicate, a, b, out) },
        _ => match predicate {
            Predicate::Gt => fill(a, b, out, |a, b| word(a, b, |a, b| a > b)),
            Predicate::Ge => fill(a, b, out, |a, b| word(a, b, |a, b| a >= b)),
            Predicate::Eq => fill(a, b, out, |a, b| word(a, b, |a, b| a == b)),
            Predicate::Ne => fill(a, b, out, |a, b| {
                word(a, b, |a, b| a.partial_cmp(&b).is_some_and(Ordering::is_ne))
            }),
            Predicate::Unordered => fill(a, b, out, |a, b| word(a, b, |a, b| a.is_nan() || b.is_nan())),
        },
    }
    if let Some(last) = out.last_mut() {
        *last &= last_mask(bars);
    }
}

#[inline(always)]
fn fill(a: Lane<'_>, b: Lane<'_>, out: &mut [u64], word: impl Fn(&Block, &Block) -> u64) {
    let (mut a_room, mut b_room) = (a.room(), b.room());
    for (w, out) in out.iter_mut().enumerate() {
        *out = word(a.block(w, &mut a_room), b.block(w, &mut b_room));
    }
}

#[inline(always)]
fn word(a: &Block, b: &Block, holds: impl Fn(f64, f64) -> bool) -> u64 {
    let pairs = a.iter().zip(b).enumerate();
    pairs.fold(0, |word, (j, (a, b))| word | (u64::from(holds(*a, *b)) << j))
}

/// How the last bar of the tile before compared: each is 0 or 1, all 0 where it was null or there was none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LastBar {
    above: u64,
    below: u64,
    equal: u64,
}

/// Where `a` crosses over `b` (`up`) and under it (`down`), all four values defined. `plain` says that
/// [`all_plain`] holds for both.
///
/// One comparison serves both directions: where nothing in a word is equal or null, above is the opposite of below.
pub(crate) fn cross(level: Level, a: Lane<'_>, b: Lane<'_>, plain: bool, last: &mut LastBar, up: &mut [u64], down: &mut [u64]) {
    match available(level) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `available` checked that the processor has AVX2.
        Level::Avx2 => unsafe { avx2::cross(a, b, plain, last, up, down) },
        _ => cross_lanes(a, b, last, up, down, exactly),
    }
}

/// Whether every value is finite, none is a negative zero, and the last word is full: then a - b has a sign just where a < b.
pub(crate) fn all_plain(level: Level, x: Lane<'_>) -> bool {
    let x = match x {
        Lane::Number(value) => return is_plain(value),
        Lane::Slice(values) => values,
    };
    run(level, AllPlain(x))
}

struct AllPlain<'a>(&'a [f64]);

impl Loop for AllPlain<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        // A sum rather than `all`, which would stop at the first and so take one value at a time.
        self.0.len().is_multiple_of(WORD) && self.0.iter().map(|x| u64::from(!is_plain(*x))).sum::<u64>() == 0
    }
}

/// Whether no value of any column is null. The columns are of one length.
pub(crate) fn all_defined(level: Level, columns: &[&[f64]]) -> bool {
    run(level, AllDefined(columns))
}

struct AllDefined<'a>(&'a [&'a [f64]]);

impl Loop for AllDefined<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let bars = self.0.first().map_or(0, |x| x.len());
        let mut nulls = 0;
        // Part by part of all columns: they come out of memory side by side.
        for from in (0..bars).step_by(WORD) {
            for x in self.0 {
                let part = &x[from..bars.min(from + WORD)];
                nulls += part.iter().map(|x| u64::from(x.is_nan())).sum::<u64>();
            }
        }
        nulls == 0
    }
}

/// Makes null of what is not finite.
pub(crate) fn keep_finite(level: Level, x: &mut [f64]) {
    run(level, KeepFinite(x));
}

struct KeepFinite<'a>(&'a mut [f64]);

impl Loop for KeepFinite<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let odd = self.0.iter().map(|x| u64::from(!x.is_finite())).sum::<u64>();
        if odd > 0 {
            for x in self.0.iter_mut().filter(|x| !x.is_finite()) {
                *x = f64::NAN;
            }
        }
    }
}

#[inline(always)]
fn is_plain(x: f64) -> bool {
    x.is_finite() && x.to_bits() != (-0.0f64).to_bits()
}

/// [`cross`] by a function that gives above, below and equal for the two blocks of a word.
#[inline(always)]
fn cross_lanes(
    a: Lane<'_>,
    b: Lane<'_>,
    last: &mut LastBar,
    up: &mut [u64],
    down: &mut [u64],
    compare: impl Fn(&Block, &Block) -> Compared,
) {
    let (mut a_room, mut b_room) = (a.room(), b.room());
    cross_words(last, up, down, |w| compare(a.block(w, &mut a_room), b.block(w, &mut b_room)));
}

/// Where a word is above, below and equal.
type Compared = (u64, u64, u64);

#[inline(always)]
fn cross_words(last: &mut LastBar, up: &mut [u64], down: &mut [u64], mut compare: impl FnMut(usize) -> Compared) {
    let LastBar {
        above: mut was_above,
        below: mut was_below,
        equal: mut was_equal,
    } = *last;
    for (w, (up, down)) in up.iter_mut().zip(down.iter_mut()).enumerate() {
        let (above, below, equal) = compare(w);
        *up = above & (((below | equal) << 1) | was_below | was_equal);
        *down = below & (((above | equal) << 1) | was_above | was_equal);
        (was_above, was_below, was_equal) = (above >> 63, below >> 63, equal >> 63);
    }
    *last = LastBar {
        above: was_above,
        below: was_below,
        equal: was_equal,
    };
}

/// One value at a time; where vectors are at hand, for the rare words in which something is equal or null.
#[cold]
#[inline(never)]
fn exactly(a: &Block, b: &Block) -> Compared {
    (word(a, b, |a, b| a > b), word(a, b, |a, b| a < b), word(a, b, |a, b| a == b))
}

/// `(newer - older) / divisor`, the difference exact and rounded once. Differences must lie within 2^51 if `small`.
pub(crate) fn divide_differences(level: Level, newer: &[i64], older: &[i64], divisor: f64, small: bool, out: &mut [f64]) {
    let work = DivideDifferences {
        newer,
        older,
        divisor,
        small,
        out,
    };
    run(level, work);
}

struct DivideDifferences<'a> {
    newer: &'a [i64],
    older: &'a [i64],
    divisor: f64,
    small: bool,
    out: &'a mut [f64],
}

impl Loop for DivideDifferences<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.small {
            divide_with(self.newer, self.older, self.divisor, self.out, small_to_f64);
        } else {
            divide_with(self.newer, self.older, self.divisor, self.out, any_to_f64);
        }
    }
}

#[inline(always)]
fn divide_with(newer: &[i64], older: &[i64], divisor: f64, out: &mut [f64], to_f64: impl Fn(i64) -> f64) {
    for ((out, newer), older) in out.iter_mut().zip(newer).zip(older) {
        *out = to_f64(newer.wrapping_sub(*older)) / divisor;
    }
}

// There is no vector instruction for 64-bit integers below AVX-512. Added to the bits of 1.5 x 2^52, an integer is its mantissa.

/// Exact within 2^51.
#[inline(always)]
fn small_to_f64(value: i64) -> f64 {
    const BIAS: f64 = 6_755_399_441_055_744.0;
    f64::from_bits((BIAS.to_bits() as i64).wrapping_add(value) as u64) - BIAS
}

/// The same as `value as f64`: both halves are exact, their sum is rounded once.
#[inline(always)]
fn any_to_f64(value: i64) -> f64 {
    const BIAS: f64 = 4_503_599_627_370_496.0;
    let low = f64::from_bits(BIAS.to_bits() | (value as u64 & 0xFFFF_FFFF)) - BIAS;
    // The high half is biased by 2^31 instead of being shifted with its sign, which no vector instruction does either.
    let high = ((value as u64) >> 32) ^ 0x8000_0000;
    let high = f64::from_bits(BIAS.to_bits() | high) - (BIAS + 2_147_483_648.0);
    high * 4_294_967_296.0 + low
}

#[cfg(test)]
mod tests;
