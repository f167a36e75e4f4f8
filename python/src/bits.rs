//! Signals on their way from Python: columns packed into bytes, eight bars each, the first bar in the lowest bit.

/// Bytes that are not as many as announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} bytes of signals, where {trials} columns of {bars} bars take {expected}")]
pub struct PackError {
    /// Bytes there are.
    pub found: usize,
    /// Columns.
    pub trials: usize,
    /// Bars of each.
    pub bars: usize,
    /// Bytes there should be.
    pub expected: usize,
}

/// One column a trial, in words of 64 bars, from columns one after the other.
///
/// # Errors
/// Another number of bytes.
pub fn unpack(bytes: &[u8], bars: usize, trials: usize) -> Result<Vec<Vec<u64>>, PackError> {
    let each = bars.div_ceil(8);
    if bytes.len() != each * trials {
        return Err(PackError {
            found: bytes.len(),
            trials,
            bars,
            expected: each * trials,
        });
    }
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let column = |bytes: &[u8]| bytes.chunks(8).map(word).collect();
    Ok(bytes.chunks(each.max(1)).map(column).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_words() {
        let bytes = [
            1, 2, 0, 0, 0, 0, 0, 0x80, 3, /* the second column */ 4, 0, 0, 0, 0, 0, 0, 0, 1,
        ];
        assert_eq!(unpack(&bytes, 70, 2).unwrap(), [vec![0x8000_0000_0000_0201, 3], vec![4, 1]]);
        assert_eq!(unpack(&bytes, 64, 2).unwrap_err().expected, 16);
    }
}
