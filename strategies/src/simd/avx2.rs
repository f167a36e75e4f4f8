//! The same loops in 256-bit vectors. Callers check that the processor has them.

use std::arch::x86_64::{
    __m256d, _CMP_EQ_OQ, _CMP_EQ_UQ, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LT_OQ, _CMP_NEQ_OQ, _CMP_UNORD_Q, _mm256_castpd_ps,
    _mm256_castps_si256, _mm256_cmp_pd, _mm256_cmpeq_epi32, _mm256_loadu_pd, _mm256_min_epu32, _mm256_movemask_epi8,
    _mm256_movemask_pd, _mm256_movemask_ps, _mm256_or_pd, _mm256_set1_epi32, _mm256_setzero_pd, _mm256_setzero_si256,
    _mm256_shuffle_ps, _mm256_sub_pd,
};

use super::{Block, Compared, Lane, LastBar, Loop, Predicate, WORD, cross_lanes, cross_words, exactly, fill};

#[target_feature(enable = "avx2")]
pub(super) fn run<L: Loop>(work: L) -> L::Output {
    work.run()
}

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
    match (a, b) {
        (Lane::Slice(a), Lane::Slice(b)) if plain => {
            let (a, b) = (a.as_chunks::<WORD>().0, b.as_chunks::<WORD>().0);
            let words = up.len().min(a.len()).min(b.len());
            let (a, b) = (&a[..words], &b[..words]);
            cross_words(last, &mut up[..words], &mut down[..words], |w| {
                settled(subtracted(&a[w], &b[w]), &a[w], &b[w])
            });
        }
        _ if plain => cross_lanes(a, b, last, up, down, |a, b| settled(subtracted(a, b), a, b)),
        _ => cross_lanes(a, b, last, up, down, |a, b| settled(compared::<_CMP_LT_OQ, true>(a, b), a, b)),
    }
}

/// From where a is below b, and whether anything may be equal or null.
#[inline(always)]
fn settled((below, ties): (u64, bool), a: &Block, b: &Block) -> Compared {
    if ties { exactly(a, b) } else { (!below, below, 0) }
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
