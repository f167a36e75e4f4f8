//! Four numbers side by side: what is written once for numbers, several bars of it at a time.

use std::ops::{Add, Mul, Sub};

/// A number, or four of them.
pub(super) trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {}

impl Number for f64 {}

/// An operation takes one instruction for all four, or two; compilers see to that where arrays are added place by place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Four(pub(super) [f64; 4]);

impl Number for Four {}

impl Four {
    #[inline(always)]
    pub(super) fn all(x: f64) -> Self {
        Self([x; 4])
    }
}

/// Places of four blocks of `n` values each, side by side.
#[inline(always)]
pub(super) fn together(blocks: &[f64], n: usize, out: &mut Vec<Four>) {
    if out.len() != n {
        out.resize(n, Four::all(0.0));
    }
    let (ab, cd) = blocks.split_at(2 * n);
    let ((a, b), (c, d)) = (ab.split_at(n), cd.split_at(n));
    let (a, b, c, d, out) = (&a[..n], &b[..n], &c[..n], &d[..n], &mut out[..n]);
    for at in 0..n {
        out[at] = Four([a[at], b[at], c[at], d[at]]);
    }
}

/// The reverse of [`together`], of the `k`th of some values.
#[inline(always)]
pub(super) fn apart<const K: usize>(values: &[[Four; K]], k: usize, blocks: &mut [f64]) {
    let n = values.len();
    let (ab, cd) = blocks.split_at_mut(2 * n);
    let ((a, b), (c, d)) = (ab.split_at_mut(n), cd.split_at_mut(n));
    let (a, b, c, d) = (&mut a[..n], &mut b[..n], &mut c[..n], &mut d[..n]);
    for at in 0..n {
        [a[at], b[at], c[at], d[at]] = values[at][k].0;
    }
}

impl Add for Four {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Sub for Four {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl Mul for Four {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }
}
