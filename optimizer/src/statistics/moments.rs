//! Count, mean and variance of a stream of numbers.

/// Count, mean and sum of squared deviations of a stream of numbers.
///
/// Source: B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3), 1962;
/// merging: T. F. Chan, G. H. Golub, R. J. Le Veque, "Updating formulae and a pairwise algorithm for computing sample
/// variances", 1979.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// Numbers seen.
    pub count: u64,
    /// Their mean; 0 without any.
    pub mean: f64,
    /// Sum of their squared deviations from the mean.
    pub squares: f64,
}

impl Moments {
    /// Adds a number.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    /// Adds the numbers of another stream.
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 {
            *self = *other;
        } else if other.count > 0 {
            let (n, m) = (self.count as f64, other.count as f64);
            let apart = other.mean - self.mean;
            self.mean += apart * (m / (n + m));
            self.squares += other.squares + apart * apart * (n * m / (n + m));
            self.count += other.count;
        }
    }

    /// The mean; `None` without numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Sample variance (ddof 1); `None` for fewer than two numbers.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn moments_equal_the_two_pass_formulas_however_they_are_split(
            values in prop::collection::vec(-1e3f64..1e3, 2..200), cut in 0usize..200,
        ) {
            let cut = cut.min(values.len());
            let (mut left, mut right) = (Moments::default(), Moments::default());
            values[..cut].iter().for_each(|x| left.push(*x));
            values[cut..].iter().for_each(|x| right.push(*x));
            left.merge(&right);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
            prop_assert_eq!(left.count as usize, values.len());
            prop_assert!((left.mean().unwrap() - mean).abs() < 1e-9);
            prop_assert!((left.variance().unwrap() - variance).abs() < 1e-9 * variance.max(1.0));
        }
    }
}
