//! Choices without branches: where neither side can be foreseen, to compute both costs less than to guess.

/// Whether all hold.
#[inline(always)]
pub(crate) fn all<const N: usize>(conditions: [bool; N]) -> bool {
    conditions.into_iter().fold(true, |all, holds| all & holds)
}

/// Whether any holds.
#[inline(always)]
pub(crate) fn any<const N: usize>(conditions: [bool; N]) -> bool {
    conditions.into_iter().fold(false, |any, holds| any | holds)
}

/// The lesser; one instruction, unlike `f64::min`, which knows what to do with NaN.
#[inline(always)]
pub(crate) fn least(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The greater; one instruction, unlike `f64::max`, which knows what to do with NaN.
#[inline(always)]
pub(crate) fn most(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}
