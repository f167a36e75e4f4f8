use super::*;

fn numbers(seed: u64, len: usize, levels: u64, nulls: bool) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..len)
        .map(|_| {
            if nulls && next() % 13 == 0 {
                f64::NAN
            } else {
                -((next() % levels) as f64 - 2.0)
            }
        })
        .collect()
}

#[test]
fn every_level_compares_alike() {
    use Predicate::{Eq, Ge, Gt, Ne, Unordered};
    for len in [0, 1, 63, 64, 65, 200, 256] {
        for levels in [3, 1_000_000] {
            let (a, b) = (numbers(1, len, levels, true), numbers(2, len, levels, true));
            for (a, b) in [
                (Lane::Slice(&a), Lane::Slice(&b)),
                (Lane::Slice(&a), Lane::Number(0.0)),
                (Lane::Number(f64::NAN), Lane::Slice(&b)),
            ] {
                for predicate in [Gt, Ge, Eq, Ne, Unordered] {
                    let words = || vec![7; len.div_ceil(WORD)];
                    let (mut plain, mut fast) = (words(), words());
                    compare(Level::Baseline, predicate, a, b, len, &mut plain);
                    compare(Level::Avx2, predicate, a, b, len, &mut fast);
                    assert_eq!(plain, fast, "{predicate:?} of {len}");
                }
            }
        }
    }
}

#[test]
fn crossings_follow_their_definition_at_every_level() {
    // Three levels make ties and, with the sign turned, negative zeros.
    for (levels, nulls) in [(3, true), (3, false), (1_000_000, true), (1_000_000, false)] {
        let (a, b) = (numbers(3, 640, levels, nulls), numbers(4, 640, levels, nulls));
        let bit = |words: &[u64], i: usize| words[i / WORD] >> (i % WORD) & 1 == 1;
        for level in [Level::Baseline, Level::Avx2] {
            let (mut up, mut down) = (vec![0; 10], vec![0; 10]);
            let mut last = LastBar::default();
            for (from, to) in [(0, 64), (64, 320), (320, 640)] {
                let (up, down) = (&mut up[from / 64..to / 64], &mut down[from / 64..to / 64]);
                let (a, b) = (Lane::Slice(&a[from..to]), Lane::Slice(&b[from..to]));
                let plain = all_plain(level, a) && all_plain(level, b);
                cross(level, a, b, plain, &mut last, up, down);
            }
            for i in 1..640 {
                assert_eq!(bit(&up, i), a[i] > b[i] && a[i - 1] <= b[i - 1], "{level:?} up {i}");
                assert_eq!(bit(&down, i), a[i] < b[i] && a[i - 1] >= b[i - 1], "{level:?} down {i}");
            }
            assert!(!bit(&up, 0) && !bit(&down, 0));
        }
    }
}

#[test]
fn integers_convert_like_the_processor_does() {
    let mut value: i64 = 1;
    for _ in 0..10_000 {
        value = value
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        assert_eq!(any_to_f64(value), value as f64);
        assert_eq!(small_to_f64(value >> 13), (value >> 13) as f64);
    }
    for value in [i64::MIN, i64::MAX, 0, -1, 1] {
        assert_eq!(any_to_f64(value), value as f64);
        let mut out = [0.0; 5];
        for level in [Level::Baseline, Level::Avx2] {
            divide_differences(level, &[value; 5], &[0; 5], 8.0, false, &mut out);
            assert_eq!(out, [value as f64 / 8.0; 5]);
        }
    }
}
