//! The loops that decide the speed, for two levels of processor, with the same bits at both.
//!
//! The only module with `unsafe`: vector instructions behind a check that the processor has them.

pub(crate) use assay_engine::SimdLevel as Level;

/// Bars to a word of bits.
pub(crate) const WORD: usize = 64;

type Block = [f64; WORD];

/// The level, or the best that the processor has if that is less.
pub(crate) fn available(level: Level) -> Level {
    if Level::detect() == Level::Avx2 {
        level
    } else {
        Level::Baseline
    }
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
    fn block<'b>(&'b self, w: usize, room: &'b mut Block) -> &'b Block {
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

    fn room(&self) -> Block {
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
            Predicate::Ne => fill(a, b, out, |a, b| word(a, b, |a, b| a < b || a > b)),
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
        _ => cross_words(a, b, last, up, down, |a, b| {
            let below = word(a, b, |a, b| a < b);
            (below, below | word(a, b, |a, b| a > b) != !0)
        }),
    }
}

/// Whether every value is finite, none is a negative zero, and the last word is full: then a - b has a sign just where a < b.
pub(crate) fn all_plain(level: Level, x: Lane<'_>) -> bool {
    let x = match x {
        Lane::Number(value) => return is_plain(value),
        Lane::Slice(values) => values,
    };
    match available(level) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `available` checked that the processor has AVX2.
        Level::Avx2 => unsafe { avx2::all_plain(x) },
        _ => all_plain_loop(x),
    }
}

#[inline(always)]
fn all_plain_loop(x: &[f64]) -> bool {
    // A sum rather than `all`, which would stop at the first and so take one value at a time.
    x.len().is_multiple_of(WORD) && x.iter().map(|x| u64::from(!is_plain(*x))).sum::<u64>() == 0
}

#[inline(always)]
fn is_plain(x: f64) -> bool {
    x.is_finite() && x.to_bits() != (-0.0f64).to_bits()
}

/// `below` gives where a is below b in a word, and whether anything may be equal or null there.
#[inline(always)]
fn cross_words(
    a: Lane<'_>,
    b: Lane<'_>,
    last: &mut LastBar,
    up: &mut [u64],
    down: &mut [u64],
    below: impl Fn(&Block, &Block) -> (u64, bool),
) {
    let (mut a_room, mut b_room) = (a.room(), b.room());
    let LastBar {
        above: mut was_above,
        below: mut was_below,
        equal: mut was_equal,
    } = *last;
    for (w, (up, down)) in up.iter_mut().zip(down.iter_mut()).enumerate() {
        let (a, b) = (a.block(w, &mut a_room), b.block(w, &mut b_room));
        let (below, equal_or_null) = below(a, b);
        let (above, below, equal) = if equal_or_null { exactly(a, b) } else { (!below, below, 0) };
        let not_above_before = ((below | equal) << 1) | was_below | was_equal;
        let not_below_before = ((above | equal) << 1) | was_above | was_equal;
        *up = above & not_above_before;
        *down = below & not_below_before;
        (was_above, was_below, was_equal) = (above >> 63, below >> 63, equal >> 63);
    }
    *last = LastBar {
        above: was_above,
        below: was_below,
        equal: was_equal,
    };
}

/// Above, below and equal, for the rare words in which something is equal or null.
#[cold]
#[inline(never)]
fn exactly(a: &Block, b: &Block) -> (u64, u64, u64) {
    (word(a, b, |a, b| a > b), word(a, b, |a, b| a < b), word(a, b, |a, b| a == b))
}

/// `(newer - older) / divisor`, the difference exact and rounded once. Differences must lie within 2^51 if `small`.
pub(crate) fn divide_differences(level: Level, newer: &[i64], older: &[i64], divisor: f64, small: bool, out: &mut [f64]) {
    match available(level) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `available` checked that the processor has AVX2.
        Level::Avx2 => unsafe { avx2::divide_differences(newer, older, divisor, small, out) },
        _ => divide_loop(newer, older, divisor, small, out),
    }
}

#[inline(always)]
fn divide_loop(newer: &[i64], older: &[i64], divisor: f64, small: bool, out: &mut [f64]) {
    if small {
        divide_with(newer, older, divisor, out, small_to_f64);
    } else {
        divide_with(newer, older, divisor, out, any_to_f64);
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

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256d, _CMP_EQ_OQ, _CMP_EQ_UQ, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LT_OQ, _CMP_NEQ_OQ, _CMP_UNORD_Q, _mm256_castpd_ps,
        _mm256_castps_si256, _mm256_cmp_pd, _mm256_cmpeq_epi32, _mm256_loadu_pd, _mm256_min_epu32, _mm256_movemask_epi8,
        _mm256_movemask_pd, _mm256_movemask_ps, _mm256_or_pd, _mm256_set1_epi32, _mm256_setzero_pd, _mm256_setzero_si256,
        _mm256_shuffle_ps, _mm256_sub_pd,
    };

    use super::{Block, Lane, LastBar, Predicate, all_plain_loop, cross_words, divide_loop, fill};

    #[target_feature(enable = "avx2")]
    pub(super) fn compare(predicate: Predicate, a: Lane<'_>, b: Lane<'_>, out: &mut [u64]) {
        match predicate {
            Predicate::Gt => fill(a, b, out, |a, b| compared::<_CMP_GT_OQ, false>(a, b).0),
            Predicate::Ge => fill(a, b, out, |a, b| compared::<_CMP_GE_OQ, false>(a, b).0),
            Predicate::Eq => fill(a, b, out, |a, b| compared::<_CMP_EQ_OQ, false>(a, b).0),
            Predicate::Ne => fill(a, b, out, |a, b| compared::<_CMP_NEQ_OQ, false>(a, b).0),
            Predicate::Unordered => fill(a, b, out, |a, b| compared::<_CMP_UNORD_Q, false>(a, b).0),
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn cross(a: Lane<'_>, b: Lane<'_>, plain: bool, last: &mut LastBar, up: &mut [u64], down: &mut [u64]) {
        if plain {
            cross_words(a, b, last, up, down, |a, b| subtracted(a, b));
        } else {
            cross_words(a, b, last, up, down, |a, b| compared::<_CMP_LT_OQ, true>(a, b));
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn all_plain(x: &[f64]) -> bool {
        all_plain_loop(x)
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn divide_differences(newer: &[i64], older: &[i64], divisor: f64, small: bool, out: &mut [f64]) {
        divide_loop(newer, older, divisor, small, out);
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(values: &[f64; 8]) -> (__m256d, __m256d) {
        let from = values.as_ptr();
        // SAFETY: four of the eight values follow each address; the loads need no alignment.
        unsafe { (_mm256_loadu_pd(from), _mm256_loadu_pd(from.add(4))) }
    }

    /// The comparison as bits and, if `TIES`, whether any two values are equal or null.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn compared<const PREDICATE: i32, const TIES: bool>(a: &Block, b: &Block) -> (u64, bool) {
        let mut bits = 0;
        let mut ties = _mm256_setzero_pd();
        for (byte, (a, b)) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).enumerate() {
            let ((a0, a1), (b0, b1)) = (load(a), load(b));
            let (c0, c1) = (_mm256_cmp_pd::<PREDICATE>(a0, b0), _mm256_cmp_pd::<PREDICATE>(a1, b1));
            if TIES {
                let (t0, t1) = (_mm256_cmp_pd::<_CMP_EQ_UQ>(a0, b0), _mm256_cmp_pd::<_CMP_EQ_UQ>(a1, b1));
                ties = _mm256_or_pd(ties, _mm256_or_pd(t0, t1));
            }
            let both = _mm256_shuffle_ps::<0xDD>(_mm256_castpd_ps(c0), _mm256_castpd_ps(c1));
            bits |= u64::from(_mm256_movemask_ps(both) as u8) << (8 * byte);
        }
        (in_order(bits), TIES && _mm256_movemask_pd(ties) != 0)
    }

    /// Where a is below b, by the sign of a - b, and whether any difference is 0 (or too small to tell). For plain values.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn subtracted(a: &Block, b: &Block) -> (u64, bool) {
        let mut bits = 0;
        let mut least = _mm256_set1_epi32(-1);
        for (byte, (a, b)) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).enumerate() {
            let ((a0, a1), (b0, b1)) = (load(a), load(b));
            let (d0, d1) = (_mm256_sub_pd(a0, b0), _mm256_sub_pd(a1, b1));
            // The upper halves: sign, exponent and the first digits; all 0 for 0, and with a sign the greatest unsigned ones.
            let upper = _mm256_shuffle_ps::<0xDD>(_mm256_castpd_ps(d0), _mm256_castpd_ps(d1));
            least = _mm256_min_epu32(least, _mm256_castps_si256(upper));
            bits |= u64::from(_mm256_movemask_ps(upper) as u8) << (8 * byte);
        }
        let zeros = _mm256_cmpeq_epi32(least, _mm256_setzero_si256());
        (in_order(bits), _mm256_movemask_epi8(zeros) != 0)
    }

    /// Shuffles work within halves of a vector: in every byte, the middle two pairs of bits stand the other way round.
    #[inline]
    fn in_order(bits: u64) -> u64 {
        let exchanged = (bits ^ (bits >> 2)) & 0x0C0C_0C0C_0C0C_0C0C;
        bits ^ exchanged ^ (exchanged << 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(seed: u64, len: usize, levels: u64, nulls: bool) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        (0..len)
            .map(|_| {
                if nulls && next() % 13 == 0 {
                    f64::NAN
                } else {
                    ((next() % levels) as f64 - 2.0) * -1.0
                }
            })
            .collect()
    }

    #[test]
    fn every_level_compares_alike() {
        use Predicate::{Eq, Ge, Gt, Ne, Unordered};
        for len in [0, 1, 63, 64, 65, 200, 256] {
            for levels in [3, 1_000_000] {
                let (a, b) = (numbers(1, len, levels, true), numbers(2, len, levels, true));
                for (a, b) in [
                    (Lane::Slice(&a), Lane::Slice(&b)),
                    (Lane::Slice(&a), Lane::Number(0.0)),
                    (Lane::Number(f64::NAN), Lane::Slice(&b)),
                ] {
                    for predicate in [Gt, Ge, Eq, Ne, Unordered] {
                        let words = || vec![7; len.div_ceil(WORD)];
                        let (mut plain, mut fast) = (words(), words());
                        compare(Level::Baseline, predicate, a, b, len, &mut plain);
                        compare(Level::Avx2, predicate, a, b, len, &mut fast);
                        assert_eq!(plain, fast, "{predicate:?} of {len}");
                    }
                }
            }
        }
    }

    #[test]
    fn crossings_follow_their_definition_at_every_level() {
        // Three levels make ties and, with the sign turned, negative zeros.
        for (levels, nulls) in [(3, true), (3, false), (1_000_000, true), (1_000_000, false)] {
            let (a, b) = (numbers(3, 640, levels, nulls), numbers(4, 640, levels, nulls));
            let bit = |words: &[u64], i: usize| words[i / WORD] >> (i % WORD) & 1 == 1;
            for level in [Level::Baseline, Level::Avx2] {
                let (mut up, mut down) = (vec![0; 10], vec![0; 10]);
                let mut last = LastBar::default();
                for (from, to) in [(0, 64), (64, 320), (320, 640)] {
                    let (up, down) = (&mut up[from / 64..to / 64], &mut down[from / 64..to / 64]);
                    let (a, b) = (Lane::Slice(&a[from..to]), Lane::Slice(&b[from..to]));
                    let plain = all_plain(level, a) && all_plain(level, b);
                    cross(level, a, b, plain, &mut last, up, down);
                }
                for i in 1..640 {
                    assert_eq!(bit(&up, i), a[i] > b[i] && a[i - 1] <= b[i - 1], "{level:?} up {i}");
                    assert_eq!(bit(&down, i), a[i] < b[i] && a[i - 1] >= b[i - 1], "{level:?} down {i}");
                }
                assert!(!bit(&up, 0) && !bit(&down, 0));
            }
        }
    }

    #[test]
    fn integers_convert_like_the_processor_does() {
        let mut value: i64 = 1;
        for _ in 0..10_000 {
            value = value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            assert_eq!(any_to_f64(value), value as f64);
            assert_eq!(small_to_f64(value >> 13), (value >> 13) as f64);
        }
        for value in [i64::MIN, i64::MAX, 0, -1, 1] {
            assert_eq!(any_to_f64(value), value as f64);
            let mut out = [0.0; 5];
            for level in [Level::Baseline, Level::Avx2] {
                divide_differences(level, &[value; 5], &[0; 5], 8.0, false, &mut out);
                assert_eq!(out, [value as f64 / 8.0; 5]);
            }
        }
    }
}
