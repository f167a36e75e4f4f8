use assay_core::row::Sketch;
use proptest::prelude::*;

use super::*;
use crate::error::OptimizerError;
use crate::statistics::testing::{normals, pinned_matrix};

fn sketches(blocks: usize, trials: &[Vec<f64>]) -> Sketches {
    let observations = trials.first().map_or(3 * blocks, Vec::len);
    let mut sketches = Sketches::equal_blocks(blocks, observations).unwrap();
    for returns in trials {
        sketches.push_returns(returns).unwrap();
    }
    sketches
}

/// Straight from the definition, from sums of each split: argmax, average ranks.
fn naive(sketches: &Sketches) -> (f64, f64) {
    let (blocks, trials) = (sketches.counts.len(), sketches.len());
    let scores = |mask: usize| -> Vec<f64> {
        (0..trials)
            .map(|trial| {
                let (sums, squares) = sketches.trial(trial);
                let over = |values: &[f64]| (0..blocks).filter(|b| mask >> b & 1 == 1).map(|b| values[b]).sum::<f64>();
                let n = (0..blocks)
                    .filter(|b| mask >> b & 1 == 1)
                    .map(|b| f64::from(sketches.counts[b]))
                    .sum::<f64>();
                let (s, q) = (over(sums), over(squares));
                let central = q - s * s / n;
                let sharpe = if central <= 1e-12 * q {
                    0.0
                } else {
                    s / n / (central / (n - 1.0)).sqrt()
                };
                // Equal Sharpe ratios of different sums may differ in their last bits.
                (sharpe * 1e11).round()
            })
            .collect()
    };
    let (mut overfit, mut logits, mut splits) = (0.0, 0.0, 0.0);
    for mask in (0..1usize << blocks).filter(|mask| mask.count_ones() as usize == blocks / 2) {
        let (inside, outside) = (scores(mask), scores((1 << blocks) - 1 - mask));
        let best = (0..trials).fold(0, |best, trial| if inside[trial] > inside[best] { trial } else { best });
        let less = outside.iter().filter(|x| **x < outside[best]).count() as f64;
        let equal = outside.iter().filter(|x| **x == outside[best]).count() as f64;
        let rank = (less + f64::midpoint(equal, 1.0)) / (trials as f64 + 1.0);
        overfit += f64::from(u8::from(rank <= 0.5));
        logits += libm::log(rank / (1.0 - rank));
        splits += 1.0;
    }
    (overfit / splits, logits / splits)
}

/// Blocks, splits, probability, mean and median logit, share of losses, slope and intercept.
type Pinned = (usize, usize, f64, [f64; 2], f64, [f64; 2]);

// Of shared/optimizers/stats_anchors2.json.
const NOISE: [Pinned; 5] = [
    (
        4,
        6,
        0.333_333_333_333_333_3,
        [0.539_779_742_027_396_6, 1.305_034_896_371_003],
        0.333_333_333_333_333_3,
        [-3.076_840_980_720_637_4, 0.454_981_672_069_16],
    ),
    (
        6,
        20,
        0.3,
        [0.390_542_722_113_724_4, 0.916_290_731_874_155_1],
        0.25,
        [-1.228_685_527_980_839_5, 0.203_306_384_197_563_22],
    ),
    (
        8,
        70,
        0.2,
        [0.591_361_875_598_559_2, 0.916_290_731_874_155_1],
        0.242_857_142_857_142_85,
        [-0.584_162_044_282_069_9, 0.114_971_816_660_218_3],
    ),
    (
        10,
        252,
        0.273_809_523_809_523_84,
        [0.232_776_914_653_686_25, 0.693_147_180_559_945_2],
        0.281_746_031_746_031_74,
        [-0.521_156_420_951_644_6, 0.085_121_689_768_415_04],
    ),
    (
        12,
        924,
        0.187_229_437_229_437_22,
        [0.616_014_571_761_947_6, 0.916_290_731_874_155_1],
        0.262_987_012_987_013,
        [-0.783_832_473_916_521_3, 0.153_599_622_612_478_61],
    ),
];
const EDGE: [Pinned; 5] = [
    (
        4,
        6,
        0.0,
        [2.995_732_273_553_99, 2.995_732_273_553_99],
        0.0,
        [-0.999_953_974_415_025_6, 0.562_989_006_187_095_6],
    ),
    (
        6,
        20,
        0.05,
        [2.736_377_686_982_099_7, 2.995_732_273_553_99],
        0.05,
        [-0.386_333_403_007_744_4, 0.368_913_736_182_289_06],
    ),
    (
        8,
        70,
        0.028_571_428_571_428_57,
        [2.729_336_013_631_308_5, 2.995_732_273_553_99],
        0.028_571_428_571_428_57,
        [-0.561_059_485_643_900_6, 0.417_612_210_699_777_3],
    ),
    (
        10,
        252,
        0.043_650_793_650_793_65,
        [2.753_987_244_468_236_3, 2.995_732_273_553_99],
        0.039_682_539_682_539_68,
        [-0.606_849_772_206_681_1, 0.433_815_703_325_014_8],
    ),
    (
        12,
        924,
        0.041_125_541_125_541_13,
        [2.696_977_005_533_774, 2.995_732_273_553_99],
        0.054_112_554_112_554_11,
        [-0.431_158_857_558_449_5, 0.376_246_342_036_717_8],
    ),
];

#[test]
fn the_pinned_matrix() {
    for (edge, pinned) in [(0.0, NOISE), (0.004, EDGE)] {
        for (blocks, splits, probability, logits, loss, degradation) in pinned {
            let found = overfitting(&sketches(blocks, &pinned_matrix(edge))).unwrap();
            let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{blocks} {a} {b}");
            assert_eq!((found.splits, found.trials), (splits, 20));
            close(found.probability, probability);
            close(found.mean_logit, logits[0]);
            close(found.median_logit, logits[1]);
            close(found.loss, loss);
            let [slope, intercept] = found.degradation.unwrap();
            close(slope, degradation[0]);
            close(intercept, degradation[1]);
        }
    }
}

/// Returns that tie, stay flat, do not vary, or hold nothing.
fn returns() -> impl Strategy<Value = Vec<f64>> {
    let length = 24;
    prop_oneof![
        4 => prop::collection::vec(-1.0..1.0f64, length),
        2 => prop::collection::vec((-2..3i8).prop_map(f64::from), length),
        1 => Just(vec![0.0; length]),
        1 => (-1.0..1.0f64).prop_map(move |r| vec![r; length]),
        // In halves, so that sums are exact and what is equal by the definition is equal in its bits.
        1 => (0usize..8, -4..5i8).prop_map(move |(block, r)| {
            (0..length).map(|t| if t / 3 == block { f64::from(r) / 2.0 } else { 0.0 }).collect()
        }),
        // Without variance in most blocks: some splits have none.
        2 => (prop::collection::vec(-1.0..1.0f64, length), -4..5i8, 3usize..8).prop_map(|(noise, r, blocks)| {
            noise.into_iter().enumerate().map(|(t, z)| if t / 3 < blocks { f64::from(r) / 2.0 } else { z }).collect()
        }),
    ]
}

proptest! {
    #[test]
    fn equals_the_definition(trials in prop::collection::vec(returns(), 2..40), repeats in prop::collection::vec(0usize..40, 0..10)) {
        let repeated: Vec<Vec<f64>> = repeats.iter().map(|i| trials[i % trials.len()].clone()).collect();
        let trials = [trials, repeated].concat();
        let sketches = sketches(8, &trials);
        let (probability, mean_logit) = naive(&sketches);
        let found = overfitting(&sketches).unwrap();
        prop_assert_eq!(found.probability, probability);
        prop_assert!((found.mean_logit - mean_logit).abs() < 1e-9);

        // In parts, in any order, and on several threads it is the same.
        let cut = trials.len() / 3;
        let (early, late) = (self::sketches(8, &trials[..cut]), self::sketches(8, &trials[cut..]));
        let mut best = BestInSample::new(&sketches);
        best.push(cut as u64, &late);
        best.push(0, &early);
        let mut ranks = best.into_ranks();
        ranks.push(&late);
        ranks.push(&early);
        prop_assert_eq!(ranks.finish().unwrap(), found);
    }

    #[test]
    fn neither_order_nor_scale_matters(seed in 0u64..1000, shift in 1usize..30) {
        let trials: Vec<Vec<f64>> = normals(30 * 32, seed).chunks(32).map(<[f64]>::to_vec).collect();
        let found = overfitting(&sketches(8, &trials)).unwrap();
        let mut turned: Vec<Vec<f64>> = trials.iter().map(|r| r.iter().map(|x| 4.0 * x).collect()).collect();
        turned.rotate_left(shift);
        prop_assert_eq!(overfitting(&sketches(8, &turned)).unwrap(), found);
    }
}

#[test]
fn equal_trials_share_their_ranks_and_the_first_of_them_wins() {
    let one = vec![normals(32, 1)];
    let equal = overfitting(&sketches(8, &vec![one[0].clone(); 9])).unwrap();
    // Everyone's rank is the middle one: no better than the median.
    assert_eq!((equal.probability, equal.mean_logit), (1.0, 0.0));
    let flat = overfitting(&sketches(8, &vec![vec![0.0; 32]; 9])).unwrap();
    assert_eq!((flat.probability, flat.loss, flat.degradation), (1.0, 0.0, None));
    assert_eq!(overfitting(&sketches(8, &one)), None);
}

#[test]
fn sums_that_are_no_numbers_score_nothing() {
    let trials: Vec<Vec<f64>> = normals(20 * 32, 8).chunks(32).map(<[f64]>::to_vec).collect();
    let with = |sums: f64, squares: f64| {
        let mut sketches = sketches(8, &trials);
        sketches.push(&[sums; 8], &[squares; 8]);
        overfitting(&sketches).unwrap()
    };
    let flat = with(0.0, 0.0);
    for (sums, squares) in [
        (f64::NAN, 1.0),
        (1.0, f64::NAN),
        (f64::INFINITY, f64::INFINITY),
        (1.0, f64::INFINITY),
    ] {
        assert_eq!(with(sums, squares), flat);
    }
}

#[test]
fn a_risk_free_return_is_taken_off() {
    let trials: Vec<Vec<f64>> = normals(20 * 32, 5).chunks(32).map(<[f64]>::to_vec).collect();
    let over: Vec<Vec<f64>> = trials.iter().map(|r| r.iter().map(|x| x - 0.25).collect()).collect();
    let (a, b) = (
        overfitting(&sketches(8, &trials).over(0.25)).unwrap(),
        overfitting(&sketches(8, &over)).unwrap(),
    );
    assert_eq!(a.probability, b.probability);
    assert!((a.degradation.unwrap()[0] - b.degradation.unwrap()[0]).abs() < 1e-9);
}

#[test]
fn grids_that_cannot_be_split_are_refused() {
    for blocks in [0, 3, 18] {
        assert_eq!(
            Sketches::new(&vec![9; blocks]),
            Err(OptimizerError::SketchBlocks { found: blocks })
        );
    }
    let mut sketches = Sketches::new(&[9; 16]).unwrap();
    assert_eq!(sketches.push_sketch(&Sketch::default()), Err(OptimizerError::SketchGrid));
    let sketch = Sketch {
        counts: [9; 16],
        ..Sketch::default()
    };
    assert_eq!(sketches.push_sketch(&sketch), Ok(()));
    assert_eq!(sketches.push_returns(&[0.5; 159]), Ok(()));
    assert_eq!((sketches.len(), sketches.trial(1)), (2, (&[4.5; 16][..], &[2.25; 16][..])));
    for found in [143, 160] {
        let error = sketches.push_returns(&vec![0.5; found]);
        assert_eq!(error, Err(OptimizerError::SeriesLength { found, wanted: 144 }));
    }
    assert_eq!(
        Sketches::equal_blocks(16, 15),
        Err(OptimizerError::TooFewBars { needed: 16, bars: 15 })
    );
    assert_eq!(Sketches::equal_blocks(0, 15), Err(OptimizerError::SketchBlocks { found: 0 }));
}
