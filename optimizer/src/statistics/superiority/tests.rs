use super::lanes::long_run_variance;
use super::*;
use crate::statistics::testing::{normals, pinned_matrix};

fn test_all(resamples: &Resamples, trials: &[Vec<f64>]) -> (Superiority, Vec<u64>) {
    let mut test = SuperiorityTest::new(resamples);
    for (number, returns) in (0..).zip(trials) {
        test.push(number, returns).unwrap();
    }
    let (superiority, mut steps) = test.finish(0.05).unwrap();
    while !steps.is_finished() {
        for (number, returns) in (0..).zip(trials) {
            steps.push(number, returns).unwrap();
        }
        steps.close();
    }
    (superiority, steps.superior().iter().map(|found| found.trial).collect())
}

#[test]
fn the_pinned_matrix() {
    let resamples = Resamples::stationary(240, 10.0, 10_000, 7);
    let (noise, superior) = test_all(&resamples, &pinned_matrix(0.0));
    let near = |value: f64, wanted: f64| assert!((value - wanted).abs() < 0.01, "{value} {wanted}");
    assert!((noise.statistic - 2.1149).abs() < 5e-5, "{}", noise.statistic);
    near(noise.lower, 0.1412);
    near(noise.consistent, 0.2369);
    near(noise.upper, 0.2689);
    near(noise.reality_check, 0.4661);
    // The same bits everywhere: of 10,000 draws and what was seen.
    let seen = [noise.reality_check, noise.lower, noise.consistent, noise.upper];
    assert_eq!(seen, [4690.0, 1388.0, 2336.0, 2645.0].map(|extreme| extreme / 10_001.0));
    assert_eq!(superior, []);
    let (edge, superior) = test_all(&resamples, &pinned_matrix(0.004));
    assert!(edge.upper < 0.001 && edge.reality_check < 0.001);
    assert_eq!(superior, [7]);
}

#[test]
fn the_variance_equals_its_definition() {
    for (n, block) in [(1, 5.0), (2, 3.0), (37, 1.0), (37, 1.5), (60, 10.0), (20, 200.0)] {
        let z = normals(n, 3);
        let mean = z.iter().sum::<f64>() / n as f64;
        let x: Vec<f64> = z.iter().map(|z| z - mean).collect();
        let keep: f64 = 1.0 - 1.0 / block;
        let mut wanted = x.iter().map(|x| x * x).sum::<f64>() / n as f64;
        for i in 1..n {
            let share = i as f64 / n as f64;
            let weight = (1.0 - share) * libm::pow(keep, i as f64) + share * libm::pow(keep, (n - i) as f64);
            wanted += 2.0 * weight * (i..n).map(|t| x[t] * x[t - i]).sum::<f64>() / n as f64;
        }
        let found = long_run_variance(&x, block);
        assert!((found - wanted).abs() < 1e-12, "{n} {block}: {found} {wanted}");
    }
}

#[test]
fn noise_is_found_superior_as_often_as_the_level_says() {
    let resamples = Resamples::stationary(120, 2.0, 300, 5);
    let mut found = [0u32; 4];
    for seed in 0..400 {
        let trials: Vec<Vec<f64>> = normals(8 * 120, 1000 + seed).chunks(120).map(<[f64]>::to_vec).collect();
        let (of, superior) = test_all(&resamples, &trials);
        assert!(of.lower <= of.consistent && of.consistent <= of.upper);
        for (count, p) in found.iter_mut().zip([of.reality_check, of.consistent, of.upper]) {
            *count += u32::from(p <= 0.1);
        }
        found[3] += u32::from(!superior.is_empty());
    }
    // 40 expected of the first three and 20 of the last, with deviations of 6.0 and 4.4.
    assert!(found[..3].iter().all(|count| (22..=64).contains(count)), "{found:?}");
    assert!((7..=38).contains(&found[3]), "{found:?}");
}

#[test]
fn later_steps_find_what_the_best_hid() {
    let resamples = Resamples::stationary(200, 1.0, 2000, 2);
    // Most trials have an edge, of which the weaker ones show once the stronger are set aside. Reference: each step a new test of
    // what the steps before it left.
    let mut trials: Vec<Vec<f64>> = normals(60 * 200, 9).chunks(200).map(<[f64]>::to_vec).collect();
    for (i, trial) in trials.iter_mut().take(50).enumerate() {
        for r in trial {
            *r += 0.1 + 0.01 * i as f64;
        }
    }
    let (_, superior) = test_all(&resamples, &trials);
    let mut left: Vec<u64> = (0..60).collect();
    let mut steps = 0;
    loop {
        let mut test = SuperiorityTest::new(&resamples);
        for number in &left {
            test.push(*number, &trials[*number as usize]).unwrap();
        }
        let (_, first) = test.finish(0.05).unwrap();
        let rejected: Vec<u64> = first.superior().iter().map(|found| found.trial).collect();
        if rejected.is_empty() {
            break;
        }
        left.retain(|trial| !rejected.contains(trial));
        steps += 1;
    }
    let mut found = superior.clone();
    found.extend(&left);
    found.sort_unstable();
    assert_eq!(found, (0..60).collect::<Vec<_>>());
    assert!(steps > 1 && superior.len() > 5, "{steps} {superior:?}");
}

#[test]
fn neither_order_nor_parts_matter_and_flat_trials_prove_nothing() {
    let resamples = Resamples::stationary(240, 10.0, 200, 7);
    let mut trials = pinned_matrix(0.0);
    trials.push(vec![0.0; 240]);
    let (whole, _) = test_all(&resamples, &trials);
    let (mut a, mut b) = (SuperiorityTest::new(&resamples), SuperiorityTest::new(&resamples));
    for (number, returns) in trials.iter().enumerate().rev() {
        let part = if number % 3 == 0 { &mut a } else { &mut b };
        part.push(number as u64, returns).unwrap();
    }
    assert_eq!(a.merge(b).finish(0.05).unwrap().0, whole);
    let (flat, superior) = test_all(&resamples, &[vec![0.0; 240], vec![0.01; 240]]);
    assert_eq!((flat.statistic, flat.consistent, superior.len()), (0.0, 1.0, 0));
    assert!(SuperiorityTest::new(&resamples).finish(0.05).is_none());
    let error = SuperiorityTest::new(&resamples).push(0, &[0.1]);
    assert_eq!(error, Err(OptimizerError::SeriesLength { found: 1, wanted: 240 }));
}
