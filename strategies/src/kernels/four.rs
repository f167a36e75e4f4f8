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
