//! How many different points there were, in little space and without counting one twice.

/// A set of 64-bit hashes of which the smallest [`DistinctPoints::KEPT`] are kept.
///
/// Up to so many points the count is exact. Beyond, it is estimated from how densely the smallest hashes lie, with a relative error of
/// about 1 / sqrt(kept) = 0.4 %, which moves an expected maximum of as many trials by less than 0.1 %. The union of two sets is what
/// all of their points together would have given, in any order and any parts: the same point again adds nothing.
///
/// Source: Z. Bar-Yossef, T. S. Jayram, R. Kumar, D. Sivakumar, L. Trevisan, "Counting distinct elements in a data stream", RANDOM 2002.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DistinctPoints {
    /// Ascending.
    hashes: Vec<u64>,
}

impl DistinctPoints {
    /// Hashes kept: half a megabyte.
    pub const KEPT: usize = 1 << 16;

    /// Adds points by their hashes, which must be spread evenly over all 64-bit numbers.
    pub fn extend(&mut self, hashes: impl IntoIterator<Item = u64>) {
        let mut limit = self.limit();
        for hash in hashes {
            if hash > limit {
                continue;
            }
            self.hashes.push(hash);
            if self.hashes.len() == 2 * Self::KEPT {
                self.settle();
                limit = self.limit();
            }
        }
        self.settle();
    }

    /// Adds the points of another set.
    pub fn merge(&mut self, other: &Self) {
        self.extend(other.hashes.iter().copied());
    }

    /// How many points there are; exact below [`DistinctPoints::KEPT`].
    pub fn count(&self) -> u64 {
        match self.hashes.last() {
            Some(last) if self.hashes.len() == Self::KEPT => {
                let share = (*last as f64 + 1.0) / u64::MAX as f64;
                ((Self::KEPT - 1) as f64 / share).round() as u64
            }
            _ => self.hashes.len() as u64,
        }
    }

    /// As bytes, for storage: the hashes, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect()
    }

    /// From [`DistinctPoints::to_bytes`]; `None` if the bytes are not such.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let hashes: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let whole = rest.is_empty() && hashes.len() <= Self::KEPT && hashes.is_sorted_by(|a, b| a < b);
        whole.then_some(Self { hashes })
    }

    /// Larger hashes are of no interest.
    fn limit(&self) -> u64 {
        self.hashes.get(Self::KEPT - 1).copied().unwrap_or(u64::MAX)
    }

    fn settle(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes.truncate(Self::KEPT);
    }
}

/// Spreads a number evenly over all 64-bit numbers, one to one.
///
/// Source: the finalizer of S. Vigna's `splitmix64`.
pub const fn scatter(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(range: std::ops::Range<u64>) -> DistinctPoints {
        let mut points = DistinctPoints::default();
        points.extend(range.map(scatter));
        points
    }

    #[test]
    fn overlapping_grids_count_once_and_the_same_again_adds_nothing() {
        let mut all = points(0..40_000);
        assert_eq!(all.count(), 40_000);
        all.merge(&points(20_000..60_000));
        assert_eq!(all.count(), 60_000);
        let before = all.clone();
        all.merge(&points(100..50_000));
        assert_eq!(all, before);
        assert_eq!(DistinctPoints::from_bytes(&all.to_bytes()), Some(all));
    }

    #[test]
    fn many_points_are_counted_to_a_per_cent_whatever_their_order_and_parts() {
        let whole = points(0..3_000_000);
        assert!((whole.count() as f64 / 3e6 - 1.0).abs() < 0.01, "{}", whole.count());
        let mut parts = points(1_000_000..3_000_000);
        parts.merge(&points(0..2_500_000));
        assert_eq!(parts, whole);
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = points(0..10).to_bytes();
        assert_eq!(DistinctPoints::from_bytes(&bytes[1..]), None);
        let mut twice = bytes.clone();
        twice.extend_from_slice(&bytes);
        assert_eq!(DistinctPoints::from_bytes(&twice), None);
        assert_eq!(DistinctPoints::from_bytes(&[]), Some(DistinctPoints::default()));
    }
}
