//! The combinatorially symmetric splits of the blocks of time, in the order in which the kernel visits them.

/// All ways to take half of the blocks.
///
/// A split is a mask of blocks. Its low and its high half index two tables of partial sums, each ordered by the number of blocks
/// taken: for one high half, the low halves that complete it to a split are neighbours in their table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Splits {
    /// Blocks in each half of a mask: half of all blocks.
    pub half: usize,
    /// The masks of a half, by number of blocks, then by value.
    pub order: Vec<usize>,
    /// `starts[p]..starts[p + 1]` are the positions in `order` of the masks of p blocks.
    pub starts: Vec<usize>,
    /// Masks of the splits, in the order of visits.
    pub masks: Vec<usize>,
    /// For each split the one that takes the other blocks.
    pub others: Vec<usize>,
    /// Observations in the blocks of each split.
    pub observations: Vec<u64>,
}

impl Splits {
    /// For an even number of blocks with `counts` observations.
    pub(super) fn new(counts: &[u32]) -> Self {
        let half = counts.len() / 2;
        let mut order: Vec<usize> = (0..1 << half).collect();
        order.sort_by_key(|mask| (mask.count_ones(), *mask));
        let starts: Vec<usize> = (0..=half as u32 + 1)
            .map(|blocks| order.partition_point(|mask| mask.count_ones() < blocks))
            .collect();
        let masks: Vec<usize> = order
            .iter()
            .flat_map(|high| {
                let blocks = half - high.count_ones() as usize;
                order[starts[blocks]..starts[blocks + 1]]
                    .iter()
                    .map(move |low| low | (high << half))
            })
            .collect();
        let mut position = vec![0; 1 << counts.len()];
        masks.iter().enumerate().for_each(|(i, mask)| position[*mask] = i);
        let others = masks.iter().map(|mask| position[position.len() - 1 - mask]).collect();
        let observations = masks
            .iter()
            .map(|mask| {
                counts
                    .iter()
                    .enumerate()
                    .filter(|(b, _)| mask >> b & 1 == 1)
                    .map(|(_, n)| u64::from(*n))
                    .sum()
            })
            .collect();
        Self {
            half,
            order,
            starts,
            masks,
            others,
            observations,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.masks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_taken_once() {
        for (blocks, splits) in [
            (2, 2),
            (4, 6),
            (6, 20),
            (8, 70),
            (10, 252),
            (12, 924),
            (14, 3432),
            (16, 12_870),
        ] {
            let of = Splits::new(&vec![3; blocks]);
            let mut masks = of.masks.clone();
            masks.sort_unstable();
            masks.dedup();
            assert_eq!((masks.len(), of.len()), (splits, splits));
            assert!(masks.iter().all(|mask| mask.count_ones() as usize == blocks / 2));
            for (i, other) in of.others.iter().enumerate() {
                assert_eq!(of.masks[i] + of.masks[*other], (1 << blocks) - 1);
            }
            assert!(of.observations.iter().all(|n| *n == 3 * blocks as u64 / 2));
        }
    }
}
