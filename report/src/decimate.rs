//! Fewer points that look the same.

/// Indices of `values` such that a line through them looks like the line through all: of each of `columns` equal shares the first, the
/// lowest, the highest and the last. All of them where there are no more than four a column. NaN is neither lowest nor highest.
///
/// Source: U. Jugel, Z. Jerzak, G. Hackenbroich, V. Markl, "M4: a visualization-oriented time series data aggregation", PVLDB 7(10), 2014.
pub(crate) fn outline(values: &[f64], columns: usize) -> Vec<usize> {
    if values.len() <= 4 * columns.max(1) {
        return (0..values.len()).collect();
    }
    let mut kept = Vec::with_capacity(4 * columns);
    for column in 0..columns {
        let (from, to) = (column * values.len() / columns, (column + 1) * values.len() / columns);
        let (mut low, mut high) = (from, from);
        for i in from..to {
            if values[i] < values[low] || values[low].is_nan() {
                low = i;
            }
            if values[i] > values[high] || values[high].is_nan() {
                high = i;
            }
        }
        let mut indices = [from, low, high, to - 1];
        indices.sort_unstable();
        kept.extend(indices);
    }
    kept.dedup();
    kept
}

/// At most `most` of `len` indices, evenly apart, the first and the last among them.
pub(crate) fn spread(len: usize, most: usize) -> Vec<usize> {
    if len <= most || most < 2 {
        return (0..len.min(most)).collect();
    }
    (0..most).map(|i| i * (len - 1) / (most - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_among_a_million_values_is_kept() {
        let mut values: Vec<f64> = (0..1_000_000).map(|i| f64::from(i % 7)).collect();
        (values[123_456], values[765_432]) = (99.0, -99.0);
        let kept = outline(&values, 900);
        assert!(kept.len() <= 3_600 && kept.is_sorted());
        for i in [0, 123_456, 765_432, 999_999] {
            assert!(kept.contains(&i), "{i}");
        }
        assert_eq!(outline(&values[..10], 900), (0..10).collect::<Vec<_>>());
        assert!(outline(&[], 5).is_empty());
    }

    #[test]
    fn spread_has_both_ends() {
        assert_eq!(spread(10, 4), [0, 3, 6, 9]);
        assert_eq!(spread(3, 4), [0, 1, 2]);
        assert!(spread(0, 4).is_empty());
    }
}
