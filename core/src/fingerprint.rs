//! An order-free digest of a set of rows.

use std::fmt;

/// Wrapping 256-bit sum of the hashes of rows: the same set of rows gives the same value in whatever order, and in whatever
/// parts, they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Fingerprint([u64; 4]);

impl Fingerprint {
    /// Adds one row, given as its canonical bytes.
    pub fn add_row(&mut self, bytes: &[u8]) {
        self.merge(Self::from_bytes(*blake3::hash(bytes).as_bytes()));
    }

    /// Adds the rows of another fingerprint.
    pub fn merge(&mut self, other: Self) {
        let mut carry = 0;
        for (word, add) in self.0.iter_mut().zip(other.0) {
            let sum = u128::from(*word) + u128::from(add) + carry;
            *word = sum as u64;
            carry = sum >> 64;
        }
    }

    /// Little-endian bytes, for storage.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut out = [0; 32];
        for (chunk, word) in out.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// From [`Fingerprint::to_bytes`].
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut words = [0; 4];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(chunk.try_into().expect("chunks of eight"));
        }
        Self(words)
    }
}

impl fmt::Display for Fingerprint {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_grouping_do_not_matter_but_multiplicity_does() {
        let (mut ab, mut ba, mut a, mut b) = Default::default();
        let add = |f: &mut Fingerprint, rows: &[&str]| rows.iter().for_each(|r| f.add_row(r.as_bytes()));
        add(&mut ab, &["a", "b"]);
        add(&mut ba, &["b", "a"]);
        add(&mut a, &["a"]);
        add(&mut b, &["b"]);
        assert_eq!(ab, ba);
        a.merge(b);
        assert_eq!(a, ab);
        add(&mut a, &["b"]);
        assert_ne!(a, ab);
        assert_eq!(Fingerprint::from_bytes(ab.to_bytes()), ab);
    }
}
